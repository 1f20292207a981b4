"""The fidelity study of any simulator behind Gymnasium: levels, readings, trials on disk, probes, figures, pages."""

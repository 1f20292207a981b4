"""Sampling: down the noise levels in a few steps, and `World`, which does so frame by frame for many worlds at once."""

"""Probes: each takes held-out worlds and returns raw trials, a line of JSON each; `report.py` makes figures of them."""

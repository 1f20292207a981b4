"""From readings to figures: readers validated first, then actions, drift, prompts and text events."""

"""Training: objectives, the loop that fits any of them, and latents kept so that no video is encoded twice."""

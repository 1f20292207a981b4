"""The state decoder: a small network that tells blocks, depth, entities and movement from pictures."""

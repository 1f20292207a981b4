"""How close the learned world is to the true one, with intervals over worlds."""

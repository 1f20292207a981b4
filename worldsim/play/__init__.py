"""Playing by hand: a headless game loop on the true or the learned world, and the window that shows it."""

"""Experience on its way to training: recorded episodes, env workers, and batches of both."""

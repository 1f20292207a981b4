"""The networks: tokenizer, text encoder and dynamics transformer, their parts, and their checkpoints."""

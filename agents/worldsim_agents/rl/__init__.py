"""Reinforcement learning in learned and true worlds with stable-baselines3: worlds, learners, training, evaluation."""

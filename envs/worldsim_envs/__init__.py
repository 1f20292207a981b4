"""Environments of worldsim: the true voxel world and the learned world, both behind Gymnasium."""

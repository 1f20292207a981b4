"""The voxel world: blocks, terrain, physics, rendering and its Gymnasium environment.

It imports nothing of `worldsim`. Axes: x east, y north, z up; the world is a torus in x and y.
"""

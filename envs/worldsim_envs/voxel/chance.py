"""Chance without a stream: numbers that depend only on a key and two integers, so that any tick can be run anew."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.compiled import compiled


@compiled
def mixed(key, a, b):
    """Return 64 well-mixed bits (splitmix64) of a key and two integers."""
    z = np.uint64(key) + np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b) * np.uint64(0xD1B54A32D192ED03)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled
def chance(key, a, b):
    """Return a uniform number in [0, 1) that depends only on the arguments."""
    return float(mixed(key, a, b) >> np.uint64(11)) / 9007199254740992.0


@compiled
def pick(key, a, b, count):
    """Return a uniform integer 0…count-1 that depends only on the arguments."""
    return int(chance(key, a, b) * count)

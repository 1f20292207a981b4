"""Periodic noise made of numbers that depend on places alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.chance import chance
from worldsim_envs.voxel.compiled import compiled


@compiled
def add_noise(field, gradients, key, amplitude):
    """Add one octave of gradient noise to a field (X, Y); `gradients` (2, cells, cells) is room for its lattice."""
    nx, ny = field.shape
    _, cells_x, cells_y = gradients.shape
    gx, gy = gradients[0], gradients[1]
    for i in range(cells_x):
        for j in range(cells_y):
            angle = 2.0 * np.pi * chance(key, i, j)
            gx[i, j], gy[i, j] = np.cos(angle), np.sin(angle)
    for x in range(nx):
        u = (x + 0.5) * cells_x / nx
        i = int(u)
        fx, i1 = u - i, (i + 1) % cells_x
        wx = fx * fx * fx * (fx * (fx * 6.0 - 15.0) + 10.0)
        for y in range(ny):
            v = (y + 0.5) * cells_y / ny
            j = int(v)
            fy, j1 = v - j, (j + 1) % cells_y
            wy = fy * fy * fy * (fy * (fy * 6.0 - 15.0) + 10.0)
            low = gx[i, j] * fx + gy[i, j] * fy
            low += wx * (gx[i1, j] * (fx - 1.0) + gy[i1, j] * fy - low)
            high = gx[i, j1] * fx + gy[i, j1] * (fy - 1.0)
            high += wx * (gx[i1, j1] * (fx - 1.0) + gy[i1, j1] * (fy - 1.0) - high)
            field[x, y] += amplitude * (low + wy * (high - low))


def noise(key: np.uint64, nx: int, ny: int, scale: int, octaves: int) -> NDArray[np.float64]:
    """Return periodic gradient noise (nx, ny), about -0.7…0.7, whose first octave has cells of `scale` blocks."""
    field = np.zeros((nx, ny))
    for octave in range(octaves):
        cell = max(2, scale >> octave)
        gradients = np.empty((2, max(1, nx // cell), max(1, ny // cell)))
        add_noise(field, gradients, key ^ np.uint64(1000 + octave), 0.5**octave)
    return field


def ranked(field: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value as a share 0…1 of the field, ties in memory order."""
    order = np.argsort(field, axis=None, kind="stable")
    ranks = np.empty(field.size)
    ranks[order] = np.arange(field.size) / field.size
    return ranks.reshape(field.shape)

"""Brushes: functions that return a painter of one texture, a (16, 16, 3) image of 0…1 with row 0 at the top.

A painter takes a random generator and nothing else, so that a texture is the same in every process.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float64]
Random = np.random.Generator
Painter = Callable[[Random], Image]


def rgb(*channels: int) -> Image:
    return np.array(channels, dtype=np.float64) / 255.0


def grain(random: Random, cells: int) -> Image:
    """Zero-mean noise (16, 16) that is constant over squares of 16 / cells texels."""
    noise = random.random((cells, cells)) - 0.5
    return np.kron(noise - noise.mean(), np.ones((16 // cells, 16 // cells)))


def speckle(base: Image, random: Random, fine: float = 0.12, coarse: float = 0.08) -> Image:
    shade = 1.0 + fine * grain(random, 16) + coarse * grain(random, 8) + 0.5 * coarse * grain(random, 4)
    return base[None, None, :] * shade[:, :, None]


def plain(*channels: int, fine: float = 0.12, coarse: float = 0.08) -> Painter:
    return lambda random: speckle(rgb(*channels), random, fine, coarse)


def overlay(image: Image, mask: NDArray[np.bool_], colour: Image) -> Image:
    return np.where(mask[:, :, None], colour, image)


def fringe(top: Image, bottom: Image) -> Painter:
    """A side whose upper rows are of one colour and hang over the lower ones (row 0 is the top of the block)."""

    def paint(random: Random) -> Image:
        depth = 3 + random.integers(0, 3, 16)
        mask = np.arange(16)[:, None] < depth[None, :]
        return np.where(mask[:, :, None], speckle(top, random), speckle(bottom, random, 0.16, 0.1))

    return paint


def bark(base: Image, dark: Image, marks: bool = False) -> Painter:
    def paint(random: Random) -> Image:
        image = speckle(base, random, 0.08, 0.04)
        if marks:
            for _ in range(9):
                row, column, length = random.integers(0, 16), random.integers(0, 12), random.integers(2, 5)
                image[row, column : column + length] = dark
            return image
        stripes = np.kron(random.random(8) < 0.45, np.ones(2, dtype=bool)).astype(bool)
        mask = stripes[None, :] & (random.random((16, 16)) < 0.85)
        return overlay(image, mask, dark)

    return paint


def rings(wood: Image, bark: Image) -> Painter:
    def paint(random: Random) -> Image:
        distance = np.abs(np.arange(16) - 7.5)
        ring = np.maximum(distance[:, None], distance[None, :]).astype(int)
        image = speckle(wood, random, 0.06, 0.03)
        image = overlay(image, ring % 2 == 1, wood * 0.85)
        return overlay(image, ring >= 7, bark)

    return paint


def leaves(*channels: int) -> Painter:
    def paint(random: Random) -> Image:
        image = speckle(rgb(*channels), random, 0.22, 0.22)
        return overlay(image, random.random((16, 16)) < 0.10, rgb(*channels) * 0.66)

    return paint


def ore(*channels: int) -> Painter:
    def paint(random: Random) -> Image:
        image = speckle(rgb(128, 128, 130), random, 0.1, 0.1)
        for row, column in ((2, 3), (4, 10), (9, 2), (8, 7), (11, 12), (13, 6)):
            image[row : row + 3, column : column + 2] = rgb(*channels) * (0.9 + 0.2 * random.random())
            image[row + 1, column - 1 : column + 3] = rgb(*channels)
        return image

    return paint


def boards(random: Random) -> Image:
    image = speckle(rgb(176, 140, 86), random, 0.07, 0.05)
    image[3::4] *= 0.72
    for row, column in ((0, 5), (4, 12), (8, 3), (12, 10)):
        image[row : row + 3, column] *= 0.78
    return image


def bricks(random: Random) -> Image:
    image = speckle(rgb(158, 84, 68), random, 0.1, 0.05)
    mortar = rgb(178, 166, 154)
    image[3::4] = mortar
    for band in range(4):
        image[band * 4 : band * 4 + 3, (band % 2) * 4 + 3 :: 8] = mortar
    return image


def cobbles(base: Image, spots: Image | None = None) -> Painter:
    def paint(random: Random) -> Image:
        centres = random.random((11, 2)) * 16
        grid = np.stack(np.meshgrid(np.arange(16) + 0.5, np.arange(16) + 0.5, indexing="ij"), -1)  # (16, 16, 2)
        gap = np.abs(grid[:, :, None, :] - centres[None, None])
        distance = np.sort(np.hypot(*np.moveaxis(np.minimum(gap, 16 - gap), -1, 0)), axis=-1)  # (16, 16, 11)
        owner = np.argmin(np.hypot(*np.moveaxis(np.minimum(gap, 16 - gap), -1, 0)), axis=-1)
        tone = (0.9 + 0.22 * random.random(11))[owner]
        image = speckle(base, random, 0.06, 0.03) * tone[:, :, None]
        if spots is not None:
            image = overlay(image, (random.random(11) < 0.5)[owner], spots)
        return image * np.where(distance[:, :, 1] - distance[:, :, 0] < 1.0, 0.72, 1.0)[:, :, None]

    return paint


def ribs(base: Image, dark: float, step: int = 4) -> Painter:
    def paint(random: Random) -> Image:
        image = speckle(base, random, 0.06, 0.05)
        image[:, step - 1 :: step] *= dark
        return image

    return paint


def layers(random: Random) -> Image:
    image = speckle(rgb(214, 200, 152), random, 0.05, 0.03)
    image[5:7] *= 0.9
    image[11] *= 0.86
    return image


def disc(base: Image, centre: Image) -> Painter:
    def paint(random: Random) -> Image:
        radius = np.hypot(*np.meshgrid(np.arange(16) - 7.5, np.arange(16) - 7.5))
        return overlay(speckle(base, random, 0.06, 0.05), radius < 2.6, centre)

    return paint


def glow(random: Random) -> Image:
    image = cobbles(rgb(250, 214, 130))(random)
    return np.minimum(image * 1.05 + 0.04, 1.0)


def framed(fill: Image, frame: Image, width: int = 1) -> Painter:
    """A face of one colour inside a frame of another."""

    def paint(random: Random) -> Image:
        edge = np.minimum(np.arange(16), 15 - np.arange(16))
        mask = np.minimum(edge[:, None], edge[None, :]) < width
        return overlay(speckle(fill, random, 0.05, 0.04), mask, frame)

    return paint


def masonry(base: Image) -> Painter:
    """Large dressed stones in two courses, lighter at their upper edge."""

    def paint(random: Random) -> Image:
        image = speckle(base, random, 0.06, 0.08)
        for band in range(2):
            image[band * 8] *= 1.12
            image[band * 8 + 7] *= 0.62
            image[band * 8 : band * 8 + 8, (band * 8 + 7) % 16] *= 0.66
        return np.clip(image, 0, 1)

    return paint

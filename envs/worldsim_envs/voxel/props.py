"""Painters of single things: benches, furnaces, chests, beds, cakes, hay, hides; made of the strokes of `brushes`."""

from __future__ import annotations

import numpy as np

from worldsim_envs.voxel.brushes import Image, Painter, Random, boards, cobbles, framed, overlay, rgb, speckle


def shining(image: Image, warm: tuple[int, int, int], rows: slice, columns: slice) -> Image:
    """Return the image with a rectangle of one colour, brighter towards its foot."""
    foot = np.linspace(0.85, 1.12, 16)[rows, None, None]
    image = image.copy()
    image[rows, columns] = np.clip(rgb(*warm) * foot, 0, 1)
    return image


def oven(lit: bool) -> Painter:
    """A furnace's side: stone with a mouth, dark or full of embers."""

    def paint(random: Random) -> Image:
        image = framed(rgb(124, 124, 126), rgb(92, 92, 94))(random)
        image[4] *= 0.7
        image[7:14, 3:13] = rgb(34, 32, 32)
        if lit:
            image = shining(image, (250, 140, 30), slice(9, 14), slice(4, 12))
            image[11:14, 5:11:2] = rgb(255, 226, 110)
        return image

    return paint


def bench_top(random: Random) -> Image:
    """A crafting table from above: boards with a grid of nine fields."""
    image = boards(random) * 0.92
    image[[0, 15]], image[:, [0, 15]] = rgb(96, 64, 36), rgb(96, 64, 36)
    image[3:13, 3:13] = speckle(rgb(198, 158, 100), random, 0.05, 0.03)[3:13, 3:13]
    image[[3, 6, 9, 12], 3:13] = rgb(110, 76, 44)
    image[3:13, [3, 6, 9, 12]] = rgb(110, 76, 44)
    return image


def bench_side(random: Random) -> Image:
    """A crafting table from its side: boards below a rim, with a saw and a hammer."""
    image = boards(random)
    image[:3] = rgb(110, 76, 44)
    image[5:7, 2:7], image[7:13, 4] = rgb(150, 152, 158), rgb(96, 64, 36)
    image[5:12, 10:13], image[12:14, 11] = rgb(168, 170, 176), rgb(96, 64, 36)
    return image


def chest(top: bool) -> Painter:
    """A chest: framed boards; its sides have a lid and a lock."""

    def paint(random: Random) -> Image:
        image = framed(rgb(166, 114, 52), rgb(70, 48, 26))(random)
        if not top:
            image[5] = rgb(70, 48, 26)
            image[4:8, 7:9] = rgb(206, 206, 210)
        return image

    return paint


def bed(head: bool) -> Painter:
    """A bed from above: a red blanket, and at its head a white pillow."""

    def paint(random: Random) -> Image:
        image = speckle(rgb(176, 38, 40), random, 0.06, 0.05)
        if head:
            image[2:10, 2:14] = speckle(rgb(236, 236, 238), random, 0.04, 0.03)[2:10, 2:14]
            image[10] *= 0.8
        return image

    return paint


def bed_side(random: Random) -> Image:
    """A bed's side (its lower 9 rows are seen): blanket over a wooden frame."""
    image = boards(random)
    image[7:12] = speckle(rgb(170, 36, 38), random, 0.06, 0.05)[7:12]
    image[12] = rgb(226, 226, 228)
    return image


def molten(random: Random) -> Image:
    """Lava: bright veins between darker crusts."""
    image = cobbles(rgb(226, 90, 20), rgb(246, 132, 32))(random)
    brightness = image.mean(axis=2, keepdims=True)
    return np.clip(np.where(brightness < 0.345, rgb(255, 196, 70), image), 0, 1)


def furrows(random: Random) -> Image:
    """Farmland from above: wet earth in rows."""
    image = speckle(rgb(104, 68, 42), random, 0.12, 0.06)
    image[::4] *= 0.66
    image[1::4] *= 0.84
    return image


def icing(random: Random) -> Image:
    """A cake from above: white icing with cherries."""
    image = speckle(rgb(246, 240, 234), random, 0.03, 0.03)
    for row, column in ((3, 4), (5, 10), (10, 6), (11, 12), (7, 2), (13, 3)):
        image[row : row + 2, column : column + 2] = rgb(206, 40, 46)
    return image


def cake_side(random: Random) -> Image:
    """A cake's side (its lower 8 rows are seen): icing that drips over brown crumb."""
    image = speckle(rgb(178, 112, 62), random, 0.10, 0.06)
    image[:10] = rgb(246, 240, 234)
    drip = 10 + (np.array([0, 1, 1, 0, 2, 1, 0, 0, 1, 2, 1, 0, 1, 0, 2, 1]) > 0)
    for column in range(16):
        image[10 : drip[column], column] = rgb(246, 240, 234)
    image[14:] *= 0.8
    return image


def straw(end: bool) -> Painter:
    """A bale of hay: straws along its sides, or their ends."""

    def paint(random: Random) -> Image:
        image = speckle(rgb(206, 172, 50), random, 0.24, 0.08)
        if end:
            return overlay(image, random.random((16, 16)) < 0.18, rgb(150, 116, 30))
        image[:, ::3] *= 0.84
        image[[3, 4, 11, 12]] = rgb(154, 62, 34)
        return image

    return paint


def pad(random: Random) -> Image:
    """A lily pad: a round leaf with its ribs."""
    image = speckle(rgb(44, 118, 44), random, 0.10, 0.06)
    image[7:9] *= 1.25
    image[:, 7:9] *= 1.15
    return np.clip(image, 0, 1)


def crystal(random: Random) -> Image:
    """A beacon: a bright heart in a pale frame."""
    image = framed(rgb(116, 226, 236), rgb(216, 244, 248), 2)(random)
    image[5:11, 5:11] = rgb(252, 255, 255)
    return image


def hide(random: Random) -> Image:
    """A cow's hide: dark with white patches."""
    patches = np.kron(random.random((4, 4)) < 0.34, np.ones((4, 4), dtype=bool)).astype(bool)
    patches |= np.roll(patches, 1, axis=1) & (random.random((16, 16)) < 0.5)
    return overlay(speckle(rgb(72, 54, 44), random, 0.1, 0.08), patches, rgb(222, 218, 212))


def curls(random: Random) -> Image:
    """Wool: pale curls."""
    return np.clip(cobbles(rgb(232, 230, 224))(random) * 1.03, 0, 1)


def ribcage(random: Random) -> Image:
    """A skeleton's ribs, with dark gaps and a spine."""
    image = speckle(rgb(54, 54, 52), random, 0.05, 0.03)
    image[1::4], image[2::4] = rgb(206, 206, 198), rgb(176, 176, 168)
    image[:, 7:9] = rgb(206, 206, 198)
    return image

"""Faces of creatures, eight by eight letters each, stretched over the front of a head. Letters are of `PALETTE`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.sprites import PALETTE

LETTERS: dict[str, tuple[int, int, int]] = {
    **PALETTE, "1": (236, 158, 156), "2": (214, 122, 120), "3": (196, 172, 150), "4": (72, 54, 44),
    "5": (222, 218, 212), "6": (92, 142, 76), "7": (64, 100, 54), "8": (206, 206, 198), "9": (56, 48, 44),
    "0": (240, 240, 240),
}  # fmt: skip
FACES_OF: dict[str, tuple[str, ...]] = {
    "pig_face": ("11111111", "11111111", "11111111", "kw1111wk", "11222211", "112kk211", "11222211", "11111111"),
    "sheep_face": ("iiiiiiii", "i333333i", "33333333", "kw3333wk", "33333333", "333pp333", "333pp333", "33333333"),
    "cow_face": ("44455444", "44455444", "44455444", "kw4554wk", "44455444", "45555554", "5k5555k5", "45pppp54"),
    "chicken_face": ("00000000", "00000000", "0k0000k0", "00000000", "00000000", "00000000", "00000000", "00000000"),
    "zombie_face": ("77777777", "77667767", "66666666", "66666666", "6kk66kk6", "66677666", "66776766", "66777766"),
    "skeleton_face": ("88888888", "88888888", "88888888", "88888888", "8kk88kk8", "88888888", "888kk888", "8k8k8k88"),
    "spider_face": ("99999999", "9r9999r9", "99999999", "9rr99rr9", "9rr99rr9", "99999999", "99k99k99", "99k99k99"),
}  # fmt: skip


def face_image(rows: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the image (16, 16, 3) of eight rows of eight letters."""
    colours = np.array([[LETTERS[letter] for letter in row] for row in rows], dtype=np.float64) / 255.0
    return colours.repeat(2, axis=0).repeat(2, axis=1)

"""Noise of any size that says the same in the large: one seed keeps its layout from a small picture to a large one.

White noise is drawn on a coarse grid and then refined: a cell's parts are white noise whose sum is the cell (as in "How
I Warped Your Noise", ICLR 2024). So it is exactly white at every size, and what two sizes have in common, they share.
"""

from __future__ import annotations

import math

import torch

__all__ = ["COARSE", "layout_noise"]

COARSE = 8  # cells of a frame's height, and of a square one's width


def layout_noise(shape: tuple[int, int, int, int], generator: torch.Generator | None) -> torch.Tensor:
    """White noise (T, C, h, w). Heights are cut alike at every size; wider frames show more to both sides.

    Frames of 8 x 8 cells are the coarse grid itself.
    """
    length, channels, height, width = shape
    coarse = torch.randn((length, channels, COARSE, COARSE), generator=generator)
    if (height, width) == (COARSE, COARSE):
        return coarse
    fine = math.lcm(COARSE, height)  # rows of a grid that both fit into
    parts, taken = fine // COARSE, fine // height
    needed = width * taken
    while coarse.shape[3] * parts < needed:
        left, right = torch.randn((2, length, channels, COARSE, 1), generator=generator)
        coarse = torch.cat([left, coarse, right], 3)
    cells = torch.randn((length, channels, COARSE, parts, coarse.shape[3], parts), generator=generator)
    cells += coarse[:, :, :, None, :, None] / parts - cells.mean((3, 5), keepdim=True)
    whole = cells.flatten(4, 5).flatten(2, 3)
    begin = (whole.shape[3] - needed) // 2
    cut = whole[..., begin : begin + needed].unflatten(3, (width, taken)).unflatten(2, (height, taken))
    return cut.sum((3, 5)) / taken

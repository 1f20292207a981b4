"""Spacetime patches: latents ⇄ tokens, and where each token lies.

Images are videos of one frame, so every shape takes this one path.
"""

from __future__ import annotations

import torch
from einops import rearrange, repeat

__all__ = ["patchify", "space_coordinates", "unpatchify"]


def patchify(latents: torch.Tensor, patch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut latents into tokens.

    Args:
        latents: (B, T, C, h, w); h and w must be multiples of `patch`.
        patch: side of a square patch, in latent cells.

    Returns:
        tokens (B, T·gh·gw, C·patch²), and coords (B, T·gh·gw, 3): frame number, and y and x as in `space_coordinates`.

    Raises:
        ValueError: h or w is no multiple of `patch`.
    """
    batch, time, _, height, width = latents.shape
    if height % patch or width % patch:
        raise ValueError(f"latents must divide into patches of {patch}, got {height}x{width}; pad or resize the frames")
    tokens = rearrange(latents, "b t c (y p) (x q) -> b (t y x) (c p q)", p=patch, q=patch)
    space = space_coordinates(height // patch, width // patch)  # (gh·gw, 2)
    frames = torch.arange(time, dtype=torch.float32)
    coords = torch.cat(
        [repeat(frames, "t -> (t n) 1", n=len(space)), repeat(space, "n s -> (t n) s", t=time)], dim=1
    )  # (T·gh·gw, 3)
    return tokens, repeat(coords, "n s -> b n s", b=batch).to(latents.device)


def unpatchify(tokens: torch.Tensor, grid: tuple[int, int, int], patch: int) -> torch.Tensor:
    """The inverse of `patchify`: tokens (B, T·gh·gw, C·patch²) and grid (T, gh, gw) → latents (B, T, C, h, w)."""
    time, rows, columns = grid
    return rearrange(
        tokens, "b (t y x) (c p q) -> b t c (y p) (x q)", t=time, y=rows, x=columns, p=patch, q=patch
    ).contiguous()


def space_coordinates(rows: int, columns: int) -> torch.Tensor:
    """Where the patches of a frame lie: f32 (rows·columns, 2), y then x.

    y runs over (-1, 1) from top to bottom and x over the same scale, so that a wider frame sees further to the sides
    and a finer grid only samples more densely: with a fixed vertical field of view both show the same world.
    """
    y = (torch.arange(rows, dtype=torch.float32) + 0.5) / rows * 2 - 1
    x = ((torch.arange(columns, dtype=torch.float32) + 0.5) / columns * 2 - 1) * (columns / rows)
    return torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).reshape(-1, 2)

"""The detail of latents: a loss that keeps few denoising passes from smoothing what they cannot know.

The squared error alone asks for the mean of all that may come next. Such means have less detail than any true frame,
and frame by frame they fade. Beside it, predicted frames are asked to be as rich in detail as the true ones are,
wherever it lies, as the variance term of VICReg (arXiv 2105.04906) keeps embeddings from collapsing.
"""

from __future__ import annotations

import torch

from worldsim.training.parallel import total

__all__ = ["detail", "detail_loss"]

FLOOR = 0.02  # detail below which frames count as plain; latents have unit spread


def detail(latents: torch.Tensor) -> torch.Tensor:
    """Mean squared difference of neighbouring cells: (N, C, h, w) → (N, C)."""
    latents = latents.float()
    return latents.diff(dim=2).square().mean((2, 3)) + latents.diff(dim=3).square().mean((2, 3))


def detail_loss(true: torch.Tensor, made: torch.Tensor, weights: torch.Tensor, share: float) -> torch.Tensor:
    """Squared log-ratio of the details of `made` and `true`, scaled to a share of the squared error's pull.

    Args:
        true, made: latents (N, C, h, w) of the same moments.
        weights: (N,), of each frame's mean squared error in the loss.
        share: the norm of the pull on `made`, in norms of the squared error's.
    """
    made = made.float()
    off = ((detail(made) + FLOOR).log() - (detail(true) + FLOOR).log()).square().mean(1)  # (N,)
    loss = (off * weights).sum()
    (pull,) = torch.autograd.grad(loss, made, retain_graph=True)
    squared = 2 * (made.detach() - true) * weights[:, None, None, None] / true.shape[1:].numel()
    norms = total(torch.stack([squared.square().sum(), pull.square().sum()])).sqrt()  # of all ranks' frames
    return loss * (share * norms[0] / norms[1].clamp(min=1e-12)).detach()

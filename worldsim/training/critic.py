"""A critic of single frames of latents, which keeps few denoising passes from smoothing what they cannot know.

The squared error alone asks for the mean of all that may come next; frame by frame such means fade. The critic tells
predicted frames from true ones by their local structure and pulls predictions towards what frames look like, as in
adversarial diffusion distillation (arXiv 2311.17042). Hinge losses; its pull is held to a share of the squared error's.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from worldsim.training.parallel import total

__all__ = ["Critic", "adversarial"]

WIDTH = 64


class Critic(nn.Module):
    """Latents (N, C, h, w) → how true each place looks, (N, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, WIDTH, 3, padding=1), nn.SiLU(),
            nn.Conv2d(WIDTH, 2 * WIDTH, 3, padding=1), nn.SiLU(),
            nn.Conv2d(2 * WIDTH, 2 * WIDTH, 3, padding=1), nn.SiLU(),
            nn.Conv2d(2 * WIDTH, 1, 1),
        )  # fmt: skip

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return self.layers(latents)[:, 0].float()


def adversarial(
    critic: Critic, true: torch.Tensor, made: torch.Tensor, weights: torch.Tensor, share: float,
    count: torch.Tensor | float | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """The loss that trains the critic, and through it the network that made the frames.

    Args:
        critic: judges frames.
        true, made: latents (N, C, h, w) of the same moments.
        weights: (N,), of each frame's mean squared error in the loss.
        share: the norm of the critic's pull on `made`, in norms of the squared error's.
        count: frames of a rank on average, where ranks share a batch; N by default.

    Returns:
        The loss, a scalar; and the share of places that the critic judges rightly.
    """
    made = made.float()
    for_true, for_made = critic(true), critic(made.detach())
    places = (len(true) if count is None else count) * true.shape[2:].numel()
    own = (F.relu(1 - for_true) + F.relu(1 + for_made)).sum() / places
    frozen = {name: parameter.detach() for name, parameter in critic.named_parameters()}
    pleased = -functional_call(critic, frozen, (made,)).sum() / places
    (pull,) = torch.autograd.grad(pleased, made, retain_graph=True)
    squared = 2 * (made.detach() - true) * weights[:, None, None, None] / true.shape[1:].numel()
    norms = total(torch.stack([squared.square().sum(), pull.square().sum()])).sqrt()  # of all ranks' frames
    scale = share * norms[0] / norms[1].clamp(min=1e-12)
    right = ((for_true > 0).float() + (for_made < 0).float()).sum() / (2 * places)
    return own * 0.1 + scale.detach() * pleased, right.detach()

"""`Pull`: where in play prompts are followed more strongly than the network does of itself, and at what price.

Classifier-free guidance (arXiv 2207.12598) makes a picture obey its prompt, and doubles its passes. In play almost
every frame follows from the last whatever the prompt says, so it is paid for only where words decide: in a first frame
from noise, and for a while after a prompt has changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from worldsim.model.config import check_numbers, check_whole

__all__ = ["Pull"]


@dataclass(frozen=True)
class Pull:
    """What a `World` adds to its guidance of text."""

    opening: float = 1.0
    """Guidance of a first frame from noise; 1 is the network's own answer."""
    below: float = 1.0
    """Noise level from which down it is guided, in [0, 1]: what the first passes lay out is then left to the seed, and
    seeds differ more (guidance in an interval, arXiv 2404.07724)."""
    passes: int = 16
    """Denoising passes of such a frame, at least."""
    change: float = 1.0
    """Guidance of the frames after a prompt has changed."""
    alone: float = 0.0
    """How far each of these frames is pushed, in the means of its rows, to what the prompt says of a frame that nothing
    precedes (composed as in arXiv 2206.01714): less, the more of it the last frame shows. Costs two passes a frame."""
    frames: int = 0
    """How many frames those are."""

    def __post_init__(self) -> None:
        check_numbers(self, 0, 100, "opening", "change", "alone")
        check_numbers(self, 0, 1, "below")
        check_whole(self, 1, "passes")
        check_whole(self, 0, "frames")

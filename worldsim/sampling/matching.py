"""The matcher: how well clips fit their texts, and the best of several tries.

A text fits when a captioner finds it likelier with the clip in view than without. That is one network for describing
and for matching, and what is said of most clips counts for little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from worldsim.clip import Clip, Prompt, check_frames, pixels_to_unit, stack
from worldsim.model.captioner import stretches
from worldsim.model.language import Language
from worldsim.model.precision import has_bfloat16
from worldsim.model.tokenizer import Tokenizer
from worldsim.sampling.requests import whole
from worldsim.sampling.timelines import Text, VerbError, timelines

__all__ = ["Choice", "Matcher", "best_of"]


class Matcher:
    """Scores texts against clips, and describes clips.

    Args:
        tokenizer: the one whose latents the captioner reads.
        language: its captioner.
    """

    def __init__(self, tokenizer: Tokenizer, language: Language) -> None:
        self.tokenizer, self.language = tokenizer, language

    @torch.no_grad()
    def latents(self, frames: np.ndarray, spans: Sequence[tuple[int, int]]) -> torch.Tensor:
        """The moments of rows [start, end) of a clip u8 (T, H, W, 3): latents (moments, F, C, h, w)."""
        rows = np.stack([self.language.rows(start, end) for start, end in spans])
        check_frames(frames[None])
        device = self.tokenizer.mean.device
        return torch.cat([self.tokenizer.encode(pixels_to_unit(frames[None, part]).to(device)) for part in rows]).cpu()

    def describe(self, frames: np.ndarray, *details: Literal["short", "detailed"]) -> list[list[Prompt]]:
        """What a clip u8 (T, H, W, 3) shows, in words: for each detail, a timeline of stretches of 16 frames.

        Raises:
            ClipError, VerbError: no such frames, or sides that the captioner cannot read.
        """
        check_frames(frames[None])
        grain = self.tokenizer.stride * self.language.network.config.patch
        if not len(frames) or any(side % grain for side in frames.shape[1:3]):
            raise VerbError(f"frames to describe must be 1 or more, with sides in steps of {grain}, got {frames.shape}")
        spans = stretches(0, len(frames))
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            latents = self.latents(frames, spans)
        told = [self.language.describe(latents.float(), detail) for detail in details]
        return [[Prompt(text, *span) for span, text in zip(spans, texts, strict=True)] for texts in told]

    def score(self, frames: np.ndarray, text: Text) -> np.ndarray:
        """How much likelier each clip makes its text, f32 (B,), in nats: the mean over stretches of 16 frames.

        Args:
            frames: u8 (B, T, H, W, 3).
            text: one for all, a timeline, or one of either per row, as the verbs take it.

        Raises:
            VerbError: another number of texts than rows, or rows without any text.
        """
        check_frames(frames)
        lines = timelines(text, len(frames), 0, frames.shape[1])
        scores = np.zeros(len(frames), np.float32)
        for row, line in enumerate(lines):
            told = [
                (span, prompt.text)
                for prompt in line
                for span in stretches(prompt.start, frames.shape[1] if prompt.end is None else prompt.end)
            ]
            if not told:
                raise VerbError(f"a clip is matched with a text, and row {row} has none")
            spans, texts = zip(*told, strict=True)
            scores[row] = self.language.score(self.latents(frames[row], spans), texts).mean()
        return scores


@dataclass(frozen=True)
class Choice:
    """The clips that fit their texts best, and what they were chosen from.

    Attributes:
        clip: one row for each seed that was asked for.
        seeds: the seeds that made these rows.
        tried: the seeds of all tries, one line per row.
        scores: f32 (rows, tries), what the matcher says of each.
    """

    clip: Clip
    seeds: tuple[int, ...]
    tried: tuple[tuple[int, ...], ...]
    scores: np.ndarray

    def __str__(self) -> str:
        lines = []
        for seed, tries, scores in zip(self.seeds, self.tried, self.scores, strict=True):
            told = ", ".join(f"{score:+.2f} (seed {each})" for each, score in zip(tries, scores, strict=True))
            lines.append(f"best of {len(tries)} is seed {seed}; nats that each clip adds to the text: {told}")
        return "\n".join(lines)


def best_of(
    count: int, make: Callable[[list[int]], Clip], matcher: Matcher, text: Text, seeds: int | Sequence[int] = 0,
    first: int = 0,
) -> Choice:  # fmt: skip
    """Make each clip `count` times, and keep the tries that fit their text best.

    Args:
        count: tries, at least 1.
        make: a verb as a function of its seeds: `lambda seeds: verbs.generate(world, text, seeds=seeds)`.
        matcher: judges them.
        text: what they should fit, as the verb got it; a mere text is held against the frames from `first` on.
        seeds: of the first tries, one per row; the others follow from them. The same seed alone makes the same clip,
            in a batch of the same size.
        first: frames at the beginning that were given.

    Raises:
        VerbError: no whole number of tries, or rows without a text.
    """
    count = whole("best_of", count)
    begun = [int(seeds)] if isinstance(seeds, int | np.integer) else [int(seed) for seed in seeds]
    tried = [(seed, *(_another(seed, number) for number in range(1, count))) for seed in begun]
    clips, scores = [], []
    for number in range(count):
        clip = make([tries[number] for tries in tried])
        clips.append(clip)
        scores.append(matcher.score(clip.frames, timelines(text, len(begun), first, clip.length)))
    table = np.stack(scores, 1)  # (rows, tries)
    best = table.argmax(1)
    rows = [clips[number].take(np.array([row])) for row, number in enumerate(best)]
    return Choice(stack(rows), tuple(tried[row][number] for row, number in enumerate(best)), tuple(tried), table)


def _another(seed: int, number: int) -> int:
    return int(np.random.default_rng([seed, number]).integers(2**31))

"""Prompt timelines: what users write → one list of prompts per row, moved, cut and asked for by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from worldsim.clip import Clip, Prompt, prompts_between

__all__ = ["Text", "Timelines", "VerbError", "beside", "moved", "of_clip", "part", "prompts_at", "timelines"]

Text = str | Sequence[str | Prompt | Sequence[Prompt]]
"""A text; a timeline; or one of either for each row."""
Timelines = list[list[Prompt]]


class VerbError(ValueError):
    """A wish that a verb cannot fulfil; says what it takes."""


def timelines(text: Text, rows: int, first: int, length: int) -> Timelines:
    """One timeline for each of `rows` clips of `length` frames.

    Args:
        text: a mere text covers the frames from `first` on; prompts say themselves which they cover.

    Raises:
        VerbError: another number of texts than rows, or a prompt that covers nothing.
    """
    if isinstance(text, str) or (text and all(isinstance(each, Prompt) for each in text)):
        return [_timeline(text, first, length) for _ in range(rows)]
    if not isinstance(text, Sequence) or len(text) != rows:
        got = f"{len(text)} of them" if isinstance(text, Sequence) else type(text).__name__
        raise VerbError(f"text must be a text, a list of Prompts, or one of these for each of {rows} rows, got {got}")
    return [_timeline(line, first, length) for line in text]


def _timeline(line: object, first: int, length: int) -> list[Prompt]:
    if isinstance(line, str):
        return [Prompt(line, first, length)] if line.strip() else []
    if not isinstance(line, Sequence) or not all(isinstance(prompt, Prompt) for prompt in line):
        raise VerbError(f"a timeline must be a text or a list of Prompts, got {line!r}")
    covering = []
    for prompt in line:
        end = length if prompt.end is None else prompt.end
        if not 0 <= prompt.start < end:
            raise VerbError(
                f"a prompt must cover rows start … end - 1 with 0 <= start < end, got {prompt.start} … {prompt.end} "
                f"of {length} frames"
            )
        if prompt.start < length:
            covering.append(replace(prompt, end=min(end, length)))
    return covering


def prompts_at(lines: Timelines, row: int) -> list[str]:
    """The text of each timeline at a row: that of the prompt that began last, or ""."""
    return [_at(line, row) for line in lines]


def _at(line: list[Prompt], row: int) -> str:
    covering = [prompt for prompt in line if prompt.start <= row and (prompt.end is None or row < prompt.end)]
    return max(covering, key=lambda prompt: prompt.start).text if covering else ""


def part(lines: Timelines, start: int, stop: int) -> Timelines:
    """What covers the rows start … stop - 1, counted from start."""
    return [prompts_between(line, start, stop) for line in lines]


def moved(lines: Timelines, by: int) -> Timelines:
    """The timelines, `by` rows later."""
    return [
        [Prompt(prompt.text, prompt.start + by, None if prompt.end is None else prompt.end + by) for prompt in line]
        for line in lines
    ]


def beside(*parts: Timelines) -> Timelines:
    """The prompts of several timelines in one, row by row."""
    return [[prompt for line in lines for prompt in line] for lines in zip(*parts, strict=True)]


def of_clip(clip: Clip) -> Timelines:
    """A clip's timelines, each prompt with an end; empty ones where it has none."""
    return [prompts_between(line, 0, clip.length) for line in clip.text] or [[] for _ in range(clip.rows)]

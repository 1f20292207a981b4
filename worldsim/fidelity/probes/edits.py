"""Edits: clips drawn anew under a text that asks for another time of day, weather or land, at several strengths.

What was asked for shall come, what was not shall stay: the other attributes, as a reader tells them, and the layout:
the edges where depth leaps, as a state decoder tells depth. Beside the layout's overlap stand that of the clip with
itself through the tokenizer, its ceiling, and that with another clip of the same kind of world, its chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from tqdm import tqdm

from worldsim.fidelity.heldout import FidelityError, Windows
from worldsim.fidelity.probes.attributes import ASKED, Values, changes, clip_values, numbers
from worldsim.fidelity.readers.lessons import through
from worldsim.fidelity.readers.reader import Reader
from worldsim.fidelity.readers.words import prompt
from worldsim.fidelity.statistics import mean
from worldsim.model.text import PromptReader
from worldsim.sampling import verbs
from worldsim.sampling.world import World

__all__ = ["BARS", "STRENGTHS", "Edited", "edges", "figures", "overlap", "probe_edits", "table"]

STRENGTHS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
LEAP = 2  # coarse steps of depth between neighbouring cells that make an edge: half a doubling
EVERY = 4  # frames: neighbouring ones show the same layout
LANDS = (*ASKED, ("biome", "snow"), ("biome", "desert"))
BARS = {"flipped": 0.8, "layout": 0.7}


class Depths(Protocol):
    """What tells depth; a `Decoder` does."""

    def read(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """u8 (N, H, W, 3) → anything, and log probabilities (N, D, h, w) of steps of depth."""
        ...


@dataclass(frozen=True)
class Edited:
    """One clip under one text at one strength.

    Attributes:
        world: whose clip it is.
        strength: of the edit.
        text: what it was told.
        attribute, value: what that asks to be another.
        before, after: what is read of the clip through the tokenizer, and of what was made.
        layout, ceiling, chance: overlap of its edges with those of what was made, of its own copy through the
            tokenizer, and of another clip.
    """

    world: int
    strength: float
    text: str
    attribute: str
    value: int
    before: Values
    after: Values
    layout: float
    ceiling: float
    chance: float


def edges(depths: np.ndarray) -> np.ndarray:
    """bool (..., h, w): cells from which depth, in steps (..., h, w), leaps to the next one right or below."""
    found = np.zeros(depths.shape, bool)
    found[..., :, :-1] |= np.abs(np.diff(depths, axis=-1)) >= LEAP
    found[..., :-1, :] |= np.abs(np.diff(depths, axis=-2)) >= LEAP
    return found


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of edges bool (N, h, w); one that has its like within a cell counts as met."""
    union = one | other
    met = (one & _grown(other)) | (other & _grown(one))
    return float(met.sum() / union.sum()) if union.any() else 1.0


def _grown(cells: np.ndarray) -> np.ndarray:
    """bool (N, h, w): these cells and their eight neighbours."""
    padded = np.pad(cells, ((0, 0), (1, 1), (1, 1)))
    height, width = cells.shape[1:]
    return np.any([padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3)], axis=0)


def probe_edits(
    world: World, windows: Windows, reader: Reader, decoder: Depths, strengths: Sequence[float] = STRENGTHS, *,
    vocabulary: PromptReader | None = None, seed: int = 0, rows: int = 8, passes: int | None = None,
    guidance: float | None = None, push: float | None = None,
) -> list[Edited]:  # fmt: skip
    """Edit each window whose caption tells its attributes, asking for another value of one of them.

    Clips of which that value is read already are left out: there is nothing to flip.

    Args:
        world: whose `verbs.edit` is measured.
        windows: true clips with captions.
        reader: of attributes.
        decoder: of depth.
        strengths: at each of which every clip is edited.
        vocabulary: the words that the world knows; all by default.
        seed: of the first clip; the others count on.
        rows: clips at a time.
        passes, guidance: as in `verbs.Options`.
        push: as in `verbs.edit`.

    Raises:
        FidelityError: nothing to edit.
    """
    found, before, layouts = [], [], []
    for change in changes(reader, vocabulary, windows, 1, 0, LANDS):
        copy = through(world.tokenizer, windows.clip.frames[change.row])
        read = clip_values(reader, copy)
        if read[change.attribute] != numbers(change.after)[change.attribute]:
            found.append(change)
            before.append(read)
            given = windows.clip.frames[change.row]
            layouts.append([edges(decoder.read(frames[::EVERY])[1].argmax(1)) for frames in (given, copy)])
    if len(found) < 2:
        raise FidelityError(f"edits need two clips with captions that tell their attributes, got {len(found)}")
    trials = []
    for strength in tqdm(strengths, desc="edits", unit="strength", dynamic_ncols=True):
        for first in range(0, len(found), rows):
            part = range(first, min(first + rows, len(found)))
            options: verbs.Options = {"seeds": [seed + number for number in part]}
            if passes is not None:
                options["passes"] = passes
            if guidance is not None:
                options["guidance"] = guidance
            clip = windows.clip.take(np.array([found[number].row for number in part]))
            more = {} if push is None else {"push": push}
            texts = [prompt(found[n].after) for n in part]
            made = verbs.edit(world, clip, texts, strength=strength, **more, **options)
            for row, number in enumerate(part):
                change, (given, copy) = found[number], layouts[number]
                drawn = edges(decoder.read(made.frames[row, ::EVERY])[1].argmax(1))
                other = layouts[(number + 1) % len(found)][0]
                trials.append(
                    Edited(
                        windows.worlds[change.row], strength, prompt(change.after), change.attribute,
                        numbers(change.after)[change.attribute], before[number], clip_values(reader, made.frames[row]),
                        overlap(given, drawn), overlap(given, copy), overlap(given, other),
                    )
                )  # fmt: skip
    return trials


def figures(trials: Sequence[Edited], seed: int = 0) -> dict[str, Any]:
    """For each strength the shares of flips and of other attributes that stayed, and the layout, with 95 % intervals
    over worlds; and the same of each attribute that was asked for.

    Raises:
        StatisticsError: trials of fewer than two worlds.
    """
    found: dict[str, Any] = {"clips": len({(one.world, one.text) for one in trials}), "strengths": {}}
    for strength in sorted({one.strength for one in trials}):
        some = [one for one in trials if one.strength == strength]
        worlds = [one.world for one in some]
        flips = np.array([one.after[one.attribute] == one.value for one in some], float)
        kept = np.array([
            np.mean([one.after[name] == value for name, value in one.before.items() if name != one.attribute])
            for one in some
        ])  # fmt: skip
        columns = {"flipped": flips, "others_kept": kept}
        columns |= {name: np.array([getattr(one, name) for one in some]) for name in ("layout", "ceiling", "chance")}
        told: dict[str, Any] = {name: asdict(mean(column, worlds, seed=seed)) for name, column in columns.items()}
        told["flipped_by_attribute"] = {
            name: {"clips": len(those), "value": float(flips[those].mean())}
            for name in sorted({one.attribute for one in some})
            if (those := [i for i, one in enumerate(some) if one.attribute == name])
        }
        told["met"] = {name: bool(told[name]["value"] >= least) for name, least in BARS.items()}
        found["strengths"][f"{strength:g}"] = told
    return found


def table(found: dict[str, Any]) -> str:
    """Figures as text."""
    names = {"flipped": "flipped", "others_kept": "others kept", "layout": "layout kept"}
    lines = [f"{found['clips']} clips; bars: flipped {BARS['flipped']}, layout kept {BARS['layout']}"]
    lines.append(f"{'strength':<9}" + "".join(f"{name:<20}" for name in names.values()) + "chance … ceiling of layout")
    for strength, one in found["strengths"].items():
        shown = ["{value:.2f} [{low:.2f}, {high:.2f}]".format(**one[name]) for name in names]
        span = f"{one['chance']['value']:.2f} … {one['ceiling']['value']:.2f}"
        lines.append(f"{strength:<9}" + "".join(f"{each:<20}" for each in shown) + span)
        each = (f"{name} {part['value']:.2f} of {part['clips']}" for name, part in one["flipped_by_attribute"].items())
        lines.append(f"{'':<9}flipped: {', '.join(each)}")
    return "\n".join(lines)

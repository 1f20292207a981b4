"""What edits change and leave, on clips whose edits are painted: known flips and known layouts give known figures."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from painted import SKIES, START, paint
from worldsim.clip import Clip, Prompt
from worldsim.fidelity.heldout import FidelityError, Windows
from worldsim.fidelity.probes import edits
from worldsim.fidelity.probes.edits import Edited, edges, figures, overlap, probe_edits, table
from worldsim.fidelity.readers.words import caption_values, prompt

CLIPS, LENGTH = 6, 10


def windows(text: str = "") -> Windows:
    frames = np.stack([[paint(0, np.zeros(2), START)] * LENGTH] * CLIPS).astype(np.uint8)
    flags, row = np.zeros((CLIPS, LENGTH), bool), np.zeros((CLIPS, LENGTH, 1), np.float32)
    told = [[Prompt(text or prompt(START), 0, LENGTH)] for _ in range(CLIPS)]
    return Windows(Clip(frames, row, row, flags, flags, ~flags, told), tuple(range(CLIPS)), (0,) * CLIPS)


class Wall:
    """Sees the same wall in every picture."""

    def read(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logs = np.full((len(frames), 8, 6, 12), -9.0)
        logs[:, 1, :, :4], logs[:, 6, :, 4:] = 0, 0
        return logs, logs


def painted_edit(world: Any, clip: Clip, texts: list[str], *, strength: float, **options: Any) -> Clip:
    """From a strength of one half on it shows what was asked for."""
    shown = [caption_values(text) if strength >= 0.5 else START for text in texts]
    frames = np.stack([[paint(0, np.zeros(2), values)] * clip.length for values in shown])
    return Clip(frames.astype(np.uint8), clip.actions, clip.events, clip.terminated, clip.truncated, clip.mask)


@pytest.fixture
def through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "through", lambda tokenizer, frames: frames)
    monkeypatch.setattr(edits.verbs, "edit", painted_edit)


def test_edges_are_where_depth_leaps_and_overlap_forgives_one_cell() -> None:
    depths = np.zeros((1, 5, 8), int)
    depths[..., 4:] = 3
    found = edges(depths)
    assert found[0, :, 3].all() and found.sum() == 5
    assert not edges(depths // 3).any(), "a single step is no leap"
    near, far = np.roll(found, 1, axis=-1), np.roll(found, 3, axis=-1)
    assert overlap(found, found) == overlap(found, near) == 1
    assert overlap(found, far) == 0 and overlap(found, found | far) == 0.5
    assert overlap(found & False, found & False) == 1


@pytest.mark.usefixtures("through")
def test_what_flips_and_what_stays_is_what_was_painted() -> None:
    world: Any = SimpleNamespace(tokenizer=None)
    trials = probe_edits(world, windows(), SKIES, Wall(), (0.3, 0.7), rows=4)  # type: ignore[arg-type]
    assert len(trials) == 2 * CLIPS and {trial.attribute for trial in trials} == {"biome", "time", "weather"}
    found = figures(trials)
    weak, strong = found["strengths"]["0.3"], found["strengths"]["0.7"]
    assert weak["flipped"]["value"] == 0 and not weak["met"]["flipped"]
    assert strong["flipped"]["value"] == 1 and strong["met"] == {"flipped": True, "layout": True}
    assert strong["others_kept"]["value"] == strong["layout"]["value"] == 1
    last = table(found).splitlines()[-2:]
    assert "1.00 [1.00, 1.00]" in last[0] and "flipped: biome 1.00 of 1, time 1.00 of 1, weather 1.00 of 4" in last[1]


def test_a_layout_that_moves_is_lost_and_misses_its_bar() -> None:
    one = Edited(1, 0.6, "night", "time", 0, {"time": 1, "biome": 2}, {"time": 0, "biome": 3}, 0.2, 0.9, 0.1)
    other = Edited(2, 0.6, "night", "time", 0, {"time": 1, "biome": 2}, {"time": 1, "biome": 2}, 0.6, 0.9, 0.1)
    told = figures([one, other])["strengths"]["0.6"]
    assert told["flipped"]["value"] == told["others_kept"]["value"] == 0.5
    assert told["layout"]["value"] == pytest.approx(0.4) and told["met"] == {"flipped": False, "layout": False}
    assert told["flipped_by_attribute"] == {"time": {"clips": 2, "value": 0.5}}


@pytest.mark.usefixtures("through")
def test_clips_that_say_nothing_cannot_be_edited() -> None:
    world: Any = SimpleNamespace(tokenizer=None)
    with pytest.raises(FidelityError, match="got 0"):
        probe_edits(world, windows("somewhere"), SKIES, Wall())  # type: ignore[arg-type]

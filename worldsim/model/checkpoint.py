"""Checkpoints: a folder of safetensors and JSON that holds everything a world needs, checked tensor by tensor.

    card.json                 what it is: configs, action spec, event names, vocabulary, training record (`WorldCard`)
    tokenizer.safetensors     weights, bf16
    dynamics.safetensors      weights, bf16; absent in a checkpoint of a tokenizer alone
    starts.safetensors        stored starts, to begin from without any other data; optional
    language.safetensors      captioner, matcher and captions to expand prompts with; optional, see `language`
    habits.safetensors        what players do, for whoever acts by itself; optional, see `habits`
    refiner.safetensors       what sharpens the frames of these very weights; optional, see `refiner`
    events.json               thresholds of events, measured with these very weights; optional, see `calibration`

There is never half a checkpoint: see `worldsim.files`.
"""

from __future__ import annotations

import json
import shutil
import warnings
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from worldsim.clip import Clip, ClipError
from worldsim.files import former, replacing_folder, write_json
from worldsim.model.card import CheckpointError, WorldCard, read_card
from worldsim.model.clipfile import read_clip, write_clip
from worldsim.model.dynamics import Dynamics
from worldsim.model.tensors import (
    half_weights,
    load_weights,
    network_fingerprint,
    read_metadata,
    read_tensors,
    write_tensors,
)
from worldsim.model.tokenizer import Tokenizer

__all__ = ["Checkpoint", "CheckpointError", "find", "load", "save"]

HABITS, LANGUAGE, REFINER, EVENTS = "habits.safetensors", "language.safetensors", "refiner.safetensors", "events.json"
PACKAGED = Path(__file__).parent.parent / "weights"


class Checkpoint(NamedTuple):
    """All that a checkpoint holds; dynamics is None in a tokenizer's own, and starts may be left out."""

    card: WorldCard
    tokenizer: Tokenizer
    dynamics: Dynamics | None
    starts: Clip | None


def find(checkpoint: str | Path) -> Path:
    """The folder of a checkpoint: a path, or the name of one that ships with the package.

    Where a kill came just while `save` put a new one in its place, this is the one before, and a warning says so.
    """
    folder = Path(checkpoint)
    if (folder / "card.json").is_file():
        return folder
    packaged = PACKAGED / str(checkpoint)
    if folder.name == str(checkpoint) and (packaged / "card.json").is_file():
        return packaged
    if not folder.exists() and (former(folder) / "card.json").is_file():
        warnings.warn(
            f"{folder} was being replaced when its process was killed; this is the one before, {former(folder)}. "
            f"Rename it to {folder.name}, or resume the run to write the new one",
            stacklevel=2,
        )
        return former(folder)
    shipped = sorted(path.parent.name for path in PACKAGED.glob("*/card.json"))
    inside = folder / "checkpoint"  # of a run
    hint = f"; did you mean {inside}?" if (inside / "card.json").is_file() else ""
    raise CheckpointError(
        f"no checkpoint {str(checkpoint)!r}: expected a folder with a card.json, or one of {shipped or '(none)'}{hint}"
    )


def save(
    folder: Path, card: WorldCard, tokenizer: Tokenizer, dynamics: Dynamics | None = None, starts: Clip | None = None,
    beside: Path | None = None,
) -> None:  # fmt: skip
    """Write a checkpoint, replacing what was there; weights in bf16, statistics as they are.

    Habits of the same actions and a captioner of the same tokenizer stay. A refiner and thresholds of events belong to
    the weights before: they go, and a line says so.

    Args:
        beside: the checkpoint whose habits and captioner are taken; the one that is replaced by default.

    Raises:
        CheckpointError: a dynamics network without its config in the card, or the other way round.
    """
    if (card.dynamics is None) != (dynamics is None):
        told, given = ("no" if one is None else "a" for one in (card.dynamics, dynamics))
        raise CheckpointError(f"{folder}: the card tells of {told} dynamics network, and {given} network is given")
    with replacing_folder(folder) as new:
        write_tensors(new / "tokenizer.safetensors", half_weights(tokenizer))
        if dynamics is not None:
            write_tensors(new / "dynamics.safetensors", half_weights(dynamics))
        if starts is not None:
            write_clip(new / "starts.safetensors", starts)
        write_json(new / "card.json", card.to_json())
        kept = _kept(beside or folder, card, tokenizer)
        for path in kept:
            shutil.copyfile(path, new / path.name)
        there = [name for name in (HABITS, LANGUAGE, REFINER, EVENTS) if (folder / name).is_file()]
        gone = [name for name in there if not (new / name).is_file()]
    if gone:
        print(f"{folder}: {', '.join(gone)} belonged to what was there before; make them anew for these weights")


def _kept(folder: Path, card: WorldCard, tokenizer: Tokenizer) -> list[Path]:
    """The files of a checkpoint that hold for another one with this card and tokenizer."""
    habits, language = folder / HABITS, folder / LANGUAGE
    found = []
    with suppress(CheckpointError, KeyError, ValueError):
        if habits.is_file() and read_card(folder).action_spec.to_json() == card.action_spec.to_json():
            found.append(habits)
    with suppress(CheckpointError, KeyError, ValueError):
        if language.is_file() and json.loads(read_metadata(language)["tokenizer"]) == network_fingerprint(tokenizer):
            found.append(language)
    return found


def load(checkpoint: str | Path) -> Checkpoint:
    """Read a checkpoint: a path, or the name of one that ships with the package.

    Raises:
        CheckpointError: missing, damaged, or its parts do not fit together; names the part.
    """
    folder = find(checkpoint)
    card = read_card(folder)
    tokenizer = Tokenizer(card.tokenizer)
    load_weights(tokenizer, read_tensors(folder / "tokenizer.safetensors"), "tokenizer.safetensors")
    dynamics = None
    if card.dynamics is not None:
        dynamics = Dynamics(card.dynamics)
        load_weights(dynamics, read_tensors(folder / "dynamics.safetensors"), "dynamics.safetensors")
    starts = folder / "starts.safetensors"
    return Checkpoint(card, tokenizer, dynamics, _starts_from_file(starts, card) if starts.exists() else None)


def _starts_from_file(path: Path, card: WorldCard) -> Clip:
    try:
        clip = read_clip(path)
    except ClipError as error:
        raise CheckpointError(str(error)) from error
    pairs = {
        "frames": (clip.frames.shape[2:4], card.size),
        "actions": (clip.actions.shape[2], card.action_spec.width),
        "events": (clip.events.shape[2], len(card.event_names)),
    }
    for name, (found, expected) in pairs.items():
        if found != expected:
            raise CheckpointError(f"starts.safetensors: {name} must be {expected} to go with card.json, got {found}")
    return clip

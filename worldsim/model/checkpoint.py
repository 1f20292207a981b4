"""Checkpoints: a folder of safetensors and JSON that holds everything a world needs, checked tensor by tensor.

    card.json                 what it is: configs, action spec, event names, vocabulary, training record (`WorldCard`)
    tokenizer.safetensors     weights, bf16
    dynamics.safetensors      weights, bf16; absent in a checkpoint of a tokenizer alone
    starts.safetensors        stored starts, to begin from without any other data; optional

A folder is written beside its place and renamed, so there is never half a checkpoint.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from worldsim.actions import ActionError, ActionSpec
from worldsim.clip import Clip, Prompt
from worldsim.model.dynamics import Dynamics, DynamicsConfig
from worldsim.model.text import PAD, UNKNOWN, PromptError, TextConfig, Vocabulary
from worldsim.model.tokenizer import Tokenizer, TokenizerConfig

__all__ = [
    "CheckpointError",
    "WorldCard",
    "continue_from",
    "find",
    "load",
    "load_weights",
    "read_card",
    "read_tensors",
    "save",
    "write_json",
    "write_tensors",
]

VERSION = 1
PACKAGED = Path(__file__).parent.parent / "weights"
_T = TypeVar("_T")


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, or not what was expected."""


@dataclass(frozen=True)
class WorldCard:
    """What a checkpoint is, beside its numbers.

    Attributes:
        name: what people call it.
        size: (H, W) of the frames it was trained on most.
        fps: frames per second of simulated time.
        action_spec: how actions read as vectors.
        event_names: the columns of `events`, the reward first.
        env: id and kwargs of the true env it was learned from.
        tokenizer, dynamics: sizes of the networks; dynamics is None in a checkpoint of a tokenizer alone.
        vocabulary: the words it knows, in the order of their rows.
        context_level: noise level at which it likes to see given frames in play.
        training: record of the training: data, compute, metrics, limits.
    """

    name: str
    size: tuple[int, int]
    fps: float
    action_spec: ActionSpec
    event_names: tuple[str, ...]
    env: dict[str, Any]
    tokenizer: TokenizerConfig
    dynamics: DynamicsConfig | None = None
    vocabulary: tuple[str, ...] = (PAD, UNKNOWN)
    context_level: float = 0.1
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def window(self) -> int:
        """Frames of the past that a frame can see."""
        return 0 if self.dynamics is None else self.dynamics.window

    @property
    def max_prompt_words(self) -> int:
        """Most words of a prompt."""
        return 0 if self.dynamics is None else self.dynamics.text.longest

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready description from which `from_json` makes an equal card."""
        plain = {key: getattr(self, key) for key in ("name", "size", "fps", "env", "context_level", "training")}
        return plain | {
            "version": VERSION,
            "action_spec": self.action_spec.to_json(),
            "event_names": list(self.event_names),
            "tokenizer": asdict(self.tokenizer),
            "dynamics": None if self.dynamics is None else asdict(self.dynamics),
            "vocabulary": list(self.vocabulary),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> WorldCard:
        """The inverse of `to_json`. Raises `CheckpointError` naming what is missing or malformed."""
        if data.get("version") != VERSION:
            raise CheckpointError(f"card.json: this worldsim reads version {VERSION}, got {data.get('version')!r}")
        try:
            dynamics = data["dynamics"]
            card = cls(
                name=str(data["name"]),
                size=(int(data["size"][0]), int(data["size"][1])),
                fps=float(data["fps"]),
                action_spec=ActionSpec.from_json(data["action_spec"]),
                event_names=tuple(data["event_names"]),
                env=dict(data["env"]),
                tokenizer=_config(TokenizerConfig, data["tokenizer"]),
                dynamics=None if dynamics is None else _dynamics_config(dynamics),
                vocabulary=tuple(data["vocabulary"]),
                context_level=float(data["context_level"]),
                training=dict(data["training"]),
            )
            Vocabulary(card.vocabulary)
        except KeyError as error:
            raise CheckpointError(f"card.json: field {error} is missing") from error
        except (TypeError, ValueError, ActionError, PromptError) as error:
            raise CheckpointError(f"card.json: {error}") from error
        _check_card(card)
        return card


def _check_card(card: WorldCard) -> None:
    config = card.dynamics
    grain = Tokenizer.stride * (1 if config is None else config.patch)
    if min(card.size) < grain or card.size[0] % grain or card.size[1] % grain:
        raise CheckpointError(f"card.json: size must be (H, W) in steps of {grain}, got {card.size}")
    if not 0 < card.fps < math.inf:
        raise CheckpointError(f"card.json: fps must be positive, got {card.fps}")
    if not 0 <= card.context_level <= 1:
        raise CheckpointError(f"card.json: context_level must be in [0, 1], got {card.context_level}")
    if config is None:
        return
    pairs = {
        "dynamics.actions": (config.actions, card.action_spec.width),
        "dynamics.events": (config.events, len(card.event_names)),
        "dynamics.words": (config.words, len(card.vocabulary)),
        "dynamics.channels": (config.channels, card.tokenizer.channels),
    }
    for name, (found, expected) in pairs.items():
        if found != expected:
            raise CheckpointError(f"card.json: {name} must be {expected} to go with the rest of the card, got {found}")


def _config(kind: type[_T], data: Mapping[str, Any]) -> _T:
    lists_to_tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return kind(**lists_to_tuples)


def _dynamics_config(data: Mapping[str, Any]) -> DynamicsConfig:
    return _config(DynamicsConfig, {**data, "text": _config(TextConfig, data["text"])})


# -- files -----------------------------------------------------------------------------------------------------------


def write_json(path: Path, data: Any) -> None:
    """Write JSON to a temporary name and rename it."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "w") as file:
        json.dump(data, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write safetensors to a temporary name and rename it."""
    temporary = path.with_name(path.name + ".tmp")
    save_file({key: value.contiguous() for key, value in tensors.items()}, temporary, dict(metadata or {}))
    temporary.chmod(0o644)  # safetensors writes for its owner alone, and a checkpoint is for all
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of a safetensors file. Raises `CheckpointError` when it is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged: {error}; get it again, or restore it from a backup") from error


def load_weights(module: nn.Module, tensors: Mapping[str, torch.Tensor], origin: str) -> None:
    """Copy tensors into a module, all of them, after checking each.

    Raises:
        CheckpointError: naming the first tensor that is missing, extra, misshapen or not finite.
    """
    own = module.state_dict()
    for name in own:
        if name not in tensors:
            raise CheckpointError(f"{origin}: tensor {name!r} {tuple(own[name].shape)} is missing")
    for name, tensor in tensors.items():
        if name not in own:
            raise CheckpointError(f"{origin}: tensor {name!r} {tuple(tensor.shape)} is not part of this network")
        if tensor.shape != own[name].shape:
            raise CheckpointError(
                f"{origin}: tensor {name!r} must be {tuple(own[name].shape)}, got {tuple(tensor.shape)}; "
                "do card.json and weights belong together?"
            )
        if not torch.isfinite(tensor).all():
            raise CheckpointError(
                f"{origin}: tensor {name!r} holds NaN or infinity; the file or its training is broken"
            )
    module.load_state_dict({name: tensor.to(own[name].dtype) for name, tensor in tensors.items()})


def find(checkpoint: str | Path) -> Path:
    """The folder of a checkpoint: a path, or the name of one that ships with the package."""
    folder = Path(checkpoint)
    if (folder / "card.json").is_file():
        return folder
    packaged = PACKAGED / str(checkpoint)
    if folder.name == str(checkpoint) and (packaged / "card.json").is_file():
        return packaged
    shipped = sorted(path.parent.name for path in PACKAGED.glob("*/card.json"))
    raise CheckpointError(
        f"no checkpoint {str(checkpoint)!r}: expected a folder with a card.json, or one of {shipped or '(none)'}"
    )


def save(
    folder: Path, card: WorldCard, tokenizer: Tokenizer, dynamics: Dynamics | None = None, starts: Clip | None = None
) -> None:
    """Write a checkpoint, replacing what was there; weights in bf16, statistics as they are."""
    temporary = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    write_tensors(temporary / "tokenizer.safetensors", _half(tokenizer))
    if dynamics is not None:
        write_tensors(temporary / "dynamics.safetensors", _half(dynamics))
    if starts is not None:
        write_tensors(*_starts_to_file(temporary / "starts.safetensors", starts))
    write_json(temporary / "card.json", card.to_json())
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    temporary.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def load(checkpoint: str | Path) -> tuple[WorldCard, Tokenizer, Dynamics | None, Clip | None]:
    """Read a checkpoint: card, tokenizer, dynamics (None in a tokenizer's own), stored starts (None without).

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
    return card, tokenizer, dynamics, _starts_from_file(starts, card) if starts.exists() else None


def read_card(folder: Path) -> WorldCard:
    """The card of a checkpoint folder. Raises `CheckpointError`."""
    try:
        data = json.loads((folder / "card.json").read_text())
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder}/card.json is missing") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{folder}/card.json is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise CheckpointError(f"{folder}/card.json must hold an object, got {type(data).__name__}")
    return WorldCard.from_json(data)


def _half(module: nn.Module) -> dict[str, torch.Tensor]:
    """A module's tensors, parameters as bf16."""
    parameters = {name for name, _ in module.named_parameters()}
    return {
        name: tensor.detach().to(torch.bfloat16) if name in parameters else tensor.detach()
        for name, tensor in module.state_dict().items()
    }


def _starts_to_file(path: Path, starts: Clip) -> tuple[Path, dict[str, torch.Tensor], dict[str, str]]:
    texts = [[asdict(prompt) for prompt in line] for line in starts.text]
    arrays = {name: torch.from_numpy(getattr(starts, name)) for name in ("frames", "actions", "events")}
    flags = ("terminated", "truncated", "mask")
    arrays |= {name: torch.from_numpy(getattr(starts, name).astype(np.uint8)) for name in flags}
    return path, arrays, {"text": json.dumps(texts), "fps": repr(starts.fps)}


def _starts_from_file(path: Path, card: WorldCard) -> Clip:
    arrays = {name: tensor.numpy() for name, tensor in read_tensors(path).items()}
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
    try:
        clip = Clip(
            arrays["frames"], arrays["actions"], arrays["events"],
            *(arrays[name].astype(bool) for name in ("terminated", "truncated", "mask")),
            text=[[Prompt(**prompt) for prompt in line] for line in json.loads(metadata["text"])],
            fps=float(metadata["fps"]),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"starts.safetensors: {error}") from error
    pairs = {
        "frames": (clip.frames.shape[2:4], card.size),
        "actions": (clip.actions.shape[2], card.action_spec.width),
        "events": (clip.events.shape[2], len(card.event_names)),
    }
    for name, (found, expected) in pairs.items():
        if found != expected:
            raise CheckpointError(f"starts.safetensors: {name} must be {expected} to go with card.json, got {found}")
    return clip


def continue_from(dynamics: Dynamics, card: WorldCard, old: Dynamics, old_card: WorldCard) -> list[str]:
    """Copy what was learned into a network of other words, events or actions; returns what started anew.

    Rows that belong to a word, an event or an action field are matched by name, so that nothing learned is lost when
    the world grows. All other tensors are copied where their shapes agree.
    """
    named = {
        "text.embed": (0, card.vocabulary, old_card.vocabulary),
        "event_head.weight": (0, card.event_names, old_card.event_names),
        "event_head.bias": (0, card.event_names, old_card.event_names),
        "action_in.weight": (1, card.action_spec.names, old_card.action_spec.names),
    }
    source, target, fresh = old.state_dict(), dynamics.state_dict(), []
    for name, tensor in target.items():
        learned = source.get(name)
        if name in named and learned is not None:
            axis, new_names, old_names = named[name]
            rows, learned_rows = tensor.movedim(axis, 0), learned.movedim(axis, 0)
            places = {key: i for i, key in enumerate(old_names)}
            pairs = [(i, places[key]) for i, key in enumerate(new_names) if key in places]
            if pairs and rows.shape[1:] == learned_rows.shape[1:]:
                mine, theirs = (torch.tensor(side) for side in zip(*pairs, strict=True))
                rows[mine] = learned_rows[theirs]
                continue
        elif learned is not None and learned.shape == tensor.shape:
            tensor.copy_(learned)
            continue
        fresh.append(name)
    return fresh

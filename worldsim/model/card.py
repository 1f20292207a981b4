"""`WorldCard`: what a checkpoint is, beside its numbers, as a value and as the JSON of `card.json`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from worldsim.actions import ActionError, ActionSpec
from worldsim.model.dynamics import DynamicsConfig
from worldsim.model.pull import Pull
from worldsim.model.temperature import Temperature
from worldsim.model.text import PAD, UNKNOWN, EncoderCard, PromptError, TextConfig, Vocabulary
from worldsim.model.tokenizer import Tokenizer, TokenizerConfig

__all__ = ["CheckpointError", "WorldCard", "read_card"]

VERSION = 1
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
        env: id and kwargs of the true env it was learned from, and image_key where that env has several pictures.
        shown: (H, W) of the true env's own pictures, where frames are of another size; play shows frames in that shape.
        tokenizer, dynamics: sizes of the networks; dynamics is None in a checkpoint of a tokenizer alone.
        vocabulary: the words it knows, in the order of their rows.
        context_level: noise level at which it likes to see given frames in play.
        shift: how far the levels of denoising passes crowd towards noise in play; see `noise.sampling_levels`.
        passes: denoising passes that make a frame in play.
        temperature: size of the noise that frames in play begin as.
        pull: where in play prompts are followed more strongly than the network does of itself.
        foretells: whether events of frames that are made are read in their first pass, from the past and the action, as
            it was trained to (`--loss.foretell`); else from the finished frame, as those of given ones are.
        redraws: the events for which a frame is drawn again, told that they happen, where its first pass foretells one.
        training: record of the training: data, compute, metrics, limits.
        encoder: the text encoder of others that reads its prompts, or None: its own reads them.
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
    shift: float = 1.0
    passes: int = 2
    temperature: Temperature = field(default_factory=Temperature)
    pull: Pull = field(default_factory=Pull)
    foretells: bool = False
    redraws: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    shown: tuple[int, int] | None = None
    encoder: EncoderCard | None = None

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
        keys = ("name", "size", "fps", "env", "context_level", "shift", "passes", "foretells", "training", "shown")
        plain = {key: getattr(self, key) for key in keys}
        foreign = {} if self.encoder is None else {"encoder": asdict(self.encoder)}
        return plain | foreign | {
            "version": VERSION,
            "action_spec": self.action_spec.to_json(),
            "event_names": list(self.event_names),
            "redraws": list(self.redraws),
            "temperature": asdict(self.temperature),
            "pull": asdict(self.pull),
            "tokenizer": asdict(self.tokenizer),
            "dynamics": None if self.dynamics is None else _dynamics_to_json(self.dynamics),
            "vocabulary": list(self.vocabulary),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> WorldCard:
        """The inverse of `to_json`. Raises `CheckpointError` naming what is missing or malformed."""
        if data.get("version") != VERSION:
            raise CheckpointError(f"card.json: this worldsim reads version {VERSION}, got {data.get('version')!r}")
        try:
            dynamics = data["dynamics"]
            encoder = None if data.get("encoder") is None else _config(EncoderCard, data["encoder"])
            hidden = 0 if encoder is None else encoder.hidden
            card = cls(
                name=str(data["name"]),
                size=(int(data["size"][0]), int(data["size"][1])),
                fps=float(data["fps"]),
                action_spec=ActionSpec.from_json(data["action_spec"]),
                event_names=tuple(data["event_names"]),
                env=dict(data["env"]),
                tokenizer=_config(TokenizerConfig, data["tokenizer"]),
                dynamics=None if dynamics is None else _dynamics_config(dynamics, hidden),
                vocabulary=tuple(data["vocabulary"]),
                context_level=float(data["context_level"]),
                shift=float(data.get("shift", 1.0)),
                passes=int(data.get("passes", 2)),
                temperature=_config(Temperature, data.get("temperature", {})),
                pull=_config(Pull, data.get("pull", {})),
                foretells=bool(data.get("foretells", False)),
                redraws=tuple(data.get("redraws", ())),
                training=dict(data["training"]),
                shown=None if data.get("shown") is None else (int(data["shown"][0]), int(data["shown"][1])),
                encoder=encoder,
            )
            Vocabulary(card.vocabulary)
        except KeyError as error:
            raise CheckpointError(f"card.json: field {error} is missing") from error
        except (TypeError, ValueError, ActionError, PromptError) as error:
            raise CheckpointError(f"card.json: {error}") from error
        _check_card(card)
        return card


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


def _check_card(card: WorldCard) -> None:
    config = card.dynamics
    grain = Tokenizer.stride * (1 if config is None else config.patch)
    if min(card.size) < grain or card.size[0] % grain or card.size[1] % grain:
        raise CheckpointError(f"card.json: size must be (H, W) in steps of {grain}, got {card.size}")
    if card.shown is not None and min(card.shown) < 1:
        raise CheckpointError(f"card.json: shown must be (H, W) in pixels, got {card.shown}")
    if not 0 < card.fps < math.inf:
        raise CheckpointError(f"card.json: fps must be positive, got {card.fps}")
    if not 0 <= card.context_level <= 1:
        raise CheckpointError(f"card.json: context_level must be in [0, 1], got {card.context_level}")
    if not 0 < card.shift < math.inf:
        raise CheckpointError(f"card.json: shift must be positive, got {card.shift}")
    if card.passes < 1:
        raise CheckpointError(f"card.json: passes must be at least 1, got {card.passes}")
    if config is None:
        return
    if card.tokenizer.time_stride != 1:
        raise CheckpointError(
            f"card.json: tokenizer.time_stride must be 1 beside a dynamics network, got {card.tokenizer.time_stride}"
        )
    if unknown := sorted(set(card.redraws) - set(card.event_names[1:])):
        raise CheckpointError(f"card.json: redraws must be among event_names, those that are not are {unknown}")
    if card.redraws and not (card.foretells and config.draws_events):
        raise CheckpointError("card.json: redraws needs foretells, and dynamics.draws_events; one of them is false")
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


def _dynamics_to_json(config: DynamicsConfig) -> dict[str, Any]:
    """Without what the encoder says."""
    text = asdict(config.text)
    del text["hidden"]
    return asdict(config) | {"text": text}


def _dynamics_config(data: Mapping[str, Any], hidden: int) -> DynamicsConfig:
    full = {"draws_events": False, **data}  # older networks cannot
    return _config(DynamicsConfig, {**full, "text": _config(TextConfig, {**data["text"], "hidden": hidden})})

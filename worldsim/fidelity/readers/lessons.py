"""What readers learn from: true worlds of their own, every second one of them sent through the tokenizer and back.

Actions and attributes come from one recording of the default policy, under a sky that changes every 16 rows where the
env lets itself be edited (weather is rare by itself). Turns of every size come from a second one, where the env has
an action space with fine camera angles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from tqdm import tqdm

from worldsim.actions import ActionSpec
from worldsim.clip import pixels_from_unit, pixels_to_unit
from worldsim.data.episodes import Dataset, Episode
from worldsim.data.record import record
from worldsim.data.rollout import CAPTION_ROWS, Job, Policy, Recorder, default_policy, make_policy
from worldsim.fidelity.readers.words import ATTRIBUTES, caption_values
from worldsim.model.card import WorldCard
from worldsim.model.precision import has_bfloat16
from worldsim.model.tokenizer import Tokenizer

__all__ = [
    "APART", "CAMERA", "FIRST_LESSON", "Lessons", "Turning", "Varied", "action_classes", "action_lessons",
    "attribute_lessons", "half_copied", "join", "record_turns", "record_varied", "through",
]  # fmt: skip

FIRST_LESSON = 2**29  # of recordings: those for training take small seeds, held-out ones begin at 2**30
CAMERA = ("cameraX", "cameraY")  # fields of the action vector that turn the view: yaw, pitch
APART = {"actions": 1, "attributes": 2}  # rows between the three frames that a reader sees
SURE = (4, 12)  # rows of a caption's interval in which it surely holds; it was made in the middle
# Kwargs of envs, by how their ids begin, that give an action space with fine camera angles.
FINE: dict[str, dict[str, Any]] = {"worldsim/Voxel-": {"action_space": "multidiscrete"}}
BATCH = 64  # frames through the tokenizer at a time
SKIES = ("clear", "clear", "rain", "snow", "thunder")


@dataclass(frozen=True)
class Lessons:
    """N triples of frames and what they show.

    Attributes:
        frames: u8 (F, H, W, 3).
        triples: i64 (N, 3), rows of `frames`.
        classes: for each head i64 (N,), -1 where it is not known.
        turns: f32 (N, 2), the camera fields of the action; NaN where there are none.
        worlds: i64 (N,), the seed of each triple's world.
    """

    frames: np.ndarray
    triples: np.ndarray
    classes: dict[str, np.ndarray]
    turns: np.ndarray
    worlds: np.ndarray

    def __len__(self) -> int:
        return len(self.triples)

    def of(self, chosen: np.ndarray) -> Lessons:
        """Some of the triples, by mask or number; the frames are shared."""
        classes = {name: column[chosen] for name, column in self.classes.items()}
        return replace(
            self, triples=self.triples[chosen], classes=classes, turns=self.turns[chosen], worlds=self.worlds[chosen]
        )


class Varied:
    """The env's scripted policy, or else a new random action at every step, so that each action is met often; under a
    sky drawn anew every 16 rows, where the env can be edited so."""

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        """Begin an episode."""
        spec = env.unwrapped.spec
        usual = default_policy("" if spec is None else spec.id)
        self.inner: Policy = make_policy("random" if usual == "sticky" else usual)
        self.inner.reset(env, rng)
        self.row = 0

    def act(self, env: gym.Env[Any, Any], observation: Any, rng: np.random.Generator) -> Any:
        """That policy's action, after a change of the sky when it is time."""
        self.row += 1  # the row that this action leads to
        raw: Any = env.unwrapped
        if self.row % CAPTION_ROWS == 0 or self.row == 1:
            sky, share = str(rng.choice(SKIES)), float(rng.random())
            if hasattr(raw, "set_weather") and hasattr(raw, "set_time"):
                raw.set_weather(sky)
                raw.set_time(share)
        return self.inner.act(env, observation, rng)


class Turning:
    """Turns and tilts by every angle of a MultiDiscrete action space, mostly walking, and comes back to the horizon."""

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        """Begin an episode."""
        self.names = ActionSpec.from_env(env).names
        self.tilt = 0.0

    def act(self, env: gym.Env[Any, Any], observation: Any, rng: np.random.Generator) -> Any:
        """A random turn, a random tilt against the present one, and a step forward half of the time."""
        assert isinstance(env.action_space, spaces.MultiDiscrete)
        bins = env.action_space.nvec
        action = np.zeros(len(bins), env.action_space.dtype)
        yaw, pitch = (self.names.index(name) for name in CAMERA)
        action[[yaw, pitch]] = bins[[yaw, pitch]] // 2  # straight on
        if rng.random() < 0.7:
            action[yaw] = rng.integers(bins[yaw])
        if rng.random() < 0.5:
            down = rng.random() < 0.5 - 0.3 * self.tilt
            action[pitch] += (1 if down else -1) * rng.integers(1, bins[pitch] // 2 + 1)
        if "forward" in self.names:
            action[self.names.index("forward")] = rng.integers(2)
        spec = ActionSpec.from_env(env)
        self.tilt = float(np.clip(self.tilt + spec.encode(action)[pitch], -1.6, 1.6))
        return action


def record_varied(card: WorldCard, worlds: int, rows: int, seed: int, workers: int = 1) -> list[Episode]:
    """Episodes of `rows` rows in as many new worlds, under changing skies. Raises `RecordError`."""
    with TemporaryDirectory() as folder:
        policy = f"{Varied.__module__}:{Varied.__name__}"
        record(
            card.env["id"], policy, worlds * (rows - 1), Path(folder) / "lessons", seed,
            workers=workers, episode_length=rows, env_kwargs=card.env["kwargs"], size=card.size,
            image_key=card.env.get("image_key"),
        )  # fmt: skip
        dataset = Dataset.open(Path(folder) / "lessons")
        return [dataset.read(number) for number in range(len(dataset))]


def record_turns(card: WorldCard, worlds: int, rows: int, seed: int) -> list[Episode]:
    """Episodes with fine turns, or none where the env's id is not in `FINE` or the actions turn no camera."""
    fine = next((kwargs for start, kwargs in FINE.items() if card.env["id"].startswith(start)), None)
    if fine is None or not set(CAMERA) <= set(card.action_spec.names):
        return []
    recorder = Recorder.open(Job(card.env["id"], Turning, rows, {**card.env["kwargs"], **fine}, seed, card.size))
    try:
        numbers = tqdm(range(worlds), desc="turning", unit="world", dynamic_ncols=True, mininterval=0.5)
        return [recorder.episode(number) for number in numbers]
    finally:
        recorder.close()


def action_classes(spec: ActionSpec, actions: np.ndarray) -> np.ndarray:
    """i64 (T,): which action of a Discrete space each vector f32 (T, A) is; -1 for none of them."""
    assert spec.table is not None
    gaps = np.abs(actions[:, None] - spec.table).max(-1)  # (T, n)
    return np.where(gaps.min(1) < 1e-4, gaps.argmin(1), -1)


def action_lessons(spec: ActionSpec, episodes: Sequence[Episode], edited: bool) -> Lessons:
    """The triples around each row: which action led to its middle frame.

    Args:
        spec: of a Discrete space; its actions are the classes.
        episodes: with actions as vectors of the same fields.
        edited: whether the sky changed every 16 rows; triples across such a change are left out.
    """
    cameras = [spec.names.index(name) for name in CAMERA if name in spec.names]
    parts, first = [], 0
    for episode in episodes:
        t = np.arange(1, episode.length - 1)
        t = t[(t % CAPTION_ROWS > 1) & (t % CAPTION_ROWS < CAPTION_ROWS - 1)] if edited else t
        turns = np.full((len(t), 2), np.nan, np.float32)
        if len(cameras) == 2:
            turns = episode.actions[t][:, cameras]
        parts.append((_triples(t, "actions") + first, {"action": action_classes(spec, episode.actions[t])}, turns))
        first += episode.length
    return _lessons(episodes, parts)


def attribute_lessons(episodes: Sequence[Episode]) -> Lessons:
    """The triples in which a caption surely holds, and what it says."""
    parts, first = [], 0
    for episode in episodes:
        for caption in episode.captions:
            values, end = caption_values(caption.short), min(caption.end, episode.length)
            t = np.arange(caption.start + SURE[0], min(caption.start + SURE[1] + 1, end - APART["attributes"]))
            if values is None or not len(t):
                continue
            classes = {name: np.full(len(t), list(ATTRIBUTES[name]).index(values[name])) for name in ATTRIBUTES}
            parts.append((_triples(t, "attributes") + first, classes, np.full((len(t), 2), np.nan, np.float32)))
        first += episode.length
    return _lessons(episodes, parts)


def _triples(t: np.ndarray, kind: str) -> np.ndarray:
    return t[:, None] + APART[kind] * np.array([-1, 0, 1])  # (N, 3)


def _lessons(
    episodes: Sequence[Episode], parts: Sequence[tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]]
) -> Lessons:
    frames = np.concatenate([episode.frames for episode in episodes])
    seeds = np.concatenate([np.full(episode.length, episode.seed) for episode in episodes])
    triples = np.concatenate([part[0] for part in parts]) if parts else np.empty((0, 3), np.int64)
    heads = parts[0][1] if parts else ()
    classes = {name: np.concatenate([part[1][name] for part in parts]) for name in heads}
    turns = np.concatenate([part[2] for part in parts]) if parts else np.empty((0, 2), np.float32)
    return Lessons(frames, triples, classes, turns, seeds[triples[:, 1]])


def join(one: Lessons, other: Lessons) -> Lessons:
    """Both lessons as one."""
    return Lessons(
        np.concatenate([one.frames, other.frames]), np.concatenate([one.triples, other.triples + len(one.frames)]),
        {name: np.concatenate([one.classes[name], other.classes[name]]) for name in one.classes},
        np.concatenate([one.turns, other.turns]), np.concatenate([one.worlds, other.worlds]),
    )  # fmt: skip


def half_copied(tokenizer: Tokenizer, episodes: Sequence[Episode]) -> list[Episode]:
    """The episodes, every second one with its frames sent through the tokenizer and back."""
    bar = tqdm(episodes, desc="tokenizer's copies", unit="world", dynamic_ncols=True, mininterval=0.5)
    return [
        replace(episode, frames=through(tokenizer, episode.frames, half=True)) if number % 2 else episode
        for number, episode in enumerate(bar)
    ]


@torch.no_grad()
def through(tokenizer: Tokenizer, frames: np.ndarray, half: bool = False) -> np.ndarray:
    """Frames u8 (F, H, W, 3) encoded and decoded again; with `half` in bfloat16, where the processor has that."""
    device, shown = tokenizer.mean.device, np.empty_like(frames)
    with torch.autocast(device.type, torch.bfloat16, enabled=half and (device.type != "cpu" or has_bfloat16())):
        for first in range(0, len(frames), BATCH):
            part = slice(first, first + BATCH)
            units = pixels_to_unit(frames[None, part]).to(device)
            shown[part] = pixels_from_unit(tokenizer.decode(tokenizer.encode(units)))[0]
    return shown

"""What cases of wrong input are made of: damage done to sound files, and uses that have to notice.

A case damages a copy of a sound checkpoint and a sound dataset, or leaves them, and then uses them as a caller would.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces

import counter
from networks import SIZE, tiny_card, tiny_dynamics, tiny_tokenizer, tiny_world
from training_runs import dynamics_run, tokenizer_run
from worldsim.data.episodes import Dataset
from worldsim.data.record import record
from worldsim.model.tensors import read_tensors, write_tensors
from worldsim.sampling.world import World
from worldsim.training.stages import train_dynamics, train_tokenizer
from worldsim_envs.learned import LearnedVectorEnv


class Blind(gym.Env):
    """An env without any picture."""

    observation_space = spaces.Box(-1, 1, (3,))
    action_space = spaces.Discrete(2)


gym.register("Blind-v0", entry_point=Blind)


@dataclass(frozen=True)
class Case:
    """What is wrong, the error and the words in it that name the thing, the use, and the damage done before it."""

    what: str
    error: type[Exception]
    says: tuple[str, ...]
    use: Callable[[Path], object]
    damage: Callable[[Path], object] = lambda place: None


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything under a folder, byte by byte."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


# -- damage ----------------------------------------------------------------------------------------------------------


def tensors(file: str, change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    """Change the tensors of a file of the checkpoint."""

    def damage(place: Path) -> None:
        path = place / "checkpoint" / f"{file}.safetensors"
        found = read_tensors(path)
        change(found)
        write_tensors(path, found, {"text": "[]", "fps": "10"})

    return damage


def card(change: Callable[[dict[str, Any]], object], file: str = "checkpoint/card.json") -> Callable[[Path], None]:
    """Change the JSON of a file."""

    def damage(place: Path) -> None:
        data = json.loads((place / file).read_text())
        change(data)
        (place / file).write_text(json.dumps(data))

    return damage


def text(file: str, content: bytes) -> Callable[[Path], object]:
    return lambda place: (place / file).write_bytes(content)


def cut(file: str, share: float = 0.5) -> Callable[[Path], object]:
    def damage(place: Path) -> None:
        content = (place / file).read_bytes()
        (place / file).write_bytes(content[: int(share * len(content))])

    return damage


def remove(file: str) -> Callable[[Path], object]:
    return lambda place: (place / file).unlink()


def poke(tensor: torch.Tensor, value: float) -> None:
    tensor.view(-1)[3] = value


def not_finite_episode(place: Path) -> None:
    """A NaN action in an episode of unchanged size."""
    file = place / "data" / "episodes" / "000001.safetensors"
    found = read_tensors(file)
    size = file.stat().st_size
    found["actions"][7, 1] = float("nan")
    captions = json.dumps(
        [
            {"start": c.start, "end": c.end, "short": c.short, "detailed": c.detailed}
            for c in Dataset.open(place / "data").read(1).captions
        ]
    )
    write_tensors(file, found, {"captions": captions})
    assert file.stat().st_size == size


# -- use -------------------------------------------------------------------------------------------------------------


def open_world(place: Path) -> World:
    return World.from_pretrained(place / "checkpoint")


def read_all(place: Path) -> None:
    dataset = Dataset.open(place / "data")
    for number in range(len(dataset)):
        dataset.read(number)


def on_world(use: Callable[[World], object], rows: int = 2, reset: bool = True) -> Callable[[Path], object]:
    """Use a world of two rows that has been reset."""

    def act(place: Path) -> None:
        world = tiny_world(rows)
        if reset:
            world.reset(seeds=range(rows))
        before = [tensor.clone() for tensor in (world.cache.last, world.cache.count, *world.cache.keys)], world.prompts
        try:
            use(world)
        finally:
            after = [world.cache.last, world.cache.count, *world.cache.keys], world.prompts
            assert before[1] == after[1] and all(map(torch.equal, before[0], after[0])), "the world was changed"

    return act


def on_env(use: Callable[[LearnedVectorEnv], object], reset: bool = True) -> Callable[[Path], object]:
    """Use a vector env of two rows that has been reset."""

    def act(place: Path) -> None:
        env = LearnedVectorEnv(2, tiny_world(2))
        if reset:
            env.reset(seed=0)
        use(env)

    return act


def recorded(**changes: Any) -> Callable[[Path], object]:
    arguments = {"env_id": counter.ID, "policy": "random", "steps": 5, "seed": 0}
    return lambda place: record(**{"folder": place / "new", **arguments, **changes})


def tokenizer_stage(data: str = "data", out: str = "new", resume: bool = False, **changes: Any) -> Callable:
    return lambda place: train_tokenizer(replace(tokenizer_run(place / data, place / out, resume), **changes))


def dynamics_stage(tokenizer: str = "tokenizer", data: tuple[str, ...] = ("data",), **changes: Any) -> Callable:
    def act(place: Path) -> None:
        run = dynamics_run(place, place / tokenizer, place / changes.pop("out", "new"), changes.pop("resume", False))
        start = str(place / changes.pop("start")) if "start" in changes else ""
        train_dynamics(replace(run, data=tuple(place / folder for folder in data), start=start, **changes))

    return act


ZERO = np.zeros((2, 5), np.float32)
FRAMES = np.zeros((2, 3, *SIZE, 3), np.uint8)
LONG = "one two three four five six seven eight nine"
UP = "blocks.0.mlp.up.weight"


def act_of(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], object]:
    return on_world(lambda world: world.imagine(change(ZERO.copy())))


def wrong_action(value: float) -> Callable[[Path], object]:
    return act_of(lambda zero: np.where(np.arange(5) == 2, np.float32(value), zero))


def three_rows() -> World:
    world = tiny_world(3)
    world.reset(seeds=(0, 1, 2))
    return world


def another_network() -> World:
    world = World(tiny_card(), tiny_tokenizer(), tiny_dynamics(depth=2), None, rows=2, steps=1)
    world.reset(seeds=(0, 1))
    return world

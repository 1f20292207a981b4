"""A whole checkpoint, small enough to make in a test: random networks on the voxel world's actions and events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch

from worldsim.actions import ActionSpec
from worldsim.clip import Clip
from worldsim.data.envs import describe_env, open_env
from worldsim.model.card import WorldCard
from worldsim.model.checkpoint import save
from worldsim.model.dynamics import Dynamics, DynamicsConfig
from worldsim.model.text import TextConfig, Vocabulary
from worldsim.model.tokenizer import Tokenizer, TokenizerConfig

SIZE = (64, 64)
KWARGS = {"size": [64, 64], "world_size": [64, 64, 48]}


def save_tiny_checkpoint(folder: Path, name: str = "tiny", starts: int = 3, seed: int = 0) -> Path:
    """Write a checkpoint with random weights, the words of a few prompts, and stored starts from the voxel world."""
    env = gym.make("worldsim/Voxel-v0", **KWARGS)
    spec, raw = ActionSpec.from_env(env), env.unwrapped
    names = ("reward", *raw.event_names)  # type: ignore[attr-defined]
    vocabulary = Vocabulary.collect(["a desert at night", "a snowy forest, a player walks"])
    generator = torch.Generator().manual_seed(seed)
    tokenizer_config = TokenizerConfig(channels=4, widths=(8, 8, 8))
    dynamics_config = DynamicsConfig(
        channels=4, width=32, depth=4, head_width=16, time_groups=1, text_every=2, condition=16,
        actions=spec.width, events=len(names), window=6, words=len(vocabulary),
        text=TextConfig(width=64, depth=1, longest=8),
    )  # fmt: skip
    tokenizer, dynamics = Tokenizer(tokenizer_config), Dynamics(dynamics_config)
    with torch.no_grad():
        for parameter in (*tokenizer.parameters(), *dynamics.parameters()):  # nothing stays at its zero start
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.15)
    card = WorldCard(
        name, SIZE, 10.0, spec, names, {"id": "worldsim/Voxel-v0", "kwargs": KWARGS}, tokenizer_config, dynamics_config,
        tuple(vocabulary.words),
    )  # fmt: skip
    save(folder, card, tokenizer, dynamics, _starts(env, spec, starts, len(names)))
    return folder


def save_checkpoint(
    folder: Path, env_id: str, kwargs: dict, size: tuple[int, int], image_key: str | None = None, **changes
) -> str:
    """A checkpoint of small networks with random weights, on the card that training on this env would write."""
    env = open_env(env_id, kwargs, image_key)
    info = describe_env(env, env_id, kwargs, size, None, image_key)
    env.close()
    tokens = TokenizerConfig(channels=4, widths=(8, 8, 8))
    config = DynamicsConfig(
        channels=4, width=32, depth=4, head_width=16, time_groups=1, text_every=2, condition=16,
        actions=info.actions.width, events=len(info.event_names), window=6, words=2,
        text=TextConfig(width=64, depth=1, longest=8),
    )  # fmt: skip
    tokenizer, dynamics = Tokenizer(tokens), Dynamics(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in (*tokenizer.parameters(), *dynamics.parameters()):
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.15)
    card = WorldCard("own", size, info.fps, info.actions, info.event_names, info.env, tokens, config)
    save(folder, replace(card, **changes), tokenizer, dynamics)
    return str(folder)


def _starts(env: gym.Env, spec: ActionSpec, count: int, events: int, length: int = 3) -> Clip:
    """Clips of the true world, walking forward."""
    frames = np.zeros((count, length, *SIZE, 3), np.uint8)
    actions = np.zeros((count, length, spec.width), np.float32)
    for row in range(count):
        frames[row, 0] = env.reset(seed=row)[0]
        for t in range(1, length):
            actions[row, t] = spec.encode(1)
            frames[row, t] = env.step(1)[0]
    flags = np.zeros((count, length), np.bool_)
    return Clip(frames, actions, np.zeros((count, length, events), np.float32), flags, flags, ~flags)

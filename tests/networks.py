"""Tiny networks in which every weight is random, also those that begin at zero, and what goes into them.

A network whose last layer is zero answers zero whatever it is asked, and would pass almost any property.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import torch
from gymnasium import spaces
from torch import nn

from worldsim.actions import ActionSpec
from worldsim.model.card import WorldCard
from worldsim.model.dynamics import Condition, Dynamics, DynamicsConfig, Words
from worldsim.model.refiner import Refiner, RefinerConfig
from worldsim.model.text import TextConfig, Vocabulary
from worldsim.model.tokenizer import Tokenizer, TokenizerConfig
from worldsim.sampling.world import World

WORDS = Vocabulary.collect(["a desert at night, rain falls", "snow on high hills"])
SPEC = ActionSpec.from_space(spaces.Discrete(5))
EVENTS = ("reward", "jumped", "fell")
SIZE = (32, 48)  # 4×6 latent cells, 2×3 patches
TOKENIZER = TokenizerConfig(channels=3, widths=(8, 8, 8))
DYNAMICS = DynamicsConfig(
    channels=3, patch=2, width=32, depth=4, head_width=16, time_every=2, time_groups=1, text_every=4, hidden=2,
    condition=16, actions=5, events=3, window=4, text=TextConfig(width=64, depth=1, longest=8), words=len(WORDS),
)  # fmt: skip

Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def scattered(network: Network, seed: int = 0, spread: float = 0.15) -> Network:
    """The network with every parameter drawn anew."""
    generator, told = (torch.Generator().manual_seed(seed + apart) for apart in (0, 1000))
    for name, parameter in network.named_parameters():
        one = told if name.startswith("event_in") else generator  # the others are drawn as in networks without it
        parameter.copy_(torch.randn(parameter.shape, generator=one) * spread)
    return network.eval()


def tiny_dynamics(seed: int = 0, **changes: Any) -> Dynamics:
    return scattered(Dynamics(replace(DYNAMICS, **changes)), seed)


def tiny_tokenizer(seed: int = 0, **changes: Any) -> Tokenizer:
    return scattered(Tokenizer(replace(TOKENIZER, **changes)), seed)


def tiny_refiner(seed: int = 0, **changes: Any) -> Refiner:
    return scattered(Refiner(replace(RefinerConfig(channels=3, actions=5, past=2, width=8, depth=1), **changes)), seed)


def tiny_card(**changes: Any) -> WorldCard:
    card = WorldCard("tiny", SIZE, 10.0, SPEC, EVENTS, {"id": "none", "kwargs": {}}, TOKENIZER, DYNAMICS)
    return replace(card, vocabulary=tuple(WORDS.words), **changes)


def tiny_world(
    rows: int = 1, steps: int | None = 2, seed: int = 0, card: dict[str, Any] | None = None, **settings: Any
) -> World:
    networks = tiny_tokenizer(seed), tiny_dynamics(seed)
    settings = {"refiner": tiny_refiner(seed)} | settings
    return World(tiny_card(**card or {}), *networks, None, rows=rows, steps=steps, **settings)


def random_clip(
    rows: int, length: int, seed: int = 0, height: int = 4, width: int = 6, prompts: int = 2
) -> tuple[torch.Tensor, torch.Tensor, Condition]:
    """Noisy latents (B, T, C, h, w), their levels (B, T), and actions and prompts to go with them."""
    generator = torch.Generator().manual_seed(seed)
    noisy = torch.randn(rows, length, DYNAMICS.channels, height, width, generator=generator)
    level = torch.rand(rows, length, generator=generator)
    actions = torch.rand(rows, length, DYNAMICS.actions, generator=generator) * 2 - 1
    acted = torch.rand(rows, length, generator=generator) < 0.8
    words = None
    if prompts:
        numbers = torch.randint(2, len(WORDS), (rows, prompts, 8), generator=generator)
        present = torch.arange(8) < torch.randint(1, 9, (rows, prompts, 1), generator=generator)
        words = Words(numbers, present, torch.rand(rows, length, prompts, generator=generator) < 0.5)
    return noisy, level, Condition(actions, acted, words)


def at(condition: Condition, t: int, rows: slice = slice(None)) -> Condition:
    """The condition of frame t alone."""
    words = condition.words
    if words is not None:
        words = Words(words.numbers[rows], words.present[rows], words.seen[rows, t : t + 1])
    return Condition(condition.actions[rows, t : t + 1], condition.acted[rows, t : t + 1], words)

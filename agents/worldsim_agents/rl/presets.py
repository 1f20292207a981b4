"""What each learner and each task asks for, as tables of plain values; a recipe of both is stored with every agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gymnasium import spaces

__all__ = ["LEARNERS", "PRESETS", "Learner", "Name", "Preset", "preset"]

Name = Literal["ppo", "recurrent-ppo", "dqn", "qr-dqn"]


@dataclass(frozen=True)
class Learner:
    """One algorithm.

    Attributes:
        home: module and class.
        policy: stable-baselines3's name of the network.
        settings: keyword arguments of the algorithm.
        stack: frames that it sees at once.
        takes: the kinds of actions that it chooses among.
        continuous: settings that differ where actions are a Box.
    """

    home: tuple[str, str]
    policy: str
    settings: Mapping[str, Any]
    stack: int = 2
    takes: tuple[type[spaces.Space[Any]], ...] = (spaces.Discrete,)
    continuous: Mapping[str, Any] = field(default_factory=dict)


_MOST = (spaces.Discrete, spaces.Box, spaces.MultiDiscrete)
_ACTOR = {
    "n_steps": 64, "batch_size": 256, "n_epochs": 4, "learning_rate": 3e-4, "ent_coef": 0.01, "gamma": 0.98,
    "gae_lambda": 0.95, "clip_range": 0.2, "vf_coef": 0.5, "max_grad_norm": 0.5,
}  # fmt: skip
_GAUSSIAN = {"ent_coef": 0.0}  # the entropy of a Gaussian has no limit, and what lies outside a Box is cut off
_VALUES = {
    "buffer_size": 20_000, "learning_starts": 1000, "batch_size": 64, "train_freq": 2, "gradient_steps": 1,
    "learning_rate": 2.5e-4, "gamma": 0.98, "target_update_interval": 500, "exploration_fraction": 0.3,
    "exploration_final_eps": 0.05,
}  # fmt: skip
LEARNERS: dict[str, Learner] = {
    "ppo": Learner(("stable_baselines3", "PPO"), "CnnPolicy", _ACTOR, 2, (*_MOST, spaces.MultiBinary), _GAUSSIAN),
    "recurrent-ppo": Learner(  # sb3-contrib keeps MultiBinary actions as int8, of which torch takes no likelihood
        ("sb3_contrib", "RecurrentPPO"), "CnnLstmPolicy", {**_ACTOR, "batch_size": 128}, 1, _MOST, _GAUSSIAN
    ),
    "dqn": Learner(("stable_baselines3", "DQN"), "CnnPolicy", _VALUES),
    "qr-dqn": Learner(("sb3_contrib", "QRDQN"), "CnnPolicy", _VALUES),
}


@dataclass(frozen=True)
class Preset:
    """What a task asks for.

    Attributes:
        shaping: what events on the way pay in training, beside the task's own reward; evaluation leaves it out.
        most: how often each of them pays in an episode.
        horizon: steps of a rollout in the learned world.
        settings: by learner, what differs from its own settings.
    """

    shaping: Mapping[str, float] = field(default_factory=dict)
    most: int = 8
    horizon: int = 48
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_MINING = {"cracked": 0.05}
PRESETS: dict[str, Preset] = {
    "ChopTree": Preset(_MINING),
    "CollectSand": Preset({"cracked": 0.02, "mined_sand": 0.1, "collected_sand": 0.2}),
    "MineIron": Preset(_MINING),
    "ShatterGlass": Preset(_MINING),
    "Hunt": Preset({"hurt_animal": 0.2}),
    "CraftPickaxe": Preset({"cracked": 0.02, "collected_wood": 0.2, "crafted_planks": 0.2, "crafted_stick": 0.2,
                            "placed_crafting_table": 0.3}, horizon=96),
    "BuildTower": Preset({"placed": 0.1}),
    "PaintSign": Preset({"painted": 0.2}),
    "EatCake": Preset({"cake_eaten": 0.1}),
    "CrossWater": Preset({"entered_water": 0.2, "left_water": 0.2}, most=1),
    "Explore": Preset(horizon=64),
    "Survival": Preset(horizon=96),
}  # fmt: skip


def preset(task: str) -> Preset:
    """The preset of a task; one without rewards of its own making where the table has none."""
    return PRESETS.get(task, Preset())

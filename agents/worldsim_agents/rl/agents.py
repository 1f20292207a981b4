"""Learners made from recipes, and their zips: stable-baselines3's own format, read without unpickling anything.

A zip of stable-baselines3 holds tensors, which torch reads with `weights_only=True`, and a JSON file whose odd values
are pickles: loading those runs whatever code their author wished. So a zip written here also holds `worldsim.json`, the
recipe in plain values. `load_agent` builds the learner from the recipe and fills in the tensors; it looks at nothing
else, and refuses a zip without a recipe. Stable-baselines3 itself still loads our zips.
"""

from __future__ import annotations

import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from worldsim.files import replacing_file
from worldsim_agents.rl.actions import Actions, chosen_in, space_of
from worldsim_agents.rl.presets import LEARNERS, preset

__all__ = [
    "AgentError", "LatentNetwork", "Recipe", "check_takes", "load_agent", "make_agent", "recipe_for", "save_agent",
]  # fmt: skip

RECIPE = "worldsim.json"
VERSION = 1
MOST_VALUES = 1 << 24  # of an observation
LARGEST = 1 << 30  # bytes of a zip's parts, unpacked
LEAST_SIDE = 36  # pixels that stable-baselines3's own network for pictures needs


class AgentError(ValueError):
    """An agent that cannot be made, or a file that is none."""


@dataclass(frozen=True)
class Recipe:
    """All that makes a learner but its weights; plain values, for JSON.

    Attributes:
        learner: of `presets.LEARNERS`.
        task: what it was trained for.
        obs: "rgb" or "latent".
        stack: frames that it sees at once.
        settings: keyword arguments of the algorithm.
        observation: its shape after stacking.
        actions: what it chooses among: how many there are, or another space than Discrete; see `actions.Choices`.
        seed: of its first weights and of all its chances.
        story: how it was trained.
    """

    learner: str
    task: str
    obs: str
    stack: int
    settings: Mapping[str, Any]
    observation: tuple[int, ...]
    actions: Actions
    seed: int = 0
    story: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.learner not in LEARNERS:
            raise AgentError(f"learner must be one of {', '.join(LEARNERS)}, got {self.learner!r}")
        if self.obs not in ("rgb", "latent"):
            raise AgentError(f"obs must be 'rgb' or 'latent', got {self.obs!r}")
        if odd := [key for key, value in self.settings.items() if not isinstance(value, int | float | str | None)]:
            raise AgentError(f"settings must be numbers or words, those of {', '.join(odd)} are not")
        if not 0 < np.prod(self.observation, dtype=np.float64) <= MOST_VALUES:
            raise AgentError(f"no agent sees {self.observation}")
        try:
            space = space_of(self.actions)
            known = 0 < spaces.flatdim(space) <= MOST_VALUES and chosen_in(space) == space
        except (KeyError, TypeError, ValueError, AssertionError, NotImplementedError):
            known = False
        if not known:
            raise AgentError(f"no agent has the actions {self.actions}")
        check_takes(self.learner, self.action_space)

    @property
    def action_space(self) -> spaces.Space[Any]:
        """What it chooses in."""
        return space_of(self.actions)

    @property
    def observation_space(self) -> spaces.Box:
        """What it sees: u8 pictures, channels last, or f32 latents, channels first."""
        if self.obs == "rgb":
            return spaces.Box(0, 255, tuple(self.observation), np.uint8)
        return spaces.Box(-np.inf, np.inf, tuple(self.observation), np.float32)


class LatentNetwork(BaseFeaturesExtractor):
    """Features of latents or of little pictures (B, C, h, w): two convolutions and a linear layer."""

    def __init__(self, observation_space: spaces.Box, features_dim: int = 256) -> None:
        super().__init__(observation_space, features_dim)
        channels, height, width = observation_space.shape
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * ((height + 1) // 2) * ((width + 1) // 2), features_dim), nn.ReLU(),
        )  # fmt: skip

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return self.layers(observations)


def check_takes(learner: str, space: spaces.Space[Any]) -> None:
    """Raise `AgentError` where a learner cannot choose among the actions of a world."""
    if not isinstance(space, LEARNERS[learner].takes):
        able = [name for name, other in LEARNERS.items() if isinstance(space, other.takes)]
        *first, last = (kind.__name__ for kind in LEARNERS[learner].takes)
        known = f"{', '.join(first)} or {last}" if first else last
        raise AgentError(
            f"{learner} chooses among {known} actions, and this world takes {space}; "
            f"give --learner {' or '.join(able)}"
        )


def recipe_for(
    learner: str, task: str, obs: str, observation: tuple[int, ...], actions: Actions, seed: int,
    settings: Mapping[str, Any] | None = None,
) -> Recipe:  # fmt: skip
    """The recipe of a learner for a task: the learner's settings, the task's over them, and those given over both.

    Raises:
        AgentError: no such learner, or one that does not choose among such actions.
    """
    if learner not in LEARNERS:
        raise AgentError(f"learner must be one of {', '.join(LEARNERS)}, got {learner!r}")
    known = LEARNERS[learner]
    box = known.continuous if isinstance(actions, Mapping) and actions.get("type") == "Box" else {}
    merged = {**known.settings, **box, **preset(task).settings.get(learner, {}), **(settings or {})}
    return Recipe(learner, task, obs, known.stack, merged, observation, actions, seed)


def make_agent(recipe: Recipe, envs: Any = None, log: Path | None = None, device: str = "cpu") -> BaseAlgorithm:
    """A learner with fresh weights on a device, which the recipe's seed decides, for a vector env or for none.

    Raises:
        AgentError: settings that the algorithm does not take.
    """
    home, name = LEARNERS[recipe.learner].home
    algorithm = getattr(import_module(home), name)
    more: dict[str, Any] = {}
    if recipe.obs == "latent" or min(recipe.observation[:2]) < LEAST_SIDE:
        more["policy_kwargs"] = {"features_extractor_class": LatentNetwork}
    try:
        with warnings.catch_warnings():
            if envs is None:
                warnings.filterwarnings("ignore", "You have specified a mini-batch size")  # of rows that are not there
            agent = algorithm(
                LEARNERS[recipe.learner].policy, _Spaces(recipe) if envs is None else envs, **recipe.settings, **more,
                seed=recipe.seed, device=device, verbose=0, tensorboard_log=None if log is None else str(log),
            )  # fmt: skip
    except TypeError as error:
        raise AgentError(f"{recipe.learner} does not take these settings: {error}") from error
    if log is None:
        agent.set_logger(Logger(None, []))  # else it leaves an empty folder in the system's temporary one
    return agent


def save_agent(agent: BaseAlgorithm, recipe: Recipe, path: Path) -> Path:
    """Write stable-baselines3's zip with the recipe beside; returns its path, which ends in .zip."""
    path = path if path.suffix == ".zip" else path.with_name(f"{path.name}.zip")
    buffer = io.BytesIO()
    agent.save(buffer)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(RECIPE, json.dumps({"version": VERSION, **asdict(recipe)}, indent=1))
    with replacing_file(path) as new:
        new.write_bytes(buffer.getvalue())
    return path


def load_agent(path: str | Path) -> tuple[BaseAlgorithm, Recipe]:
    """A learner and its recipe, from a zip of `save_agent`; runs no code of the file.

    Raises:
        AgentError: missing, no zip, without a recipe, too large, or with tensors that do not fit the recipe.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > LARGEST:
                raise AgentError(f"{path}: its parts are larger than {LARGEST >> 20} MiB; this is no agent of ours")
            if RECIPE not in archive.namelist():
                raise AgentError(
                    f"{path} holds no {RECIPE}: other zips of stable-baselines3 hold pickles, which run code when they "
                    "are loaded, so it is refused; if you trust its author, load it with stable-baselines3 yourself"
                )
            recipe = _recipe(json.loads(archive.read(RECIPE)), path)
            tensors = {
                name.removesuffix(".pth"): torch.load(io.BytesIO(archive.read(name)), "cpu", weights_only=True)
                for name in archive.namelist()
                if name.endswith(".pth") and name != "pytorch_variables.pth"
            }
    except FileNotFoundError as error:
        raise AgentError(
            f"{path} does not exist; an agent is a zip of worldsim agent train, or one of random, scripted and planner"
        ) from error
    except IsADirectoryError as error:
        inside = next((f", such as {one}" for one in sorted(path.rglob("*.zip"))), "")
        raise AgentError(f"{path} is a folder; give the zip of an agent{inside}") from error
    except (zipfile.BadZipFile, json.JSONDecodeError, UnicodeDecodeError, pickle.UnpicklingError) as error:
        raise AgentError(f"{path}: damaged, or no agent: {str(error).splitlines()[0]}") from error
    agent = make_agent(recipe)
    try:
        agent.set_parameters(tensors, exact_match=True, device="cpu")
    except (ValueError, RuntimeError, KeyError, AttributeError) as error:
        raise AgentError(f"{path}: its tensors do not fit its recipe: {str(error).splitlines()[0]}") from error
    if hasattr(agent, "exploration_final_eps"):  # as after training: stable-baselines3's own loading does so, too
        agent.exploration_rate = agent.exploration_final_eps  # pyright: ignore[reportAttributeAccessIssue]
    return agent, recipe


def _recipe(data: Any, path: Path) -> Recipe:
    if not isinstance(data, dict) or data.pop("version", None) != VERSION:
        raise AgentError(f"{path}: {RECIPE} must be an object of version {VERSION}")
    try:
        return Recipe(**{**data, "observation": tuple(int(n) for n in data["observation"])})
    except (KeyError, TypeError, ValueError) as error:
        raise AgentError(f"{path}: {RECIPE} is no recipe: {error}") from error


class _Spaces(gym.Env[Any, Any]):
    """An env of which only the spaces matter, for a learner that is not to learn."""

    def __init__(self, recipe: Recipe) -> None:
        self.observation_space = recipe.observation_space
        self.action_space = recipe.action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        return np.zeros(self.observation_space.shape or (), self.observation_space.dtype), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.reset()[0], 0.0, True, False, {}

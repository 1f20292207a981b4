"""`worldsim agent record`: what agents do in the true world, as a dataset that the world model can learn from.

A policy that learns in a model is drawn to where the model errs, and no script goes there. Recordings of such policies
show the model what it got wrong: the loop of Dyna (Sutton 1991) and of DAgger (arXiv 1011.0686), turned by hand.
"""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from worldsim.data.envs import open_env
from worldsim.data.record import record
from worldsim_agents.rl.agents import AgentError, Recipe, load_agent
from worldsim_agents.rl.worlds import true_id

__all__ = ["AgentPolicy", "RecordAgents", "record_agents"]


@dataclass(frozen=True)
class RecordAgents:
    """Record agents in the true world; each episode one of them, drawn at random."""

    agents: tuple[Path, ...]
    """Zips of `worldsim agent train` or `study`, which see pictures."""
    out: Path
    """Where the dataset goes, or grows."""
    task: str = ""
    """The task whose world they play in; that of the first agent by default."""
    steps: int = 20_000
    """Steps to record in all."""
    episode_length: int = 160
    """Rows after which an episode is cut off, its reset among them."""
    best: bool = False
    """Let them always take the action that they think best; else they draw, as when they learn, and wander further."""
    seed: int = 0
    """Decides worlds, agents and what they draw."""
    workers: int = 1
    """Processes."""

    def __post_init__(self) -> None:
        if not self.agents:
            raise AgentError("--agents must name at least one zip")
        for name in ("steps", "episode_length", "workers"):
            if (value := getattr(self, name)) < 1:
                raise AgentError(f"--{name.replace('_', '-')} must be at least 1, got {value}")


class AgentPolicy:
    """A recording policy of agents that see pictures, another one in each episode.

    Args:
        paths: their zips.
        best: as in `RecordAgents`.

    Raises:
        AgentError: no agent, or one that sees latents.
    """

    def __init__(self, paths: tuple[Path, ...], best: bool = False) -> None:
        self._agents = [load_agent(path) for path in paths]
        self._best = best
        for path, (_, recipe) in zip(paths, self._agents, strict=True):
            if recipe.obs != "rgb":
                raise AgentError(f"{path} sees {recipe.obs}, which the true world does not show; give one of --obs rgb")

    def check(self, env: gym.Env[Any, Any]) -> None:
        """Raise `AgentError` where one of them sees or acts otherwise than this env."""
        for _, recipe in self._agents:
            shape, expected = _shape(recipe), env.observation_space.shape
            if shape != expected or recipe.action_space != env.action_space:
                raise AgentError(
                    f"an agent sees {shape} and acts in {recipe.action_space}, this world shows {expected} and takes "
                    f"{env.action_space}"
                )

    def reset(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        self._agent, recipe = self._agents[int(rng.integers(len(self._agents)))]
        self._seen = deque([np.zeros(_shape(recipe), np.uint8)] * recipe.stack, maxlen=recipe.stack)
        self._state, self._first = None, True
        self._agent.set_random_seed(int(rng.integers(2**31)))

    def act(self, env: gym.Env[Any, Any], observation: Any, rng: np.random.Generator) -> Any:
        self._seen.append(np.asarray(observation, np.uint8))
        stacked = np.concatenate(list(self._seen), axis=-1)[None]
        action, self._state = self._agent.predict(stacked, self._state, np.array([self._first]), self._best)
        self._first = False
        return int(action[0]) if isinstance(env.action_space, spaces.Discrete) else action[0]


def _shape(recipe: Recipe) -> tuple[int, ...]:
    """What an agent sees of one frame, channels last."""
    *side, channels = recipe.observation
    return (*side, channels // recipe.stack)


def record_agents(options: RecordAgents) -> list[Path]:
    """Record; returns the files of the new episodes.

    Raises:
        AgentError, RecordError, DatasetError.
    """
    task = options.task or load_agent(options.agents[0])[1].task
    if not task:
        raise AgentError(f"{options.agents[0]} was trained for no task of the voxel world; say which with --task")
    policy: Any = partial(AgentPolicy, options.agents, options.best)
    with closing(open_env(true_id(task), {})) as env:  # what does not fit is told before anything is written
        policy().check(env)
    return record(
        true_id(task), policy, options.steps, options.out, options.seed, options.workers,
        episode_length=options.episode_length,
    )  # fmt: skip

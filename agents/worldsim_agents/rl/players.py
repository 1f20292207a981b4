"""Who plays: anything that answers observations with actions, as stable-baselines3's learners do.

`player_of` reads the name of one: "random", "scripted", "planner", or the path of an agent's zip.
"""

from __future__ import annotations

from shlex import join
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv
from tqdm import tqdm

from worldsim_agents.rl.actions import Actions, counts, in_words, space_of
from worldsim_agents.rl.agents import AgentError, Recipe, load_agent
from worldsim_agents.rl.planner import Plan, Planner
from worldsim_agents.rl.worlds import Setting, actions_of
from worldsim_agents.sb3 import SB3VecEnv
from worldsim_agents.solve import SOLUTIONS, solver
from worldsim_envs.voxel.vector import VoxelVectorEnv

__all__ = ["Played", "Player", "Random", "Scripted", "check_fits", "play", "player_of"]


class Player(Protocol):
    """Anything with stable-baselines3's `predict`."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: np.ndarray | None = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        """Actions (B,) for observations of B rows, and what to give back as `state` with the next ones."""
        ...


class Random:
    """Draws every action anew, all alike, from a space that agents choose in."""

    def __init__(self, actions: Actions, seed: int = 0) -> None:
        self._space, self._random = space_of(actions), np.random.default_rng(seed)

    def predict(
        self, observation: Any, state: Any = None, episode_start: np.ndarray | None = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        rows, space = len(observation), self._space
        if isinstance(space, spaces.Box):
            return self._random.uniform(space.low, space.high, (rows, *space.shape)).astype(np.float32), state
        return self._random.integers(counts(space), size=(rows, *(space.shape or ()))), state


class Scripted:
    """Follows the script of a task, which knows where the goal is; for rows of true worlds alone."""

    def __init__(self, task: str, envs: VecEnv, seed: int = 0) -> None:
        if task not in SOLUTIONS:
            raise AgentError(
                f"there is a script for {', '.join(SOLUTIONS)}, none for {task or 'a world without a task'}"
            )
        raw: Any = envs.unwrapped
        batch = raw.envs.unwrapped if isinstance(raw, SB3VecEnv) else None
        if not isinstance(batch, VoxelVectorEnv):
            raise AgentError("a scripted player reads the state of the true world; choose --world true")
        self._rows = batch.rows
        self._scripts = [solver(task) for _ in self._rows]
        self._random = [np.random.default_rng([seed, row]) for row in range(len(self._rows))]

    def predict(
        self, observation: Any, state: Any = None, episode_start: np.ndarray | None = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        actions = np.zeros(len(self._rows), np.int64)
        for row, (env, script, rng) in enumerate(zip(self._rows, self._scripts, self._random, strict=True)):
            if episode_start is None or episode_start[row]:
                script.reset(env, rng)
            actions[row] = script.act(env, None, rng)
        return actions, state


class Played:
    """What some episodes brought: returns f64 (N,), successes bool (N,), lengths i64 (N,), in the order of rows."""

    def __init__(self, rows: list[tuple[float, bool, int]]) -> None:
        self.returns = np.array([row[0] for row in rows], np.float64)
        self.successes = np.array([row[1] for row in rows], np.bool_)
        self.lengths = np.array([row[2] for row in rows], np.int64)


def play(envs: VecEnv, player: Player, episodes: int, seed: int, deterministic: bool = False) -> Played:
    """Play exactly so many episodes, shared out evenly among the rows beforehand, so that short ones do not crowd in.

    What is paid for events on the way does not count.
    """
    rows = envs.num_envs
    quota = np.full(rows, episodes // rows) + (np.arange(rows) < episodes % rows)
    found: list[list[tuple[float, bool, int]]] = [[] for _ in range(rows)]
    totals, lengths = np.zeros(rows), np.zeros(rows, np.int64)
    set_random_seed(seed)
    envs.seed(seed)
    observations, state, started = envs.reset(), None, np.ones(rows, np.bool_)
    bar = tqdm(total=episodes, desc="episodes", leave=False, disable=None)  # only where somebody watches
    while any(len(done) < quota[row] for row, done in enumerate(found)):
        actions, state = player.predict(observations, state, started, deterministic)
        observations, rewards, started, infos = envs.step(actions)
        lengths += 1
        for row, info in enumerate(infos):
            totals[row] += info.get("task_reward", rewards[row])
            if started[row]:
                if len(found[row]) < quota[row]:
                    found[row].append((float(totals[row]), bool(info.get("success", False)), int(lengths[row])))
                    bar.update()
                totals[row], lengths[row] = 0.0, 0
    bar.close()
    return Played([episode for row in found for episode in row])


def player_of(name: str, setting: Setting, envs: VecEnv, seed: int = 0, plan: Plan | None = None) -> Player:
    """The player that a name means, for these worlds.

    Raises:
        AgentError: no such agent, one that sees otherwise than these worlds show, or a script in a learned world.
    """
    if name == "random":
        return Random(actions_of(envs), seed)
    if name == "scripted":
        return Scripted(setting.task, envs, seed)
    if name == "planner":
        return Planner(setting, plan or Plan(), seed)
    agent, recipe = load_agent(name)
    check_fits(name, recipe, envs, setting)
    return agent


def check_fits(name: str, recipe: Recipe, envs: VecEnv, setting: Setting) -> None:
    """Raise `AgentError` where the agent `name` sees or acts otherwise than these worlds show and take."""
    shown = tuple(envs.observation_space.shape or ())
    if tuple(recipe.observation) != shown or recipe.obs != setting.obs:
        raise AgentError(
            f"{name} sees {recipe.observation} {recipe.obs}, these worlds show {shown} {setting.obs}; "
            f"it learned with {_options(recipe)}"
        )
    if recipe.actions != actions_of(envs):
        raise AgentError(
            f"{name} has {in_words(recipe.actions)}, these worlds take {in_words(actions_of(envs))}; "
            f"it learned with {_options(recipe)}"
        )


def _options(recipe: Recipe) -> str:
    """The options under which an agent learned, as far as its story tells them."""
    checkpoint = recipe.story.get("checkpoint")
    known = [] if checkpoint is None else ["--checkpoint", str(checkpoint)]
    return join(["--task", recipe.task, *known, "--obs", recipe.obs])

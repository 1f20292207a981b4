"""Players that follow a script and now and then leave it."""

from itertools import groupby
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import worldsim  # noqa: F401  registers the ids
from worldsim.data.episodes import Dataset
from worldsim.data.record import record
from worldsim_agents.clumsy import LONGEST_WALK, Wanderer, wanderer


class Says:
    """Takes one action for ever."""

    def __init__(self, action: int) -> None:
        self.action = action

    def reset(self, env, rng) -> None:
        pass

    def act(self, env, observation, rng) -> int:
        return self.action


def played(task: str, policy: Wanderer, seed: int, steps: int = 400) -> tuple[list[int], bool]:
    """The actions of an episode, and whether it succeeded."""
    env = gym.make(f"worldsim/{task}-v0", size=(16, 16), disable_env_checker=True)
    observation, info = env.reset(seed=seed)
    rng, actions, ended = np.random.default_rng(seed), [], False
    policy.reset(env, rng)
    while not ended and len(actions) < steps:
        actions.append(policy.act(env, observation, rng))
        observation, _, terminated, truncated, info = env.step(actions[-1])
        ended = terminated or truncated
    return actions, bool(info["success"])


def test_a_wanderer_follows_the_script_and_leaves_it_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worldsim_agents.clumsy.solver", lambda task: Says(0))
    monkeypatch.setattr("worldsim_agents.clumsy.mix", lambda: Says(1))
    actions, _ = played("ChopTree", wanderer(), 0)
    walks = [len([*part]) for action, part in groupby(actions) if action == 1]
    assert len(actions) == 400 and len(walks) > 2 and max(walks) < LONGEST_WALK
    assert 0.2 < np.mean(actions) < 0.7
    assert not any(played("ChopTree", Wanderer(0.0), 0)[0]) and np.mean(played("ChopTree", Wanderer(1.0), 0)[0]) > 0.9


def test_the_same_seed_gives_the_same_actions() -> None:
    first, again, other = (played("ChopTree", wanderer(), seed, 120)[0] for seed in (1, 1, 2))
    assert first == again != other


def test_a_wanderer_mostly_solves_what_it_wanders_in() -> None:
    assert sum(played("EatCake", wanderer(), seed)[1] for seed in range(6)) >= 4


def test_a_wanderer_records_by_its_name(tmp_path: Path) -> None:
    kwargs = {"size": [16, 16]}
    record("worldsim/ChopTree-v0", "worldsim_agents.clumsy:wanderer", 40, tmp_path, seed=0, env_kwargs=kwargs)
    assert Dataset.open(tmp_path).lengths.sum() > 40

"""Agents recorded in the true world: they see what they learned to see, and every episode has one of them."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from worldsim.cli import main
from worldsim.data.envs import RecordError
from worldsim.data.episodes import Dataset
from worldsim_agents.rl.agents import AgentError, make_agent, recipe_for, save_agent
from worldsim_agents.rl.recorded import AgentPolicy, RecordAgents, record_agents


def an_agent(path: Path, learner: str = "ppo", seed: int = 0, actions: Any = 26, obs: str = "rgb") -> Path:
    shape = {"rgb": (64, 64, 6 if learner == "ppo" else 3), "latent": (8, 8, 8)}[obs]
    recipe = recipe_for(learner, "PaintSign", obs, shape, actions, seed)
    return save_agent(make_agent(recipe), recipe, path)


def test_it_stacks_frames_as_training_did_and_remembers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = an_agent(tmp_path / "a.zip"), an_agent(tmp_path / "b.zip", "recurrent-ppo")
    env = gym.make("worldsim/PaintSign-v0")
    frames = [np.full((64, 64, 3), 10 * (t + 1), np.uint8) for t in range(3)]
    for path, expected in zip(paths, ([[0, 10], [10, 20], [20, 30]], [[10], [20], [30]]), strict=True):
        policy = AgentPolicy((path,), best=True)
        policy.reset(env, np.random.default_rng(0))
        seen: list[Any] = []

        def predict(observation: np.ndarray, state: Any, first: np.ndarray, best: bool, seen: list = seen) -> Any:
            seen.append((observation[0, 0, 0, ::3].tolist(), state, bool(first[0]), best))
            return np.array([len(seen)]), f"state {len(seen)}"

        monkeypatch.setattr(policy._agent, "predict", predict)
        assert [policy.act(env, frame, np.random.default_rng(0)) for frame in frames] == [1, 2, 3]
        assert [one[0] for one in seen] == expected
        assert [one[1] for one in seen] == [None, "state 1", "state 2"]
        assert [one[2] for one in seen] == [True, False, False] and all(one[3] for one in seen)


def test_the_command_records_and_a_seed_gives_the_same_episodes(tmp_path: Path) -> None:
    agents = [str(an_agent(tmp_path / f"{seed}.zip", seed=seed)) for seed in range(2)]
    words = ["agent", "record", "--agents", *agents, "--steps", "40", "--episode-length", "16", "--seed", "3"]
    taken = []
    for folder, workers in (("one", "1"), ("two", "2")):
        main([*words, "--out", str(tmp_path / folder), "--workers", workers])
        data = Dataset.open(tmp_path / folder)
        assert {entry.policy for entry in data.entries} == {"worldsim_agents.rl.recorded:AgentPolicy"}
        assert data.info.env_id == "worldsim/PaintSign-v0" and int(data.lengths.sum()) == 40 + len(data)
        taken.append(np.concatenate([data.read(number).actions for number in range(len(data))]))
    assert np.array_equal(*taken) and len(np.unique(taken[0], axis=0)) > 3, "they draw what they do"


def test_agents_that_cannot_play_there_are_told_before_anything_is_recorded(tmp_path: Path) -> None:
    out = tmp_path / "data"
    with pytest.raises(AgentError, match="sees latent, which the true world does not show"):
        record_agents(RecordAgents((an_agent(tmp_path / "latent.zip", obs="latent"),), out))
    with pytest.raises(AgentError, match="does not exist"):
        record_agents(RecordAgents((tmp_path / "none.zip",), out))
    with pytest.raises(AgentError, match="--agents must name"):
        RecordAgents((), out)
    with pytest.raises(AgentError, match="--steps must be at least 1, got 0"):
        RecordAgents((tmp_path / "none.zip",), out, steps=0)
    with pytest.raises(AgentError, match=r"acts in Discrete\(7\), this world shows .* takes Discrete\(26\)"):
        record_agents(RecordAgents((an_agent(tmp_path / "few.zip", actions=7),), out))
    with pytest.raises(RecordError, match="NoSuchTask"):
        record_agents(RecordAgents((an_agent(tmp_path / "agent.zip"),), out, task="NoSuchTask"))
    assert not out.exists()

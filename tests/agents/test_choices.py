"""Agents that choose values or several numbers at once: in the odd world of every action space, untrained networks."""

import json
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

import worlds
from tiny import save_checkpoint
from worldsim.actions import ActionSpec
from worldsim.cli import main
from worldsim.data.record import record
from worldsim.video import read_mp4
from worldsim_agents.rl import cloning
from worldsim_agents.rl.actions import Choices, in_words, plain, space_of
from worldsim_agents.rl.agents import AgentError, Recipe, load_agent, make_agent, recipe_for, save_agent
from worldsim_agents.rl.gap import exploitation
from worldsim_agents.rl.planner import Plan, Planner
from worldsim_agents.rl.players import Random, play
from worldsim_agents.rl.train import cloned, learn
from worldsim_agents.rl.worlds import Setting, actions_of, open_world
from worldsim_agents.sb3 import AdapterError

FEW = {"n_steps": 4, "batch_size": 8, "n_epochs": 1}
SIZE = (16, 16)
MANY = ("box", "endless", "multi-discrete", "multi-binary")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    place = tmp_path_factory.mktemp("choices")
    return {acts: save_checkpoint(place / acts, worlds.ID, {"acts": acts}, SIZE) for acts in (*MANY, "dict")}


def setting_of(checkpoint: str, **changes) -> Setting:
    return Setting("", checkpoint, rows=2, start_frames=3, start_policy="random", horizon=6, passes=1, **changes)


SPACES = [
    *worlds.ACTIONS.items(),
    ("steps", spaces.Box(-3, 5, (2,), np.int64)),
    ("square", spaces.Box(np.array([[0.0, -np.inf]], np.float32), np.array([[1.0, np.inf]], np.float32))),
    ("grid", spaces.MultiDiscrete(np.array([[2, 3], [4, 2]]), start=np.array([[1, 0], [-2, 5]]))),
    ("board", spaces.MultiBinary([2, 3])),
]


@pytest.mark.parametrize(("name", "space"), [pair for pair in SPACES if pair[0] != "dict"])
def test_what_agents_choose_is_what_the_env_takes_and_reads_as_its_vectors(name: str, space: spaces.Space) -> None:
    spec = ActionSpec.from_space(space)
    choices = Choices(spec)
    assert space_of(json.loads(json.dumps(plain(choices.space)))) == choices.space
    choices.space.seed(0)
    chosen = np.stack([choices.space.sample() for _ in range(20)])
    taken = choices.actions(chosen)
    assert all(space.contains(action) for action in taken)
    vectors = np.stack([spec.encode(action) for action in taken])
    rounded = np.issubdtype(space.dtype, np.integer) and isinstance(space, spaces.Box)
    assert np.allclose(choices.vectors(chosen), vectors, atol=0.13 if rounded else 1e-5)
    again = choices.read(choices.vectors(chosen))
    assert np.array_equal(again, chosen) and np.array_equal(choices.actions(again), taken)


def test_the_ends_of_a_box_are_its_bounds_and_sides_without_any_stay_finite() -> None:
    choices = Choices(ActionSpec.from_space(worlds.ACTIONS["box"]))
    ends = choices.actions(np.array([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.5], [-9.0, 9.0]]))
    assert np.allclose(ends, [[-2, 0], [2, 100], [0, 75], [-2, 100]]) and ends.dtype == np.float32
    assert np.isfinite(Choices(ActionSpec.from_space(worlds.ACTIONS["endless"])).actions(np.array([[1.0]]))).all()


def test_the_learned_env_takes_the_very_box_of_the_true_one(checkpoints: dict[str, str]) -> None:
    env = gym.make("worldsim/Learned-v0", checkpoint=checkpoints["box"])
    assert env.action_space == worlds.ACTIONS["box"]
    env.reset(seed=0)
    env.step(env.action_space.sample())


@pytest.mark.parametrize("learner", ["ppo", "recurrent-ppo"])
@pytest.mark.parametrize("acts", MANY)
def test_learners_of_policies_learn_in_worlds_of_any_actions_and_come_back_from_their_zips(
    checkpoints: dict[str, str], acts: str, learner: str, tmp_path: Path
) -> None:
    setting = setting_of(checkpoints[acts])
    if (acts, learner) == ("multi-binary", "recurrent-ppo"):
        with pytest.raises(AgentError, match=r"Box or MultiDiscrete actions.*give --learner ppo$"):
            learn(learner, "learned", setting, 8, 3, settings=FEW)
        return
    agent, recipe = learn(learner, "mixed" if learner == "ppo" else "learned", setting, 8, 3, settings=FEW)
    other, told = load_agent(save_agent(agent, recipe, tmp_path / "agent.zip"))
    assert told == recipe and told.settings["ent_coef"] == (0.0 if acts in ("box", "endless") else 0.01)
    seen = np.stack([agent.observation_space.sample() for _ in range(2)])
    chosen = agent.predict(seen, deterministic=True)[0]
    assert np.array_equal(chosen, other.predict(seen, deterministic=True)[0])
    true = open_world("true", setting, 2 if learner == "ppo" else 1)
    assert play(true, other, 2, 0).returns.tolist() == [820.0] * 2, "40 steps, each in the space, step t pays t"
    true.close()


def test_learners_of_values_name_who_can_choose_in_a_box(checkpoints: dict[str, str]) -> None:
    for learner in ("dqn", "qr-dqn"):
        with pytest.raises(AgentError, match=r"Discrete actions, and this world takes Box.*ppo or recurrent"):
            learn(learner, "learned", setting_of(checkpoints["box"]), 8, 0)
        with pytest.raises(AgentError, match="chooses among Discrete actions"):
            recipe_for(learner, "", "rgb", (16, 16, 6), plain(spaces.Box(-1, 1, (2,))), 0)


def test_actions_in_several_parts_are_refused_by_all(checkpoints: dict[str, str], tmp_path: Path) -> None:
    setting = setting_of(checkpoints["dict"])
    for refused in (
        lambda: learn("ppo", "learned", setting, 8, 0), lambda: Planner(setting, Plan()),
        lambda: open_world("true", setting), lambda: cloned(setting, tmp_path, 1, 0),
    ):  # fmt: skip
        with pytest.raises(AdapterError, match=r"Discrete, MultiDiscrete, MultiBinary or Box actions.*takes Dict"):
            refused()


def test_an_agent_of_other_actions_is_refused_and_so_is_a_recipe_of_none(
    checkpoints: dict[str, str], tmp_path: Path
) -> None:
    recipe = recipe_for("ppo", "", "rgb", (16, 16, 6), plain(spaces.Box(-1.0, 1.0, (5,))), 0)
    path = save_agent(make_agent(recipe), recipe, tmp_path / "five.zip")
    with pytest.raises(AgentError, match=r"has actions in Box\(-1.0, 1.0, \(5,\).*take actions in Box\(-1.*\(2,\)"):
        learn("ppo", "learned", setting_of(checkpoints["box"]), 8, 0, settings=FEW, agent=path)
    assert in_words(7) == "7 actions"
    wide = plain(spaces.Box(-2.0, 2.0, (1,)))
    for wrong in (0, -1, wide, {"type": "Box"}, {"type": "Text"}, {**wide, "shape": [9]}):
        with pytest.raises(AgentError, match="no agent has the actions"):
            Recipe("ppo", "", "rgb", 2, {}, (16, 16, 6), wrong)


@pytest.mark.parametrize("acts", MANY)
def test_chance_draws_from_all_of_the_space(checkpoints: dict[str, str], acts: str) -> None:
    envs = open_world("true", setting_of(checkpoints[acts]))
    drawn = Random(actions_of(envs), 0).predict(np.zeros((400, 1)))[0]
    assert drawn.shape == (400, *envs.action_space.shape)
    if acts in ("box", "endless"):
        assert drawn.min() < -0.95 and drawn.max() > 0.95 and abs(drawn.mean()) < 0.1
    else:
        assert [len(set(column)) for column in drawn.T] == {"multi-discrete": [3, 2]}.get(acts, [2] * 4)
    envs.close()


@pytest.mark.parametrize(
    ("acts", "best", "near"),
    [("box", [0.6, -1.0], 0.15), ("multi-discrete", [2, 1], 0), ("multi-binary", [1, 0, 0, 1], 0)],
)
def test_a_planner_finds_what_pays_in_any_space(
    checkpoints: dict[str, str], acts: str, best: list[float], near: float
) -> None:
    planner = Planner(setting_of(checkpoints[acts]), Plan(candidates=64, horizon=6, hold=3, rounds=5, elites=6), 0)
    planner._worth = lambda world, sequences: -np.square(sequences - np.array(best)).sum(axis=(1, 2))
    frames = np.zeros((2, *SIZE, 3), np.uint8)
    found = planner.search(list(frames), [np.array(best)])
    assert found.shape == (6, len(best)) and np.abs(found - best).max() <= near
    chosen, _ = planner.predict(frames, None, np.ones(2, bool))
    assert chosen.shape == (2, len(best))


def test_one_round_alone_shoots_all_alike(checkpoints: dict[str, str]) -> None:
    planner = Planner(setting_of(checkpoints["box"]), Plan(candidates=500, horizon=1, hold=1, rounds=1), 0)
    tried: list[np.ndarray] = []
    planner._worth = lambda world, sequences: tried.append(sequences) or np.zeros(len(sequences))
    planner.search([np.zeros((*SIZE, 3), np.uint8)], [])
    share = np.histogram(tried[0][:, 0, 0], 4, (-1, 1))[0] / 500
    assert np.abs(share - 0.25).max() < 0.06 and len(tried) == 1


class Steady:
    """Always takes the same action."""

    action: object = None

    def reset(self, env, rng) -> None: ...

    def act(self, env, observation, rng):
        return self.action


@pytest.mark.parametrize(
    ("acts", "action", "chosen"),
    [
        ("box", np.array([1.0, 25.0], np.float32), [0.5, -0.5]),
        ("multi-discrete", np.array([2, 1]), [2, 1]),
        ("multi-binary", np.array([1, 0, 0, 1], np.int8), [1, 0, 0, 1]),
    ],
)
def test_a_clone_does_what_the_player_did_in_any_space(
    checkpoints: dict[str, str], acts: str, action: np.ndarray, chosen: list[float], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(cloning, "ROWS", 8)
    player = type("Player", (Steady,), {"action": action})
    record(worlds.ID, player, 40, tmp_path, 0, episode_length=21, env_kwargs={"acts": acts}, size=SIZE)
    agent, recipe, loss = cloned(setting_of(checkpoints[acts]), tmp_path, 12, 0)
    assert recipe.story["epochs"] == 12
    seen = np.zeros((1, *SIZE, 6), np.uint8)
    found = agent.predict(seen, deterministic=True)[0][0]
    assert np.abs(found - chosen).max() < (0.15 if acts == "box" else 0.5), found
    if acts == "box":
        spread = float(torch.exp(agent.policy.log_std).max().detach())
        assert loss < 0 and 0.0499 < spread < 0.3, "as sure as it is right, within reason"


def test_a_recording_of_another_box_is_refused(checkpoints: dict[str, str], tmp_path: Path) -> None:
    record(worlds.ID, "random", 20, tmp_path, 0, env_kwargs={"acts": "endless"}, size=SIZE)
    with pytest.raises(AgentError, match="must be recorded with the actions of"):
        cloned(setting_of(checkpoints["box"]), tmp_path, 1, 0)


def test_the_gap_goes_to_the_same_places_with_values(checkpoints: dict[str, str]) -> None:
    setting = setting_of(checkpoints["box"])
    envs = open_world("learned", setting)
    gap = exploitation(setting, Random(actions_of(envs), 0), 1, 3, 5)
    assert gap.true.tolist() == [sum(range(3, 9))] * 3 and gap.lengths.max() <= 6
    envs.close()


def test_every_agent_command_runs_in_a_box(checkpoints: dict[str, str], tmp_path: Path, capsys) -> None:
    common = ["--task", "", "--checkpoint", checkpoints["box"], "--rows", "2", "--horizon", "5", "--start-frames", "3",
              "--passes", "1"]  # fmt: skip
    little = ["--plan.candidates", "2", "--plan.elites", "1", "--plan.horizon", "2", "--plan.rounds", "1"]
    out = tmp_path / "agent"
    main(["agent", "train", "--steps", "128", "--out", str(out), "--film-every", "20", "--quiet", *common])
    record(worlds.ID, "random", 60, tmp_path / "data", 0, episode_length=21, env_kwargs={"acts": "box"}, size=SIZE)
    out = tmp_path / "clone"
    main(["agent", "clone", "--data", str(tmp_path / "data"), "--epochs", "1", "--out", str(out), *common])
    assert "in the mean of values in [-1, 1]" in capsys.readouterr().out
    zips = [str(tmp_path / name / "agent.zip") for name in ("agent", "clone")]
    main(["agent", "train", "--steps", "8", "--out", str(tmp_path / "on"), "--agent", zips[1], "--quiet", *common])
    for agent in (*zips, "random", "planner"):
        report = tmp_path / "report.json"
        few = ["--episodes", "2", "--out", str(report), *little]
        main(["agent", "eval", "--agent", agent, *few, *common])
        assert json.loads(report.read_text())["return"][0] == 820.0
    main(["agent", "eval", "--gap", "--agent", zips[0], "--episodes", "2", *common])
    for agent in (zips[0], "planner"):
        film = tmp_path / "watch.mp4"
        main(["agent", "watch", "--agent", agent, "--episodes", "1", "--out", str(film), *little, *common])
        assert read_mp4(film)[0].shape[1:] == (34, 16, 3)
    for learner in ("dqn", "qr-dqn"):
        with pytest.raises(SystemExit, match="2"):
            main(["agent", "train", "--learner", learner, *common])
        assert "--learner ppo or recurrent-ppo" in capsys.readouterr().err


def test_the_same_seed_gives_the_same_agent_in_a_box(checkpoints: dict[str, str]) -> None:
    def weights(seed: int) -> torch.Tensor:
        agent, _ = learn("ppo", "learned", setting_of(checkpoints["box"]), 16, seed, settings=FEW)
        return torch.cat([value.flatten() for value in agent.policy.state_dict().values()])

    assert torch.equal(weights(1), weights(1)) and not torch.equal(weights(1), weights(2))


def test_a_row_of_true_and_one_of_learned_box_show_one_space(checkpoints: dict[str, str]) -> None:
    envs = open_world("mixed", replace(setting_of(checkpoints["box"]), obs="latent"), 2)
    assert envs.action_space == spaces.Box(-1.0, 1.0, (2,))
    envs.seed(0)
    envs.reset()
    assert envs.step(np.array([[-1.0, 1.0], [0.3, -0.2]]))[0].shape[0] == 2
    envs.close()

"""Agents in learned worlds of any env: the odd world and the counter, untrained networks on their cards."""

import json
import re
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import counter
import worlds
import worldsim
from tiny import KWARGS, save_checkpoint, save_tiny_checkpoint
from worldsim.actions import ActionSpec
from worldsim.cli import main
from worldsim.data.envs import RecordError, full_id
from worldsim.data.record import record
from worldsim.model.card import read_card
from worldsim.play.games import TrueGame
from worldsim.video import read_mp4
from worldsim_agents.rl.gap import FromState, exploitation
from worldsim_agents.rl.planner import Plan, Planner
from worldsim_agents.rl.players import Random, play
from worldsim_agents.rl.worlds import Setting, learned_env, open_world
from worldsim_agents.sb3 import AdapterError
from worldsim_envs.learned import EnvError


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Actions from 1 on, several pictures, and frames of another size than the env's."""
    kwargs = {"sees": "both"}
    return save_checkpoint(tmp_path_factory.mktemp("odd") / "world", worlds.ID, kwargs, (48, 80), "other")


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_checkpoint(tmp_path_factory.mktemp("count") / "world", counter.ID, {"horizon": 20}, (16, 16))


def setting_of(checkpoint: str, **changes) -> Setting:
    return Setting("", checkpoint, rows=2, start_frames=3, start_policy="random", horizon=6, passes=1, **changes)


def test_the_true_env_of_a_checkpoint_shows_and_takes_what_the_learned_one_does(odd: str) -> None:
    true, learned = worldsim.true_env(odd), gym.make("worldsim/Learned-v0", checkpoint=odd)
    assert true.observation_space == learned.observation_space and true.action_space == learned.action_space
    frame, _ = true.reset(seed=0)
    assert frame.shape == (48, 80, 3) and frame[0, -1, 0] == 255, "the picture that image_key chose"
    assert true.spec is not None and true.spec.max_episode_steps == 100
    game = TrueGame.from_card(read_card(Path(odd)))
    vector = read_card(Path(odd)).action_spec.encode(2)
    assert np.array_equal(game.reset(0).frame, frame)
    assert np.array_equal(game.step(vector).frame, true.step(2)[0])
    assert worldsim.true_env(odd, {"sees": "both", "scale": 3.0}).unwrapped.scale == 3.0


def test_wrappers_and_arguments_of_the_recording_are_the_true_envs(tmp_path: Path) -> None:
    kwargs = {"wrappers": [["worlds:Dim", {"share": 0.2}]], "scale": 2.0}
    folder = save_checkpoint(tmp_path / "dim", worlds.ID, kwargs, (48, 80))
    true = worldsim.true_env(folder)
    assert true.reset(seed=0)[0].max() == 40, "a fifth of 200"
    assert true.step(1)[1] == 2.0


def test_a_checkpoint_without_an_env_or_with_another_says_so(tmp_path: Path, counting: str) -> None:
    card = read_card(Path(counting))
    with pytest.raises(RecordError, match="'own' was learned from imported data: it names no env"):
        worldsim.true_env(replace(card, env={"id": "", "kwargs": {}}))
    with pytest.raises(RecordError, match="cannot make the env 'nowhere:Gone-v0'"):
        worldsim.true_env(replace(card, env={"id": "nowhere:Gone-v0", "kwargs": {}}))
    other = ActionSpec.from_space(gym.spaces.Discrete(7))
    with pytest.raises(RecordError, match=r"Discrete\(7\), got Discrete\(5\); is it the version"):
        worldsim.true_env(replace(card, action_spec=other))


def test_a_package_that_is_missing_is_named(counting: str) -> None:
    pytest.importorskip("gymnasium")
    try:
        import ale_py  # noqa: F401
    except ImportError:
        card = replace(read_card(Path(counting)), env={"id": full_id("ALE/Breakout-v5"), "kwargs": {}})
        with pytest.raises(RecordError, match="is it installed\\? pip install ale-py"):
            worldsim.true_env(card)
    else:
        pytest.skip("ale-py is installed here")


@pytest.mark.parametrize("obs", ["rgb", "latent"])
@pytest.mark.parametrize("world", ["odd", "counting"])
def test_both_worlds_are_one_space_and_pay_their_own_reward(
    world: str, obs: str, request: pytest.FixtureRequest
) -> None:
    setting = setting_of(request.getfixturevalue(world), obs=obs)
    true, mixed = open_world("true", setting, 2), open_world("mixed", setting, 2)
    assert mixed.observation_space == true.observation_space and mixed.action_space == true.action_space
    assert true.action_space == gym.spaces.Discrete(3 if world == "odd" else 5), "numbered from 0"
    played = play(true, Random(3, 0), 3, 0)
    length = {"odd": 40, "counting": 20}[world]
    assert played.lengths.tolist() == [length] * 3
    assert played.returns.tolist() == [length * (length + 1) / 2] * 3, "the reward of step t is t"
    mixed.seed(0)
    mixed.reset()
    assert mixed.step(np.array([0, 2]))[0].shape == (2, *mixed.observation_space.shape)
    true.close()
    mixed.close()
    learned = learned_env(setting)
    assert learned.task is None and "happened" not in learned.reset(seed=0)[1]
    learned.close()


def test_actions_arrive_as_the_env_numbers_them(odd: str, counting: str) -> None:
    for checkpoint, first in ((odd, 1), (counting, 0)):
        envs = open_world("true", setting_of(checkpoint))
        envs.seed(0)
        envs.reset()
        frames = envs.step(np.array([0, 2]))[0]  # the odd world asserts that each is in its space, which begins at 1
        if first == 0:
            assert counter.read_actions(frames).tolist() == [0, 2] and counter.read_counts(frames).tolist() == [1, 1]
        envs.close()


@pytest.mark.parametrize("world", ["odd", "counting"])
def test_a_twin_goes_on_from_where_the_learned_world_began_though_the_env_keeps_no_states(
    world: str, request: pytest.FixtureRequest
) -> None:
    learned = learned_env(setting_of(request.getfixturevalue(world)))
    frames, _ = learned.reset(seed=4)
    twin = FromState(learned, 1, 5)
    for _ in range(2):
        frame, _ = twin.reset()
        assert np.array_equal(frame, frames[1])
        ends = [twin.step(twin.action_space.sample())[3] for _ in range(5)]
        assert ends == [False] * 4 + [True]
    assert twin.unwrapped.count == 2 + 5, "two steps of the start, and its own"
    learned.close()


def test_an_env_that_does_not_repeat_itself_has_no_twin(counting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    learned = learned_env(setting_of(counting))
    learned.reset(seed=4)
    monkeypatch.setattr(counter.CounterEnv, "_picture", lambda self: np.full((16, 16, 3), 7, np.uint8))
    with pytest.raises(EnvError, match="another picture after the same seed and actions"):
        learned.true_twin(0)
    with pytest.raises(EnvError, match="did not begin in a true world"):
        other = learned_env(setting_of(counting, start=""))
        other.reset(seed=0)
        other.true_twin(0)


def test_the_gap_is_measured_in_any_world(counting: str) -> None:
    gap = exploitation(setting_of(counting), Random(5, 0), 1, 3, 5)
    assert gap.true.tolist() == [sum(range(3, 9))] * 3, "six steps on from the second, each in turn from one place"
    assert gap.learned.shape == (3,) and gap.lengths.max() <= 6


def test_a_planner_without_a_task_follows_the_predicted_reward(counting: str) -> None:
    planner = Planner(setting_of(counting), Plan(candidates=4, horizon=2, rounds=1, elites=1), 0)
    assert planner._value.tolist() == [1.0, 0.0, 0.0]
    actions, _ = planner.predict(np.zeros((2, 16, 16, 3), np.uint8), None, np.ones(2, bool))
    assert actions.shape == (2,) and actions.max() < 5


def test_a_task_of_the_voxel_world_is_refused_in_another(counting: str) -> None:
    for kind, error in (("true", AdapterError), ("learned", AdapterError)):
        with pytest.raises(error, match='learned from counter:Counter-v0; give --task ""'):
            open_world(kind, replace(setting_of(counting), task="ChopTree"))
    with pytest.raises(EnvError, match='or --task ""'):
        open_world("learned", replace(setting_of(counting), task="ChopTree", start=""))


def test_the_voxel_world_without_a_task_pays_its_own_reward(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path / "tiny")
    true = worldsim.true_env(folder)
    same = gym.make("worldsim/Voxel-v0", **KWARGS)
    assert np.array_equal(true.reset(seed=3)[0], same.reset(seed=3)[0])
    setting = replace(setting_of(str(folder)), levels=2)
    for kind in ("true", "learned"):
        envs = open_world(kind, setting, 2)
        envs.seed(0)
        assert envs.reset().shape == (2, 64, 64, 6)
        envs.step(np.array([0, 1]))
        envs.close()


def test_every_agent_command_runs_in_a_world_of_ones_own(counting: str, tmp_path: Path, capsys) -> None:
    common = ["--task", "", "--checkpoint", counting, "--rows", "2", "--horizon", "5", "--start-frames", "3",
              "--passes", "1", "--start-policy", "random"]  # fmt: skip
    out = tmp_path / "agent"
    main(["agent", "train", "--steps", "128", "--out", str(out), "--save-every", "0", "--quiet", *common])
    told = capsys.readouterr().out
    assert f"--task '' --checkpoint {counting}" in told
    data = tmp_path / "data"
    record(counter.ID, "random", 60, data, 0, episode_length=21, env_kwargs={"horizon": 20})
    main(["agent", "clone", "--data", str(data), "--epochs", "1", "--out", str(tmp_path / "clone"), *common])
    for agent in (str(out / "agent.zip"), str(tmp_path / "clone" / "agent.zip"), "random", "planner"):
        report = tmp_path / "report.json"
        few = ["--episodes", "2", "--out", str(report), "--plan.candidates", "2", "--plan.elites", "1",
               "--plan.horizon", "2"]  # fmt: skip
        main(["agent", "eval", "--agent", agent, *few, *common])
        found = json.loads(report.read_text())
        assert found["task"] == "" and "success" not in found and found["return"][0] == 210.0
    film = tmp_path / "watch.mp4"
    main(["agent", "watch", "--agent", str(out / "agent.zip"), "--episodes", "1", "--out", str(film), *common])
    assert read_mp4(film)[0].shape[1:] == (34, 16, 3)
    with pytest.raises(SystemExit):
        main(["agent", "eval", "--agent", "scripted", *common])
    assert "none for a world without a task" in capsys.readouterr().err


def test_any_world_is_calibrated_on_recordings(counting: str, tmp_path: Path, capsys) -> None:
    data = tmp_path / "data"
    record(counter.ID, "random", 100, data, 0, episode_length=21, env_kwargs={"horizon": 20})
    words = ["agent", "calibrate", "--checkpoint", counting, "--context", "3", "--steps", "4", "--rows", "4"]
    main([*words, "--data", str(data), "--out", str(tmp_path)])
    found = json.loads((tmp_path / "events.json").read_text())
    told = set(found["events"]) | set(found["measured"]["untold"])
    assert {"even", "odd", "end"} <= told and found["measured"]["worlds"] == 5
    assert found["measured"]["frames"] == 25 * 4 and set(found["surprise"]) == {"again", "seeds"}
    main([*words, "--data", str(data), "--out", str(tmp_path), "--frames", "40"])
    assert json.loads((tmp_path / "events.json").read_text())["measured"]["frames"] == 40
    record(counter.ID, "random", 20, tmp_path / "one", 0, episode_length=21, env_kwargs={"horizon": 20})
    record(counter.ID, "random", 20, tmp_path / "large", 0, env_kwargs={"size": [32, 16]})
    capsys.readouterr()
    for more, says in (
        ([], "give --data with episodes that training did not see"),
        (["--data", str(tmp_path / "one")], "must hold two episodes of 7 frames or more"),
        (["--data", str(tmp_path / "large")], "frames must be (16, 16), as 'own' has them, got (32, 16)"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main([*words, *more])
        assert says in capsys.readouterr().err


def test_the_example_of_the_docs_runs(counting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    text = (Path(__file__).parents[2] / "docs" / "worlds.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    example = next(block for block in blocks if "PPO" in block)
    monkeypatch.chdir(tmp_path)
    less = {'"runs/breakout/checkpoint"': repr(counting), "n_steps=64": "n_steps=4", "learn(50_000)": "learn(8)",
            '"CnnPolicy"': '"MlpPolicy"', "range(20)": "range(2)"}  # fmt: skip
    for much, little in less.items():
        assert much in example, much
        example = example.replace(much, little)
    exec(compile(example, "docs/worlds.md", "exec"), {})
    assert "210.0" in capsys.readouterr().out

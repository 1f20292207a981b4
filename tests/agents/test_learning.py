"""Agents from end to end on a tiny learned world: training, judging, cloning, planning, studies, and their files."""

import json
import shlex
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tiny import save_tiny_checkpoint
from worldsim.cli import main
from worldsim.model.calibration import Calibration, EventScore, played_fingerprint, write_calibration
from worldsim.video import read_mp4
from worldsim_agents.rl.agents import AgentError, load_agent, make_agent, recipe_for, save_agent
from worldsim_agents.rl.cloning import examples
from worldsim_agents.rl.gap import exploitation
from worldsim_agents.rl.planner import Plan, Planner
from worldsim_agents.rl.players import Random, play, player_of
from worldsim_agents.rl.presets import LEARNERS, PRESETS
from worldsim_agents.rl.study import Study, read_trials, study
from worldsim_agents.rl.train import _Diary, learn
from worldsim_agents.rl.worlds import Setting, learned_env, open_world
from worldsim_agents.sb3 import AdapterError
from worldsim_envs.voxel.events import EVENT_NAMES
from worldsim_envs.voxel.tasks import TASKS

FEW = {"n_steps": 4, "batch_size": 8, "n_epochs": 1}
LITTLE = {"buffer_size": 64, "learning_starts": 4, "batch_size": 4, "target_update_interval": 4}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = save_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint")
    scores = {name: EventScore(0.5) for name in EVENT_NAMES}
    limits = {kind: {"0.99": 100.0} for kind in ("again", "seeds")}
    write_calibration(folder, Calibration(scores, limits, played_fingerprint(folder)))
    return str(folder)


@pytest.fixture
def setting(checkpoint: str) -> Setting:
    return Setting("OpenDoor", checkpoint, rows=2, start_frames=3, horizon=6, levels=2, passes=1)


@pytest.mark.parametrize(("task", "says"), [("Chop", "did you mean ChopTree"), ("Fly", "got 'Fly'$")])
def test_a_task_that_there_is_not_names_those_that_there_are_and_none(task: str, says: str) -> None:
    with pytest.raises(ValueError, match=f'--task must be one of Explore, .*or "" for the reward of the world.*{says}'):
        Setting(task)


def test_presets_speak_of_tasks_events_and_settings_that_exist() -> None:
    assert set(PRESETS) <= set(TASKS)
    assert {event for preset in PRESETS.values() for event in preset.shaping} <= set(EVENT_NAMES)
    for preset in PRESETS.values():
        assert set(preset.settings) <= set(LEARNERS)


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("obs", ["rgb", "latent"])
def test_every_learner_learns_in_the_learned_world_and_comes_back_from_its_zip(
    setting: Setting, learner: str, obs: str, tmp_path: Path
) -> None:
    setting = replace(setting, obs=obs)
    settings = FEW if "ppo" in learner else LITTLE
    agent, recipe = learn(learner, "learned", setting, 8, 3, settings=settings)
    assert agent.num_timesteps >= 8
    path = save_agent(agent, recipe, tmp_path / "agent.zip")
    other, told = load_agent(path)
    assert told == recipe and told.story["world"] == "learned"
    for name, value in agent.policy.state_dict().items():
        assert torch.equal(other.policy.state_dict()[name], value), name
    seen = np.stack([agent.observation_space.sample() for _ in range(2)])
    assert np.array_equal(agent.predict(seen, deterministic=True)[0], other.predict(seen, deterministic=True)[0])


def test_the_same_seed_gives_the_same_agent_and_another_another(setting: Setting) -> None:
    def weights(seed: int) -> torch.Tensor:
        agent, _ = learn("ppo", "learned", setting, 16, seed, settings=FEW)
        return torch.cat([value.flatten() for value in agent.policy.state_dict().values()])

    assert torch.equal(weights(1), weights(1)) and not torch.equal(weights(1), weights(2))


def test_an_agent_goes_on_from_a_saved_one_of_its_kind_alone(setting: Setting, tmp_path: Path) -> None:
    first, recipe = learn("dqn", "learned", setting, 8, 1, settings=LITTLE)
    path = save_agent(first, recipe, tmp_path / "agent.zip")
    still = {**LITTLE, "learning_rate": 0.0}
    agent, told = learn("dqn", "learned", setting, 8, 2, settings=still, agent=path)
    for name, value in first.q_net.state_dict().items():
        assert torch.equal(agent.q_net.state_dict()[name], value), name
    assert told.story["began from"] == str(path)
    assert told.settings["exploration_initial_eps"] == told.settings["exploration_final_eps"], (
        "it does not act by chance"
    )
    wrong = {
        "was trained by dqn, not by ppo": ("ppo", setting),
        "sees .* rgb, these worlds show": ("dqn", replace(setting, obs="latent")),
    }
    for says, (learner, other) in wrong.items():
        with pytest.raises(AgentError, match=says):
            learn(learner, "learned", other, 8, 2, settings=FEW, agent=path)
    few = replace(recipe, actions=7)
    path = save_agent(make_agent(few), few, tmp_path / "few.zip")
    with pytest.raises(AgentError, match="has 7 actions, these worlds take 26"):
        learn("dqn", "learned", setting, 8, 2, settings=LITTLE, agent=path)


def test_a_learner_that_only_gathered_experience_says_so(setting: Setting) -> None:
    with pytest.warns(UserWarning, match="dqn only gathers experience in its first 100 steps: after 8 it has learned"):
        learn("dqn", "learned", setting, 8, 0, settings={**LITTLE, "learning_starts": 100})


def test_a_clone_is_trained_on(setting: Setting, tmp_path: Path) -> None:
    recipe = recipe_for("ppo", "OpenDoor", "rgb", (64, 64, 6), 26, 0)
    clone = make_agent(recipe)  # whose own optimiser, as that of a clone, has not stepped
    path = save_agent(clone, recipe, tmp_path / "clone.zip")
    agent, _ = learn("ppo", "learned", setting, 8, 0, settings={**FEW, "learning_rate": 0.0}, agent=path)
    assert torch.equal(parameters(agent), parameters(clone))
    agent, _ = learn("ppo", "learned", setting, 8, 0, settings=FEW, agent=path)
    assert not torch.equal(parameters(agent), parameters(clone))


def test_ctrl_c_keeps_what_was_learned_and_the_command_goes_on_from_it(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_step_150(diary: _Diary) -> bool:
        if diary.num_timesteps >= 150:
            signal.raise_signal(signal.SIGINT)
        return True

    out = tmp_path / "agent"
    command = words(checkpoint, "agent", "train", "--steps", "256", "--out", str(out), "--quiet")
    with monkeypatch.context() as patch:
        patch.setattr(_Diary, "_on_step", at_step_150)
        with pytest.raises(SystemExit, match="130"):
            main(command)
    said = capsys.readouterr()
    assert f"stopped after 150 of 256 steps: {out / 'agent.zip'}; go on with --agent" in said.out
    assert "stopped" in said.err
    agent, recipe = load_agent(out / "agent.zip")
    assert recipe.story["steps"] == 150
    assert not torch.equal(parameters(agent), parameters(make_agent(recipe))), "it learned from a rollout of 128 steps"
    main([*command, "--agent", str(out / "agent.zip"), "--steps", "2"])
    assert load_agent(out / "agent.zip")[1].story["began from"] == str(out / "agent.zip")


def test_an_interrupt_before_the_first_step_leaves_the_agent_that_is_there(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "agent.zip").write_text("the one before")
    monkeypatch.setattr(_Diary, "_on_training_start", lambda _: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        learn("ppo", "learned", setting, 8, 0, settings=FEW, out=tmp_path)
    assert (tmp_path / "agent.zip").read_text() == "the one before"


def parameters(agent) -> torch.Tensor:
    return torch.cat([value.detach().cpu().flatten() for value in agent.policy.parameters()])


def test_learners_are_made_on_the_device_that_was_asked_for(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_for("ppo", "OpenDoor", "latent", (4, 8, 8), 26, 0)
    assert make_agent(recipe, device="meta").policy.device.type == "meta"
    assert make_agent(recipe).policy.device.type == "cpu"

    class AskedError(Exception): ...

    def spy(recipe, envs=None, log=None, device="cpu"):
        raise AskedError(device)

    monkeypatch.setattr("worldsim_agents.rl.train.make_agent", spy)
    for device in ("meta", "cpu"):  # the true world's frames need no network
        with pytest.raises(AskedError, match=device):
            learn("ppo", "true", replace(setting, device=device), 8, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("learner", LEARNERS)
def test_learners_learn_on_a_gpu_and_come_back_on_the_cpu(setting: Setting, learner: str, tmp_path: Path) -> None:
    settings = FEW if "ppo" in learner else LITTLE
    agent, recipe = learn(learner, "learned", replace(setting, device="cuda"), 8, 0, settings=settings)
    assert agent.policy.device.type == "cuda"
    path = save_agent(agent, recipe, tmp_path / "agent.zip")
    loaded = load_agent(path)[0]
    assert loaded.policy.device.type == "cpu" and torch.equal(parameters(loaded), parameters(agent))
    learn(learner, "learned", replace(setting, device="cuda"), 8, 0, settings=settings, agent=path)


def test_rows_of_both_worlds_learn_together_and_show_one_space(setting: Setting) -> None:
    envs = open_world("mixed", setting, 2, shaping=True)
    assert envs.num_envs == 2 and envs.observation_space.shape == (64, 64, 6)
    envs.seed(0)
    first = envs.reset()
    envs.seed(0)
    assert np.array_equal(first, envs.reset()) and first.dtype == np.uint8
    for _ in range(7):
        _, rewards, _, infos = envs.step(np.array([0, 0]))
    assert rewards.shape == (2,) and "happened" in infos[0] and "happened" not in infos[1]
    envs.close()
    agent, _ = learn("ppo", "mixed", setting, 8, 0, settings=FEW)
    assert agent.num_timesteps == 8


def test_events_on_the_way_pay_in_training_and_do_not_count_in_judging(setting: Setting) -> None:
    envs = open_world("true", replace(setting, task="BuildTower", levels=1), shaping={"jumped": 0.5})
    envs.seed(0)
    envs.reset()
    jump = 5
    paid = [envs.step(np.array([jump, 0])) for _ in range(30)]
    rewards = np.array([step[1] for step in paid])
    assert rewards[:, 0].max() == 0.5 and 0 < rewards[:, 0].sum() <= 0.5 * 8, "eight times in an episode at most"
    assert all(step[3][0]["task_reward"] == 0 for step in paid) and rewards[:, 1].max() <= 0.5
    envs.close()

    class Jumper:
        def predict(self, observation, state=None, episode_start=None, deterministic=False):
            return np.full(len(observation), jump), state

    envs = open_world("learned", setting, shaping={"jumped": 5.0})
    assert play(envs, Jumper(), 2, 0).returns.max() <= 1.0
    envs.close()


def test_so_many_episodes_are_played_from_so_many_rows(setting: Setting) -> None:
    envs = open_world("learned", setting)
    played = play(envs, Random(26, 0), 5, 0)
    assert len(played.returns) == len(played.lengths) == 5 and played.lengths.max() <= 6
    again = play(envs, Random(26, 0), 5, 0)
    assert np.array_equal(played.lengths, again.lengths) and np.array_equal(played.returns, again.returns)
    envs.close()


def test_the_gap_is_of_the_policy_that_was_asked_for(setting: Setting) -> None:
    asked: list[bool] = []

    class Told(Random):
        def predict(self, observation, state=None, episode_start=None, deterministic=False):
            asked.append(deterministic)
            return super().predict(observation, state, episode_start, deterministic)

    for deterministic in (True, False):
        exploitation(setting, Told(26, 0), 1, 2, 0, deterministic)
        assert set(asked) == {deterministic}
        asked.clear()


def test_the_gap_pairs_rollouts_from_the_same_state_of_one_length(setting: Setting) -> None:
    for obs in ("rgb", "latent"):
        gap = exploitation(replace(setting, obs=obs), Random(26, 0), 2, 3, 5)
        assert gap.learned.shape == gap.true.shape == (3,) and gap.lengths.max() <= 6
        assert gap.value == pytest.approx(gap.learned.mean() - gap.true.mean())
    with pytest.raises(ValueError, match='start="true"'):
        exploitation(replace(setting, start=""), Random(26, 0), 1, 2, 0)


def test_a_planner_prefers_what_the_task_pays_for(setting: Setting) -> None:
    planner = Planner(setting, Plan(candidates=96, horizon=8, hold=4, rounds=4, elites=4), 0)

    def worth(world, sequences):
        return (sequences == 7).sum(axis=1).astype(float)  # as if action 7 were the goal

    planner._worth = worth
    frames = np.zeros((1, 64, 64, 3), np.uint8)
    assert planner.search([frames[0]], []).tolist() == [7] * 8
    planner = Planner(setting, Plan(candidates=4, horizon=3, rounds=1, elites=1, commit=2), 0)
    one = planner.predict(frames, None, np.array([True]))[0]
    assert one.shape == (1,) and len(planner._rows[0].waiting) == 1
    assert planner.predict(frames, None, np.array([False]))[0].shape == (1,)


def test_a_clone_learns_what_the_recorded_player_did(setting: Setting, tmp_path: Path) -> None:
    from worldsim.data.episodes import Dataset
    from worldsim.data.record import record
    from worldsim_agents.rl.train import cloned
    from worldsim_agents.rl.worlds import true_kwargs

    folder = tmp_path / "data"
    record("worldsim/OpenDoor-v0", Forward, 40, folder, 0, episode_length=21, env_kwargs=true_kwargs(setting))
    agent, recipe, loss = cloned(setting, folder, 12, 0)
    frames, chosen = next(examples(Dataset.open(folder), recipe, None))
    assert set(chosen.tolist()) == {1} and frames.shape == (20, 64, 64, 3)
    seen = np.concatenate([frames[4:6], frames[5:7]], axis=3)
    assert agent.predict(seen, deterministic=True)[0].tolist() == [1, 1] and loss < 1.0


class Forward:
    """Walks on and on."""

    def reset(self, env, rng) -> None: ...

    def act(self, env, observation, rng) -> int:
        return 1


# -- files ----------------------------------------------------------------------------------------------------------


# -- commands -------------------------------------------------------------------------------------------------------


def words(checkpoint: str, *more: str) -> list[str]:
    common = ["--task", "OpenDoor", "--checkpoint", checkpoint, "--rows", "2", "--horizon", "5", "--levels", "2"]
    return [*more, *common, "--start-frames", "3", "--passes", "1"]


def test_an_agent_is_trained_judged_and_filmed_from_the_command_line(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "agent"
    main(words(checkpoint, "agent", "train", "--steps", "128", "--out", str(out), "--save-every", "128", "--quiet",
               "--film-every", "20"))  # fmt: skip
    assert "steps/s" in capsys.readouterr().out
    zips = list(out.rglob("*.zip"))
    assert len(zips) == 2 and list(out.rglob("events.out.tfevents*")) and list((out / "films").glob("*.mp4"))
    for more in (["--world", "learned"], ["--gap"], ["--world", "true", "--episodes", "2"]):
        report = tmp_path / "judged.json"
        asked = ["--agent", str(zips[0]), "--episodes", "3", "--out", str(report), *more]
        main(words(checkpoint, "agent", "eval", *asked))
        assert json.loads(report.read_text())["task"] == "OpenDoor"
    film = tmp_path / "watch.mp4"
    main(words(checkpoint, "agent", "watch", "--agent", str(zips[0]), "--episodes", "2", "--out", str(film)))
    assert read_mp4(film)[0].shape[1:] == (130, 64, 3)
    ranking = tmp_path / "rank.json"
    main(words(checkpoint, "agent", "rank", "--agents", str(out), "--episodes", "2", "--out", str(ranking)))
    ranked = json.loads(ranking.read_text())
    gaps = [abs(row["learned"] - row["true"]) for row in ranked["policies"]]
    assert len(gaps) == 3 and ranked["return_error"][0] == pytest.approx(sum(gaps) / 3)


def test_a_study_goes_on_where_it_was_and_reports(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = words(
        checkpoint, "agent", "study", "--tasks", "OpenDoor", "--seeds", "0", "--true-steps", "130", "--learned-steps",
        "128", "--episodes", "2", "--gap-episodes", "2", "--epochs", "1", "--out", str(tmp_path),
    )  # fmt: skip
    command = [word for i, word in enumerate(command) if not (word == "--task" or command[i - 1] == "--task")]
    main([*command, "--arms", "random", "clone"])
    first = (tmp_path / "trials.jsonl").read_text()
    assert [trial["arm"] for trial in read_trials(tmp_path / "trials.jsonl")] == ["random", "clone"]
    main(command)
    assert (tmp_path / "trials.jsonl").read_text().startswith(first), "what is done stays done"
    trials = read_trials(tmp_path / "trials.jsonl")
    assert [trial["arm"] for trial in trials] == ["random", "clone", "learned", "true"] and "gap" in trials[2]
    assert {"report.md", "report.json", "report.png"} <= {path.name for path in tmp_path.iterdir()}
    assert "behaviour cloning" in capsys.readouterr().out
    rows = json.loads((tmp_path / "report.json").read_text())["rows"]
    assert [row["agent_steps"] for row in rows] == [128, 256, 0, 0] and rows[0]["true_steps"] == 130
    before = (tmp_path / "trials.jsonl").read_text()
    for row in rows:
        main(shlex.split(row["command"])[1:])
        assert (tmp_path / "trials.jsonl").read_text() == before, "its command finds the row made"


def test_two_studies_in_one_folder_keep_their_trials_and_agents_apart(checkpoint: str, tmp_path: Path) -> None:
    setting = Setting(checkpoint=checkpoint, rows=2, levels=2, passes=1)
    one = Study(("OpenDoor",), (0,), ("clone",), 130, episodes=2, epochs=1, out=tmp_path, setting=setting)
    first, second = study(one), study(replace(one, episodes=3))
    trials = read_trials(tmp_path / "trials.jsonl")
    assert [len(trial["returns"]) for trial in trials] == [2, 3] and first["trials"] == second["trials"] == 1
    assert "1 × 3" in (tmp_path / "report.md").read_text() and "1 × 2" not in (tmp_path / "report.md").read_text()
    agents = {tmp_path / trial["agent"] for trial in trials}
    assert len(agents) == 2 and all(agent.is_file() for agent in agents)
    assert study(one) == first and read_trials(tmp_path / "trials.jsonl") == trials, "what is done is not done again"
    assert "1 × 2" in (tmp_path / "report.md").read_text()
    study(replace(one, setting=replace(setting, horizon=5)))
    assert len(read_trials(tmp_path / "trials.jsonl")) == 3, "another setting is another trial"


def test_agents_of_a_study_may_begin_as_the_clone(checkpoint: str, tmp_path: Path) -> None:
    setting = Setting(checkpoint=checkpoint, rows=2, levels=2, passes=1, horizon=5, start_frames=3)
    one = Study(
        ("OpenDoor",), (0,), ("true", "learned", "clone"), 130, 128, 2, 0, epochs=1, begin="clone", out=tmp_path,
        setting=setting,
    )  # fmt: skip
    found = study(one)
    clone, true, learned = read_trials(tmp_path / "trials.jsonl")
    assert true["begin"] == learned["begin"] == "clone" and "begin" not in clone
    recipes = [load_agent(tmp_path / trial["agent"])[1] for trial in (true, learned, clone)]
    assert recipes[0].story["began from"] == recipes[1].story["began from"] == str(tmp_path / clone["agent"])
    steps = {row["arm"]: (row["true_steps"], row["recording_seconds"] is not None) for row in found["rows"]}
    assert steps == {"learned": (130, True), "true": (260, True), "clone": (130, True)}
    row = next(row for row in found["rows"] if row["arm"] == "true")
    assert row["times"] == 256 / 260
    assert "with 130 true steps for 260, the learned world allowed 0.5 times as many" in (
        tmp_path / "report.md"
    ).read_text()
    main(shlex.split(row["command"])[1:])
    assert len(read_trials(tmp_path / "trials.jsonl")) == 3, "its command finds the row made"
    with pytest.raises(ValueError, match="--begin clone needs --learner ppo"):
        replace(one, learner="dqn")


def test_a_guard_is_a_number_or_a_measured_quantile_by_its_name(setting: Setting) -> None:
    watched = replace(setting, surprise="again")
    assert learned_env(replace(watched, guard="0.12")).guard == 0.12, "a number below 1 that is no quantile's name"
    assert learned_env(replace(watched, guard="0.99")).guard == 100.0
    assert learned_env(watched).guard is None
    with pytest.raises(AdapterError, match="guard must be a number or a quantile"):
        learned_env(replace(watched, guard="often"))


def test_a_script_is_refused_where_there_is_no_true_state(setting: Setting) -> None:
    envs = open_world("learned", setting)
    with pytest.raises(AgentError, match="choose --world true"):
        player_of("scripted", setting, envs)
    envs.close()
    envs = open_world("true", setting, test=True)
    assert play(envs, player_of("scripted", setting, envs), 2, 0).successes.any()
    envs.close()

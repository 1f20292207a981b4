"""Tasks, starts, latents, surprise and guards of the learned env, on scripted events and on a tiny real network."""

import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import worldsim  # noqa: F401  registers the ids
from fakes import Card, CounterWorld, Step
from tiny import KWARGS, save_tiny_checkpoint
from worldsim.actions import ActionSpec
from worldsim.data.record import record
from worldsim.model.calibration import Calibration, EventScore
from worldsim.model.card import read_card
from worldsim.model.text import PromptError
from worldsim.sampling.denoise import Guidance
from worldsim.sampling.world import World
from worldsim_envs.learned import EnvError, LearnedEnv, LearnedVectorEnv
from worldsim_envs.learned.arguments import read_guard
from worldsim_envs.learned.origins import TrueWorld, origin_of
from worldsim_envs.voxel.events import EVENT_NAMES
from worldsim_envs.voxel.tasks import TASKS

COLUMN = {name: 1 + column for column, name in enumerate(EVENT_NAMES)}


class EventWorld(CounterWorld):
    """A counter world whose step t brings the events of `script[t]`, each with the probability given there."""

    def __init__(self, script: dict[int, dict[str, float]], rows: int = 1, thresholds: dict[str, float] | None = None):
        super().__init__(rows)
        self.card = Card(self.card.action_spec, event_names=("reward", *EVENT_NAMES))
        self.script = script
        scores = {name: EventScore((thresholds or {}).get(name, 0.5)) for name in EVENT_NAMES}
        self.calibration = Calibration(scores)

    def imagine(self, actions: np.ndarray) -> Step:
        step = super().imagine(actions)
        events = np.zeros((self.rows, len(self.card.event_names)), np.float32)
        for row in range(self.rows):
            for name, probability in self.script.get(int(self.count[row]), {}).items():
                events[row, COLUMN[name]] = probability
        return Step(step.frames, events, step.ended)


def rewards_of(task: str, script: dict[int, dict[str, float]], steps: int, **kwargs) -> tuple[list[float], int | None]:
    """Rewards of some steps, and the step with which the episode ended."""
    env = LearnedEnv(EventWorld(script, thresholds=kwargs.pop("thresholds", None)), task=task, **kwargs)
    env.reset(seed=0)
    rewards: list[float] = []
    for t in range(1, steps + 1):
        _, reward, terminated, _, info = env.step(0)
        rewards.append(reward)
        if terminated:
            assert info["success"] is True
            return rewards, t
    return rewards, None


def test_a_task_pays_one_when_its_event_happens_and_ends_there() -> None:
    assert rewards_of("ChopTree", {3: {"mined_wood": 0.9}}, 6) == ([0, 0, 1], 3)
    assert rewards_of("ChopTree", {3: {"mined_wood": 0.4}, 4: {"mined_dirt": 0.9}}, 5) == ([0] * 5, None)


def test_an_event_counts_from_its_own_threshold_on() -> None:
    low = {"mined_wood": 0.2}
    assert rewards_of("ChopTree", {1: {"mined_wood": 0.19}, 2: {"mined_wood": 0.2}}, 4, thresholds=low) == ([0, 1], 2)


def test_a_task_that_needs_an_event_often_counts_it() -> None:
    script = {t: {"painted": 1.0} for t in (1, 3, 4)}
    assert rewards_of("PaintSign", script, 6) == ([0, 0, 0, 1], 4)
    assert rewards_of("PaintSign", {1: {"painted": 1.0}, 2: {"painted": 1.0}}, 4) == ([0] * 4, None)


def test_first_occurrences_are_paid_once_as_the_table_says() -> None:
    script = {1: {"mined_grass": 1, "placed": 1}, 2: {"placed": 1}, 3: {"mined_dirt": 1}}
    assert rewards_of("Explore", script, 4) == ([2, 0, 1, 0], None)
    assert rewards_of("Survival", {1: {"collected_wood": 1}, 2: {"collected_wood": 1}}, 3) == ([1, 0, 0], None)


def test_a_place_or_a_height_is_reached_when_the_world_says_so() -> None:
    for task in ("Navigate", "CrossWater", "BuildTower"):
        needs = {1: dict.fromkeys(TASKS[task].needs, 1.0), 3: {"reached_goal": 0.8}}
        assert rewards_of(task, needs, 5) == ([0, 0, 1], 3)


def test_a_dense_form_pays_progress_where_events_tell_it_and_is_refused_elsewhere() -> None:
    assert rewards_of("SurviveNight", {2: {"day_broke": 1}}, 3, dense=True) == ([0, 2], 2)
    refused = {"ChopTree": "the way to a place", "BuildTower": "the height climbed", "Explore": "no dense"}
    for task, says in refused.items():
        with pytest.raises(EnvError, match=says):
            LearnedEnv(EventWorld({}), task=task, dense=True)


def test_every_task_of_the_table_has_an_id_with_its_time_limit_and_goal() -> None:
    for name, task in TASKS.items():
        env = gym.make(f"worldsim/Learned-{name}-v0", checkpoint=EventWorld({}))
        assert env.spec is not None and env.spec.max_episode_steps == task.steps
        assert env.unwrapped.goal == task.goal
        rows = gym.make_vec(f"worldsim/Learned-{name}-v0", num_envs=2, checkpoint=EventWorld({}, rows=2))
        assert isinstance(rows, LearnedVectorEnv) and rows.max_episode_steps == task.steps


def test_a_task_that_does_not_exist_or_whose_events_are_not_predicted_is_named() -> None:
    with pytest.raises(EnvError, match="task must be one of Explore.*--task \"\".*got 'Fly'"):
        LearnedEnv(EventWorld({}), task="Fly")
    with pytest.raises(EnvError, match="does not predict: mined_wood"):
        LearnedEnv(CounterWorld(1), task="ChopTree")
    world = EventWorld({})
    world.calibration = None
    with pytest.warns(UserWarning, match="not measured to tell mined_wood"):
        LearnedEnv(world, task="ChopTree")


@pytest.mark.parametrize("mode", AutoresetMode)
def test_rows_keep_scores_of_their_own_and_the_next_episode_begins_at_nought(mode: AutoresetMode) -> None:
    world = EventWorld({t: {"painted": 1.0} for t in range(1, 50)}, rows=2)
    env = LearnedVectorEnv(2, world, task="PaintSign", autoreset_mode=mode)
    env.reset(seed=0)
    env.step(np.zeros(2, int))
    env.reset(options={"reset_mask": np.array([False, True])})
    ends = []
    for _ in range(2):
        _, rewards, ended, _, info = env.step(np.zeros(2, int))
        ends.append((rewards.tolist(), ended.tolist()))
    assert ends == [([0, 0], [False, False]), ([1, 0], [True, False])]
    told = info["final_info"]["success"] if mode is AutoresetMode.SAME_STEP else info["success"]
    assert told.tolist() == [True, False]
    if mode is AutoresetMode.DISABLED:
        env.reset(options={"reset_mask": np.array([True, False])})
    elif mode is AutoresetMode.NEXT_STEP:
        assert env.step(np.zeros(2, int))[1].tolist() == [0, 1], "the first row's step is its reset"
    _, rewards, *_ = env.step(np.zeros(2, int))
    assert rewards[0] == 0


def test_a_fork_and_a_restored_state_keep_the_score() -> None:
    env = LearnedEnv(EventWorld({t: {"painted": 1.0} for t in range(1, 9)}), task="PaintSign")
    env.reset(seed=0)
    env.step(0)
    state, twin = env.clone_state(), env.fork()
    assert [env.step(0)[1] for _ in range(2)] == [0, 1]
    assert [twin.step(0)[1] for _ in range(2)] == [0, 1]
    env.restore_state(state)
    assert [env.step(0)[1] for _ in range(2)] == [0, 1]


@pytest.mark.parametrize("task", TASKS)
def test_both_checkers_have_nothing_to_say_of_any_task(task: str) -> None:
    from stable_baselines3.common.env_checker import check_env as check

    script = {t: {name: 1.0} for t, name in enumerate([*TASKS[task].needs, "reached_goal"], start=2)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "The minimal resolution")  # the counter world is smaller than 36 × 36
        env = gym.make(f"worldsim/Learned-{task}-v0", checkpoint=EventWorld(script))
        check_env(env.unwrapped, skip_render_check=True)
        check(env)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_rows_under_a_task_are_what_gymnasiums_own_makes_of_single_envs(mode: AutoresetMode) -> None:
    script = {t: {"painted": 0.9} for t in (1, 2, 4, 5, 6, 9)}
    rows = LearnedVectorEnv(2, EventWorld(script, 2), task="PaintSign", horizon=5, autoreset_mode=mode)
    one = partial(LearnedEnv, task="PaintSign", horizon=5)
    theirs = gym.vector.SyncVectorEnv([lambda: one(EventWorld(script)) for _ in range(2)], autoreset_mode=mode)
    assert np.array_equal(rows.reset(seed=3)[0], theirs.reset(seed=3)[0])
    for _ in range(14):
        mine, other = rows.step(np.array([0, 1])), theirs.step(np.array([0, 1]))
        for left, right in zip(mine[:4], other[:4], strict=True):
            assert np.array_equal(left, right)
        for info, told in ((mine[4], other[4]), (mine[4].get("final_info", {}), other[4].get("final_info", {}))):
            assert set(info) == set(told)
            for key in ("success", "happened"):
                if key in info:
                    seen = info[f"_{key}"]
                    assert np.array_equal(info[key][seen], np.stack(told[key])[seen].astype(bool))
        over = mine[2] | mine[3]
        if mode is AutoresetMode.DISABLED and over.any():
            rows.reset(options={"reset_mask": over})
            theirs.reset(options={"reset_mask": over.copy()})


@pytest.mark.slow
def test_a_hundred_thousand_steps_leave_memory_and_handles_as_they_were(tmp_path: Path) -> None:
    checkpoint = save_tiny_checkpoint(tmp_path / "tiny")
    env = LearnedVectorEnv(16, checkpoint, threshold=1.0, max_episode_steps=50, surprise="again", obs="rgb")
    env.action_space.seed(0)
    env.reset(seed=0)

    def held() -> tuple[int, int]:
        pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
        handles = len(list(Path("/proc/self/fd").iterdir())) if pages else 0
        return pages * 4096, handles

    before = (0, 0)
    for step in range(100_000 // 16):
        frames, rewards, _, _, info = env.step(env.action_space.sample())
        assert np.isfinite(rewards).all() and np.isfinite(info["surprise"]).all() and frames.any()
        if step == 500:
            before = held()
    after = held()
    assert after[0] - before[0] < 32 << 20 and after[1] <= before[1]


def test_a_horizon_truncates_whatever_the_tasks_time_limit() -> None:
    env = gym.make("worldsim/Learned-ChopTree-v0", checkpoint=EventWorld({}), horizon=3)
    env.reset(seed=0)
    assert [env.step(0)[2:4] for _ in range(3)] == [(False, False)] * 2 + [(False, True)]


# -- on a tiny real network ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint"))


def test_a_start_in_the_true_world_is_the_true_worlds_own_and_its_state_is_remembered(checkpoint: str) -> None:
    kwargs = {"checkpoint": checkpoint, "start": "true", "start_frames": 4, "threshold": 1.0}
    with pytest.warns(UserWarning, match="not measured to tell reached_goal"):
        env = gym.make("worldsim/Learned-Navigate-v0", **kwargs).unwrapped
    frame, _ = env.reset(seed=11)
    true = gym.make("worldsim/Navigate-v0", **KWARGS).unwrapped
    seen = [true.reset(seed=11)[0]] + [true.step(0)[0] for _ in range(3)]
    assert np.array_equal(frame, seen[-1])
    twin = env.true_twin()
    assert np.array_equal(twin.unwrapped.picture(), seen[-1])
    assert np.array_equal(twin.step(1)[0], true.step(1)[0]), "it goes on beside the learned one"
    first = env.step(1)[0]
    env.reset(seed=0, options={"frames": np.stack(seen), "actions": np.zeros(4, int)})
    with pytest.raises(EnvError, match="did not begin in a true world"):
        env.true_twin()
    env.reset(seed=11)
    assert np.array_equal(env.step(1)[0], first)


class Every:
    """Shows a third picture beside that of the counter."""

    def __new__(cls, env: gym.Env) -> gym.Env:
        space = gym.spaces.Dict({"own": env.observation_space, "inverse": env.observation_space})
        return gym.wrappers.TransformObservation(env, lambda seen: {"own": seen, "inverse": 255 - seen}, space)


def test_a_start_in_the_true_world_is_seen_as_it_was_recorded(checkpoint: str) -> None:
    wrappers = [["gymnasium.wrappers:MaxAndSkipObservation", {"skip": 2}], f"{__name__}:Every"]
    card = replace(read_card(Path(checkpoint)), env={"id": "worldsim/Voxel-v0", "kwargs": {**KWARGS,
                   "wrappers": wrappers}, "image_key": "inverse"})  # fmt: skip
    origin = origin_of("true", card, None, 3, "noop", {})
    start, states = origin.draw([np.random.default_rng(0)], [11])
    true = gym.make("worldsim/Voxel-v0", **KWARGS).unwrapped
    seen = [true.reset(seed=11)[0]]
    for _ in range(2):
        pair = [true.step(0)[0] for _ in range(2)]
        seen.append(np.max(pair, axis=0))
    assert np.array_equal(start.frames[0], 255 - np.stack(seen))
    twin = origin.twin(states[0])
    assert set(twin.step(0)[0]) == {"own", "inverse"}
    origin.close()
    again, _ = origin.draw([np.random.default_rng(0)], [11])
    assert np.array_equal(again.frames, start.frames)
    with pytest.raises(EnvError, match="learned from imported data"):
        origin_of("true", replace(card, env={"id": "", "kwargs": {}}), None, 3, "noop", {})


def test_doing_nothing_is_found_by_its_name_in_any_case_and_numbered_as_the_env_does() -> None:
    space = gym.spaces.Discrete(3, start=4)
    for name in ("NOOP", "noop"):
        spec = ActionSpec(space, ("a", "b", "c"), np.eye(3, dtype=np.float32), meanings=("FIRE", name, "UP"))
        origin = TrueWorld("CartPole-v1", {}, Card(spec), 3, "noop")
        assert origin._policy.act(None, None, None) == 5


def test_a_prompt_that_is_refused_leaves_all_rows_as_they_were(checkpoint: str) -> None:
    one, other = (LearnedVectorEnv(2, checkpoint, threshold=1.0, max_episode_steps=3) for _ in range(2))
    for env in (one, other):
        env.reset(seed=4)
        env.step(np.array([1, 8]))
    with pytest.raises(PromptError):
        one.reset(seed=9, options={"prompt": "far too many words " * 20})
    for _ in range(3):
        mine, theirs = one.step(np.array([1, 8])), other.step(np.array([1, 8]))
        assert all(np.array_equal(a, b) for a, b in zip(mine[:4], theirs[:4], strict=True))


def test_rows_that_begin_in_the_true_world_are_as_single_envs(checkpoint: str) -> None:
    kwargs = {"checkpoint": checkpoint, "start": "true", "start_frames": 3, "start_policy": "random", "horizon": 2}
    rows = LearnedVectorEnv(2, threshold=1.0, **kwargs)
    first, _ = rows.reset(seed=5)
    for row in range(2):
        env = LearnedEnv(threshold=1.0, **kwargs)
        assert np.array_equal(env.reset(seed=5 + row)[0], first[row])
    for _ in range(3):
        rows.step(np.zeros(2, int))
    assert rows.true_twin(1).unwrapped.state is not None


@pytest.mark.parametrize("start", ["true", "recording"])
def test_a_chosen_start_goes_with_a_prompt_that_pulls_on_what_follows(
    checkpoint: str, tmp_path: Path, start: str
) -> None:
    if start == "recording":
        record("worldsim/Voxel-v0", "random", 30, tmp_path / "data", 0, episode_length=16, env_kwargs=KWARGS)
        start = str(tmp_path / "data")
    settings = {"checkpoint": checkpoint, "start": start, "start_frames": 3, "threshold": 1.0}
    free, told = LearnedEnv(**settings), LearnedEnv(**settings, prompt="a desert at night")
    first = free.reset(seed=5)[0]
    assert np.array_equal(told.reset(seed=5)[0], first)
    assert np.array_equal(told.world.cache.last, free.world.cache.last), "the past was seen under no prompt"
    free.set_prompt("a desert at night")
    later = told.step(1)[0]
    assert np.array_equal(free.step(1)[0], later), "it is told from the next frame on"
    free.reset(seed=5)
    assert (free.step(1)[0] != later).any()
    if start == "true":
        assert np.array_equal(told.true_twin().unwrapped.picture(), first)


def test_a_start_in_a_recording_is_a_stretch_of_it(checkpoint: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    record("worldsim/Voxel-v0", "random", 30, folder, 0, episode_length=16, env_kwargs=KWARGS)
    env = LearnedVectorEnv(4, checkpoint, start=folder, start_frames=5, threshold=1.0)
    frames, _ = env.reset(seed=0)
    recorded = _frames_of(folder)
    assert all((recorded == frame).all(axis=(1, 2, 3)).any() for frame in frames)
    with pytest.raises(EnvError, match="no episode of more than 6 frames"):
        record("worldsim/Voxel-v0", "random", 5, tmp_path / "short", 0, episode_length=6, env_kwargs=KWARGS)
        LearnedVectorEnv(1, checkpoint, start=tmp_path / "short", start_frames=6)


def _frames_of(folder: Path) -> np.ndarray:
    from worldsim.data.episodes import Dataset

    data = Dataset.open(folder)
    return np.concatenate([data.read(number).frames for number in range(len(data))])


def test_latents_leave_the_decoder_out_and_show_the_same_world(checkpoint: str) -> None:
    settings = {"checkpoint": checkpoint, "threshold": 1.0, "render_mode": "rgb_array"}
    pixels, latents = LearnedEnv(**settings), LearnedEnv(**settings, obs="latent")
    pixels.reset(seed=3)
    seen, _ = latents.reset(seed=3)
    assert latents.observation_space.contains(seen) and seen.shape == (4, 8, 8)
    for action in (1, 8, 14):
        frame, seen = pixels.step(action)[0], latents.step(action)[0]
        assert latents.observation_space.contains(seen)
        assert np.array_equal(latents.render(), frame)
    check_env(latents, skip_render_check=True)


@pytest.mark.parametrize("kind", ["again", "seeds"])
def test_a_surprise_is_told_and_changes_nothing_else(checkpoint: str, kind: str) -> None:
    plain, told = LearnedEnv(checkpoint, threshold=1.0), LearnedEnv(checkpoint, threshold=1.0, surprise=kind)
    assert "surprise" not in plain.reset(seed=1)[1] and told.reset(seed=1)[1]["surprise"] == 0
    for action in (1, 2, 14):
        mine, theirs = plain.step(action), told.step(action)
        assert np.array_equal(mine[0], theirs[0]) and mine[1] == theirs[1]
        assert theirs[4]["surprise"] > 0


def test_a_guard_that_nothing_measured_reaches_is_warned_of() -> None:
    measured = Calibration({}, {"again": {"0.95": 0.1, "0.99": 0.155}})
    with pytest.warns(UserWarning, match=r"guard=0.99 lies above every measured surprise .*0.155.* guard='0.95'"):
        assert read_guard(0.99, "again", measured, 2) == 0.99
    assert read_guard("0.99", "again", measured, 2) == 0.155 and read_guard(0.15, "again", measured, 2) == 0.15


@pytest.mark.parametrize("strength", [1.0, 2.5])
def test_a_surprise_at_seeds_is_that_of_the_guidance_in_play(checkpoint: str, strength: float) -> None:
    world = World.from_pretrained(checkpoint, guidance=Guidance(actions=strength), half=False)
    world.reset(seeds=[3])
    action = np.ones((1, world.card.action_spec.width), np.float32)

    def first_guess(sign: float) -> np.ndarray:
        fork, seen = world.fork(), []
        drawn = fork._noise(opening=False)
        fork._noise = lambda opening: sign * drawn
        fork.imagine(action, watch=lambda preview: seen.append(preview.latents.numpy()))
        return seen[0]

    expected = np.sqrt(np.square(first_guess(-1.0) - first_guess(1.0)).mean()) / 2
    assert world.imagine(action, surprise="seeds").surprise == pytest.approx(expected, rel=1e-4)


def test_a_guard_truncates_the_rows_that_it_finds_surprising(checkpoint: str) -> None:
    free = LearnedVectorEnv(3, checkpoint, threshold=1.0, surprise="seeds")
    free.reset(seed=1)
    found = free.step(np.array([1, 8, 14]))[4]["surprise"]
    limit = float(np.sort(found)[1])
    env = LearnedVectorEnv(3, checkpoint, threshold=1.0, surprise="seeds", guard=limit)
    env.reset(seed=1)
    _, _, terminated, truncated, _ = env.step(np.array([1, 8, 14]))
    assert np.array_equal(truncated, found > limit) and truncated.sum() == 1 and not terminated.any()


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [
        ({"obs": "depth"}, "obs must be 'rgb' or 'latent'"),
        ({"surprise": "much"}, "surprise must be one of again, seeds"),
        ({"guard": 1.0}, "a guard watches a surprise"),
        ({"surprise": "again", "guard": "0.99"}, "worldsim agent calibrate"),
        ({"surprise": "again", "guard": 0.0}, "guard must be above 0"),
        ({"start": True}, 'start must be "", "true" \\(a text\\)'),
        ({"horizon": 0}, "horizon must be at least 1"),
        ({"dense": True}, "name the task too"),
        ({"start": "nowhere"}, 'start must be "true" or the folder'),
        ({"start": "true", "start_frames": 99}, "start_frames must be from 1 to 6"),
    ],
)
def test_a_wrong_argument_is_named(checkpoint: str, kwargs: dict, says: str) -> None:
    with pytest.raises(EnvError, match=says):
        LearnedVectorEnv(2, checkpoint, **kwargs)

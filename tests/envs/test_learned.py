"""The learned env on a counter world: rows, resets, ends and prompts are where they belong."""

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import worldsim
from fakes import SIZE, CounterWorld
from worldsim.actions import ActionError, ActionSpec
from worldsim.model.calibration import Calibration, EventScore
from worldsim_envs.learned import EnvError, LearnedEnv, LearnedVectorEnv


def single(**kwargs) -> LearnedEnv:
    world = {key: kwargs.pop(key) for key in ("spec", "end_at", "starts") if key in kwargs}
    return LearnedEnv(CounterWorld(1, **world), **kwargs)


def batch(rows: int = 3, **kwargs) -> LearnedVectorEnv:
    world = {key: kwargs.pop(key) for key in ("spec", "end_at", "starts") if key in kwargs}
    return LearnedVectorEnv(rows, CounterWorld(rows, **world), **kwargs)


def counts(frames: np.ndarray) -> list[int]:
    return frames[..., 0, 0, 0].tolist()


def given(*numbers: int) -> np.ndarray:
    """Frames (T, H, W, 3) that show these counts."""
    frames = np.zeros((len(numbers), *SIZE, 3), np.uint8)
    frames[:, 0, 0, 0] = numbers
    return frames


def test_step_t_shows_t_the_action_that_led_to_it_and_its_events() -> None:
    env = single()
    frame, info = env.reset(seed=0)
    assert counts(frame) == 0 and info["events"].tolist() == [0, 0] and info["end_probability"] == 0
    for t, action in enumerate([1, 2, 0, 1], start=1):
        frame, reward, terminated, truncated, info = env.step(np.int64(action))
        assert frame[0, :2, 0].tolist() == [t, 10 * action]
        assert reward == t and info["events"].tolist() == [action, 0]
        assert (terminated, truncated) == (False, False) and info["end_probability"] == pytest.approx(0.1)
    assert env.event_names == ("action", "prompt")


@pytest.mark.parametrize("render_mode", [None, "rgb_array"])
def test_gymnasiums_checker_has_nothing_to_say(render_mode: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make("worldsim/Learned-v0", checkpoint=CounterWorld(1), render_mode=render_mode)
        check_env(env.unwrapped, skip_render_check=render_mode is None)


def test_stable_baselines3s_checker_has_nothing_to_say() -> None:
    from stable_baselines3.common.env_checker import check_env as check

    world = CounterWorld(1)
    env = LearnedEnv(world)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "The minimal resolution")  # the counter world is smaller than 36 × 36
        check(env)


def test_make_and_make_vec_build_it_by_its_id_with_a_time_limit() -> None:
    env = gym.make("worldsim/Learned-v0", checkpoint=CounterWorld(1))
    assert env.spec is not None and env.spec.max_episode_steps == 1000
    rows = gym.make_vec("worldsim/Learned-v0", num_envs=2, checkpoint=CounterWorld(2), max_episode_steps=2)
    assert isinstance(rows, LearnedVectorEnv)
    rows.reset(seed=0)
    assert [rows.step(np.array([0, 1]))[3].tolist() for _ in range(2)] == [[False] * 2, [True] * 2]
    assert gym.make_vec("worldsim/Learned-v0", checkpoint=CounterWorld(1)).max_episode_steps == 1000


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_the_vector_env_does_what_gymnasiums_own_does_with_single_envs(mode: AutoresetMode) -> None:
    ends = {"end_at": 104, "starts": 4}  # an episode lasts one to four steps, by its start; the limit is three
    rows = batch(3, **ends, autoreset_mode=mode, max_episode_steps=3)
    ours = [lambda: gym.wrappers.TimeLimit(single(**ends), 3) for _ in range(3)]
    theirs = SyncVectorEnv(ours, autoreset_mode=mode)
    rows.action_space.seed(0)
    mask = np.array([True, False, True])
    seen = np.zeros(2, int)
    for index, (mine, other) in enumerate(_runs(rows, theirs, mode, mask)):
        if len(mine) == 5:
            seen += mine[2].sum(), mine[3].sum()
        assert mine[0].dtype == other[0].dtype
        for left, right in zip(mine[:-1], other[:-1], strict=True):
            assert np.array_equal(left, right), f"call {index}"
        _same_info(mine[-1], other[-1])
    assert seen.min() > 0, "both kinds of end should come up"


def _runs(rows: LearnedVectorEnv, theirs: SyncVectorEnv, mode: AutoresetMode, mask: np.ndarray):
    yield rows.reset(seed=7), theirs.reset(seed=7)
    for step in range(14):
        actions = rows.action_space.sample()
        mine, other = rows.step(actions), theirs.step(actions)
        yield mine, other
        if mode is AutoresetMode.DISABLED and (mine[2] | mine[3]).any():
            over = mine[2] | mine[3]
            yield rows.reset(options={"reset_mask": over}), theirs.reset(options={"reset_mask": over.copy()})
        elif mode is AutoresetMode.DISABLED and step == 1:
            yield rows.reset(options={"reset_mask": mask}), theirs.reset(options={"reset_mask": mask})
    yield rows.reset(seed=[1, None, 3]), theirs.reset(seed=[1, None, 3])


def _same_info(mine: dict, other: dict) -> None:
    assert set(mine) - {"TimeLimit.truncated"} == set(other) - {"TimeLimit.truncated"}
    for key, value in mine.items():
        if isinstance(value, dict):
            _same_info(value, other[key])
        elif value.dtype == object:
            assert all(np.array_equal(left, right) for left, right in zip(value, other[key], strict=True))
        elif f"_{key}" in mine:  # only the rows that the mask names carry anything
            assert np.allclose(value[mine[f"_{key}"]], other[key][mine[f"_{key}"]]), key
        else:
            assert np.array_equal(value, other[key]), key


def test_an_episode_ends_when_the_probability_reaches_the_threshold() -> None:
    for threshold, at in [(0.05, 1), (0.5, 3), (0.9, 3), (0.95, None)]:
        env = single(end_at=3, threshold=threshold)
        env.reset(seed=0)
        ends = [env.step(0)[2] for _ in range(at or 6)]
        assert ends == [False] * (len(ends) - 1) + [at is not None]


@pytest.mark.parametrize(
    ("measured", "threshold"),
    [
        (None, 0.5),
        ({}, 0.5),
        ({"end": EventScore(0.05, f1=0.49)}, 0.5),
        ({"end": EventScore(0.05, f1=0.5)}, 0.05),
        ({"jumped": EventScore(0.05, f1=0.9)}, 0.5),
    ],
)
def test_an_episode_ends_at_the_calibrated_threshold_where_that_tells_the_end(
    measured: dict[str, EventScore] | None, threshold: float
) -> None:
    world = CounterWorld(1)  # whose ends have a probability of 0.1, until they have 0.9
    world.calibration = None if measured is None else Calibration(measured)
    env = LearnedEnv(world)
    assert env._batch.threshold == threshold
    env.reset(seed=0)
    assert env.step(0)[2] is (threshold < 0.1)
    assert LearnedEnv(world, threshold=0.7)._batch.threshold == 0.7, "what is given counts"


def test_the_same_seed_and_actions_give_the_same_frames_and_another_seed_others() -> None:
    def roll(seed: int) -> np.ndarray:
        env = single()
        return np.stack([env.reset(seed=seed)[0], *(env.step(i % 3)[0] for i in range(5))])

    assert np.array_equal(roll(3), roll(3)) and not np.array_equal(roll(3), roll(4))


def test_a_second_reset_without_a_seed_goes_on_from_the_first_ones_randomness() -> None:
    env = single(starts=50)
    first = [env.reset(seed=1)[0], env.reset()[0], env.reset()[0]]
    assert len({counts(frame) for frame in first}) > 1
    assert np.array_equal(np.stack(first), np.stack([env.reset(seed=1)[0], env.reset()[0], env.reset()[0]]))


def test_given_frames_are_gone_on_from_and_the_first_action_is_ignored() -> None:
    env = single(starts=5)
    frame, _ = env.reset(seed=0, options={"frames": given(40, 41, 42), "actions": np.array([99, 0, 2])})
    assert frame[0, :2, 0].tolist() == [42, 20]
    assert counts(env.step(0)[0]) == 43
    frame, _ = env.reset(seed=0, options={"frames": given(40)})
    assert counts(frame) == 40


def test_rows_take_their_own_frames_actions_and_prompts_or_share_one() -> None:
    env = batch(2)
    each = np.stack([given(10, 11), given(20, 21)])
    options = {"frames": each, "actions": np.array([[0, 1], [0, 2]]), "prompt": ["a", "bcd"]}
    frames, _ = env.reset(seed=0, options=options)
    assert frames[:, 0, :2, 0].tolist() == [[11, 10], [21, 20]]
    assert env.step(np.array([0, 0]))[0][:, 0, 2, 0].tolist() == [1, 3]
    frames, _ = env.reset(seed=0, options={"frames": given(5, 6), "actions": np.array([0, 2]), "prompt": "xy"})
    assert frames[:, 0, :2, 0].tolist() == [[6, 20]] * 2
    assert env.step(np.array([0, 0]))[0][:, 0, 2, 0].tolist() == [2, 2]


def test_actions_of_a_dict_space_lead_into_given_frames() -> None:
    space = spaces.Dict({"keys": spaces.MultiBinary(2), "turn": spaces.Box(-1, 1, (1,))})
    env = batch(2, spec=ActionSpec.from_space(space))
    shared = {"keys": np.array([[1, 1], [0, 1]], np.int8), "turn": np.array([[0], [1]], np.float32)}
    frames, _ = env.reset(seed=0, options={"frames": given(5, 6), "actions": shared})
    assert frames[:, 0, 1, 0].tolist() == [50, 50]  # key 2 and turn, field 3
    each = {key: np.stack([value, value[::-1]]) for key, value in shared.items()}
    frames, _ = env.reset(seed=0, options={"frames": given(5, 6), "actions": each})
    assert frames[:, 0, 1, 0].tolist() == [50, 30]


def test_a_start_is_drawn_from_the_stored_ones_unless_frames_or_a_prompt_are_given() -> None:
    env = single(starts=8)
    drawn = {int(counts(env.reset(seed=seed)[0])) for seed in range(40)}
    assert drawn == set(range(100, 108))
    assert counts(env.reset(seed=0, options={"prompt": "a desert"})[0]) == 0
    assert counts(single(starts=8, prompt="a desert").reset(seed=0)[0]) == 0


def test_a_rows_prompt_decides_about_its_own_start_only() -> None:
    free = counts(batch(3, starts=8).reset(seed=0)[0])
    mixed = batch(3, starts=8)
    frames, _ = mixed.reset(seed=0, options={"prompt": ["", "a desert", ""]})
    assert min(free) >= 100 and counts(frames) == [free[0], 0, free[2]]
    assert frames[:, 0, 2, 0].tolist() == [0, len("a desert"), 0]
    frames, _ = mixed.reset(seed=0, options={"prompt": ["a", "", ""], "reset_mask": np.array([True, True, False])})
    assert counts(frames) == [0, free[1], free[2]]


def test_a_chosen_start_is_drawn_whatever_the_prompt_which_is_told_from_the_next_frame_on() -> None:
    gym.register("test/Counter-v0", entry_point=lambda **kwargs: LearnedEnv(CounterWorld(1, **kwargs)))
    world = CounterWorld(3, starts=8)
    world.card.env = {"id": "test/Counter-v0", "kwargs": {}}
    try:
        env = LearnedVectorEnv(3, world, start="true", start_frames=3)
        frames, _ = env.reset(seed=0, options={"prompt": ["", "a desert", "snow"]})
        assert counts(frames) == [2, 2, 2] and len({frame.tobytes() for frame in frames}) == 3
        assert frames[:, 0, 2, 0].tolist() == [0, 0, 0], "the true frames are the true world's own"
        assert all(env.true_twin(row).unwrapped.step(0)[0][0, 0, 0] == 3 for row in range(3))
        told = env.step(np.zeros(3, int))[0]
        assert counts(told) == [3, 3, 3] and told[:, 0, 2, 0].tolist() == [0, len("a desert"), len("snow")]
        env.reset(options={"prompt": "rain", "reset_mask": np.array([False, False, True])})
        told = env.step(np.zeros(3, int))[0]
        assert counts(told) == [4, 4, 3] and told[:, 0, 2, 0].tolist() == [0, len("a desert"), len("rain")]
    finally:
        del gym.registry["test/Counter-v0"]


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_every_episode_of_a_chosen_start_is_told_the_constructors_prompt(mode: AutoresetMode) -> None:
    gym.register("test/Counter-v0", entry_point=lambda **kwargs: LearnedEnv(CounterWorld(1, **kwargs)))
    world = CounterWorld(1, end_at=4)
    world.card.env = {"id": "test/Counter-v0", "kwargs": {}}
    try:
        env = LearnedVectorEnv(1, world, start="true", start_frames=3, prompt="rain", autoreset_mode=mode)
        env.reset(seed=0)
        seen = [env.step(np.zeros(1, int))[0][0, 0, :3, 0].tolist() for _ in range(5)]
        begun, told, last = [2, 0, 0], [3, 0, 4], [4, 0, 4]
        next_step = [told, last, begun, told, last]
        assert seen == (next_step if mode is AutoresetMode.NEXT_STEP else [told, begun, told, begun, told])
    finally:
        del gym.registry["test/Counter-v0"]


def test_a_prompt_set_in_mid_rollout_holds_from_the_next_frame_until_the_episode_ends() -> None:
    env = single(prompt="four")
    env.reset(seed=0)
    assert env.step(0)[0][0, 2, 0] == 4
    env.unwrapped.set_prompt("fives")
    assert env.step(0)[0][0, 2, 0] == 5
    env.reset(seed=0)
    assert env.step(0)[0][0, 2, 0] == 4


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_restored_state_and_a_fork_go_on_exactly_as_the_original(mode: AutoresetMode) -> None:
    env = batch(2, end_at=103, starts=6, autoreset_mode=mode)
    env.reset(seed=5)
    env.step(np.array([1, 2]))
    env.set_prompt(["a", "bb"])
    state, twin = env.clone_state(), env.fork()
    actions = np.random.default_rng(0).integers(0, 3, (12, 2))
    runs = [[one.step(action) for action in actions] for one in (env, twin)]
    env.restore_state(state)
    runs.append([env.step(action) for action in actions])
    assert any(done.any() for _, _, done, _, _ in runs[0]), "the run should pass an episode's end"
    for run in runs[1:]:
        for left, right in zip(runs[0], run, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(left[:4], right[:4], strict=True))


def test_a_single_env_restores_its_randomness_for_the_resets_to_come() -> None:
    env = single(starts=50)
    env.reset(seed=5)
    state, twin = env.clone_state(), env.fork()
    first = [env.reset()[0], env.step(1)[0]]
    env.restore_state(state)
    for other in (env, twin):
        assert np.array_equal(first, [other.reset()[0], other.step(1)[0]])


def test_observations_share_no_memory_with_one_another_or_the_env() -> None:
    for env, action in ((single(), 0), (batch(), np.zeros(3, int))):
        kept = [env.reset(seed=0)[0]]
        kept += [env.step(action)[0] for _ in range(3)]
        assert not any(np.shares_memory(a, b) for i, a in enumerate(kept) for b in kept[:i])
        copies = [frame.copy() for frame in kept]
        kept[-1][:] = 0
        env.step(action)
        assert all(np.array_equal(a, b) for a, b in zip(kept[:-1], copies[:-1], strict=True))


def test_render_gives_the_current_frame_and_warns_without_a_mode() -> None:
    env = single(render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.step(1)[0]
    assert np.array_equal(env.render(), frame)
    rows = batch(render_mode="rgb_array")
    frames, _ = rows.reset(seed=0)
    assert np.array_equal(np.stack(rows.render()), frames)
    with pytest.warns(UserWarning, match="render_mode='rgb_array'"):
        assert single().render() is None


def test_it_can_be_recorded_as_the_true_env_can() -> None:
    spec = ActionSpec.from_env(single())
    assert spec.names == ("forward", "back") and spec.meanings == ("noop", "forward", "back")
    assert spec.encode(2).tolist() == [0, 1]
    assert single().get_action_meanings()[1] == "forward"


def test_keys_mean_what_they_mean_in_the_voxel_world() -> None:
    true = gym.make("worldsim/Voxel-v0").unwrapped
    learned = single(spec=ActionSpec.from_env(true))
    tables = [env.get_keys_to_action() for env in (learned, true)]
    mine, theirs = ({frozenset(keys): action for keys, action in table.items()} for table in tables)
    assert mine == theirs and len(mine) > 15
    assert single(spec=ActionSpec.from_space(spaces.Discrete(3))).get_keys_to_action() == {}


def test_the_vector_step_takes_any_combination_of_keys() -> None:
    env = single()
    env.reset(seed=0)
    frame, *_ = env.step_vector(np.array([1, 1], np.float32))
    assert frame[0, 1, 0] == 30


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [
        ({"rows": 0}, "num_envs must be at least 1"),
        ({"render_mode": "human"}, "render_mode must be None or 'rgb_array', got 'human'"),
        ({"max_episode_steps": 0}, "max_episode_steps"),
        ({"threshold": 0.0}, "threshold"),
        ({"autoreset_mode": "Sometimes"}, "NextStep"),
    ],
)
def test_a_wrong_argument_is_named(kwargs: dict, says: str) -> None:
    with pytest.raises(EnvError, match=says):
        batch(**kwargs)


def test_a_world_with_another_number_of_rows_is_refused() -> None:
    with pytest.raises(EnvError, match="World of 2 rows, got one of 3"):
        LearnedVectorEnv(2, CounterWorld(3))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"frame": given(1)}, "reset takes the options frames, actions, prompt, reset_mask, got frame"),
        ({"frames": given(1)[0]}, r"must be \(T, 8, 10, 3\) uint8"),
        ({"frames": given(1).astype(np.float32)}, "float32"),
        ({"frames": np.zeros((2, 9, 10, 3), np.uint8)}, r"got \(2, 9, 10, 3\)"),
        ({"frames": np.zeros((0, 8, 10, 3), np.uint8)}, "T >= 1"),
        ({"frames": np.zeros((3, 2, 8, 10, 3), np.uint8)}, "or 2 such rows"),
        ({"frames": [1, 2]}, "got list"),
        ({"actions": np.array([0])}, "give options"),
        ({"frames": given(1, 2), "actions": np.array([0])}, "one action of Discrete"),
        ({"prompt": ["one"]}, "prompt must be a text or 2 of them"),
        ({"prompt": 3}, "prompt must be a text or 2 of them"),
        ({"reset_mask": np.array([True])}, "reset_mask must be"),
        ({"reset_mask": np.array([False, False])}, "at least one True"),
        ({"reset_mask": np.array([True, False])}, "first reset"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_begins(options: dict, says: str) -> None:
    env = batch(2)
    with pytest.raises(EnvError, match=says):
        env.reset(seed=0, options=options)
    with pytest.raises(EnvError, match="call reset"):
        env.step(np.array([0, 0]))


def test_actions_outside_the_space_are_named() -> None:
    env = batch(2)
    env.reset(seed=0)
    with pytest.raises(ActionError, match="actions must be in"):
        env.step(np.array([0, 3]))
    with pytest.raises(EnvError, match="needs 2 actions, one per row, got 1"):
        env.step(np.array([0]))
    with pytest.raises(ActionError, match="actions must be in"):
        env.reset(options={"frames": given(1, 2), "actions": np.array([0, 3])})
    alone = single()
    alone.reset(seed=0)
    with pytest.raises(ActionError, match="action must be in"):
        alone.step(3)


def test_stepping_past_an_end_without_autoreset_is_refused() -> None:
    env = batch(2, end_at=1, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    env.step(np.array([0, 0]))
    env.reset(options={"reset_mask": np.array([False, True])})
    with pytest.raises(EnvError, match=r"rows \[0\] are over"):
        env.step(np.array([0, 0]))


def test_worldsim_registers_the_id_with_strings_only() -> None:
    assert worldsim.__version__
    assert "LearnedEnv" in gym.spec("worldsim/Learned-v0").to_json()


@pytest.mark.parametrize("kind", ["multidiscrete", "dict"])
def test_it_takes_the_other_actions_of_the_true_env_in_the_same_vectors(kind: str) -> None:
    """The shipped world: an action in another space leads to the frame that the same one of the 26 leads to."""
    one: Any = gym.make("worldsim/Learned-v0", action_space=kind).unwrapped
    rows = gym.make_vec("worldsim/Learned-v0", num_envs=2, vectorization_mode="vector_entry_point", action_space=kind)
    usual: Any = gym.make("worldsim/Learned-v0").unwrapped
    assert one.action_space == rows.single_action_space == gym.make("worldsim/Voxel-v0", action_space=kind).action_space
    check_env(one, skip_render_check=True)
    walk, nothing = usual.get_action_meanings().index("forward"), one.action_space.sample()
    if kind == "dict":
        action: Any = {key: np.zeros_like(value) for key, value in nothing.items()} | {"forward": np.int64(1)}
    else:
        action = np.zeros_like(nothing)
        names = usual.action_spec.names
        action[[names.index("cameraX"), names.index("cameraY")]] = 5  # the middle one of 11 bins
        action[names.index("forward")] = 1
    for env in (one, usual):
        env.reset(seed=3)
    assert np.array_equal(one.step(action)[0], usual.step(walk)[0])
    rows.reset(seed=1)
    assert rows.step(rows.action_space.sample())[0].shape == (2, 64, 64, 3)
    with pytest.raises(EnvError, match=r"'continuous' is taken from the true env: .* one of \('discrete',"):
        gym.make("worldsim/Learned-v0", action_space="continuous")
    with pytest.raises(EnvError, match="is taken from the true env"):
        LearnedEnv(CounterWorld(1), action_space="dict")

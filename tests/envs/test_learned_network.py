"""The learned env on a tiny real network: checkers, rows against single envs, forks, prompts, shared spaces."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from tiny import KWARGS, SIZE, save_tiny_checkpoint
from worldsim.actions import ActionSpec
from worldsim.data.frames import resize
from worldsim.model.calibration import Calibration, EventScore, played_fingerprint, write_calibration
from worldsim.model.checkpoint import CheckpointError, load, save
from worldsim.model.config import ConfigError
from worldsim.model.text import PromptError
from worldsim.sampling.denoise import Guidance
from worldsim.sampling.world import World, WorldError
from worldsim_envs.learned import LearnedEnv, LearnedVectorEnv
from worldsim_envs.learned.starts import EnvError

ACTIONS = np.random.default_rng(0).integers(0, 21, (10, 3))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint"))


def make(checkpoint: str, **kwargs) -> LearnedEnv:
    return gym.make("worldsim/Learned-v0", checkpoint=checkpoint, threshold=1.0, **kwargs).unwrapped  # type: ignore


def roll(env: LearnedEnv, actions: np.ndarray) -> np.ndarray:
    """Frames (T, H, W, 3) as int, so that differences can be taken."""
    return np.stack([env.step(action)[0] for action in actions]).astype(int)


@pytest.mark.parametrize("render_mode", [None, "rgb_array"])
def test_both_checkers_have_nothing_to_say(checkpoint: str, render_mode: str | None) -> None:
    from stable_baselines3.common.env_checker import check_env as check

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make("worldsim/Learned-v0", checkpoint=checkpoint, render_mode=render_mode)
        check_env(env.unwrapped, skip_render_check=render_mode is None)
        check(env)


def test_a_whole_episode_through_make_warns_of_nothing(checkpoint: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make("worldsim/Learned-v0", checkpoint=checkpoint, max_episode_steps=4, threshold=1.0)
        env.reset(seed=0)
        ends = [env.step(env.action_space.sample())[2:4] for _ in range(4)]
    assert ends == [(False, False)] * 3 + [(False, True)]


def test_rows_of_the_vector_env_show_what_single_envs_with_their_seeds_show(checkpoint: str) -> None:
    rows = gym.make_vec("worldsim/Learned-v0", num_envs=3, checkpoint=checkpoint, threshold=1.0)
    assert isinstance(rows, LearnedVectorEnv)
    first, _ = rows.reset(seed=5)
    frames = np.stack([rows.step(actions)[0] for actions in ACTIONS]).astype(int)  # (T, B, H, W, 3)
    for row in range(3):
        env = make(checkpoint)
        assert np.array_equal(env.reset(seed=5 + row)[0], first[row])
        # Matrix products of one row and of three round differently; nothing more may differ.
        assert np.abs(roll(env, ACTIONS[:, row]) - frames[:, row]).max() <= 1


def test_true_and_learned_share_spaces_names_and_events(checkpoint: str) -> None:
    true, learned = gym.make("worldsim/Voxel-v0", **KWARGS).unwrapped, make(checkpoint)
    assert learned.action_space == true.action_space and learned.observation_space == true.observation_space
    assert learned.event_names == true.event_names
    assert learned.get_action_meanings() == true.get_action_meanings()
    mine, theirs = ActionSpec.from_env(learned), ActionSpec.from_env(true)
    assert mine.names == theirs.names and np.array_equal(mine.table, theirs.table)
    learned.reset(seed=0)
    true.reset(seed=0)
    assert learned.step(1)[4]["events"].shape == true.step(1)[4]["events"].shape


def test_true_frames_and_their_actions_start_it(checkpoint: str) -> None:
    true, env = gym.make("worldsim/Voxel-v0", **KWARGS), make(checkpoint)
    frames, actions = [true.reset(seed=1)[0]], [0]
    for action in (1, 8, 1):
        frames.append(true.step(action)[0])
        actions.append(action)
    options = {"frames": np.stack(frames), "actions": np.array(actions)}
    frame, _ = env.reset(seed=0, options=options)
    assert np.array_equal(frame, frames[-1])
    after = roll(env, ACTIONS[:3, 0])
    env.reset(seed=0, options={**options, "actions": np.array([20, 0, 0, 0])})
    assert (roll(env, ACTIONS[:3, 0]) != after).any(), "the given actions should matter"


def test_actions_and_prompts_matter_from_the_frame_that_follows(checkpoint: str) -> None:
    env = make(checkpoint)
    env.reset(seed=2)
    env.step(1)
    twin, other = env.fork(), env.fork()
    twin.set_prompt("a desert at night")
    frames = [roll(one, actions) for one, actions in ((env, [1, 1]), (twin, [1, 1]), (other, [8, 1]))]
    assert (frames[0][0] != frames[1][0]).any() and (frames[0][0] != frames[2][0]).any()
    with pytest.raises(PromptError, match="at most 8 words"):
        env.set_prompt("one two three four five six seven eight nine")


def test_its_fingerprint_is_of_what_decides_a_rollout_and_of_nothing_else(checkpoint: str, tmp_path: Path) -> None:
    mine, (card, tokenizer, dynamics, _) = make(checkpoint).fingerprint, load(checkpoint)
    save(tmp_path / "same", replace(card, name="other", training={"steps": 1}), tokenizer, dynamics)
    scores = Calibration({"jumped": EventScore(0.2)}, {}, played_fingerprint(tmp_path / "same"))
    write_calibration(tmp_path / "same", scores)
    assert make(str(tmp_path / "same")).fingerprint == mine
    save(tmp_path / "card", replace(card, context_level=0.2), tokenizer, dynamics)
    save_tiny_checkpoint(tmp_path / "weights", seed=1)
    assert len({mine, *(make(str(tmp_path / name)).fingerprint for name in ("card", "weights"))}) == 3


def test_given_frames_may_have_the_size_that_the_true_world_shows(checkpoint: str, tmp_path: Path) -> None:
    card, tokenizer, dynamics, _ = load(checkpoint)
    save(tmp_path / "shown", replace(card, shown=(96, 128)), tokenizer, dynamics)
    env = make(str(tmp_path / "shown"))
    large = np.random.default_rng(0).integers(0, 256, (2, 96, 128, 3), np.uint8)
    small = resize(large, card.size)
    assert np.array_equal(env.round_trip(large), env.round_trip(small))
    told = []
    for frames in (large, small):
        env.reset(seed=0, options={"frames": frames[:1]})
        told.append(env.surprise_at(frames[1], 1))
        assert np.array_equal(env.clone_state().observed[0], small[1]), "what was seen is shown"
    assert told[0] == told[1] and np.isfinite(told[0])
    for take in (env.round_trip, lambda frames: env.surprise_at(frames[0], 1),
                 lambda frames: env.reset(options={"frames": frames})):  # fmt: skip
        with pytest.raises(EnvError, match=r"frames must be \(T, 64, 64, 3\) uint8"):
            take(large[:, :40])


def test_a_restored_state_goes_on_exactly(checkpoint: str) -> None:
    env = make(checkpoint)
    env.reset(seed=3)
    roll(env, ACTIONS[:8, 0])  # past the window, so that the ring has turned
    state = env.clone_state()
    first = roll(env, ACTIONS[:, 1])
    env.restore_state(state)
    assert np.array_equal(roll(env, ACTIONS[:, 1]), first)


def test_a_missing_checkpoint_is_named() -> None:
    with pytest.raises(CheckpointError, match="no-such-world"):
        LearnedEnv("no-such-world")


def test_actions_may_pull_more_than_was_learned(checkpoint: str) -> None:
    def shown(env: Any) -> np.ndarray:
        env.reset(seed=1)
        return roll(env, ACTIONS[:4, 0])

    given = World.from_pretrained(checkpoint, guidance=Guidance(actions=2.0))
    assert np.array_equal(shown(make(checkpoint, action_guidance=2.0)), shown(LearnedEnv(given, threshold=1.0)))
    assert (shown(make(checkpoint)) != shown(make(checkpoint, action_guidance=2.0))).any()
    with pytest.raises(EnvError, match="a guidance of its own"):
        LearnedEnv(given, action_guidance=2.0)
    with pytest.raises(ConfigError, match=r"Guidance\.actions"):
        make(checkpoint, action_guidance=-1.0)


def test_temperature_is_the_size_of_the_noise(checkpoint: str) -> None:
    def shown(env: Any) -> np.ndarray:
        env.reset(seed=1)
        return roll(env, ACTIONS[:4, 0])

    given = World.from_pretrained(checkpoint, temperature=0.3)
    assert given.temperature == replace(given.card.temperature, usual=0.3)
    assert np.array_equal(shown(make(checkpoint, temperature=0.3)), shown(LearnedEnv(given, threshold=1.0)))
    assert (shown(make(checkpoint)) != shown(make(checkpoint, temperature=0.3))).any()
    with pytest.raises(EnvError, match="a temperature and a guidance of its own"):
        LearnedEnv(given, temperature=0.3)
    for wrong in (9.0, "hot", True):
        with pytest.raises(ConfigError, match=r"Temperature\.usual"):
            make(checkpoint, temperature=wrong)


def test_a_window_makes_later_frames_forget_what_lies_before_it(checkpoint: str) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 5, *SIZE, 3), dtype=np.uint8)
    frames[1, 2:] = frames[0, 2:]  # only the first two differ
    shown = {}
    for window in (None, 3):
        env = make(checkpoint, window=window)
        for which, given in enumerate(frames):
            env.reset(seed=1, options={"frames": given, "actions": np.zeros(5, np.int64)})
            shown[window, which] = roll(env, ACTIONS[:4, 0])
    assert (shown[None, 0] != shown[None, 1]).any() and np.array_equal(shown[3, 0], shown[3, 1])
    with pytest.raises(EnvError, match="a window, a temperature and a guidance of its own"):
        LearnedEnv(make(checkpoint).world, window=2)
    for wrong in ({"steps": 7}, {"device": "cuda"}):
        with pytest.raises(EnvError, match="passes, a device, a window"):
            LearnedEnv(make(checkpoint).world, **wrong)
    with pytest.raises(WorldError, match="window must be from 1 to 6"):
        make(checkpoint, window=7)


LARGER = (48, 80)


def true_start(seed: int, size: tuple[int, int] = LARGER, length: int = 6) -> np.ndarray:
    """What the true world shows at a size while nobody acts: frames (T, H, W, 3)."""
    true = gym.make("worldsim/Voxel-v0", **{**KWARGS, "size": size})
    return np.stack([true.reset(seed=seed)[0], *(true.step(0)[0] for _ in range(length - 1))])


def test_at_another_size_it_begins_with_frames_that_the_true_world_draws_at_it(checkpoint: str) -> None:
    env = make(checkpoint, size=LARGER)
    assert env.observation_space.shape == (*LARGER, 3)
    frame, _ = env.reset(seed=11)
    assert np.array_equal(frame, true_start(11)[-1]), "neither a stretched start nor noise"
    free = roll(env, ACTIONS[:3, 0])
    assert free.shape == (3, *LARGER, 3) and env.observation_space.contains(free[0].astype(np.uint8))
    told, _ = env.reset(seed=11, options={"prompt": "a desert at night"})
    assert (told != frame).mean() > 0.9, "a prompt begins from noise, as at the checkpoint's own size"
    with pytest.raises(EnvError, match="did not begin in a true world"):
        env.true_twin()
    check_env(make(checkpoint, size=LARGER), skip_render_check=True)


def test_at_another_size_rows_are_as_single_envs_and_true_twins_draw_it(checkpoint: str) -> None:
    settings = {"checkpoint": checkpoint, "size": list(LARGER), "threshold": 1.0, "start": "true", "start_frames": 2}
    rows = gym.make_vec("worldsim/Learned-v0", num_envs=2, **settings)
    assert rows.observation_space.shape == (2, *LARGER, 3)
    first, _ = rows.reset(seed=5)
    frames = np.stack([rows.step(actions[:2])[0] for actions in ACTIONS[:3]]).astype(int)
    for row in range(2):
        env = make(**{key: value for key, value in settings.items() if key != "threshold"})
        assert np.array_equal(env.reset(seed=5 + row)[0], first[row])
        assert np.array_equal(env.true_twin().unwrapped.picture(), first[row])
        assert np.abs(roll(env, ACTIONS[:3, row]) - frames[:, row]).max() <= 1
    assert make(checkpoint, size=LARGER, obs="latent").observation_space.shape == (4, 6, 10)


def test_its_own_size_keeps_the_stored_starts_and_a_loaded_world_can_be_brought_to_another(checkpoint: str) -> None:
    own, named = make(checkpoint), make(checkpoint, size=SIZE)
    assert np.array_equal(own.reset(seed=4)[0], named.reset(seed=4)[0])
    world = World.from_pretrained(checkpoint)
    env = LearnedEnv(world, size=LARGER)
    assert env.reset(seed=11)[0].shape == (*LARGER, 3) and world.card.size == SIZE
    assert env.world.dynamics is world.dynamics


def test_without_a_true_world_another_size_begins_from_noise(checkpoint: str, tmp_path: Path) -> None:
    card, tokenizer, dynamics, starts = load(checkpoint)
    save(tmp_path / "imported", replace(card, env={"id": "", "kwargs": {}}), tokenizer, dynamics, starts)
    env = make(str(tmp_path / "imported"), size=LARGER)
    first = env.reset(seed=1)[0]
    assert first.shape == (*LARGER, 3) and (env.reset(seed=2)[0] != first).any()


@pytest.mark.parametrize("size", [(90, 160), (96, 0), (96,), 96, (96.0, 160.0)])
def test_a_size_that_does_not_fit_is_named(checkpoint: str, size: Any) -> None:
    with pytest.raises(WorldError, match=r"size must be \(height, width\) in steps of 16 pixels, got"):
        make(checkpoint, size=size)


@pytest.mark.parametrize("size", [SIZE, LARGER])
def test_gymnasium_play_runs_it_unchanged(checkpoint: str, monkeypatch: pytest.MonkeyPatch, size: Any) -> None:
    pygame = pytest.importorskip("pygame")
    from gymnasium.utils.play import play

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    seen: list[tuple[int, np.ndarray]] = []

    def noted(before: Any, after: Any, action: Any, reward: Any, terminated: bool, truncated: bool, info: Any) -> None:
        assert not (terminated or truncated)
        seen.append((int(action), after))
        key = {3: pygame.KEYDOWN, 6: pygame.KEYUP}.get(len(seen))
        if key:
            pygame.event.post(pygame.event.Event(key, key=ord("j")))
        if len(seen) == 10:
            pygame.event.post(pygame.event.Event(pygame.QUIT))

    settings = {"checkpoint": checkpoint, "threshold": 1.0, "size": size}
    made = gym.make("worldsim/Learned-v0", render_mode="rgb_array", **settings)
    play(made, callback=noted, seed=0, fps=1000)
    actions = [action for action, _ in seen]
    turn = made.unwrapped.get_action_meanings().index("turn_left")  # type: ignore[attr-defined]
    assert 1 <= actions.count(turn) < len(actions) and set(actions) <= {0, turn}
    again = make(checkpoint, size=size)
    again.reset(seed=0)
    assert np.array_equal(roll(again, np.array(actions)), np.stack([frame for _, frame in seen]))

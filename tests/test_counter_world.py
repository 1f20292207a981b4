"""The counter world, whose frames say which step it is and which action came, survives the whole way: recording,
batches, latents, the training objective, `World` and the learned env. Any off-by-one on the way shows.

The networks are replaced by ones that know the rule; all that stands around them is real.
"""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import counter
from networks import DYNAMICS, EVENTS, TOKENIZER, WORDS
from worldsim.actions import ActionSpec
from worldsim.clip import Clip
from worldsim.data.batches import Bucket, batches
from worldsim.data.episodes import Dataset
from worldsim.data.record import record
from worldsim.data.sources import RecordedSource
from worldsim.model.cache import Cache
from worldsim.model.card import WorldCard
from worldsim.model.dynamics import Condition, Prediction
from worldsim.sampling.world import World
from worldsim.training.latents import LatentBucket, encode_dataset, latent_batches
from worldsim.training.losses import DynamicsLossConfig, DynamicsObjective, symlog
from worldsim_envs.learned import LearnedEnv

HORIZON = 23
SURE = 30.0  # a logit


class CounterTokenizer(nn.Module):
    """Latents are grey levels, one for each 8×8 pixels."""

    stride = 8
    mean = torch.zeros(1)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        return (F.avg_pool3d(frames.mean(2), (1, 8, 8))[:, :, None] + 1) * 127.5  # (B, T, 1, h, w)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        grey = latents.repeat_interleave(8, dim=3).repeat_interleave(8, dim=4)
        return (grey / 127.5 - 1).expand(-1, -1, 3, -1, -1)


class CounterDynamics(nn.Module):
    """Knows the counter's rule: the next frame from the one before and the action, events from the frame itself."""

    config = replace(DYNAMICS, draws_events=False)

    def read(self, words: object, batch: int, time: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.zeros(batch, 1, 1), torch.ones(batch, time, 1, dtype=torch.bool)

    def new_cache(self, rows: int, height: int, width: int, shown: int = 0) -> Cache:
        ring = [torch.zeros(rows, 1, 1, DYNAMICS.window + 1, 1)]
        last, led = torch.zeros(rows, 1, height, width), torch.zeros(rows, 1)
        shown = torch.zeros(rows, 0, 1, height, width)
        return Cache(ring, ring, torch.zeros(rows, dtype=torch.int64), last, led, shown)

    def step(self, noisy: torch.Tensor, level: torch.Tensor, condition: Condition, cache: Cache, read: object = None):
        fresh = (cache.count == 0)[:, None, None, None, None]
        return self._answer(cache.last[:, None], fresh, condition.actions, noisy)

    def forward(self, noisy: torch.Tensor, level: torch.Tensor, condition: Condition, *, context: tuple):
        before = torch.cat([torch.zeros_like(noisy[:, :1]), context[0][:, :-1]], 1)
        return self._answer(before, torch.tensor(False), condition.actions, context[0])

    def _answer(
        self, before: torch.Tensor, fresh: torch.Tensor, actions: torch.Tensor, frames: torch.Tensor
    ) -> Prediction:
        clean = torch.empty_like(before)
        clean[..., 0, :] = torch.where(fresh, 0.0, before + 1)[..., 0, :]
        clean[..., 1, :] = 30 * actions.argmax(-1)[:, :, None, None]
        count = frames[:, :, 0, 0, 0].round()
        even = torch.where(count % 2 == 0, SURE, -SURE)
        events = torch.stack([symlog(count), torch.where(count == 0, -SURE, even), -even], -1)
        return Prediction(clean, events, torch.where(count >= HORIZON, SURE, -SURE), actions)


def counter_world() -> World:
    spec = ActionSpec.from_env(gym.make(counter.ID))
    config = replace(DYNAMICS, channels=1)
    card = WorldCard(
        "counter", (16, 16), 5.0, spec, EVENTS, {"id": counter.ID, "kwargs": {}},
        replace(TOKENIZER, channels=1), config, tuple(WORDS.words), context_level=0.0,
    )  # fmt: skip
    return World(card, CounterTokenizer(), CounterDynamics(), None, rows=1, steps=2)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    record(counter.ID, "random", 6 * HORIZON, folder, seed=1, env_kwargs={"horizon": HORIZON})
    return folder


def check(frames: np.ndarray, actions: np.ndarray, events: np.ndarray, ended: np.ndarray) -> None:
    """T rows of the counter world agree with each other: frames (T, H, W, 3), actions (T, 5), events (T, 3)."""
    counts, shown = counter.read_counts(frames), counter.read_actions(frames)
    assert counts.tolist() == list(range(counts[0], counts[0] + len(counts)))
    assert shown.tolist() == actions.argmax(-1).tolist()
    assert actions.sum(-1).tolist() == [float(count > 0) for count in counts], "the reset's action is zero"
    assert events[:, 0].tolist() == counts.tolist()
    assert events[:, 1].tolist() == [float(count % 2 == 0 and count > 0) for count in counts]
    assert events[:, 2].tolist() == [float(count % 2) for count in counts]
    assert ended.tolist() == [count == HORIZON for count in counts]


def test_what_is_recorded_and_batched_lines_up(data: Path) -> None:
    dataset = Dataset.open(data)
    assert dataset.lengths.tolist() == [HORIZON + 1] * 6
    for number in range(6):
        episode = dataset.read(number)
        check(episode.frames, episode.actions, episode.events, episode.terminated)
    firsts, ends = set(), 0
    for clip in islice(batches([RecordedSource(data)], [Bucket(4, 7), Bucket(4, 1)], seed=0), 40):
        for row in range(clip.rows):
            columns = (clip.frames, clip.actions, clip.events, clip.terminated)
            check(*(column[row][clip.mask[row]] for column in columns))
            firsts.add(int(counter.read_counts(clip.frames[row, 0])))
            ends += int(clip.terminated[row].sum())
    assert {0, 1, HORIZON - 3} <= firsts and ends > 3


def test_the_objective_finds_no_fault_with_the_rule_on_the_latents_of_a_recording(data: Path) -> None:
    episodes = encode_dataset(Dataset.open(data), CounterTokenizer())  # type: ignore[arg-type]
    exact = DynamicsLossConfig(context_noise=0, drown=0, fade=0, drop_actions=0, first=0)
    objective = DynamicsObjective(CounterDynamics(), exact)  # type: ignore[arg-type]
    draws = latent_batches(episodes, [LatentBucket(4, 6)], WORDS, 8, seed=0)
    for batch in islice(draws, 10):
        assert float(objective(batch, torch.Generator().manual_seed(0))[0]) < 1e-5
        for wrong in (  # and it would find one
            replace(batch, actions=batch.actions.roll(1, 1)),
            replace(batch, events=batch.events.roll(1, 1)),
            replace(batch, latents=batch.latents.roll(1, 0).roll(1, 1)),
        ):
            assert float(objective(wrong, torch.Generator().manual_seed(0))[0]) > 0.1


def play(env: gym.Env, actions: list[int], frame: np.ndarray) -> tuple[np.ndarray, ...]:
    """What a run shows, as rows of a recording: the given first frame, then one row per action."""
    frames, events, ended = [frame], [], []
    for action in actions:
        frame, reward, terminated, truncated, info = env.step(np.int64(action))
        assert not truncated
        frames.append(frame)
        events.append([reward, *info["events"]])
        ended.append(terminated)
    vectors = np.concatenate([np.zeros((1, 5)), np.eye(5)[actions]])
    return np.stack(frames), vectors, np.round(events, 4), np.array(ended)


def test_the_learned_env_shows_what_the_true_env_shows() -> None:
    actions = np.random.default_rng(0).integers(0, 5, HORIZON).tolist()
    true = gym.make(counter.ID, horizon=HORIZON, disable_env_checker=True)
    learned = LearnedEnv(counter_world())
    rows = [play(env, actions, env.reset(seed=0)[0]) for env in (true, learned)]
    for mine, theirs in zip(*rows, strict=True):
        assert np.array_equal(mine, theirs)
    frames, vectors, events, ended = rows[1]
    check(frames, vectors, np.concatenate([np.zeros((1, 3)), events]), np.concatenate([[False], ended]))


@pytest.mark.parametrize(("first", "given"), [(0, 1), (0, 4), (5, 1), (9, 9)])  # 9 frames are more than the window
def test_the_learned_env_goes_on_from_recorded_frames_as_the_recording_does(data: Path, first: int, given: int) -> None:
    source = RecordedSource(data)
    clip: Clip = source.dataset.clip([(2, first, HORIZON + 1)])
    numbers = [int(vector.argmax()) for vector in clip.actions[0]]
    env = LearnedEnv(counter_world())
    options = {"frames": clip.frames[0, :given], "actions": np.array(numbers[:given])}
    frame, _ = env.reset(seed=0, options=options)
    assert np.array_equal(frame, clip.frames[0, given - 1])
    frames, _, events, ended = play(env, numbers[given:], frame)
    assert np.array_equal(frames[1:], clip.frames[0, given:])
    assert np.array_equal(events, clip.events[0, given:])
    assert np.array_equal(ended, clip.terminated[0, given:])

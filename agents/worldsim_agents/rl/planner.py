"""`Planner`: chooses actions by trying them out in forks of the learned world; it learns nothing itself.

Cross-entropy search over sequences of held actions: candidates are drawn for each held stretch from a distribution that
moves towards the best of them (`search`); one round alone is random shooting. What counts is the task's reward as the
predicted events tell it, with the events on the way by their probability, so that an unlikely success is still a
direction. Without a task it is the reward that the world predicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from worldsim.sampling.world import World
from worldsim_agents.rl.actions import Choices
from worldsim_agents.rl.presets import preset
from worldsim_agents.rl.search import proposal_of
from worldsim_agents.rl.worlds import Setting, learned_world
from worldsim_envs.voxel.tasks import TASKS

__all__ = ["Plan", "Planner"]


@dataclass(frozen=True)
class Plan:
    """How a planner searches."""

    candidates: int = 32
    """Sequences tried in one batch."""
    horizon: int = 12
    """Steps of each."""
    hold: int = 3
    """Steps that an action is held."""
    rounds: int = 2
    """Batches; 1 is random shooting, more is the cross-entropy method."""
    elites: int = 6
    """Sequences that the distribution moves towards."""
    commit: int = 3
    """Steps played before planning anew."""
    discount: float = 0.97
    """Of rewards, per step."""

    def __post_init__(self) -> None:
        for name in ("candidates", "horizon", "hold", "rounds", "elites", "commit"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.elites > self.candidates:
            raise ValueError(f"elites must be at most candidates {self.candidates}, got {self.elites}")


class Planner:
    """Plans for each row by itself, from the last frames that it saw; observations are pictures, one at a time.

    Args:
        setting: the task, and the learned world to plan in.
        plan: how to search.
        seed: decides candidates and noise.

    Raises:
        AdapterError: actions in several parts.
    """

    def __init__(self, setting: Setting, plan: Plan, seed: int = 0) -> None:
        self.plan = plan
        self.world = learned_world(setting, plan.candidates)
        card = self.world.card
        self._choices = Choices(card.action_spec)
        self._memory = min(setting.start_frames, card.window)
        self._value = _values(setting.task, card.event_names)
        self._random = np.random.default_rng(seed)
        self._rows: list[_Row] = []

    def predict(
        self, observation: Any, state: Any = None, episode_start: np.ndarray | None = None, deterministic: bool = False
    ) -> tuple[np.ndarray, Any]:
        """Actions (B, …) for frames u8 (B, H, W, 3)."""
        if len(self._rows) != len(observation):
            self._rows = [_Row([], [], []) for _ in range(len(observation))]
        actions = []
        for row, (frame, memory) in enumerate(zip(observation, self._rows, strict=True)):
            if episode_start is None or episode_start[row]:
                memory.frames, memory.actions, memory.waiting = [], [], []
            memory.frames = [*memory.frames, np.asarray(frame)][-self._memory :]
            if not memory.waiting:
                memory.waiting = list(self.search(memory.frames, memory.actions)[: self.plan.commit])
            actions.append(memory.waiting.pop(0))
            memory.actions = [*memory.actions, actions[-1]][-self._memory :]
        return np.stack(actions), state

    def search(self, frames: list[np.ndarray], actions: list[Any]) -> np.ndarray:
        """The best sequence found, `horizon` actions (T, …), after these frames and the actions between them."""
        plan, world, count = self.plan, self.world, self.plan.candidates
        led = np.zeros((len(frames), world.card.action_spec.width), np.float32)
        if len(frames) > 1:
            led[1:] = self._choices.vectors(np.stack(actions[len(actions) - len(frames) + 1 :]))
        seeds = [int(seed) for seed in self._random.integers(2**62, size=count)]
        shown = np.broadcast_to(np.stack(frames), (count, len(frames), *frames[0].shape))
        world.reset(shown, np.broadcast_to(led, (count, *led.shape)), None, seeds)
        stretches = -(-plan.horizon // plan.hold)
        proposal = proposal_of(stretches, self._choices.space)
        best, most = None, -np.inf
        for _ in range(plan.rounds):
            drawn = proposal.draw(count, self._random)
            worth = self._worth(world.fork(), np.repeat(drawn, plan.hold, axis=1)[:, : plan.horizon])
            order = np.argsort(-worth, kind="stable")
            if best is None or worth[order[0]] > most:
                best, most = drawn[order[0]], float(worth[order[0]])
            proposal.learn(drawn[order[: plan.elites]])
        assert best is not None, "there is a round"
        return np.repeat(best, plan.hold, axis=0)[: plan.horizon]

    def _worth(self, world: World, sequences: np.ndarray) -> np.ndarray:
        """Discounted rewards f64 (N,) of action sequences (N, T, …), each while its episode is likely to go on."""
        worth, alive = np.zeros(len(sequences)), np.ones(len(sequences))
        for t in range(sequences.shape[1]):
            step = world.imagine(self._choices.vectors(sequences[:, t]), pixels=False)
            worth += self.plan.discount**t * alive * (step.events @ self._value)
            alive *= 1.0 - step.ended
        return worth


@dataclass
class _Row:
    """What a planner remembers of a row, and what it still means to do."""

    frames: list[np.ndarray]
    actions: list[Any]
    waiting: list[Any]


def _values(task: str, event_names: tuple[str, ...]) -> np.ndarray:
    """What each column of the events is worth, f64 (E,): the reward, which is the first, or what tells of a task.

    What the task needs shares 1, and its preset pays for the way.
    """
    if not task:
        return np.eye(len(event_names))[0]
    wish, table = preset(task), TASKS[task]
    needs = {"reached_goal": 1} if table.near or table.climb else table.needs
    shares = {name: 1.0 / (len(needs) * often) for name, often in needs.items()}
    worth = {**table.first, **wish.shaping, **shares}
    return np.array([0.0, *(worth.get(name, 0.0) for name in event_names[1:])])

"""`counterfactual`: several branches from one state, other actions or the same ones after an edit, in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.episodes import Snapshot


@dataclass(frozen=True)
class Branch:
    """What one branch of `counterfactual` led to: T steps, and the frame before them.

    Attributes:
        frames: u8 (T + 1, H, W, 3).
        rewards: f64 (T,).
        events: f32 (T, E).
        end: the state after the last step.
    """

    frames: NDArray[np.uint8]
    rewards: NDArray[np.float64]
    events: NDArray[np.float32]
    end: Snapshot


def counterfactual(env: VoxelEnv, branches: Iterable[Iterable[Any]]) -> list[Branch]:
    """Play several branches from the env's present state, and go back to it.

    Args:
        env: a voxel env, unwrapped.
        branches: each a list of actions; a function among them is an edit, called with the env, e.g.
            `[[14] * 8, [lambda env: env.set_weather("snow"), *[14] * 8]]`.
    """
    start, results = env.clone_state(), []
    for branch in branches:
        env.restore_state(start)
        frames, rewards, events = [env.picture()], [], []
        for act in branch:
            if callable(act):
                edit: Callable[[Any], Any] = act
                edit(env)
                if not rewards:
                    frames[0] = env.picture()
                continue
            _, reward, _, _, info = env.step(act)
            frames.append(env.picture())
            rewards.append(reward)
            events.append(info["events"])
        shape = (len(rewards), len(env.event_names))
        results.append(Branch(np.stack(frames), np.array(rewards, np.float64),
                              np.array(events, np.float32).reshape(shape), env.clone_state()))  # fmt: skip
    env.restore_state(start)
    return results

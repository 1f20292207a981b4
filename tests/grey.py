"""Episodes whose every row says which it is, small enough to look through."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from worldsim.actions import ActionSpec
from worldsim.data.episodes import Caption, DatasetInfo, Episode

INFO = DatasetInfo("Test-v0", {}, 10.0, (4, 6), ActionSpec.from_space(spaces.Discrete(3)), ("reward", "bell"), "test")


def make_episode(length: int = 20, seed: int = 0) -> Episode:
    """Row t has the grey level t, action t mod 3, reward t."""
    frames = np.broadcast_to(np.arange(length, dtype=np.uint8)[:, None, None, None], (length, 4, 6, 3)).copy()
    actions = np.eye(3, dtype=np.float32)[np.arange(length) % 3]
    events = np.stack([np.arange(length), np.arange(length) == 5], axis=1).astype(np.float32)
    ends = np.zeros(length, np.bool_)
    captions = tuple(Caption(s, s + 8, f"short {s}", f"a longer {s}") for s in range(0, length, 8))
    return Episode(frames, actions, events, ends, ends.copy(), captions, seed)

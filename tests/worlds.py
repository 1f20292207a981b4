"""Little worlds of every kind that others have: texts, several pictures, wide and grey ones, any action space."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

ID = "worlds:Odd-v0"

ACTIONS: dict[str, spaces.Space[Any]] = {
    "discrete": spaces.Discrete(3, start=1),
    "multi-discrete": spaces.MultiDiscrete([3, 2]),
    "multi-binary": spaces.MultiBinary(4),
    "box": spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 100.0], np.float32)),
    "endless": spaces.Box(np.finfo(np.float32).min, np.finfo(np.float32).max, (1,), np.float32),
    "dict": spaces.Dict({"keys": spaces.MultiBinary(2), "turn": spaces.Box(-1.0, 1.0, (1,), np.float32)}),
}


class OddEnv(gym.Env[Any, Any]):
    """A bar that moves to the right, a wish in words that changes every eight steps, and a reward of any scale.

    Args:
        acts: which action space.
        sees: "picture" u8 (H, W, 3), "codes" (a map of 7×7 and the wish, pictures only by render()), or "both".
        size: (H, W) of the pictures.
        scale: of the rewards.
        fps: what the metadata say; None says nothing.
    """

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(
        self, acts: str = "discrete", sees: str = "picture", size: tuple[int, int] = (30, 50), scale: float = 1.0,
        fps: Any = None, render_mode: str | None = None,
    ) -> None:  # fmt: skip
        self.render_mode, self.size, self.sees, self.scale = render_mode, tuple(size), sees, scale
        self.metadata = self.metadata | ({} if fps is None else {"render_fps": fps})
        self.action_space = ACTIONS[acts]
        picture = spaces.Box(0, 255, (*self.size, 3), np.uint8)
        codes = {"map": spaces.Box(0, 255, (7, 7, 3), np.uint8), "wish": spaces.Text(40)}
        self.observation_space = {
            "picture": picture,
            "codes": spaces.Dict(codes),
            "both": spaces.Dict({"picture": picture, "other": picture, **codes}),
        }[sees]
        self.count = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.count = 0
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        self.count += 1
        return self._observation(), self.scale * self.count, self.count >= 40, False, {}

    def render(self) -> Any:
        return self._picture()

    def _picture(self) -> np.ndarray:
        picture = np.zeros((*self.size, 3), np.uint8)
        picture[:, : 1 + self.count % self.size[1]] = 200
        return picture

    def _observation(self) -> Any:
        if self.sees == "picture":
            return self._picture()
        codes = {"map": np.zeros((7, 7, 3), np.uint8), "wish": f"go to {self.count // 8}"}
        if self.sees == "codes":
            return codes
        return {"picture": self._picture(), "other": 255 - self._picture(), **codes}


class Dim(gym.ObservationWrapper[Any, Any, Any]):
    """Pictures at a share of their brightness."""

    def __init__(self, env: gym.Env[Any, Any], share: float = 0.5) -> None:
        super().__init__(env)
        self.share = share

    def observation(self, observation: Any) -> Any:
        return (observation * self.share).astype(np.uint8)


if "Odd-v0" not in gym.registry:
    gym.register("Odd-v0", entry_point="worlds:OddEnv", max_episode_steps=100)

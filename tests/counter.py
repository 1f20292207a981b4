"""The counter world: its frames say which step it is and which action came, so that any off-by-one shows.

The upper half of a frame is the count of steps as a grey level, the lower half the last action, 30 levels apart.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

ID = "counter:Counter-v0"
ACTIONS = 5


class CounterEnv(gym.Env[Any, Any]):
    """Counts its steps up to `horizon`. `kind` chooses how the picture is shown, `fail_at` the step that raises.

    With `pipe` it raises as an env that lost the process of its game does.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}  # noqa: RUF012
    event_names = ("even", "odd")

    def __init__(
        self,
        kind: str = "image",
        horizon: int = 50,
        size: tuple[int, int] = (16, 16),
        fail_at: int | None = None,
        render_mode: str | None = None,
        pipe: bool = False,
    ) -> None:
        self.horizon = horizon
        self.size = size
        self.kind = kind
        self.fail_at, self.pipe = fail_at, pipe
        self.render_mode = render_mode
        self.action_space = spaces.Discrete(ACTIONS)
        picture = spaces.Box(0, 255, (*size, 3), np.uint8)
        vector = spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.observation_space = {
            "image": picture,
            "gray": spaces.Box(0, 255, size, np.uint8),
            "gray1": spaces.Box(0, 255, (*size, 1), np.uint8),
            "chw": spaces.Box(0, 255, (3, *size), np.uint8),
            "dict": spaces.Dict({"place": vector, "picture": picture}),
            "two": spaces.Dict({"left": picture, "right": picture}),
            "vector": vector,
        }[kind]
        self.count = 0
        self.action = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.count, self.action = 0, 0
        return self._observation(), {"events": np.zeros(2, np.float32)}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.count += 1
        self.action = int(action)
        if self.count == self.fail_at and self.pipe:
            raise BrokenPipeError(f"the game has gone at {self.count}")
        if self.count == self.fail_at:
            raise RuntimeError(f"the counter broke at {self.count}")
        events = np.array([self.count % 2 == 0, self.count % 2 == 1], np.float32)
        return self._observation(), float(self.count), self.count >= self.horizon, False, {"events": events}

    def render(self) -> Any:
        return self._picture() if self.render_mode == "rgb_array" else None

    def caption(self, detail: str) -> str:
        return f"count {self.count}" if detail == "short" else f"the counter stands at {self.count}"

    def _picture(self) -> np.ndarray:
        picture = np.empty((*self.size, 3), np.uint8)
        picture[: self.size[0] // 2] = self.count % 256
        picture[self.size[0] // 2 :] = self.action * 30
        return picture

    def _observation(self) -> Any:
        picture, vector = self._picture(), np.array([self.count, self.action], np.float32)
        match self.kind:
            case "gray":
                return picture[..., 0]
            case "gray1":
                return picture[..., :1]
            case "chw":
                return picture.transpose(2, 0, 1)
            case "dict":
                return {"place": vector, "picture": picture}
            case "two":
                return {"left": picture, "right": picture}
            case "vector":
                return vector
            case _:
                return picture


def read_counts(frames: np.ndarray) -> np.ndarray:
    """Frames (..., H, W, 3) → the counts (...) that they show."""
    return frames[..., 0, 0, 0].astype(np.int64)


def read_actions(frames: np.ndarray) -> np.ndarray:
    """Frames (..., H, W, 3) → the last actions (...) that they show."""
    return np.rint(frames[..., -1, 0, 0] / 30).astype(np.int64)


if "Counter-v0" not in gym.registry:
    gym.register("Counter-v0", entry_point="counter:CounterEnv", max_episode_steps=1000)

"""`Answering`: the true world as one that takes prompts and is surprised, so that all can be asked of truth itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.stages.question import StageError
from worldsim_envs.voxel.stages.told import heed, told

__all__ = ["Answering"]

WORLDS = 24  # that are searched for a place that fits a prompt


class Answering(VoxelEnv):
    """A voxel world that begins where a prompt says, whose sky follows later prompts, and that tells its surprise.

    `reset(options={"prompt": text})` takes the first world that fits, of those that the seed names; all other options
    are those of `VoxelEnv`.
    """

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode, where a prompt says if there is one. Raises `StageError` when no world fits it."""
        options = dict(options or {})
        text = str(options.pop("prompt", ""))
        observation, info = super().reset(seed=seed, options=options)
        return (self._place(text), info) if text else (observation, info)

    def set_prompt(self, text: str) -> None:
        """Bring time and weather to what a prompt names; what it says of places and things comes at `reset` only."""
        heed(self, text)

    def surprise_at(self, frame: np.ndarray, action: Any) -> float:
        """Take an action, and tell how far the picture u8 (H, W, 3) that it led to is from another, in grey levels."""
        shown, *_ = self.step(action)
        return float(np.sqrt(np.square(shown.astype(np.float64) - frame).mean()))

    def _place(self, text: str) -> Any:
        for world in self.np_random.integers(2**31, size=WORLDS).tolist():
            try:
                return self.restore_state(told(self, world, 0, text).start)
            except StageError:
                continue
        raise StageError(f"none of {WORLDS} worlds shows what {text!r} says")

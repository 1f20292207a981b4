"""worldsim: a video model that has learned a world, and that world as a Gymnasium environment.

Importing it registers `worldsim/Voxel-v0` (the true world) and `worldsim/Learned-v0` (the learned one) by string, and
does nothing else: the names below load their modules, and torch with them, when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import gymnasium as gym

if TYPE_CHECKING:
    from worldsim.actions import ActionError as ActionError
    from worldsim.actions import ActionSpec as ActionSpec
    from worldsim.clip import Clip as Clip
    from worldsim.clip import ClipError as ClipError
    from worldsim.clip import Prompt as Prompt
    from worldsim.sampling.world import World as World

__version__ = "0.1.0"

_HOMES = {
    "ActionError": "worldsim.actions",
    "ActionSpec": "worldsim.actions",
    "Clip": "worldsim.clip",
    "ClipError": "worldsim.clip",
    "Prompt": "worldsim.clip",
    "World": "worldsim.sampling.world",
}

__all__ = ["ActionError", "ActionSpec", "Clip", "ClipError", "Prompt", "World", "__version__"]


def __getattr__(name: str) -> Any:
    """Load a public name from its module at first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'worldsim' has no attribute {name!r}; it has {', '.join(sorted(_HOMES))}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


def _register(env_id: str, **entries: Any) -> None:
    """Register an id once, also when the module is loaded again."""
    if env_id not in gym.registry:
        gym.register(env_id, max_episode_steps=1000, **entries)


_register("worldsim/Voxel-v0", entry_point="worldsim_envs.voxel.env:VoxelEnv")
_register(
    "worldsim/Learned-v0",
    entry_point="worldsim_envs.learned:LearnedEnv",
    vector_entry_point="worldsim_envs.learned:LearnedVectorEnv",
)

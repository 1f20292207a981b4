"""worldsim: a video model that has learned a world, and that world as a Gymnasium environment.

Importing it registers `worldsim/Voxel-v0` (the true world), its tasks and `worldsim/Learned-v0` (the learned one) by
string, and does nothing else: the names below load their modules, and torch with them, when they are first used.
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
    from worldsim.data.truth import true_env as true_env
    from worldsim.sampling import verbs as verbs
    from worldsim.sampling.world import World as World

__version__ = "0.1.0"

_HOMES = {
    "ActionError": "worldsim.actions",
    "ActionSpec": "worldsim.actions",
    "Clip": "worldsim.clip",
    "ClipError": "worldsim.clip",
    "Prompt": "worldsim.clip",
    "World": "worldsim.sampling.world",
    "true_env": "worldsim.data.truth",
    "verbs": "worldsim.sampling",
}

__all__ = ["ActionError", "ActionSpec", "Clip", "ClipError", "Prompt", "World", "__version__", "true_env", "verbs"]


def __getattr__(name: str) -> Any:
    """Load a public name from its module at first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'worldsim' has no attribute {name!r}; it has {', '.join(sorted(_HOMES))}")
    home = _HOMES[name]
    value = import_module(f"{home}.verbs") if name == "verbs" else getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


# Prompted task of the voxel world -> max_episode_steps; a test holds this table to worldsim_envs.voxel.tasks.
_PROMPTED = {
    "Navigate": 400, "ChopTree": 400, "CollectSand": 400, "MineIron": 400, "CrossWater": 500, "BuildTower": 400,
    "SurviveNight": 700, "Hunt": 400, "CraftPickaxe": 800, "FindCave": 500, "PaintSign": 400, "EatCake": 400,
    "ShatterGlass": 400, "OpenDoor": 400,
}  # fmt: skip
_VOXEL = ("worldsim_envs.voxel.env:VoxelEnv", "worldsim_envs.voxel.vector:VoxelVectorEnv")
_LEARNED = ("worldsim_envs.learned:LearnedEnv", "worldsim_envs.learned:LearnedVectorEnv")


def _register(env_id: str, entries: tuple[str, str], steps: int = 1000, **more: Any) -> None:
    """Register an id once, also when the module is loaded again, with its single and its vector env."""
    if env_id not in gym.registry:
        gym.register(env_id, entries[0], vector_entry_point=entries[1], max_episode_steps=steps, **more)


_register("worldsim/Voxel-v0", _VOXEL)
_register("worldsim/Survival-v0", _VOXEL, 10_000, reward_threshold=12.0, kwargs={"task": "Survival"})
_register("worldsim/Workshop-v0", _VOXEL, kwargs={"task": "Workshop"})
for _name, _steps in _PROMPTED.items():
    _register(f"worldsim/{_name}-v0", _VOXEL, _steps, reward_threshold=0.95, kwargs={"task": _name})
    _register(f"worldsim/{_name}Dense-v0", _VOXEL, _steps, reward_threshold=1.9, kwargs={"task": _name, "dense": True})
_register("worldsim/Learned-v0", _LEARNED)
for _name, _steps in {"Explore": 1000, "Workshop": 1000, "Survival": 10_000, **_PROMPTED}.items():
    _register(f"worldsim/Learned-{_name}-v0", _LEARNED, _steps, kwargs={"task": _name})

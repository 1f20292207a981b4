"""Stages: scenes in the voxel world about which a study asks questions, as a table of functions (env, seed, index).

`STAGES` names them. The same seed and index give the same scene. A study finds them through `VoxelEnv.stages`.
"""

from __future__ import annotations

from collections.abc import Callable

from worldsim_envs.voxel.stages.altered import altered
from worldsim_envs.voxel.stages.deeds import deeds
from worldsim_envs.voxel.stages.dynamics import dynamics
from worldsim_envs.voxel.stages.fates import fates
from worldsim_envs.voxel.stages.herds import herds
from worldsim_envs.voxel.stages.lessons import Lesson, faults, lesson
from worldsim_envs.voxel.stages.long import drift, strolls
from worldsim_envs.voxel.stages.pairs import control, orders, pairs, sides, turns
from worldsim_envs.voxel.stages.question import Fates, Play, Question, Scene, StageError
from worldsim_envs.voxel.stages.revisits import absence, revisits
from worldsim_envs.voxel.stages.told import skies, told

__all__ = ["STAGES", "Fates", "Lesson", "Play", "Question", "Scene", "StageError", "lesson"]

STAGES: dict[str, Callable[..., Scene]] = {
    "pairs": pairs, "control": control, "turns": turns, "sides": sides, "orders": orders, "revisits": revisits,
    "absence": absence, "deeds": deeds, "dynamics": dynamics, "herds": herds, "fates": fates, "drift": drift,
    "strolls": strolls, "altered": altered, "told": told, "skies": skies, "faults": faults,
}  # fmt: skip

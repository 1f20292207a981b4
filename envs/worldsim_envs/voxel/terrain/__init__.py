"""Seeded terrain: heights, biomes, caves, plants and villages on a torus, and where a player starts."""

from worldsim_envs.voxel.chance import chance, mixed
from worldsim_envs.voxel.terrain.biomes import BIOMES, sea_level
from worldsim_envs.voxel.terrain.spawn import find_spawn
from worldsim_envs.voxel.terrain.world import Terrain, generate

__all__ = ["BIOMES", "Terrain", "chance", "find_spawn", "generate", "mixed", "sea_level"]

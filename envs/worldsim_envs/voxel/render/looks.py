"""`LOOKS`: all tables that drawing reads, in one tuple; compiled code takes them by place.

0 texels, 1 faces of blocks, 2 own glow of blocks, 3 stars, 4 covers, 5 dyes, 6 textures with holes, 7 bounds,
8 shapes, 9 second texture of fire, 10 items that are flat in the hand, 11 faces of items, 12 faces of a piece of glass,
13 glass, 14 what arrows are of, 15 textures of the panel: heart, its shadow, food, its shadow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.blocks import BLOCK_IDS, BLOCKS, BOUNDS, GLOW, SHAPE, TEXELS_PER_TEXTURE
from worldsim_envs.voxel.items import ITEM_IDS
from worldsim_envs.voxel.render.dyes import DYE_TABLE
from worldsim_envs.voxel.render.heaven import STARS
from worldsim_envs.voxel.textures import COVERS, FACES, ICON_TEXTURES, TEXELS, TEXTURE_IDS

_SLIM = ("torch", "lily_pad")  # boxes that are held like a picture


def _items() -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return 0 for items that are flat and -1 for cubes (N,), and the textures (N, 6) of all items."""
    count = max(ITEM_IDS.values()) + 1
    flat, faces = np.full(count, -1, np.int64), np.zeros((count, 6), np.int32)
    faces[:256] = FACES
    for name, number in ITEM_IDS.items():
        block = BLOCKS[number] if number < 256 else None
        icon = ICON_TEXTURES.get(name, "")
        if block is not None and (block.shape == "cross" or name in _SLIM):
            icon = block.side or block.top
        elif block is not None and not icon:
            continue
        flat[number], faces[number] = 0, TEXTURE_IDS[icon]
    return flat, faces


FLAT, ITEM_FACES = _items()
HOLES = (COVERS.reshape(-1, TEXELS_PER_TEXTURE)[:, :256].min(axis=1) < 1.0).astype(np.uint8)
LOOKS = (
    TEXELS, FACES, GLOW, STARS, COVERS, DYE_TABLE, HOLES, BOUNDS, SHAPE, TEXTURE_IDS["fire_2"], FLAT, ITEM_FACES,
    np.full(6, TEXTURE_IDS["fragment"], np.int32), BLOCK_IDS["glass"], BLOCK_IDS["oak_log"],
    np.array([TEXTURE_IDS[name] for name in ("heart", "heart_shadow", "food", "food_shadow")], np.int64),
)  # fmt: skip

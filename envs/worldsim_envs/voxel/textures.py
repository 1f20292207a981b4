"""Textures: 16×16 texels with all mips (16, 8, 4, 2, 1), so that far surfaces fade to their mean colour.

`TEXELS` holds the colours, `COVERS` how much of each texel is there (1, but for sprites), `FACES` the textures of each
block. Cracks come first, then the painted textures, whose grain depends on their place in `PAINTERS`, then sprites.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel.blocks import BARE_HAND, BLOCKS, CRACK_STAGES
from worldsim_envs.voxel.brushes import (
    Image,
    Painter,
    bark,
    boards,
    bricks,
    cobbles,
    disc,
    framed,
    fringe,
    glow,
    layers,
    leaves,
    masonry,
    ore,
    plain,
    rgb,
    ribs,
    rings,
)
from worldsim_envs.voxel.faces import FACES_OF, face_image
from worldsim_envs.voxel.icons import ICONS, icon_image
from worldsim_envs.voxel.props import (
    bed,
    bed_side,
    bench_side,
    bench_top,
    cake_side,
    chest,
    crystal,
    curls,
    furrows,
    hide,
    icing,
    molten,
    oven,
    pad,
    ribcage,
    straw,
)
from worldsim_envs.voxel.sprites import SPRITES, drawn

TEXTURE_SEED = 20_24

DIRT, GRASS, FOREST, SNOW = rgb(134, 96, 67), rgb(110, 166, 62), rgb(82, 142, 54), rgb(238, 243, 246)
PAINTERS: dict[str, Painter] = {
    "stone": plain(126, 126, 128, fine=0.08, coarse=0.14),
    "dirt": plain(134, 96, 67, fine=0.16, coarse=0.1),
    "grass": plain(110, 166, 62, fine=0.14, coarse=0.1),
    "grass_side": fringe(GRASS, DIRT),
    "forest_grass": plain(82, 142, 54, fine=0.14, coarse=0.1),
    "forest_grass_side": fringe(FOREST, DIRT),
    "sand": plain(222, 207, 158, fine=0.07, coarse=0.04),
    "sandstone": plain(216, 202, 154, fine=0.04, coarse=0.04),
    "sandstone_side": layers,
    "gravel": cobbles(rgb(136, 130, 128)),
    "snow": plain(238, 243, 246, fine=0.03, coarse=0.03),
    "snowy_side": fringe(SNOW, DIRT),
    "ice": plain(158, 194, 236, fine=0.03, coarse=0.08),
    "water": plain(52, 96, 188, fine=0.03, coarse=0.10),
    "oak_bark": bark(rgb(108, 84, 52), rgb(82, 62, 38)),
    "oak_rings": rings(rgb(178, 144, 90), rgb(98, 76, 46)),
    "oak_leaves": leaves(62, 118, 38),
    "birch_bark": bark(rgb(218, 216, 208), rgb(70, 66, 62), marks=True),
    "birch_rings": rings(rgb(206, 184, 132), rgb(206, 204, 196)),
    "birch_leaves": leaves(112, 152, 70),
    "spruce_bark": bark(rgb(74, 52, 32), rgb(54, 38, 24)),
    "spruce_rings": rings(rgb(126, 92, 56), rgb(62, 44, 28)),
    "spruce_leaves": leaves(44, 86, 62),
    "cactus_side": ribs(rgb(76, 134, 62), 0.74),
    "cactus_top": disc(rgb(90, 150, 72), rgb(150, 186, 110)),
    "planks": boards,
    "cobblestone": cobbles(rgb(126, 126, 126)),
    "moss": cobbles(rgb(122, 124, 120), rgb(88, 122, 70)),
    "coal_ore": ore(48, 46, 46),
    "iron_ore": ore(212, 172, 144),
    "gold_ore": ore(248, 214, 76),
    "diamond_ore": ore(94, 224, 220),
    "bedrock": plain(62, 62, 64, fine=0.2, coarse=0.4),
    "pumpkin_top": disc(rgb(206, 128, 34), rgb(118, 118, 44)),
    "pumpkin_side": ribs(rgb(222, 134, 32), 0.8),
    "brick": bricks,
    "clay": plain(160, 166, 178, fine=0.04, coarse=0.05),
    "lamp": glow,
    "mud": plain(92, 78, 66, fine=0.08, coarse=0.1),
    "skin": plain(222, 168, 132, fine=0.03, coarse=0.03),
    "torch_top": plain(255, 232, 150, fine=0.02, coarse=0.02),
    "crafting_top": bench_top,
    "crafting_side": bench_side,
    "furnace_top": framed(rgb(132, 132, 134), rgb(104, 104, 106)),
    "furnace_side": oven(lit=False),
    "furnace_lit_side": oven(lit=True),
    "chest_top": chest(top=True),
    "chest_side": chest(top=False),
    "bed_foot": bed(head=False),
    "bed_head": bed(head=True),
    "bed_side": bed_side,
    "lava": molten,
    "obsidian": plain(26, 18, 40, fine=0.35, coarse=0.6),
    "farmland": furrows,
    "cake_top": icing,
    "cake_side": cake_side,
    "sign": framed(rgb(240, 238, 232), rgb(120, 92, 56)),
    "beacon": crystal,
    "hay_top": straw(end=True),
    "hay_side": straw(end=False),
    "path": plain(158, 132, 76, fine=0.10, coarse=0.08),
    "path_side": fringe(rgb(158, 132, 76), DIRT),
    "stone_bricks": masonry(rgb(128, 128, 130)),
    "savanna_grass": plain(176, 164, 82, fine=0.14, coarse=0.1),
    "savanna_grass_side": fringe(rgb(176, 164, 82), DIRT),
    "acacia_bark": bark(rgb(108, 100, 90), rgb(80, 74, 66)),
    "acacia_rings": rings(rgb(178, 94, 52), rgb(98, 92, 84)),
    "acacia_leaves": leaves(106, 128, 44),
    "lily_pad": pad,
    "swamp_grass": plain(98, 116, 62, fine=0.14, coarse=0.1),
    "swamp_grass_side": fringe(rgb(98, 116, 62), DIRT),
    "pig_skin": plain(236, 158, 156, fine=0.05, coarse=0.06),
    "pig_snout": plain(214, 122, 120, fine=0.05, coarse=0.06),
    "sheep_skin": plain(196, 172, 150, fine=0.05, coarse=0.05),
    "wool": curls,
    "cow_hide": hide,
    "bone_skin": plain(206, 206, 198, fine=0.06, coarse=0.05),
    "feathers": plain(240, 240, 240, fine=0.05, coarse=0.05),
    "beak": plain(232, 176, 60, fine=0.04, coarse=0.03),
    "wattle": plain(206, 44, 40, fine=0.04, coarse=0.03),
    "zombie_skin": plain(92, 142, 76, fine=0.10, coarse=0.08),
    "cyan_cloth": plain(38, 148, 152, fine=0.08, coarse=0.08),
    "blue_cloth": plain(66, 60, 150, fine=0.08, coarse=0.08),
    "ribs": ribcage,
    "spider_skin": plain(56, 48, 44, fine=0.18, coarse=0.14),
    "fragment": plain(206, 228, 236, fine=0.04, coarse=0.04),
}  # fmt: skip


def _crack(stage: int) -> Image:
    """Gray factor (16, 16, 3) of crack `stage` (0 = first): dark walks that grow outwards from the middle."""
    random = np.random.default_rng([TEXTURE_SEED, 7])
    mask = np.zeros((16, 16), dtype=bool)
    length = 3 + 3 * stage
    for angle in np.linspace(0, 2 * np.pi, 7)[:-1]:
        row, column, heading = 7.5, 7.5, angle
        for _ in range(16):
            turn = (random.random() - 0.5) * 1.6
            if length > 0 and np.hypot(row - 7.5, column - 7.5) < length * 0.75:
                mask[int(np.clip(row, 0, 15)), int(np.clip(column, 0, 15))] = True
            row, column, heading = row + np.sin(heading), column + np.cos(heading), heading + turn * 0.6
    factor = np.where(mask, 0.38, 1.0 - 0.05 * (stage + 1))
    return np.repeat(factor[:, :, None], 3, axis=2)


def mip_chain(image: Image) -> list[Image]:
    """Return the image (16, 16, 3) and its box-filtered halves down to (1, 1, 3)."""
    chain = [image]
    while chain[-1].shape[0] > 1:
        half = chain[-1].shape[0] // 2
        chain.append(chain[-1].reshape(half, 2, half, 2, 3).mean(axis=(1, 3)))
    return chain


def _packed(image: Image) -> NDArray[np.int64]:
    """Return texels (341,) of all mips; red, green, blue u8 in lanes of 21 bits, so one multiply scales all three."""
    flat = np.concatenate([level.reshape(-1, 3) for level in mip_chain(image)])  # (341, 3)
    values = np.rint(np.clip(flat, 0, 1) * 255).astype(np.int64)
    return (values[:, 0] << 42) | (values[:, 1] << 21) | values[:, 2]


ICON_TEXTURES = {name: f"item_{name}" if name in SPRITES or name in PAINTERS else name for name in ICONS}
_DRAWN = {
    **{name: drawn(art) for name, art in SPRITES.items()},
    **{texture: icon_image(name) for name, texture in ICON_TEXTURES.items()},
}
TEXTURES: dict[str, Image] = {
    **{
        name: np.clip(paint(np.random.default_rng([TEXTURE_SEED, 100 + number])), 0, 1)
        for number, (name, paint) in enumerate(PAINTERS.items())
    },
    **{name: colours for name, (colours, _) in _DRAWN.items()},
    **{name: face_image(rows) for name, rows in FACES_OF.items()},
}
TEXTURE_IDS: dict[str, int] = {name: CRACK_STAGES + number for number, name in enumerate(TEXTURES)}


def _covers() -> NDArray[np.float32]:
    whole = np.ones((16, 16))
    images = [whole] * CRACK_STAGES + [_DRAWN[name][1] if name in _DRAWN else whole for name in TEXTURES]
    return np.concatenate(
        [level.reshape(-1, 3)[:, 0] for cover in images for level in mip_chain(np.repeat(cover[:, :, None], 3, axis=2))]
    ).astype(np.float32)


TEXELS = np.concatenate(
    [_packed(_crack(stage)) for stage in range(CRACK_STAGES)] + [_packed(image) for image in TEXTURES.values()]
)  # (textures * 341,) int64
COVERS = _covers()  # (textures * 341,), 0…1


def _faces() -> NDArray[np.int32]:
    """Return the texture of each face (256, 6), in the order +x, -x, +y, -y, +z, -z."""
    faces = np.zeros((256, 6), dtype=np.int32)
    for number, block in enumerate(BLOCKS):
        side = block.side or block.top
        bottom = block.bottom or block.top
        faces[number] = [TEXTURE_IDS[name] for name in (side, side, side, side, block.top, bottom)]
    faces[BARE_HAND] = TEXTURE_IDS["skin"]
    return faces


FACES = _faces()

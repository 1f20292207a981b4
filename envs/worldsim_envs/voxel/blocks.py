"""Tables of blocks: one row per kind, with its faces, hardness and rules, and the textures, painted by procedure.

Arrays derived from the table (`SOLID`, `HARDNESS`, `FACES`, `TEXELS`, …) are what compiled code reads, always as
arguments. A texture is 16×16 with all its mips (16, 8, 4, 2, 1), so that far surfaces fade to their mean colour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TEXTURE_SEED = 20_24
MIP_OFFSETS = (0, 256, 320, 336, 340)
TEXELS_PER_TEXTURE = 341
CRACK_STAGES = 5
BARE_HAND = 255  # drawn like a block, never in the world

Image = NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True)
class Block:
    """One kind of block. `hardness` is in ticks of mining (20 per second), -1 for never; `glow` is 0…1."""

    name: str
    top: str
    side: str = ""
    bottom: str = ""
    hardness: int = 10
    kind: str = "other"
    word: str = ""
    drop: str = ""
    solid: bool = True
    opaque: bool = True
    liquid: bool = False
    glow: float = 0.0


BLOCKS: tuple[Block, ...] = (
    Block("air", "stone", hardness=-1, solid=False, opaque=False, word="sky"),
    Block("stone", "stone", hardness=24, kind="stone", word="stone", drop="cobblestone"),
    Block("dirt", "dirt", hardness=10, kind="dirt", word="dirt"),
    Block("grass", "grass", "grass_side", "dirt", hardness=11, kind="grass", word="grass", drop="dirt"),
    Block("sand", "sand", hardness=10, kind="sand", word="sand"),
    Block("sandstone", "sandstone", "sandstone_side", "sandstone", hardness=18, kind="stone", word="stone"),
    Block("gravel", "gravel", hardness=11, kind="dirt", word="gravel"),
    Block("snow", "snow", hardness=6, kind="snow", word="snow"),
    Block("ice", "ice", hardness=12, kind="ice", word="ice"),
    Block("water", "water", hardness=-1, solid=False, opaque=False, liquid=True, word="water"),
    Block("oak_log", "oak_rings", "oak_bark", hardness=18, kind="wood", word="trees"),
    Block("oak_leaves", "oak_leaves", hardness=5, kind="leaves", word="trees"),
    Block("birch_log", "birch_rings", "birch_bark", hardness=18, kind="wood", word="trees"),
    Block("birch_leaves", "birch_leaves", hardness=5, kind="leaves", word="trees"),
    Block("spruce_log", "spruce_rings", "spruce_bark", hardness=18, kind="wood", word="trees"),
    Block("spruce_leaves", "spruce_leaves", hardness=5, kind="leaves", word="trees"),
    Block("cactus", "cactus_top", "cactus_side", hardness=8, kind="plant", word="cactus"),
    Block("planks", "planks", hardness=16, kind="wood", word="planks"),
    Block("cobblestone", "cobblestone", hardness=24, kind="stone", word="stone"),
    Block("coal_ore", "coal_ore", hardness=30, kind="ore", word="ore"),
    Block("iron_ore", "iron_ore", hardness=34, kind="ore", word="ore"),
    Block("gold_ore", "gold_ore", hardness=36, kind="ore", word="ore"),
    Block("diamond_ore", "diamond_ore", hardness=40, kind="ore", word="ore"),
    Block("bedrock", "bedrock", hardness=-1, kind="stone", word="stone"),
    Block("pumpkin", "pumpkin_top", "pumpkin_side", hardness=12, kind="plant", word="pumpkin"),
    Block("brick", "brick", hardness=24, kind="stone", word="bricks"),
    Block("snowy_grass", "snow", "snowy_side", "dirt", hardness=11, kind="snow", word="snow", drop="dirt"),
    Block("clay", "clay", hardness=11, kind="dirt", word="clay"),
    Block("moss", "moss", hardness=20, kind="stone", word="stone"),
    Block("lamp", "lamp", hardness=10, kind="other", word="lamp", glow=1.0),
    Block("forest_grass", "forest_grass", "forest_grass_side", "dirt", hardness=11, kind="grass", word="grass",
          drop="dirt"),
    Block("mud", "mud", hardness=10, kind="dirt", word="mud"),
)  # fmt: skip

BLOCK_IDS: dict[str, int] = {block.name: number for number, block in enumerate(BLOCKS)}
AIR, WATER = BLOCK_IDS["air"], BLOCK_IDS["water"]
MINED_KINDS = ("grass", "dirt", "stone", "wood", "leaves", "sand", "snow", "ice", "ore", "plant", "other")
START_HOTBAR = ("dirt", "stone", "planks", "sand", "oak_log", "cobblestone", "brick", "snow", "lamp")
HOTBAR_COUNT = 64


# ---------------------------------------------------------------------------------------------- painting


def _rgb(*channels: int) -> Image:
    return np.array(channels, dtype=np.float64) / 255.0


def _grain(random: Random, cells: int) -> Image:
    """Zero-mean noise (16, 16) that is constant over squares of 16 / cells texels."""
    noise = random.random((cells, cells)) - 0.5
    return np.kron(noise - noise.mean(), np.ones((16 // cells, 16 // cells)))


def _speckle(base: Image, random: Random, fine: float = 0.12, coarse: float = 0.08) -> Image:
    shade = 1.0 + fine * _grain(random, 16) + coarse * _grain(random, 8) + 0.5 * coarse * _grain(random, 4)
    return base[None, None, :] * shade[:, :, None]


def _plain(*channels: int, fine: float = 0.12, coarse: float = 0.08) -> Callable[[Random], Image]:
    return lambda random: _speckle(_rgb(*channels), random, fine, coarse)


def _overlay(image: Image, mask: NDArray[np.bool_], colour: Image) -> Image:
    return np.where(mask[:, :, None], colour, image)


def _fringe(top: Image, bottom: Image) -> Callable[[Random], Image]:
    """A side whose upper rows are of one colour and hang over the lower ones (row 0 is the top of the block)."""

    def paint(random: Random) -> Image:
        depth = 3 + random.integers(0, 3, 16)
        mask = np.arange(16)[:, None] < depth[None, :]
        return np.where(mask[:, :, None], _speckle(top, random), _speckle(bottom, random, 0.16, 0.1))

    return paint


def _bark(base: Image, dark: Image, marks: bool = False) -> Callable[[Random], Image]:
    def paint(random: Random) -> Image:
        image = _speckle(base, random, 0.08, 0.04)
        if marks:
            for _ in range(9):
                row, column, length = random.integers(0, 16), random.integers(0, 12), random.integers(2, 5)
                image[row, column : column + length] = dark
            return image
        stripes = np.kron(random.random(8) < 0.45, np.ones(2, dtype=bool)).astype(bool)
        mask = stripes[None, :] & (random.random((16, 16)) < 0.85)
        return _overlay(image, mask, dark)

    return paint


def _rings(wood: Image, bark: Image) -> Callable[[Random], Image]:
    def paint(random: Random) -> Image:
        distance = np.abs(np.arange(16) - 7.5)
        ring = np.maximum(distance[:, None], distance[None, :]).astype(int)
        image = _speckle(wood, random, 0.06, 0.03)
        image = _overlay(image, ring % 2 == 1, wood * 0.85)
        return _overlay(image, ring >= 7, bark)

    return paint


def _leaves(*channels: int) -> Callable[[Random], Image]:
    def paint(random: Random) -> Image:
        image = _speckle(_rgb(*channels), random, 0.22, 0.22)
        return _overlay(image, random.random((16, 16)) < 0.10, _rgb(*channels) * 0.66)

    return paint


def _ore(*channels: int) -> Callable[[Random], Image]:
    def paint(random: Random) -> Image:
        image = _speckle(_rgb(128, 128, 130), random, 0.1, 0.1)
        for row, column in ((2, 3), (4, 10), (9, 2), (8, 7), (11, 12), (13, 6)):
            image[row : row + 3, column : column + 2] = _rgb(*channels) * (0.9 + 0.2 * random.random())
            image[row + 1, column - 1 : column + 3] = _rgb(*channels)
        return image

    return paint


def _boards(random: Random) -> Image:
    image = _speckle(_rgb(176, 140, 86), random, 0.07, 0.05)
    image[3::4] *= 0.72
    for row, column in ((0, 5), (4, 12), (8, 3), (12, 10)):
        image[row : row + 3, column] *= 0.78
    return image


def _bricks(random: Random) -> Image:
    image = _speckle(_rgb(158, 84, 68), random, 0.1, 0.05)
    mortar = _rgb(178, 166, 154)
    image[3::4] = mortar
    for band in range(4):
        image[band * 4 : band * 4 + 3, (band % 2) * 4 + 3 :: 8] = mortar
    return image


def _cobbles(base: Image, spots: Image | None = None) -> Callable[[Random], Image]:
    def paint(random: Random) -> Image:
        centres = random.random((11, 2)) * 16
        grid = np.stack(np.meshgrid(np.arange(16) + 0.5, np.arange(16) + 0.5, indexing="ij"), -1)  # (16, 16, 2)
        gap = np.abs(grid[:, :, None, :] - centres[None, None])
        distance = np.sort(np.hypot(*np.moveaxis(np.minimum(gap, 16 - gap), -1, 0)), axis=-1)  # (16, 16, 11)
        owner = np.argmin(np.hypot(*np.moveaxis(np.minimum(gap, 16 - gap), -1, 0)), axis=-1)
        tone = (0.9 + 0.22 * random.random(11))[owner]
        image = _speckle(base, random, 0.06, 0.03) * tone[:, :, None]
        if spots is not None:
            image = _overlay(image, (random.random(11) < 0.5)[owner], spots)
        return image * np.where(distance[:, :, 1] - distance[:, :, 0] < 1.0, 0.72, 1.0)[:, :, None]

    return paint


def _ribs(base: Image, dark: float, step: int = 4) -> Callable[[Random], Image]:
    def paint(random: Random) -> Image:
        image = _speckle(base, random, 0.06, 0.05)
        image[:, step - 1 :: step] *= dark
        return image

    return paint


def _layers(random: Random) -> Image:
    image = _speckle(_rgb(214, 200, 152), random, 0.05, 0.03)
    image[5:7] *= 0.9
    image[11] *= 0.86
    return image


def _disc(base: Image, centre: Image) -> Callable[[Random], Image]:
    def paint(random: Random) -> Image:
        radius = np.hypot(*np.meshgrid(np.arange(16) - 7.5, np.arange(16) - 7.5))
        return _overlay(_speckle(base, random, 0.06, 0.05), radius < 2.6, centre)

    return paint


def _glow(random: Random) -> Image:
    image = _cobbles(_rgb(250, 214, 130))(random)
    return np.minimum(image * 1.05 + 0.04, 1.0)


DIRT, GRASS, FOREST, SNOW = _rgb(134, 96, 67), _rgb(110, 166, 62), _rgb(82, 142, 54), _rgb(238, 243, 246)
PAINTERS: dict[str, Callable[[Random], Image]] = {
    "stone": _plain(126, 126, 128, fine=0.08, coarse=0.14),
    "dirt": _plain(134, 96, 67, fine=0.16, coarse=0.1),
    "grass": _plain(110, 166, 62, fine=0.14, coarse=0.1),
    "grass_side": _fringe(GRASS, DIRT),
    "forest_grass": _plain(82, 142, 54, fine=0.14, coarse=0.1),
    "forest_grass_side": _fringe(FOREST, DIRT),
    "sand": _plain(222, 207, 158, fine=0.07, coarse=0.04),
    "sandstone": _plain(216, 202, 154, fine=0.04, coarse=0.04),
    "sandstone_side": _layers,
    "gravel": _cobbles(_rgb(136, 130, 128)),
    "snow": _plain(238, 243, 246, fine=0.03, coarse=0.03),
    "snowy_side": _fringe(SNOW, DIRT),
    "ice": _plain(158, 194, 236, fine=0.03, coarse=0.08),
    "water": _plain(52, 96, 188, fine=0.03, coarse=0.10),
    "oak_bark": _bark(_rgb(108, 84, 52), _rgb(82, 62, 38)),
    "oak_rings": _rings(_rgb(178, 144, 90), _rgb(98, 76, 46)),
    "oak_leaves": _leaves(62, 118, 38),
    "birch_bark": _bark(_rgb(218, 216, 208), _rgb(70, 66, 62), marks=True),
    "birch_rings": _rings(_rgb(206, 184, 132), _rgb(206, 204, 196)),
    "birch_leaves": _leaves(112, 152, 70),
    "spruce_bark": _bark(_rgb(74, 52, 32), _rgb(54, 38, 24)),
    "spruce_rings": _rings(_rgb(126, 92, 56), _rgb(62, 44, 28)),
    "spruce_leaves": _leaves(44, 86, 62),
    "cactus_side": _ribs(_rgb(76, 134, 62), 0.74),
    "cactus_top": _disc(_rgb(90, 150, 72), _rgb(150, 186, 110)),
    "planks": _boards,
    "cobblestone": _cobbles(_rgb(126, 126, 126)),
    "moss": _cobbles(_rgb(122, 124, 120), _rgb(88, 122, 70)),
    "coal_ore": _ore(48, 46, 46),
    "iron_ore": _ore(212, 172, 144),
    "gold_ore": _ore(248, 214, 76),
    "diamond_ore": _ore(94, 224, 220),
    "bedrock": _plain(62, 62, 64, fine=0.2, coarse=0.4),
    "pumpkin_top": _disc(_rgb(206, 128, 34), _rgb(118, 118, 44)),
    "pumpkin_side": _ribs(_rgb(222, 134, 32), 0.8),
    "brick": _bricks,
    "clay": _plain(160, 166, 178, fine=0.04, coarse=0.05),
    "lamp": _glow,
    "mud": _plain(92, 78, 66, fine=0.08, coarse=0.1),
    "skin": _plain(222, 168, 132, fine=0.03, coarse=0.03),
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


TEXTURE_NAMES = tuple(PAINTERS)
TEXTURES: dict[str, Image] = {
    name: np.clip(paint(np.random.default_rng([TEXTURE_SEED, 100 + number])), 0, 1)
    for number, (name, paint) in enumerate(PAINTERS.items())
}
FIRST_CRACK = len(TEXTURE_NAMES)
TEXELS = np.concatenate(
    [_packed(TEXTURES[name]) for name in TEXTURE_NAMES] + [_packed(_crack(stage)) for stage in range(CRACK_STAGES)]
)  # (textures * 341,) int64


def _faces() -> NDArray[np.int32]:
    """Return the texture of each face (256, 6), in the order +x, -x, +y, -y, +z, -z."""
    faces = np.zeros((256, 6), dtype=np.int32)
    for number, block in enumerate(BLOCKS):
        top = TEXTURE_NAMES.index(block.top)
        side = TEXTURE_NAMES.index(block.side or block.top)
        bottom = TEXTURE_NAMES.index(block.bottom or block.top)
        faces[number] = (side, side, side, side, top, bottom)
    faces[BARE_HAND] = TEXTURE_NAMES.index("skin")
    return faces


def _column(values: list[float], dtype: type[np.generic]) -> NDArray[np.generic]:
    table = np.zeros(256, dtype=dtype)
    table[: len(values)] = values
    return table


FACES = _faces()
SOLID = _column([b.solid for b in BLOCKS], np.uint8)
OPAQUE = _column([b.opaque for b in BLOCKS], np.uint8)
LIQUID = _column([b.liquid for b in BLOCKS], np.uint8)
GLOW = _column([b.glow for b in BLOCKS], np.float64)
HARDNESS = _column([b.hardness for b in BLOCKS], np.int64)
KIND = _column([MINED_KINDS.index(b.kind) for b in BLOCKS], np.int64)
DROP = _column([BLOCK_IDS[b.drop or b.name] for b in BLOCKS], np.int64)

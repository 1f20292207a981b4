"""The table of blocks: one row per kind, with its faces, shape, hardness and rules.

Arrays derived from the table (`SOLID`, `HARDNESS`, `TRAITS`, …) are what compiled code reads, always as arguments.
Ids are the places of the rows, for good: new rows are appended. Textures are painted in `textures`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

TEXELS_PER_TEXTURE = 341
CRACK_STAGES = 5
BARE_HAND = 255  # drawn like a block, never in the world

Bounds: TypeAlias = tuple[float, float, float, float, float, float]
WHOLE: Bounds = (0, 0, 0, 16, 16, 16)
LIQUIDS = ("", "water", "lava")
TOOLS = ("", "pickaxe", "axe", "shovel")
SHAPES = ("none", "cube", "slab", "box", "cross")


@dataclass(frozen=True)
class Block:
    """One kind of block.

    Attributes:
        name: how code and captions' tables call it.
        top, side, bottom: names of textures; side and bottom are the top's where empty.
        hardness: ticks of mining by bare hand (20 per second), -1 for never.
        shape: "cube"; "slab" (as wide as a cube, but lower); "box" (within `bounds`); "cross" (two crossed sprites).
        bounds: west, south, low, east, north, high of what is drawn and aimed at, in sixteenths of a block.
        glow: how much of its colour shows without any light, 0…1.
        light: block light that it gives, 0…15.
        tool, tier: what mines it fast, and the least material of it (1 wood, 2 stone, 3 iron, 4 diamond) for a drop.
    """

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
    liquid: str = ""
    glow: float = 0.0
    shape: str = "cube"
    bounds: Bounds = WHOLE
    falls: bool = False
    burns: bool = False
    light: int = 0
    tool: str = ""
    tier: int = 0


def _slab(name: str, top: str, side: str = "", bottom: str = "", high: float = 8, **rest: object) -> Block:
    """Return a row for a block as wide as a cube and `high` sixteenths high, through which light passes."""
    return Block(name, top, side, bottom, shape="slab", bounds=(0, 0, 0, 16, 16, high), opaque=False, **rest)  # type: ignore[arg-type]


def _box(name: str, top: str, side: str, bounds: Bounds, **rest: object) -> Block:
    return Block(name, top, side, shape="box", bounds=bounds, opaque=False, **rest)  # type: ignore[arg-type]


def _sprite(name: str, high: float = 14, wide: float = 10, kind: str = "plant", **rest: object) -> Block:
    """Return a row for two crossed sprites with the texture of the same name, which nothing bumps into."""
    low, far = 8 - wide / 2, 8 + wide / 2
    values: dict[str, object] = {"hardness": 1, "kind": kind, "word": "flowers", **rest}
    return Block(name, name, shape="cross", bounds=(low, low, 0, far, far, high), solid=False, opaque=False, **values)  # type: ignore[arg-type]


def _doors() -> tuple[Block, ...]:
    """Return a door's rows: it stands across x or y, at the cell's low edge; open, it stands across the other axis."""
    across = {"x": (0, 0, 0, 3, 16, 16), "y": (0, 0, 0, 16, 3, 16)}
    return tuple(
        _box(f"door_{axis}_{state}_{half}", "planks", f"door_{half}",
             across[axis if state == "shut" else ("y" if axis == "x" else "x")],
             hardness=16, kind="wood", word="door", solid=state == "shut", burns=True, tool="axe")
        for axis in ("x", "y") for state in ("shut", "open") for half in ("lower", "upper")
    )  # fmt: skip


def _liquids() -> tuple[Block, ...]:
    """Return the rows of flowing water, lava and flowing lava; water itself is an older row."""
    flowing = tuple(
        Block(f"water_{level}", "water", hardness=-1, solid=False, opaque=False, liquid="water", shape="slab",
              bounds=(0, 0, 0, 16, 16, 2 * level), word="water") for level in range(1, 8)
    )  # fmt: skip
    lava = Block("lava", "lava", hardness=-1, solid=False, opaque=False, liquid="lava", glow=1.0, light=15, word="lava")
    return (*flowing, lava, *(
        Block(f"lava_{level}", "lava", hardness=-1, solid=False, opaque=False, liquid="lava", glow=1.0, light=15,
              shape="slab", bounds=(0, 0, 0, 16, 16, 4 * level), word="lava") for level in range(1, 4)
    ))  # fmt: skip


BLOCKS: tuple[Block, ...] = (
    Block("air", "stone", hardness=-1, shape="none", solid=False, opaque=False, word="sky"),
    Block("stone", "stone", hardness=24, kind="stone", word="stone", drop="cobblestone", tool="pickaxe", tier=1),
    Block("dirt", "dirt", hardness=10, kind="dirt", word="dirt", tool="shovel"),
    Block("grass", "grass", "grass_side", "dirt", hardness=11, kind="grass", word="grass", drop="dirt", tool="shovel"),
    Block("sand", "sand", hardness=10, kind="sand", word="sand", tool="shovel", falls=True),
    Block("sandstone", "sandstone", "sandstone_side", "sandstone", hardness=18, kind="stone", word="stone",
          tool="pickaxe", tier=1),
    Block("gravel", "gravel", hardness=11, kind="dirt", word="gravel", tool="shovel", falls=True),
    Block("snow", "snow", hardness=6, kind="snow", word="snow", tool="shovel"),
    Block("ice", "ice", hardness=12, kind="ice", word="ice", tool="pickaxe"),
    Block("water", "water", hardness=-1, solid=False, opaque=False, liquid="water", word="water"),
    Block("oak_log", "oak_rings", "oak_bark", hardness=18, kind="wood", word="trees", tool="axe", burns=True),
    Block("oak_leaves", "oak_leaves", hardness=5, kind="leaves", word="trees", burns=True),
    Block("birch_log", "birch_rings", "birch_bark", hardness=18, kind="wood", word="trees", tool="axe", burns=True),
    Block("birch_leaves", "birch_leaves", hardness=5, kind="leaves", word="trees", burns=True),
    Block("spruce_log", "spruce_rings", "spruce_bark", hardness=18, kind="wood", word="trees", tool="axe", burns=True),
    Block("spruce_leaves", "spruce_leaves", hardness=5, kind="leaves", word="trees", burns=True),
    Block("cactus", "cactus_top", "cactus_side", hardness=8, kind="plant", word="cactus"),
    Block("planks", "planks", hardness=16, kind="wood", word="planks", tool="axe", burns=True),
    Block("cobblestone", "cobblestone", hardness=24, kind="stone", word="stone", tool="pickaxe", tier=1),
    Block("coal_ore", "coal_ore", hardness=30, kind="ore", word="ore", tool="pickaxe", tier=1),
    Block("iron_ore", "iron_ore", hardness=34, kind="ore", word="ore", tool="pickaxe", tier=2),
    Block("gold_ore", "gold_ore", hardness=36, kind="ore", word="ore", tool="pickaxe", tier=3),
    Block("diamond_ore", "diamond_ore", hardness=40, kind="ore", word="ore", tool="pickaxe", tier=3),
    Block("bedrock", "bedrock", hardness=-1, kind="stone", word="stone"),
    Block("pumpkin", "pumpkin_top", "pumpkin_side", hardness=12, kind="plant", word="pumpkin", tool="axe"),
    Block("brick", "brick", hardness=24, kind="stone", word="bricks", tool="pickaxe", tier=1),
    Block("snowy_grass", "snow", "snowy_side", "dirt", hardness=11, kind="snow", word="snow", drop="dirt",
          tool="shovel"),
    Block("clay", "clay", hardness=11, kind="dirt", word="clay", tool="shovel"),
    Block("moss", "moss", hardness=20, kind="stone", word="stone", tool="pickaxe", tier=1),
    Block("lamp", "lamp", hardness=10, kind="other", word="lamp", glow=1.0, light=15),
    Block("forest_grass", "forest_grass", "forest_grass_side", "dirt", hardness=11, kind="grass", word="grass",
          drop="dirt", tool="shovel"),
    Block("mud", "mud", hardness=10, kind="dirt", word="mud", tool="shovel"),
    Block("glass", "glass", hardness=6, shape="box", opaque=False, word="glass"),
    _box("torch", "torch_top", "torch", (7, 7, 0, 9, 9, 10), hardness=1, solid=False, light=14, glow=1.0, word="torch"),
    Block("crafting_table", "crafting_top", "crafting_side", "planks", hardness=16, kind="wood", word="table",
          burns=True, tool="axe"),
    Block("furnace", "furnace_top", "furnace_side", "furnace_top", hardness=28, kind="stone", word="furnace",
          tool="pickaxe", tier=1),
    Block("furnace_lit", "furnace_top", "furnace_lit_side", "furnace_top", hardness=28, kind="stone", word="furnace",
          drop="furnace", light=13, tool="pickaxe", tier=1),
    Block("chest", "chest_top", "chest_side", hardness=16, kind="wood", word="chest", burns=True, tool="axe"),
    _slab("bed_foot", "bed_foot", "bed_side", "planks", high=9, hardness=6, word="bed", burns=True),
    _slab("bed_head", "bed_head", "bed_side", "planks", high=9, hardness=6, word="bed", burns=True),
    *_doors(),
    *_liquids(),
    Block("obsidian", "obsidian", hardness=160, kind="stone", word="stone", tool="pickaxe", tier=4),
    _sprite("fire", high=16, wide=16, kind="other", word="fire", light=15, glow=1.0),
    _slab("farmland", "farmland", "dirt", "dirt", high=15, hardness=10, kind="dirt", word="farmland", drop="dirt",
          tool="shovel"),
    *(_sprite(f"wheat_{stage}", high=4 + 4 * stage, wide=16, word="wheat") for stage in range(4)),
    *(_sprite(f"{tree}_sapling", high=13, word="sapling") for tree in ("oak", "birch", "spruce")),
    *(_box(f"cake_{left}", "cake_top", "cake_side", (15 - 2 * left, 1, 0, 15, 15, 8), hardness=3, word="cake")
      for left in range(7, 0, -1)),
    _sprite("tall_grass", high=13, wide=15, word="grass", burns=True),
    _sprite("fern", high=13, wide=15, word="grass", burns=True),
    _sprite("dead_bush", high=12, wide=14, word="bush", burns=True),
    *(_sprite(flower, high=11) for flower in ("dandelion", "poppy", "cornflower")),
    _sprite("mushroom", high=8, word="mushroom"),
    _slab("snow_layer", "snow", high=2, hardness=2, kind="snow", word="snow", solid=False, tool="shovel"),
    Block("sign", "planks", "sign", "planks", hardness=12, kind="wood", word="sign", burns=True, tool="axe"),
    Block("beacon", "beacon", hardness=30, word="beacon", glow=1.0, light=15),
    Block("hay", "hay_top", "hay_side", "hay_top", hardness=8, kind="plant", word="hay", burns=True),
    _slab("path", "path", "path_side", "dirt", high=15, hardness=11, kind="dirt", word="path", drop="dirt",
          tool="shovel"),
    Block("stone_bricks", "stone_bricks", hardness=24, kind="stone", word="bricks", tool="pickaxe", tier=1),
    Block("savanna_grass", "savanna_grass", "savanna_grass_side", "dirt", hardness=11, kind="grass", word="grass",
          drop="dirt", tool="shovel"),
    Block("acacia_log", "acacia_rings", "acacia_bark", hardness=18, kind="wood", word="trees", tool="axe", burns=True),
    Block("acacia_leaves", "acacia_leaves", hardness=5, kind="leaves", word="trees", burns=True),
    _box("lily_pad", "lily_pad", "lily_pad", (1, 1, 0, 15, 15, 1), hardness=1, kind="plant", word="lily", solid=False),
    Block("swamp_grass", "swamp_grass", "swamp_grass_side", "dirt", hardness=11, kind="grass", word="grass",
          drop="dirt", tool="shovel"),
)  # fmt: skip

BLOCK_IDS: dict[str, int] = {block.name: number for number, block in enumerate(BLOCKS)}
AIR, WATER = BLOCK_IDS["air"], BLOCK_IDS["water"]
MINED_KINDS = ("grass", "dirt", "stone", "wood", "leaves", "sand", "snow", "ice", "ore", "plant", "other")
START_HOTBAR = ("dirt", "stone", "planks", "sand", "oak_log", "cobblestone", "brick", "snow", "lamp")
HOTBAR_COUNT = 64

# What a ray meets in a cell (`T_FORM`): nothing at OPEN, a solid as many sixteenths high as the number, a cube at
# CUBE, and water above WET, as many sixteenths high. A model is nothing to rays: it is drawn by itself.
OPEN, CUBE, WET = 0, 16, 32


def _form(block: Block) -> int:
    if block.shape in ("none", "box", "cross"):
        return OPEN
    high = round(block.bounds[5])
    return WET + high if block.liquid == "water" else high


def _column(values: list[float], dtype: type[np.generic]) -> NDArray[Any]:
    table = np.zeros(256, dtype=dtype)
    table[: len(values)] = values
    return table


SOLID = _column([b.solid for b in BLOCKS], np.uint8)
OPAQUE = _column([b.opaque for b in BLOCKS], np.uint8)
LIQUID = _column([LIQUIDS.index(b.liquid) for b in BLOCKS], np.uint8)
GLOW = _column([b.glow for b in BLOCKS], np.float64)
HARDNESS = _column([b.hardness for b in BLOCKS], np.int64)
KIND = _column([MINED_KINDS.index(b.kind) for b in BLOCKS], np.int64)
DROP = _column([BLOCK_IDS[b.drop or b.name] for b in BLOCKS], np.int64)
SHAPE = _column([SHAPES.index(b.shape) for b in BLOCKS], np.uint8)
FALLS = _column([b.falls for b in BLOCKS], np.uint8)
BURNS = _column([b.burns for b in BLOCKS], np.uint8)
TOOL = _column([TOOLS.index(b.tool) for b in BLOCKS], np.uint8)
TIER = _column([b.tier for b in BLOCKS], np.uint8)
BOUNDS = np.zeros((256, 6))  # of a block, 0…1: west, south, low, east, north, high
BOUNDS[: len(BLOCKS)] = np.array([b.bounds for b in BLOCKS]) / 16.0

# What all code that changes or draws blocks reads; columns of `TRAITS` (256, 4) u8.
T_FORM, T_MODEL, T_LIGHT, T_OPAQUE = range(4)
TRAITS: NDArray[np.uint8] = np.stack(
    [
        _column([_form(b) for b in BLOCKS], np.uint8),
        _column([b.shape in ("box", "cross") for b in BLOCKS], np.uint8),
        _column([b.light for b in BLOCKS], np.uint8),
        OPAQUE,
    ],
    axis=1,
    dtype=np.uint8,
)

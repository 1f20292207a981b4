"""Scripts of someone who meets the world's things and creatures: fight, paint, tinker, meddle, craft.

Each does what it can with what the player carries and what is near, and walks on where there is nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from worldsim_agents.explore.moves import approach, hold, level, look_at, mine_on, slot, tilt, turn, walk
from worldsim_agents.explore.view import TURN, View
from worldsim_envs.voxel.blocks import BLOCK_IDS
from worldsim_envs.voxel.items import ITEM_IDS

SWORDS = tuple(name for name in ITEM_IDS if name.endswith("_sword"))
TOOLS = tuple(name for name in ITEM_IDS if name.endswith(("_pickaxe", "_shovel")))
FOOD = tuple(name for name in ("bread", "apple", "cooked_beef", "cooked_porkchop") if name in ITEM_IDS)
_DOORS = tuple(name for name in BLOCK_IDS if name.startswith("door_"))
_CAKES = tuple(name for name in BLOCK_IDS if name.startswith("cake_"))
# What to do with a thing that is near: blocks, action, how often.
TOYS: tuple[tuple[tuple[str, ...], str, int], ...] = (
    (_DOORS, "use", 2), (_CAKES, "use", 7), (("glass",), "attack", 6), (("sand", "gravel"), "attack", 12),
    (("torch", "dandelion", "poppy", "cornflower", "tall_grass", "fern", "mushroom"), "attack", 4),
    (("crafting_table", "furnace", "chest", "bed_foot", "bed_head"), "use", 2),
)  # fmt: skip


def fight(view: View, rng: np.random.Generator) -> Iterator[str]:
    """Go to the nearest creature and strike it; walk on where there is none."""
    while True:
        sword = view.slot(SWORDS)
        if sword is not None:
            yield sword
        offset = view.creature()
        if offset is None:
            yield from walk(view, rng, int(rng.integers(6, 20)))
            continue
        yield from approach(view, offset, rng)
        for _ in range(rng.integers(4, 14)):
            offset = view.creature(5.0)
            if offset is None:
                break
            yield from look_at(view, offset)
            yield str(rng.choice(["attack", "attack", "attack", "noop", "back"]))
        yield from level(view)


def paint(view: View, rng: np.random.Generator) -> Iterator[str]:
    """Put strokes of paint on blocks that are near, best on a sign; build where there is no brush."""
    while True:
        brush = view.slot(("brush",))
        offset = view.nearest(("sign",)) if brush is not None else None
        if brush is None:
            yield slot(rng)
            yield from hold("use", rng, 1, 4)
        else:
            yield brush
        if offset is not None:
            yield from approach(view, offset, rng)
        elif view.target is None:
            yield from hold("look_down", rng, 2, 5)
        for _ in range(rng.integers(3, 10)):
            yield from hold("use", rng, 1, 4)
            yield str(rng.choice(["turn_left", "turn_right", "look_up", "look_down", "noop", "left", "right"]))
        yield from level(view)
        yield from turn(float(rng.integers(-6, 7)) * TURN)
        yield from walk(view, rng, int(rng.integers(2, 10)))


def tinker(view: View, rng: np.random.Generator) -> Iterator[str]:
    """Go to a thing that does something when it is used or struck, and do that; eat, too."""
    while True:
        near = [(offset, row) for row in TOYS if (offset := view.nearest(row[0])) is not None]
        if near:
            offset, (names, act, often) = near[int(rng.integers(len(near)))]
            if "furnace" in names and rng.random() < 0.5:
                yield slot(rng)  # a furnace takes what is in the hand
            yield from approach(view, offset, rng)
            for _ in range(rng.integers(1, often + 1)):
                yield from [act, act, "noop"] if act == "use" else [act]
        food = view.slot(FOOD)
        if food is not None and rng.random() < 0.3:
            yield food
            yield from level(view)
            yield from ["use"] * 20
        yield from level(view)
        yield from turn(float(rng.integers(-4, 5)) * TURN)
        yield from walk(view, rng, int(rng.integers(2, 12)))


def meddle(view: View, rng: np.random.Generator) -> Iterator[str]:
    """Use what is carried, thing after thing, on the ground ahead: put down, pour, kindle, sow, lie down; then watch it
    or take it away again."""
    while True:
        yield slot(rng)
        yield from tilt(float(rng.choice([35.0, 45.0, 55.0])) - view.pitch)
        for _ in range(rng.integers(1, 4)):
            yield from ["use", "noop"]
            if rng.random() < 0.5:
                yield slot(rng)
        after = rng.random()
        if after < 0.45:
            tool = view.slot(TOOLS)
            if tool is not None:
                yield tool
            yield from mine_on(view)
        elif after < 0.75:
            yield from hold("back", rng, 2, 5)
            yield from hold("noop", rng, 4, 16)
        yield from level(view)
        if rng.random() < 0.6:
            yield from turn(float(rng.integers(-6, 7)) * TURN)
            yield from walk(view, rng, int(rng.integers(1, 8)))


def craft(view: View, rng: np.random.Generator) -> Iterator[str]:
    """Gather wood or stone when it is near, make what can be made, place some of it, drop some."""
    while True:
        offset = view.nearest(("oak_log", "birch_log", "spruce_log", "stone", "coal_ore", "iron_ore"), 6)
        if offset is not None and rng.random() < 0.7:
            yield from approach(view, offset, rng)
            yield from mine_on(view)
        table = view.nearest(("crafting_table",))
        if table is not None and rng.random() < 0.7:
            yield from approach(view, table, rng)
        for _ in range(rng.integers(1, 5)):
            if table is None or rng.random() < 0.5:
                yield from hold("next_recipe", rng, 1, 4)
            else:  # each press anew goes one recipe on
                yield from ["next_recipe", "noop"] * int(rng.integers(1, 34 if rng.random() < 0.2 else 10))
            yield from hold("craft", rng, 1, 3)
            yield "noop"
        yield slot(rng)
        yield str(rng.choice(["use", "use", "drop"]))
        yield from level(view)
        yield from turn(float(rng.integers(-6, 7)) * TURN)
        yield from walk(view, rng, int(rng.integers(2, 10)))

"""Scenes of what happens to the player's body and to the world by itself: one for each such event."""

from __future__ import annotations

import numpy as np

from voxel_cases import NIGHT, Case, X, Y, ahead, fall_tick, lying, sand_tick, scene, walk_tick
from voxel_scenes import FLOOR, Scene
from worldsim_envs.voxel import blocks, items, state
from worldsim_envs.voxel.chance import chance, pick
from worldsim_envs.voxel.systems import change as c
from worldsim_envs.voxel.systems import fire
from worldsim_envs.voxel.terrain import BIOMES


def _bound_for(biome: int) -> Scene:
    """Another biome begins half a block ahead."""
    made = scene(marks={state.BIOME: (biome + 1) % len(BIOMES)})
    made.state.biomes[...], made.state.biomes[:, 17:] = (biome + 1) % len(BIOMES), biome
    return made


def _roofed(columns: slice, inside: bool) -> Scene:
    made = scene(marks={state.IN_CAVE: int(inside)})
    made.state.blocks[:, columns, FLOOR + 4 : FLOOR + 7] = blocks.BLOCK_IDS["stone"]
    state.measure_world(made.state.grid, blocks.OPAQUE)
    return made


def _left_water() -> Scene:
    """The player's feet were in water that is gone."""
    made = scene(put={(16, 16, 0): "water"})
    made.act()
    made.put(16, 16, FLOOR, "air")
    return made


def _sea() -> Scene:
    made = scene("health")
    made.state.blocks[:, :, 1:] = blocks.WATER
    made.state.body[state.Z] = 2.0
    return made


def _bed(ticks: int) -> Case:
    return Case(lambda: scene("day_cycle", put={(X, Y, 0): "bed_foot", (X, Y + 1, 0): "bed_head"}, look=(0, 45),
                              marks={state.CLOCK: NIGHT}), ticks, ("use",), once=True)  # fmt: skip


def _worn() -> Scene:
    made = ahead("dirt", "tools", give={"wooden_shovel": 1})
    made.state.inventory[0, state.WORN] = items.MATERIALS["wooden"][2] - 1
    return made


def body() -> dict[str, Case]:
    lava, weak = {(16, 16, 0): "lava"}, {state.HEALTH: 1.0}
    empty = {state.HUNGER: 0.0, state.SATURATION: 0.0}
    return {
        "jumped": Case(scene, 1, ("jump",)),
        "landed": Case(lambda: scene(height=2.0), fall_tick(2.0)),
        "entered_water": Case(lambda: scene(put={(16, 17, 0): "water", (16, 17, -1): "water"}), walk_tick(0.5),
                              ("forward",)),
        "left_water": Case(_left_water, 1),
        "hurt": Case(lambda: scene("fall_damage", height=5.0), fall_tick(5.0)),
        "died": Case(lambda: scene("fall_damage", height=14.0), fall_tick(14.0)),
        "bumped": Case(lambda: scene(put={(16, 18, 0): "stone"}), walk_tick(1.2), ("forward",)),
        "day_broke": Case(lambda: scene("day_cycle", marks={state.CLOCK: 12_000 - 7}), 7),
        "night_fell": Case(lambda: scene("day_cycle", marks={state.CLOCK: 6000 - 7}), 7),
        "picked_up": Case(lambda: lying("apple"), 5),
        "dropped": Case(lambda: scene(give={"apple": 2}), 1, ("drop",)),
        "tool_broke": Case(_worn, 5, ("attack",)),
        "ate": Case(lambda: scene(give={"bread": 1}), 1, ("use",)),
        "slept": _bed(1),
        "woke": _bed(20),
        "healed": Case(lambda: scene("health", "hunger", vitals={state.HEALTH: 15.0}), 80),
        "starved": Case(lambda: scene("health", "hunger", vitals=empty), 80),
        "drowned": Case(_sea, 320),
        "burned": Case(lambda: scene("health", put=lava), 1),
        "fell": Case(lambda: scene("fall_damage", "health", height=6.0), fall_tick(6.0)),
        "respawned": Case(lambda: scene("health", "respawn", put=lava, vitals=weak), 1),
        **{f"entered_{biome}": Case(lambda number=number: _bound_for(number), walk_tick(0.5), ("forward",))
           for number, biome in enumerate(BIOMES)},
        # In a cave where at most two of nine parts of the sky are open: one column within the roof's edge.
        "entered_cave": Case(lambda: _roofed(slice(17, 30), False), walk_tick(1.5), ("forward",)),
        "left_cave": Case(lambda: _roofed(slice(8, 18), True), walk_tick(0.5), ("forward",)),
        "entered_village": Case(lambda: scene(put={(16, 17, -1): "path"}), walk_tick(0.5), ("forward",)),
    }  # fmt: skip


def _dropped(block: str, under: str) -> Scene:
    """A block five above the floor whose ground has just gone."""
    made = scene("falling_blocks", "drops", put={(5, 5, 4): "stone", (5, 5, 5): block})
    made.put(5, 5, FLOOR + 4, under)
    return made


def _cell(x: int, y: int, z: int) -> int:
    return c.cell_of(Scene().state.blocks, x, y, z)


def _turn(wait: int, z: int) -> int:
    """Return the tick at which what is planted at (9, 9, z) at tick 0 grows."""
    return wait - pick(Scene().state.random[1], _cell(9, 9, z), 71, wait) % wait + 1


def _spread_tick() -> int:
    """Return when a fire on one block of planks first eats it or leaps, by the same chances."""
    key, cell = Scene().state.random[0], _cell(5, 5, FLOOR + 1)
    for now in range(c.FIRE_WAIT, 400, c.FIRE_WAIT):
        if chance(key, cell, now) < fire.DIES_FED:
            break
        if chance(key, cell + 6, now) < fire.EATS:
            return now + 1
    raise AssertionError("this fire dies first; choose another cell")


def _fire_dies() -> int:
    key, cell = Scene().state.random[0], _cell(5, 5, FLOOR)
    return next(now for now in range(c.FIRE_WAIT, 400, c.FIRE_WAIT) if chance(key, cell, now) < fire.DIES_UNFED) + 1


def _bare_tree() -> Scene:
    made = scene("decay", put={(9, 9, 0): "oak_log", (10, 9, 0): "oak_leaves"})
    made.put(9, 9, FLOOR, "air")
    return made


def _snowed_in() -> Scene:
    made = scene("snow", marks={state.TICK: 2})
    made.state.blocks[:, :, FLOOR] = blocks.BLOCK_IDS["snow_layer"]
    state.measure_world(made.state.grid, blocks.OPAQUE)
    return made


def _snowing() -> Scene:
    """A snowfall that grows by a sixtieth a tick from 0.24, and settles above one half."""
    made = scene("snow", marks={state.SKY: 2})
    made.state.weather[state.SNOWFALL] = 0.24
    return made


def _sky(before: int, thunders: bool = False, biome: str = "plains") -> Scene:
    """A sky that changes in ten ticks; whether rain thunders is a chance of the world's key."""
    number = BIOMES.index(biome)
    made = scene("weather", marks={state.SKY: before, state.SKY_TICKS: 10, state.BIOME: number})
    made.state.biomes[...] = number
    made.state.random[1] = next(key for key in range(100) if (chance(np.uint64(key), 9, 32) < 0.25) == thunders)
    return made


def dynamics() -> dict[str, Case]:
    planks = {(5, 5, 0): "planks", (5, 5, 1): "fire"}
    wait = c.LEAF_WAIT + pick(Scene().state.random[1], _cell(10, 9, FLOOR), 72, c.LEAF_SPREAD)
    return {
        "cracked": Case(lambda: ahead("stone"), 5, ("attack",)),  # the first fifth of 24 ticks
        "sand_fell": Case(lambda: _dropped("sand", "air"), c.FALL_WAIT + 1),
        "sand_landed": Case(lambda: _dropped("gravel", "air"), c.FALL_WAIT + sand_tick(5.0)),
        "water_flowed": Case(lambda: scene("fluids", put={(5, 5, 0): "water"}), c.WATER_WAIT + 1),
        "lava_flowed": Case(lambda: scene("fluids", put={(5, 5, 0): "lava"}), c.LAVA_WAIT + 1),
        "lava_met_water": Case(lambda: scene("fluids", put={(5, 5, 0): "water", (6, 5, 0): "lava"}), 2),
        "fluid_receded": Case(lambda: scene("fluids", put={(5, 5, 0): "water_3"}), c.WATER_WAIT + 1),
        "fire_lit": Case(lambda: scene("fire", give={"flint_and_steel": 1}, look=(0, 45)), 1, ("use",)),
        "fire_spread": Case(lambda: scene("fire", put=planks), _spread_tick()),
        "fire_died": Case(lambda: scene("fire", put={(5, 5, 0): "fire"}), _fire_dies()),
        "crop_grew": Case(lambda: scene("growth", put={(9, 9, -1): "farmland", (9, 9, 0): "wheat_0"}),
                          _turn(c.CROP_WAIT, FLOOR)),
        "crop_ripened": Case(lambda: scene("growth", put={(9, 9, -1): "farmland", (9, 9, 0): "wheat_2"}),
                             _turn(c.CROP_WAIT, FLOOR)),
        "sapling_grew": Case(lambda: scene("growth", put={(9, 9, 0): "birch_sapling"}), _turn(c.TREE_WAIT, FLOOR)),
        "leaf_decayed": Case(_bare_tree, wait + 1),
        "door_opened": Case(lambda: ahead("door_y_shut_lower", "doors"), 1, ("use",)),
        "door_shut": Case(lambda: ahead("door_y_open_lower", "doors", player=(16.1, 16.5)), 1, ("use",)),
        "glass_shattered": Case(lambda: ahead("glass", "glass"), 1, ("attack",)),
        "cake_eaten": Case(lambda: ahead("cake_7", "cake", look=(0, 10)), 1, ("use",)),
        "painted": Case(lambda: ahead("sign", "paint", give={"brush": 1}), 1, ("use",)),
        "soil_tilled": Case(lambda: scene("crafting", put={(X, Y, -1): "grass"}, give={"iron_shovel": 1},
                                          look=(0, 45)), 1, ("use",)),
        "uprooted": Case(lambda: _dropped("poppy", "air"), c.ROOT_WAIT + 1),
        "snow_melted": Case(_snowed_in, 3),  # every fourth tick, and now it is the second
        "snow_settled": Case(_snowing, 16),
        "rain_began": Case(lambda: _sky(0), 10),
        "thunder_began": Case(lambda: _sky(0, thunders=True), 10),
        "snow_began": Case(lambda: _sky(0, biome="snow"), 10),
        "rain_ended": Case(lambda: _sky(1), 10),
        "snow_ended": Case(lambda: _sky(2, biome="snow"), 10),
        "thunder_ended": Case(lambda: _sky(3), 10),
    }  # fmt: skip


CHANGES: dict[str, Case] = {**body(), **dynamics()}

"""One staged scene for each named event of the voxel world, and the tick at which the rules say that it happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from voxel_scenes import FLOOR, Scene
from worldsim_envs.voxel import blocks, items, recipes, state
from worldsim_envs.voxel.chance import chance, pick
from worldsim_envs.voxel.events import CREATURES, EVENT, EVENT_NAMES
from worldsim_envs.voxel.kinds import KIND_IDS, KINDS
from worldsim_envs.voxel.life.spawn import drop_item, spawn
from worldsim_envs.voxel.motion import AT_REST
from worldsim_envs.voxel.systems import change as c
from worldsim_envs.voxel.systems import fire
from worldsim_envs.voxel.terrain import BIOMES

X, Y = 16, 18  # the column two blocks before the player
NIGHT = 9000


@dataclass(frozen=True)
class Case:
    """A scene, the keys to hold, and the tick from 1 at which the event first happens; `once` for keys that are
    pressed at the first tick alone."""

    build: Callable[[], Scene]
    tick: int
    keys: tuple[str, ...] = ()
    once: bool = False


def walk_tick(way: float) -> int:
    """Return the tick at which a player who walks from rest has gone `way` blocks: push 0.098, drag 0.546 a tick."""
    gone, speed, tick = 0.0, 0.0, 0
    while gone < way:
        tick, speed = tick + 1, speed + 0.098
        gone, speed = gone + speed, speed * 0.546
    return tick


def fall_tick(drop: float, speed: float = AT_REST, gravity: float = 0.08) -> int:
    """Return the tick at which the player has fallen `drop` blocks from rest."""
    tick = 0
    while drop > 0.0:
        tick, drop, speed = tick + 1, drop + speed, (speed - gravity) * 0.98
    return tick


def sand_tick(drop: float) -> int:
    """Return the tick at which a falling block has fallen `drop` blocks: gravity comes before the way."""
    tick, speed = 0, 0.0
    while drop > 0.0:
        tick, speed = tick + 1, speed - 0.04
        drop, speed = drop + speed, speed * 0.98
    return tick


def scene(*systems: str, put: dict[tuple[int, int, int], str] | None = None, give: dict[str, int] | None = None,
          look: tuple[float, float] = (0.0, 0.0), player: tuple[float, float] = (16.5, 16.5), height: float = 0.0,
          vitals: dict[int, float] | None = None, marks: dict[int, int] | None = None) -> Scene:  # fmt: skip
    """Return a scene with some blocks, items in the hand and the player's state set."""
    made = Scene(*systems, player=player)
    for (x, y, z), block in (put or {}).items():
        made.put(x, y, FLOOR + z, block)
    made.give(**(give or {}))
    made.state.body[state.Z] += height
    for field, value in (vitals or {}).items():
        made.state.vitals[field] = value
    for field, mark in (marks or {}).items():
        made.state.marks[field] = mark
    made.look(*look)
    return made


def ahead(block: str, *systems: str, below: str = "stone", **rest: object) -> Scene:
    """Return a scene whose player looks straight at a block on another one."""
    return scene(*systems, put={(X, Y, 0): below, (X, Y, 1): block}, **rest)  # type: ignore[arg-type]


def item_of(column: np.ndarray, event: str) -> str:
    """Return the first item that has an event in one of items' columns."""
    return items.ITEM_NAMES[int(np.flatnonzero(column == EVENT[event])[0])]


# -------------------------------------------------------------------------------------------------- families


def _mined() -> dict[str, Case]:
    kinds = {"grass": "grass", "dirt": "dirt", "stone": "stone", "wood": "oak_log", "leaves": "oak_leaves",
             "sand": "sand", "snow": "snow", "ice": "ice", "ore": "coal_ore", "plant": "pumpkin", "other": "lamp",
             "coal": "coal_ore", "iron": "iron_ore", "gold": "gold_ore", "diamond": "diamond_ore", "glass": "glass",
             "flower": "poppy", "obsidian": "obsidian"}  # fmt: skip
    found = {f"mined_{word}": Case(lambda block=block: ahead(block), int(blocks.HARDNESS[blocks.BLOCK_IDS[block]]),
                                   ("attack",)) for word, block in kinds.items()}  # fmt: skip
    return found | {"mined_crop": Case(lambda: ahead("wheat_3", below="farmland"), 1, ("attack",))}


def _lying(item: str) -> Scene:
    """A thing on the ground at the player's feet that may be picked up in five ticks."""
    made = Scene("drops")
    drop_item(made.state.tick, items.ITEM_IDS[item], 1, 16.5, 16.5, float(FLOOR), 5)
    return made


def _scooped(fluid: str) -> Scene:
    return scene(put={(X, Y, -1): fluid}, give={"bucket": 1}, look=(0, 45))


def _collected() -> dict[str, Case]:
    names = [n for n in EVENT_NAMES if n.startswith("collected_") and n not in ("collected_water", "collected_lava")]
    found = {n: Case(lambda n=n: _lying(item_of(items.COLLECTED, n)), 5) for n in names}
    return found | {f"collected_{fluid}": Case(lambda fluid=fluid: _scooped(fluid), 1, ("use",))
                    for fluid in ("water", "lava")}  # fmt: skip


def _placed() -> dict[str, Case]:
    def put_down(event: str) -> Scene:
        soil = {(X, Y, -1): "farmland"} if event == "placed_seeds" else {}
        return scene(put=soil, give={item_of(items.PLACED, event): 1}, look=(0, 45))

    names = [name for name in EVENT_NAMES if name.startswith("placed_")]
    found = {name: Case(lambda name=name: put_down(name), 1, ("use",)) for name in names}
    return found | {"placed": Case(lambda: scene(give={"dirt": 1}, look=(0, 45)), 1, ("use",))}


def _crafted() -> dict[str, Case]:
    def bench(event: str) -> Scene:
        number = next(n for n, recipe in enumerate(recipes.RECIPES)
                      if items.CRAFTED[items.ITEM_IDS[recipe.product]] == EVENT[event])  # fmt: skip
        recipe = recipes.RECIPES[number]
        table = {(14, 16, 0): "crafting_table"} if recipe.table else {}
        return scene("crafting", put=table, give=dict(recipe.needs), marks={state.RECIPE: number + 1})

    return {name: Case(lambda name=name: bench(name), 1, ("inventory",)) for name in EVENT_NAMES
            if name.startswith("crafted_")}  # fmt: skip


def _smelted() -> dict[str, Case]:
    raw = {event: item for item, (_, event) in reversed(recipes.SMELTING.items())}
    return {event: Case(lambda item=item: ahead("furnace", "crafting", give={item: 1, "coal": 1}), recipes.SMELT_TICKS,
                        ("use",), once=True) for event, item in raw.items()}  # fmt: skip


def _equipped() -> dict[str, Case]:
    return {name: Case(lambda name=name: scene(give={"dirt": 1, item_of(items.EQUIPPED, name): 1}), 1, ("hotbar.2",))
            for name in EVENT_NAMES if name.startswith("equipped_")}  # fmt: skip


def _met(kind: str, hearts: int = 0, clock: int = 3000, away: float = 2.0) -> Scene:
    """A creature before the player, who looks at it."""
    made = scene("health", marks={state.CLOCK: clock})
    row = spawn(made.state.tick, KIND_IDS[kind], 16.5, 16.5 + away, float(FLOOR))
    if hearts:
        made.state.kinds[row, state.HEARTS] = hearts
    middle = KINDS[KIND_IDS[kind]].height / 2
    made.look(0, float(np.degrees(np.arctan2(state.EYE - middle, away))))
    return made


def _herd() -> Scene:
    """A meadow whose herds have not been met: under this key one of its fields has some."""
    made = scene("animals", marks={state.TICK: 4})
    made.state.blocks[:, :, FLOOR - 1] = blocks.BLOCK_IDS["grass"]
    state.measure_world(made.state.grid, blocks.OPAQUE)
    made.state.random[1] = HERD_KEY
    return made


HERD_KEY = 0


def _creatures() -> dict[str, Case]:
    killed = {f"killed_{kind}": Case(lambda kind=kind: _met(kind, 1), 1, ("attack",)) for kind in CREATURES}
    return killed | {
        "hurt_animal": Case(lambda: _met("cow"), 1, ("attack",)),
        "hurt_monster": Case(lambda: _met("spider"), 1, ("attack",)),
        "hunted": Case(lambda: _met("pig", 1), 1, ("attack",)),
        "defeated": Case(lambda: _met("zombie", 1), 1, ("attack",)),
        "animal_died": Case(lambda: _met("sheep", 1), 1, ("attack",)),
        "attacked": Case(lambda: _met("zombie", clock=NIGHT, away=1.2), 1),
        "arrow_shot": Case(lambda: _met("skeleton", clock=NIGHT, away=8.0), 1),
        "monster_left": Case(lambda: _met("zombie", 2, away=9.0), 20),  # the sun takes two half hearts in 20 ticks
        "monster_came": Case(lambda: scene("monsters", marks={state.CLOCK: NIGHT, state.TICK: 55}), 6),
        "animal_born": Case(_herd, 7),  # herds are looked for every tenth tick
    }


# -------------------------------------------------------------------------------------------------- the body


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


def _body() -> dict[str, Case]:
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
        "picked_up": Case(lambda: _lying("apple"), 5),
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


# -------------------------------------------------------------------------------------------------- the world


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


def _dynamics() -> dict[str, Case]:
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


CASES: dict[str, Case] = {
    **_mined(), **_collected(), **_placed(), **_crafted(), **_smelted(), **_equipped(), **_creatures(), **_body(),
    **_dynamics(),
}  # fmt: skip

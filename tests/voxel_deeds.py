"""Scenes of what hands and blows do: one for each event of mining, taking, placing, making and creatures."""

from __future__ import annotations

import numpy as np

from voxel_cases import NIGHT, Case, X, Y, ahead, item_of, lying, scene
from voxel_scenes import FLOOR, Scene
from worldsim_envs.voxel import blocks, items, recipes, state
from worldsim_envs.voxel.events import CREATURES, EVENT, EVENT_NAMES
from worldsim_envs.voxel.kinds import KIND_IDS, KINDS
from worldsim_envs.voxel.life.spawn import spawn


def mined() -> dict[str, Case]:
    kinds = {"grass": "grass", "dirt": "dirt", "stone": "stone", "wood": "oak_log", "leaves": "oak_leaves",
             "sand": "sand", "snow": "snow", "ice": "ice", "ore": "coal_ore", "plant": "pumpkin", "other": "lamp",
             "coal": "coal_ore", "iron": "iron_ore", "gold": "gold_ore", "diamond": "diamond_ore", "glass": "glass",
             "flower": "poppy", "obsidian": "obsidian"}  # fmt: skip
    found = {f"mined_{word}": Case(lambda block=block: ahead(block), int(blocks.HARDNESS[blocks.BLOCK_IDS[block]]),
                                   ("attack",)) for word, block in kinds.items()}  # fmt: skip
    return found | {"mined_crop": Case(lambda: ahead("wheat_3", below="farmland"), 1, ("attack",))}


def _scooped(fluid: str) -> Scene:
    return scene(put={(X, Y, -1): fluid}, give={"bucket": 1}, look=(0, 45))


def collected() -> dict[str, Case]:
    names = [n for n in EVENT_NAMES if n.startswith("collected_") and n not in ("collected_water", "collected_lava")]
    found = {n: Case(lambda n=n: lying(item_of(items.COLLECTED, n)), 5) for n in names}
    return found | {f"collected_{fluid}": Case(lambda fluid=fluid: _scooped(fluid), 1, ("use",))
                    for fluid in ("water", "lava")}  # fmt: skip


def placed() -> dict[str, Case]:
    def put_down(event: str) -> Scene:
        soil = {(X, Y, -1): "farmland"} if event == "placed_seeds" else {}
        return scene(put=soil, give={item_of(items.PLACED, event): 1}, look=(0, 45))

    names = [name for name in EVENT_NAMES if name.startswith("placed_")]
    found = {name: Case(lambda name=name: put_down(name), 1, ("use",)) for name in names}
    return found | {"placed": Case(lambda: scene(give={"dirt": 1}, look=(0, 45)), 1, ("use",))}


def crafted() -> dict[str, Case]:
    def bench(event: str) -> Scene:
        number = next(n for n, recipe in enumerate(recipes.RECIPES)
                      if items.CRAFTED[items.ITEM_IDS[recipe.product]] == EVENT[event])  # fmt: skip
        recipe = recipes.RECIPES[number]
        table = {(14, 16, 0): "crafting_table"} if recipe.table else {}
        return scene("crafting", put=table, give=dict(recipe.needs), marks={state.RECIPE: number + 1})

    return {name: Case(lambda name=name: bench(name), 1, ("inventory",)) for name in EVENT_NAMES
            if name.startswith("crafted_")}  # fmt: skip


def smelted() -> dict[str, Case]:
    raw = {event: item for item, (_, event) in reversed(recipes.SMELTING.items())}
    return {event: Case(lambda item=item: ahead("furnace", "crafting", give={item: 1, "coal": 1}), recipes.SMELT_TICKS,
                        ("use",), once=True) for event, item in raw.items()}  # fmt: skip


def equipped() -> dict[str, Case]:
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


def creatures() -> dict[str, Case]:
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


DEEDS: dict[str, Case] = {
    **mined(), **collected(), **placed(), **crafted(), **smelted(), **equipped(), **creatures(),
}  # fmt: skip

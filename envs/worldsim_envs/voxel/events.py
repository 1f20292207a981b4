"""The world's named events, as grouped tables. Names and their order are for good: checkpoints store them.

New events are appended at the end. `EVENT[name]` is the index that compiled code gets; an event's value counts how
often it happened in a step. The first 28 are as old as the first checkpoints.
"""

from __future__ import annotations

from worldsim_envs.voxel.blocks import MINED_KINDS

_FIRST = {
    **{f"mined_{kind}": f"the player broke a block of the kind {kind}" for kind in MINED_KINDS},
    "placed": "the player put a block into the world",
    "jumped": "the player jumped off the ground",
    "landed": "the player landed after a fall of more than half a block",
    "entered_water": "the player's feet came into water",
    "left_water": "the player's feet came out of water",
    "hurt": "the player lost health",
    "died": "the player died; the episode ends unless respawning is on",
    "bumped": "the player walked against something solid",
    "day_broke": "the sun rose",
    "night_fell": "the sun set",
    **{
        f"entered_{biome}": f"the player came into the biome {biome}"
        for biome in ("plains", "forest", "desert", "snow", "mountains", "beach", "ocean")
    },
}
_MINED = {  # beside the kind's own event
    f"mined_{name}": f"the player broke {name}"
    for name in ("coal", "iron", "gold", "diamond", "glass", "flower", "crop", "obsidian")
}
_COLLECTED = {
    f"collected_{name}": f"{name} came into the inventory"
    for name in ("wood", "stone", "dirt", "sand", "coal", "iron", "gold", "diamond", "sapling", "seeds", "wheat",
                 "flower", "apple", "meat", "wool", "water", "lava")
}  # fmt: skip
_PLACED = {
    f"placed_{name}": f"the player placed {name}"
    for name in ("wood", "stone", "dirt", "sand", "glass", "torch", "crafting_table", "furnace", "chest", "bed", "door",
                 "sapling", "seeds", "sign", "cake", "water", "lava")
}  # fmt: skip
_CRAFTED = {
    f"crafted_{name}": f"the player crafted {name}"
    for name in ("planks", "stick", "crafting_table", "torch", "furnace", "chest", "bed", "door", "sign", "bread",
                 "cake", "brush", "bucket", "flint_and_steel", "wooden_pickaxe", "stone_pickaxe", "iron_pickaxe",
                 "diamond_pickaxe", "wooden_sword", "stone_sword", "iron_sword", "diamond_sword", "axe", "shovel")
}  # fmt: skip
_SMELTED = {
    **{f"smelted_{name}": f"a furnace gave {name}" for name in ("iron", "gold", "glass", "charcoal")},
    "cooked_meat": "a furnace gave cooked meat",
}
_EQUIPPED = {
    f"equipped_{name}": f"the player took {name} into the hand"
    for name in ("pickaxe", "axe", "shovel", "sword", "brush", "food")
}
_BODY = {
    "picked_up": "the player picked up a thing from the ground",
    "dropped": "the player dropped a thing",
    "tool_broke": "a tool was worn out",
    "ate": "the player ate",
    "slept": "the player lay down in a bed",
    "woke": "the player woke up",
    "healed": "the player gained health",
    "starved": "hunger took health",
    "drowned": "lack of air took health",
    "burned": "fire or lava took health",
    "fell": "a fall took health",
    "respawned": "the player came back to life",
}
CREATURES = ("pig", "sheep", "cow", "chicken", "zombie", "skeleton", "spider")
_CREATURES = {
    "hurt_animal": "the player struck an animal",
    "hurt_monster": "the player struck a monster",
    "hunted": "the player killed an animal",
    "defeated": "the player killed a monster",
    **{f"killed_{kind}": f"the player killed a {kind}" for kind in CREATURES},
    "attacked": "a monster struck the player",
    "animal_born": "an animal came into the world",
    "animal_died": "an animal died",
    "monster_came": "a monster came into the world",
    "monster_left": "a monster died or vanished",
    "arrow_shot": "a skeleton shot an arrow",
}
_DYNAMICS = {
    "cracked": "the block under attack showed its next crack",
    "sand_fell": "sand or gravel began to fall",
    "water_flowed": "water came into a new cell, or rose in one",
    "lava_flowed": "lava came into a new cell, or rose in one",
    "lava_met_water": "lava turned to stone or obsidian",
    "fire_lit": "something was set on fire",
    "fire_spread": "fire came into a new cell",
    "fire_died": "a fire went out",
    "crop_grew": "a crop came to its next stage",
    "crop_ripened": "a crop came to its last stage",
    "sapling_grew": "a sapling became a tree",
    "leaf_decayed": "a leaf without a log vanished",
    "door_opened": "a door was opened",
    "door_shut": "a door was shut",
    "glass_shattered": "glass broke into fragments",
    "cake_eaten": "a slice of a cake was eaten",
    "painted": "a stroke of paint was put on a block",
    "soil_tilled": "soil became farmland",
    "sand_landed": "sand or gravel came to lie",
    "fluid_receded": "flowing water or lava became lower or went",
    "uprooted": "a plant, torch or door went because nothing held it",
    "snow_melted": "a layer of snow melted",
}
_WEATHER = {
    "rain_began": "it started to rain",
    "rain_ended": "it stopped raining",
    "snow_began": "it started to snow",
    "snow_ended": "it stopped snowing",
    "thunder_began": "a thunderstorm began",
    "thunder_ended": "a thunderstorm ended",
    "snow_settled": "a layer of snow came to lie",
}
_PLACES = {
    "entered_savanna": "the player came into the biome savanna",
    "entered_swamp": "the player came into the biome swamp",
    "entered_cave": "the player came under rock, away from the sky",
    "left_cave": "the player came out under the sky",
    "entered_village": "the player came to a village",
    "reached_goal": "the task of the episode was done",
}

GROUPS: dict[str, dict[str, str]] = {
    "first": _FIRST, "mined": _MINED, "collected": _COLLECTED, "placed": _PLACED, "crafted": _CRAFTED,
    "smelted": _SMELTED, "equipped": _EQUIPPED, "body": _BODY, "creatures": _CREATURES, "dynamics": _DYNAMICS,
    "weather": _WEATHER, "places": _PLACES,
}  # fmt: skip
MEANINGS: dict[str, str] = {name: meaning for group in GROUPS.values() for name, meaning in group.items()}
EVENT_NAMES: tuple[str, ...] = tuple(MEANINGS)
EVENT: dict[str, int] = {name: index for index, name in enumerate(EVENT_NAMES)}

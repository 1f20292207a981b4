"""The phrases of the grammar, as tables. Each first phrase is the usual one, those after it say the same otherwise."""

from __future__ import annotations

from worldsim_envs.voxel.blocks import MINED_KINDS
from worldsim_envs.voxel.events import CREATURES

# biome -> phrases for the place, and what it looks like
PLACES: dict[str, tuple[tuple[str, ...], str]] = {
    "plains": (("grassy plains", "a green field", "a meadow"), "green grass and a few trees"),
    "forest": (("a forest", "the woods", "woodland"), "oak and birch trees"),
    "desert": (("a desert", "dry land of sand", "sand dunes"), "yellow sand and green cactus"),
    "snow": (("a snowy field", "land under white snow", "a snowy forest"), "white snow and dark spruce trees"),
    "mountains": (("mountains", "high rocks", "rocky heights"), "gray stone and high peaks"),
    "beach": (("a beach", "the edge of the water", "a sandy shore"), "yellow sand beside the water"),
    "ocean": (("the sea", "open water", "the ocean"), "deep blue water"),
    "savanna": (("a savanna", "dry yellow grass", "a hot savanna"), "yellow grass and wide trees"),
    "swamp": (("a swamp", "wet dark land", "a marsh"), "dark grass and still water"),
}
# until share of the day, phrases, sky
TIMES: tuple[tuple[float, tuple[str, ...], str], ...] = (
    (0.04, ("at sunrise", "as the sun rises", "at dawn"), "the sky is orange"),
    (0.17, ("in the morning", "early in the day", "before noon"), "the sky is bright"),
    (0.33, ("at noon", "in the middle of the day", "at midday"), "the sky is blue"),
    (0.46, ("in the afternoon", "late in the day", "past noon"), "the sky is blue"),
    (0.54, ("at sunset", "as the sun sets", "at dusk"), "the sky is orange"),
    (0.70, ("in the evening", "early in the night", "after dusk"), "the sky is dark"),
    (0.80, ("at midnight", "in the middle of the night", "at the darkest hour"), "the sky is black with stars"),
    (0.96, ("at night", "late in the night", "before dawn"), "the sky is dark with stars"),
    (1.01, ("at sunrise", "as the sun rises", "at dawn"), "the sky is orange"),
)
# sky -> phrases beside a place, and a sentence
WEATHERS: dict[str, tuple[tuple[str, ...], str]] = {
    "rain": (("in the rain", "while it rains", "in pouring rain"), "it rains"),
    "snow": (("while it snows", "under falling snow", "in falling snow"), "it snows"),
    "thunder": (("in a storm", "under black clouds", "in a thunderstorm"), "a storm rages"),
}
SIDES: dict[str, tuple[str, str]] = {
    "left": ("on the left", "to the left"),
    "right": ("on the right", "to the right"),
    "ahead": ("ahead", "in front of you"),
    "behind": ("behind you", "at your back"),
}
NEAR = " near you"
NUMBERS = ("no", "a", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
PLURALS = {"pig": "pigs", "sheep": "sheep", "cow": "cows", "chicken": "chickens", "zombie": "zombies",
           "skeleton": "skeletons", "spider": "spiders"}  # fmt: skip
DEEDS = (  # held keys and marks, first match wins
    (("attack", "creature"), "strikes an animal"),
    (("attack", "target"), "mines a block"),
    (("use", "target"), "places a block"),
    (("jump", "forward"), "jumps forward"),
    (("jump",), "jumps"),
    (("sprint", "forward"), "runs forward"),
    (("forward",), "walks forward"),
    (("back",), "walks backward"),
    (("left",), "steps left"),
    (("right",), "steps right"),
    (("turn_right",), "turns right"),
    (("turn_left",), "turns left"),
    (("look_up",), "looks up"),
    (("look_down",), "looks down"),
    (("attack",), "swings a hand"),
    (("inventory",), "makes a thing"),
    (("drop",), "drops a thing"),
    ((), "stands still"),
)
# How the things of event names are called.
_THINGS = {
    "grass": "a grass block", "dirt": "dirt", "stone": "stone", "wood": "wood", "leaves": "leaves", "sand": "sand",
    "snow": "snow", "ice": "ice", "ore": "ore", "plant": "a plant", "other": "a block", "coal": "coal", "iron": "iron",
    "gold": "gold", "diamond": "diamond", "glass": "glass", "flower": "a flower", "crop": "wheat",
    "obsidian": "obsidian", "sapling": "a small tree", "seeds": "seeds", "wheat": "wheat", "apple": "an apple",
    "meat": "meat", "wool": "wool", "water": "water", "lava": "lava", "torch": "a torch",
    "crafting_table": "a crafting table", "furnace": "a furnace", "chest": "a chest", "bed": "a bed", "door": "a door",
    "sign": "a sign", "cake": "a cake", "planks": "planks", "stick": "sticks", "bread": "bread", "brush": "a brush",
    "bucket": "a bucket", "flint_and_steel": "a lighter", "wooden_pickaxe": "a wooden pickaxe",
    "stone_pickaxe": "a stone pickaxe", "iron_pickaxe": "an iron pickaxe", "diamond_pickaxe": "a diamond pickaxe",
    "wooden_sword": "a wooden sword", "stone_sword": "a stone sword", "iron_sword": "an iron sword",
    "diamond_sword": "a diamond sword", "axe": "an axe", "shovel": "a shovel", "pickaxe": "a pickaxe",
    "sword": "a sword", "food": "food", "charcoal": "coal",
}  # fmt: skip
_PATTERNS = {"mined_": "the player breaks {}", "collected_": "the player gets {}", "placed_": "the player places {}",
             "crafted_": "the player makes {}", "smelted_": "the furnace gives {}",
             "equipped_": "the player holds {}"}  # fmt: skip
_SINGLE = {
    "placed": "a block is placed", "jumped": "the player jumps", "landed": "the player lands",
    "entered_water": "the player falls into the water", "left_water": "the player leaves the water",
    "hurt": "the player is hurt", "died": "the player dies", "bumped": "the player bumps into a wall",
    "day_broke": "day breaks", "night_fell": "night falls", "cooked_meat": "the furnace gives meat",
    "picked_up": "the player picks up a thing", "dropped": "the player drops a thing", "tool_broke": "a tool breaks",
    "ate": "the player eats", "slept": "the player sleeps", "woke": "the player wakes up",
    "healed": "the player is well again", "starved": "hunger hurts the player", "drowned": "water hurts the player",
    "burned": "fire hurts the player", "fell": "the fall hurts the player", "respawned": "the player starts again",
    "hurt_animal": "the player strikes an animal", "hurt_monster": "the player strikes a monster",
    "hunted": "the player kills an animal", "defeated": "the player kills a monster",
    "attacked": "a monster strikes the player", "animal_born": "an animal appears", "animal_died": "an animal dies",
    "monster_came": "a monster appears", "monster_left": "a monster is gone", "arrow_shot": "an arrow flies",
    "cracked": "the block cracks", "sand_fell": "sand falls down", "sand_landed": "sand comes down",
    "uprooted": "a plant falls", "fluid_receded": "the water goes away", "water_flowed": "water flows",
    "snow_melted": "the snow is gone",
    "lava_flowed": "lava flows", "lava_met_water": "lava turns to stone", "fire_lit": "a fire starts",
    "fire_spread": "the fire spreads", "fire_died": "the fire is gone", "crop_grew": "the wheat grows",
    "crop_ripened": "the wheat is yellow", "sapling_grew": "a tree grows", "leaf_decayed": "leaves fall",
    "door_opened": "a door opens", "door_shut": "a door shuts", "glass_shattered": "the glass shatters",
    "cake_eaten": "the player eats of the cake", "painted": "the player paints a block",
    "soil_tilled": "the player works the dirt", "rain_began": "it starts to rain", "rain_ended": "it stops raining",
    "snow_began": "it starts to snow", "snow_ended": "it stops snowing", "thunder_began": "a storm begins",
    "thunder_ended": "the storm ends", "snow_settled": "snow covers the ground",
    "entered_cave": "the player enters a cave", "left_cave": "the player leaves the cave",
    "entered_village": "the player enters a village", "reached_goal": "the task is done",
}  # fmt: skip
EVENT_SENTENCES: dict[str, str] = {
    **_SINGLE,
    **{f"entered_{biome}": f"the player enters {phrases[0]}" for biome, (phrases, _) in PLACES.items()},
    **{f"killed_{kind}": f"the player kills a {kind}" for kind in CREATURES},
    **{f"mined_{kind}": _PATTERNS["mined_"].format(_THINGS[kind]) for kind in MINED_KINDS},
}


def event_sentence(name: str) -> str:
    """Return the sentence of a named event; raises KeyError for a name without one."""
    if name in EVENT_SENTENCES:
        return EVENT_SENTENCES[name]
    pattern = next(prefix for prefix in _PATTERNS if name.startswith(prefix))
    return _PATTERNS[pattern].format(_THINGS[name.removeprefix(pattern)])


def time_words(share: float) -> tuple[tuple[str, ...], str]:
    """Return the phrases for a share 0…1 of the day, and for its sky."""
    for until, phrases, sky in TIMES:
        if share < until:
            return phrases, sky
    raise AssertionError(f"share of the day must be in [0, 1], got {share}")

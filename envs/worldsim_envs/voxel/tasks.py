"""Tasks, as a table: what the player is asked, how an episode starts, what counts as done. `judge` keeps the score.

A task pays for first occurrences of events (`first`), or has a goal: events that are needed so many times, a place to
come near, a height to climb. Its sparse form pays 1 at success; its dense form pays progress as well, at most 1 in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from worldsim_envs.voxel.blocks import MINED_KINDS
from worldsim_envs.voxel.events import EVENT

SPARSE_THRESHOLD, DENSE_THRESHOLD = 0.95, 1.9


@dataclass(frozen=True)
class Task:
    """One task. Distances are in blocks, times are shares of the day, `steps` are env steps of 1/10 s.

    Args:
        goal: the task in words, for a reader of text.
        steps: `max_episode_steps` of its ids.
        first: reward at the first occurrence of an event in an episode.
        needs: events that must happen, and how often.
        hints: events on the way, and how often; they count for the dense reward alone.
        near: the episode succeeds within this distance of the goal's place; 0 where there is none.
        climb: height to gain on placed blocks; 0 where there is none.
        seek: what the dense reward leads to: "" nothing, "place" the goal's place, "animal" the nearest animal.
        scene: a function of scenes.py that stages the start.
        biomes: one of these is drawn for the start; () leaves it to the env.
        start_time, day_length, items, switches: of the episode, where the env's caller says nothing.
        threshold: `reward_threshold` of the sparse id.
    """

    goal: str
    steps: int = 400
    first: Mapping[str, float] = field(default_factory=dict)
    needs: Mapping[str, int] = field(default_factory=dict)
    hints: Mapping[str, int] = field(default_factory=dict)
    near: float = 0.0
    climb: float = 0.0
    seek: str = ""
    scene: str = ""
    biomes: tuple[str, ...] = ()
    start_time: float | None = None
    day_length: int = 12_000
    items: Mapping[str, int] | None = None
    switches: Mapping[str, bool] = field(default_factory=dict)
    threshold: float = SPARSE_THRESHOLD

    def __post_init__(self) -> None:
        unknown = {*self.first, *self.needs, *self.hints} - set(EVENT)
        if unknown:
            raise ValueError(f"a task's events must be among events.EVENT_NAMES, got {sorted(unknown)}")

    @property
    def has_goal(self) -> bool:
        """Whether an episode can succeed."""
        return bool(self.needs or self.near or self.climb)


_FIRST_BIOMES = ("plains", "forest", "desert", "snow", "mountains", "beach", "ocean")
EXPLORE_REWARDS: dict[str, float] = {
    **{f"mined_{kind}": 1.0 for kind in MINED_KINDS},
    "placed": 1.0,
    "entered_water": 1.0,
    "left_water": 1.0,
    "day_broke": 1.0,
    **{f"entered_{biome}": 1.0 for biome in _FIRST_BIOMES},
}
ACHIEVEMENTS: tuple[str, ...] = (
    "collected_wood", "placed_crafting_table", "crafted_wooden_pickaxe", "crafted_wooden_sword", "collected_stone",
    "placed_stone", "crafted_stone_pickaxe", "crafted_stone_sword", "collected_coal", "placed_torch",
    "placed_furnace", "collected_iron", "smelted_iron", "crafted_iron_pickaxe", "crafted_iron_sword",
    "collected_gold", "collected_diamond", "collected_sand", "smelted_glass", "collected_sapling", "placed_sapling",
    "collected_seeds", "placed_seeds", "collected_wheat", "ate", "cooked_meat", "hunted", "defeated", "slept",
    "entered_cave",
)  # fmt: skip
NOON, SUNSET = 0.25, 0.5
_CALM = {"weather": False, "monsters": False, "hunger": False}

TASKS: dict[str, Task] = {
    "Explore": Task("explore the world", steps=1000, first=EXPLORE_REWARDS, threshold=8.0),
    "Workshop": Task(
        "try everything", steps=1000, first=EXPLORE_REWARDS, threshold=8.0, scene="workshop",
        items={"iron_pickaxe": 1, "stone_sword": 1, "brush": 1, "sand": 64, "bread": 16, "glass": 16, "torch": 16,
               "wheat_seeds": 16, "water_bucket": 1},
        biomes=("plains", "forest", "desert", "snow"),
    ),
    "Survival": Task(
        "survive and achieve as much as you can", steps=10_000, first=dict.fromkeys(ACHIEVEMENTS, 1.0), items={},
        switches={"health": True, "hunger": True}, start_time=0.05, threshold=12.0,
    ),
    "Navigate": Task(
        "go to the beacon", near=3.0, seek="place", scene="beacon", start_time=NOON, switches=_CALM,
        biomes=("plains", "desert", "snow", "forest"),
    ),
    "ChopTree": Task(
        "chop a tree", needs={"mined_wood": 1}, seek="place", scene="tree", biomes=("forest", "plains"),
        start_time=NOON, items={}, switches=_CALM,
    ),
    "CollectSand": Task(
        "collect four blocks of sand", needs={"collected_sand": 4}, seek="place", scene="sand",
        biomes=("desert", "beach"), start_time=NOON, items={}, switches=_CALM,
    ),
    "MineIron": Task(
        "mine iron", needs={"mined_iron": 1}, seek="place", scene="iron", start_time=NOON,
        items={"stone_pickaxe": 1}, biomes=("plains", "forest", "snow"), switches=_CALM,
    ),
    "CrossWater": Task(
        "cross the water and go to the beacon", needs={"entered_water": 1, "left_water": 1}, near=3.0, seek="place",
        scene="water", start_time=NOON, biomes=("plains", "forest"), switches=_CALM, steps=500,
    ),
    "BuildTower": Task(
        "build a tower of five blocks and stand on it", needs={"placed": 5}, climb=5.0, start_time=NOON,
        items={"dirt": 64}, biomes=("plains", "desert", "snow"), switches=_CALM,
    ),
    "SurviveNight": Task(
        "survive the night", needs={"day_broke": 1}, scene="night", start_time=SUNSET, day_length=2400, steps=700,
        items={"stone_sword": 1, "dirt": 32, "torch": 8}, biomes=("plains", "forest"),
        switches={"health": True, "monsters": True, "weather": False},
    ),
    "Hunt": Task(
        "hunt an animal", needs={"hunted": 1}, hints={"hurt_animal": 1}, seek="animal", scene="herd", start_time=NOON,
        items={"stone_sword": 1}, biomes=("plains",), switches=_CALM,
    ),
    "CraftPickaxe": Task(
        "craft a wooden pickaxe", needs={"crafted_wooden_pickaxe": 1}, scene="tree", seek="place", steps=800,
        hints={"collected_wood": 3, "crafted_planks": 1, "crafted_stick": 1, "placed_crafting_table": 1},
        biomes=("forest", "plains"), start_time=0.1, items={}, switches=_CALM,
    ),
    "FindCave": Task(
        "find a cave", needs={"entered_cave": 1}, seek="place", scene="cave", start_time=NOON, steps=500,
        biomes=("plains", "forest", "snow"), switches=_CALM,
    ),
    "PaintSign": Task(
        "paint three strokes on the sign", needs={"painted": 3}, seek="place", scene="sign", start_time=NOON,
        items={"brush": 1}, biomes=("plains", "snow", "desert"), switches=_CALM,
    ),
    "EatCake": Task(
        "eat the whole cake", needs={"cake_eaten": 7}, seek="place", scene="cake", start_time=NOON, items={},
        biomes=("plains", "snow", "desert"), switches=_CALM,
    ),
    "ShatterGlass": Task(
        "shatter the glass", needs={"glass_shattered": 1}, seek="place", scene="glass", start_time=NOON, items={},
        biomes=("plains", "snow", "desert"), switches=_CALM,
    ),
    "OpenDoor": Task(
        "open the door of the hut", needs={"door_opened": 1}, seek="place", scene="hut", start_time=NOON, items={},
        biomes=("plains", "snow", "desert"), switches=_CALM,
    ),
}  # fmt: skip
PROMPTED: tuple[str, ...] = tuple(name for name, task in TASKS.items() if task.has_goal)

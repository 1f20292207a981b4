"""Courses: which policy meets what, where and with which things, so that together every named event occurs.

    python -m worldsim_agents.explore.courses --json docs/voxel/recording.json  # how often what occurs, and what never
    python -m worldsim_agents.explore.courses smith cook                      # some of the courses alone

`mix` in `worldsim/Voxel-v0` is the course to record most with; the others add what is rare there. Record one with
`worldsim record --policy worldsim_agents.explore:POLICY --env ID --env-kwargs '{...}'`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import worldsim  # noqa: F401  registers the ids
from worldsim.files import write_json
from worldsim_agents import explore
from worldsim_envs.voxel.events import EVENT_NAMES

VOXEL, WORKSHOP, SURVIVAL = "worldsim/Voxel-v0", "worldsim/Workshop-v0", "worldsim/Survival-v0"
_FRAIL = {"health": True, "respawn": True}
_NIGHT = {"start_time": 0.5, "day_length": 4800}


@dataclass(frozen=True)
class Course:
    """One way of recording: a policy of `explore` by name, an env, episodes of so many steps in so many worlds."""

    policy: str
    env_id: str = VOXEL
    steps: int = 1000
    worlds: int = 4
    kwargs: Mapping[str, Any] = field(default_factory=dict)


COURSES: dict[str, Course] = {
    "mix": Course("mix", worlds=24),
    "workshop": Course("mix", WORKSHOP, worlds=8),
    "toys": Course("tinkerer", WORKSHOP, worlds=6),
    "painter": Course("painter", WORKSHOP),
    "wanderer": Course("explorer", SURVIVAL, 8000, 4, {"switches": {"monsters": False, **_FRAIL}}),
    "winter": Course("explorer", VOXEL, 6000, 3, {"biome": "snow"}),
    "swamp": Course("explorer", VOXEL, 3000, 2, {"biome": "swamp"}),
    "savanna": Course("explorer", VOXEL, 3000, 2, {"biome": "savanna"}),
    "weather": Course("gazer", VOXEL, 12_000, 5, {"biome": "plains"}),
    "fast": Course("explorer", SURVIVAL, 14_000, 1, {
        "frame_skip": 4, "biome": "plains", "switches": {"health": False, "monsters": False, "fall_damage": False}}),
    "caves": Course("explorer", "worldsim/FindCave-v0", 500, 6),
    "night": Course("fighter", VOXEL, 2000, 4, {**_NIGHT, "items": {"diamond_sword": 1}, "switches": _FRAIL}),
    "hunter": Course("fighter", "worldsim/Hunt-v0", 400, 6),
    "herder": Course("fighter", VOXEL, 1500, 6, {"items": {"iron_sword": 1}, "biome": "plains"}),
    "digger": Course("miner", VOXEL, 5000, 3, {"items": {"wooden_shovel": 1}}),
    "woodcutter": Course("crafter", VOXEL, 1500, 4, {"items": {"iron_axe": 1}, "biome": "forest"}),
    "smith": Course("crafter", WORKSHOP, 1500, 8, {"items": {
        "oak_log": 64, "planks": 64, "cobblestone": 64, "stick": 64, "coal": 16, "iron_ingot": 64, "diamond": 32,
        "wool": 16, "flint": 4, "feather": 8, "wheat": 64, "apple": 8, "wheat_seeds": 16, "bone": 8}}),
    "carpenter": Course("crafter", WORKSHOP, 1500, 4, {"items": {"planks": 64, "stick": 64, "wool": 64}}),
    "kiln": Course("tinkerer", WORKSHOP, 1500, 2, {"items": {"oak_log": 64, "coal": 32}}),
    "cook": Course("tinkerer", WORKSHOP, 1500, 6, {"items": {
        "iron_ore": 2, "gold_ore": 2, "sand": 2, "oak_log": 2, "beef": 2, "coal": 32}}),
    "roast": Course("tinkerer", WORKSHOP, 1500, 4, {"items": {
        "beef": 32, "porkchop": 32, "chicken": 32, "mutton": 32, "coal": 32}}),
    "gardener": Course("meddler", VOXEL, 1500, 3, {"items": {
        "oak_leaves": 64, "birch_leaves": 64, "poppy": 64, "tall_grass": 64, "iron_shovel": 1}}),
    "farmer": Course("meddler", WORKSHOP, 1500, 4, {"items": {
        "iron_shovel": 1, "wheat_seeds": 64, "oak_sapling": 32, "bone_meal": 64, "bread": 16}}),
    "bed and board": Course("meddler", VOXEL, 1000, 4, {**_NIGHT, "items": {
        "bed": 1, "cake_7": 8, "door": 16, "sign": 16, "chest": 16}, "switches": {"monsters": False}}),
    "builder": Course("meddler", VOXEL, 1000, 2, {"items": {
        "furnace": 16, "crafting_table": 16, "glass": 32, "torch": 32, "stone_bricks": 32}}),
    "fire and water": Course("meddler", WORKSHOP, 1500, 8, {"items": {
        "water_bucket": 1, "lava_bucket": 1, "bucket": 2, "flint_and_steel": 1, "diamond_pickaxe": 1},
        "switches": _FRAIL}),
    "ores": Course("meddler", VOXEL, 1500, 4, {"items": {
        "diamond_pickaxe": 1, "gold_ore": 32, "diamond_ore": 32, "obsidian": 32, "iron_ore": 32}}),
    "coal": Course("meddler", VOXEL, 1000, 2, {"items": {
        "stone_pickaxe": 1, "coal_ore": 32, "ice": 32, "pumpkin": 32, "lamp": 32}}),
    "tools": Course("jitter", WORKSHOP, 600, 2, {"items": {
        "iron_pickaxe": 1, "iron_axe": 1, "iron_shovel": 1, "brush": 1, "bread": 16}}),
    "diver": Course("gazer", VOXEL, 400, 4, {"biome": "ocean", "switches": _FRAIL}),
}  # fmt: skip


@dataclass(frozen=True)
class Tally:
    """What occurred on a course: how often each event and each action did, by name, and steps in all."""

    events: dict[str, int]
    actions: dict[str, int]
    steps: int


def tally(course: Course, worlds: int | None = None) -> Tally:
    """Play a course and count; `worlds` plays other than the course's own number."""
    env = gym.make(course.env_id, size=(16, 16), max_episode_steps=course.steps, disable_env_checker=True,
                   **course.kwargs)  # fmt: skip
    policy, names = getattr(explore, course.policy)(), env.unwrapped.get_action_meanings()  # type: ignore[attr-defined]
    total, taken = np.zeros(len(EVENT_NAMES), np.int64), np.zeros(len(names), np.int64)
    for seed in range(course.worlds if worlds is None else worlds):
        observation, _ = env.reset(seed=seed)
        rng, ended = np.random.default_rng(seed), False
        policy.reset(env, rng)
        while not ended:
            action = policy.act(env, observation, rng)
            observation, _, terminated, truncated, info = env.step(action)
            total += info["events"].astype(np.int64)
            taken[action] += 1
            ended = terminated or truncated
    env.close()
    events = {name: int(count) for name, count in zip(EVENT_NAMES, total, strict=True) if count}
    return Tally(events, dict(zip(names, taken.tolist(), strict=True)), int(taken.sum()))


def never(tallies: Iterable[Tally]) -> list[str]:
    """Return the events that occurred on none of some courses."""
    found = {name for each in tallies for name in each.events}
    return [name for name in EVENT_NAMES if name not in found]


def main(names: Iterable[str], file: Path | None) -> int:
    """Play some courses, or all of them, and print what occurred. Returns how many events never did."""
    tallies: dict[str, Tally] = {}
    for name in list(names) or COURSES:
        tallies[name] = tally(COURSES[name])
        print(f"{name:16}{len(tallies[name].events):4} events in {tallies[name].steps:6} steps", flush=True)
    for event in EVENT_NAMES:
        most = max(tallies, key=lambda name: tallies[name].events.get(event, 0))
        times = sum(each.events.get(event, 0) for each in tallies.values())
        print(f"{event:26}{times:9}  {most if times else '–'}")
    left = never(tallies.values())
    print(f"{len(left)} of {len(EVENT_NAMES)} events never occurred: {', '.join(left) or '–'}")
    if file is not None:
        kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        kept |= {name: {**asdict(COURSES[name]), **asdict(each)} for name, each in tallies.items()}
        write_json(file, {name: kept[name] for name in COURSES if name in kept})
    return len(left)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="COURSE", help=f"some of {', '.join(COURSES)}")
    parser.add_argument("--json", type=Path, help="where to keep the counts, beside those of other courses")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(COURSES)):
        parser.error(f"unknown courses {unknown}; known: {', '.join(COURSES)}")
    sys.exit(min(1, main(options.names, options.json)))

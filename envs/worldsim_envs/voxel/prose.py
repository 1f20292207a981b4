"""What the pages of docs/voxel say in words: introduction, state, words, limits. The examples run in the tests."""

from __future__ import annotations

from worldsim_envs.voxel import state as s

INTRODUCTION = """\
A Minecraft-like world of 256×256×64 blocks that runs headless, seeded and bit-exact: biomes, caves, ores, villages,
weather, day and night, animals and monsters, crafting, fluids, fire, crops, glass that shatters, paint that stays.

```python
import gymnasium as gym
import worldsim  # registers the ids

env = gym.make("worldsim/ChopTree-v0", num_levels=200)  # the first 200 worlds; test with start_level=200
frame, info = env.reset(seed=1)  # u8 (64, 64, 3)
while True:
    frame, reward, terminated, truncated, info = env.step(env.action_space.sample())
    if terminated or truncated:
        break
print(env.unwrapped.goal, info["success"])
print([name for name, count in zip(env.unwrapped.event_names, info["events"]) if count])
```

`gym.make_vec("worldsim/ChopTree-v0", 8)` makes the vector env: threads over rows, all three autoreset modes. The single
env works with `gymnasium.utils.play` and stable-baselines3 as it is, the vector env through
`worldsim_agents.sb3.SB3VecEnv`. To make a world takes a tenth of a second, so the last few are kept for all envs of a
process: in training on 100 levels give `kept_worlds=100` (13 MB each), and a reset takes milliseconds. This page and
those beside it are written from the tables of the code by `python -m worldsim_envs.voxel.pages docs/voxel`."""

SHEETS: dict[str, str] = {  # contact sheets under docs/images, and what they show, row by row
    "biomes": "Plains, forest, desert, snow; mountains, beach, ocean, savanna; swamp, a village, two caves.",
    "times": "A day in the forest, from sunrise to midnight.",
    "weather": "Clear sky, rain, storm and snow, by day and by night.",
    "creatures": "Pig, sheep, cow, chicken; zombie, skeleton, spider, and a herd.",
    "dynamics": "A cake is eaten; a stone cracks, glass shatters; sand falls, water meets lava, fire spreads, wheat "
                "ripens; a painted sign, things that lie about, furniture, doors.",
}  # fmt: skip

MAKING = """\
One key crafts: `craft` makes the first recipe below that can be made and whose product is not yet held often enough;
`next_recipe` chooses another one of those that can be made now. A key counts when it goes down, so let go between two
presses. "At a table" means that a crafting table stands within four blocks. Any log serves as an oak log, stone as
cobblestone, charcoal as coal. `use` on a furnace puts in what can be smelted, with fuel from the inventory; `use` again
takes out what is done."""

STATE = """\
Chance has no stream, so a world, its seed and its actions are one future. `clone_state`, `restore_state` and `fork`
copy all of it; `branches.counterfactual` plays several branches from one state; `set_block`, `spawn`, `remove`,
`give`, `teleport`, `set_time` and `set_weather` edit it.

```python
from worldsim_envs.voxel.branches import counterfactual

world = gym.make("worldsim/Voxel-v0").unwrapped
world.reset(seed=3, options={"biome": "forest", "start_time": 0.3})  # also world_seed
before = world.clone_state()
x, y, z = world.state.body[:3]
world.spawn("cow", x + 4, y, z)
walk, snow = counterfactual(world, [[1] * 8, [lambda env: env.set_weather("snow"), *[1] * 8]])
assert (walk.frames != snow.frames).any()
world.restore_state(before)
assert world.state.equals(before.world)
```"""

WORDS = """\
`caption("short" | "detailed" | "full", other)` says what is there and what happened, `other` chooses among paraphrases;
`story(steps)` tells events in their order. `language.captions.HELD_OUT` lists combinations that a study may keep out of
training. `language.edits.EDITS` has a sentence for each scripted edit of a running world."""

LIMITS = f"""\
What the world does not do, or does otherwise than one would expect:

- Every solid block stops bodies as a whole cube, also paths, farmland, beds, cakes and the thin wall of a shut door.
  Snow layers, lily pads and plants stop nobody.
- Chests are furniture: they do not open and hold nothing. What the player carries has {s.INVENTORY} slots.
- Grass does not spread to bare soil, farmland needs no water and never dries.
- A world keeps {s.CANVASES} painted faces of blocks; the next one wipes the face that is farthest from the player.
- Creatures have {s.MAX_ENTITIES // 2} rows and things (drops, falling blocks, fragments, arrows) as many. Without a
  free row no creature comes, the oldest drop makes room for a new one, and sand falls at once.
- At most 95 blocks react in a tick; what finds its tick full reacts in the next ones, so a great flood or fire slows.
- `entered_village` means that the player stands on a path after 600 ticks off all paths; only villages have paths.
- A lit furnace is another block than a cold one, and no event says that it was lit.
- How many of a thing the hotbar holds is written from frames about 171 pixels high on; smaller ones show the things
  alone. `observations=("inventory", …)` has the numbers.
- Mobs do not find paths: they walk straight, jump what they bump into, and turn back before deep falls and lava.
- The world is a torus: who walks 256 blocks east is back."""

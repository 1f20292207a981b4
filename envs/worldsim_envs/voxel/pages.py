"""The pages of the voxel world under docs/voxel, written from its tables and the kept rows of the scoreboard.

    python -m worldsim_envs.voxel.pages docs/voxel              # text and pictures
    python -m worldsim_envs.voxel.pages docs/voxel --no-pictures
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

from PIL import Image

from worldsim_envs.voxel.actions import DISCRETE_ACTIONS
from worldsim_envs.voxel.boards import board_page
from worldsim_envs.voxel.controls import ACTION_NAMES
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.events import GROUPS
from worldsim_envs.voxel.observations import LABELS
from worldsim_envs.voxel.prose import INTRODUCTION, LIMITS, MAKING, SHEETS, STATE, WORDS
from worldsim_envs.voxel.recipes import RECIPES, SMELTING
from worldsim_envs.voxel.recordings import recording_page
from worldsim_envs.voxel.start import START_INVENTORY
from worldsim_envs.voxel.switches import SWITCHES
from worldsim_envs.voxel.tasks import ACHIEVEMENTS, DENSE_THRESHOLD, TASKS, Task

FILES = {"Explore": "Voxel"}  # of tasks whose id has another name
KEPT = {"scoreboard": board_page, "recording": recording_page}  # pages made from what FOLDER/NAME.json keeps
PICTURE_SIZE, PICTURE_SEEDS = (120, 214), (0, 1, 2)


def _rows(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _often(events: object) -> str:
    return ", ".join(f"`{name}`" + (f" × {n}" if n != 1 else "") for name, n in dict(events).items())  # type: ignore[call-overload]


def documented(of: type) -> dict[str, str]:
    """Return what the docstring of a class says of each of its arguments."""
    text = (inspect.getdoc(of) or "").split("Args:\n", 1)[1].split("\n\n", 1)[0]
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("     "):
            found[list(found)[-1]] += f" {line.strip()}"
        else:
            name, _, what = line.strip().partition(": ")
            found[name] = what
    return found


def task_page(name: str, task: Task) -> str:
    """Return the page of a task."""
    plain = FILES.get(name, name)
    ids = [f"`worldsim/{plain}-v0`"] + ([f"`worldsim/{name}Dense-v0`"] if task.has_goal else [])
    facts: list[tuple[str, ...]] = [("ids", ", ".join(ids)), ("`max_episode_steps`", str(task.steps))]
    if task.first:
        facts.append(("reward", "at the first occurrence of an event in the episode, see below"))
    if task.has_goal:
        done = [f"the events {_often(task.needs)}"] if task.needs else []
        done += [f"within {task.near:g} blocks of the goal"] if task.near else []
        done += [f"{task.climb:g} blocks above the start"] if task.climb else []
        facts.append(("success", " and ".join(done)))
        facts.append(("reward", "sparse: 1 at success; dense: progress as well, at most 1 in all"))
        facts.append(("`reward_threshold`", f"{task.threshold}, dense {DENSE_THRESHOLD}"))
    else:
        facts.append(("`reward_threshold`", f"{task.threshold}"))
    if task.hints:
        facts.append(("on the way", _often(task.hints)))
    if task.biomes:
        facts.append(("starts in", ", ".join(task.biomes)))
    if task.start_time is not None:
        facts.append(("time at the start", f"{task.start_time:g} of the day (0 sunrise, 0.5 sunset)"))
    carried = START_INVENTORY if task.items is None else task.items
    facts.append(("carries", _often(carried) or "nothing"))
    if task.switches:
        facts.append(("switches", ", ".join(f"{k} {'on' if v else 'off'}" for k, v in task.switches.items())))
    text = f"# {plain}\n\nGoal: *{task.goal}*.\n\n![Three starts]({plain}.png)\n\n{_rows(('what', 'value'), facts)}\n"
    if task.first:
        paid = [(f"`{event}`", f"{reward:g}") for event, reward in task.first.items()]
        text += f"\n{_rows(('event', 'reward'), paid)}\n"
    return text


def index_page() -> str:
    """Return the page that leads to the others."""
    named = {key: f"[{key}]({FILES.get(key, key)}.md)" for key in TASKS}
    for key, name in FILES.items():
        named[key] += f", here `worldsim/{name}-v0`, learned `worldsim/Learned-{key}-v0`"
    tasks = [(named[key], task.goal, str(task.steps)) for key, task in TASKS.items()]
    arguments = [(f"`{name}`", what) for name, what in documented(VoxelEnv).items()]
    switches = [(f"`{n}`", "on" if on else "off", meaning) for n, (on, meaning) in SWITCHES.items()]
    labels = [(f"`{n}`", label.meaning) for n, label in LABELS.items()]
    return "\n\n".join((
        "# The voxel world",
        INTRODUCTION,
        *(f"![{name.title()}](../images/voxel-{name}.png)\n\n*{shown}*" for name, shown in SHEETS.items()),
        "## Tasks",
        "Each id with a goal has a second one with dense rewards, such as `worldsim/ChopTreeDense-v0`. Steps are "
        "`max_episode_steps` of 1/10 s.",
        _rows(("task", "goal", "steps"), tasks),
        f"`Survival` has {len(ACHIEVEMENTS)} achievements; its score is Crafter's geometric mean (`judge.score`).",
        "See also [actions](actions.md), [events](events.md), the [scoreboard](scoreboard.md) of random, scripted and "
        "learned players, and [recording](recording.md): policies that cover it, and how often what occurs.",
        "## Arguments",
        'Of `gym.make`, such as `gym.make("worldsim/Voxel-v0", size=(84, 84), action_space="multidiscrete", '
        'biome="forest")`; `gym.make_vec` takes them as well.',
        _rows(("argument", "what"), arguments),
        "## Observations",
        '`observations=("rgb", …)` and `labels=(…)` of `VoxelEnv` take the picture `rgb`, u8 (H, W, 3), and',
        _rows(("key", "what"), labels),
        "With more than one observation, or another than `rgb`, they are a one-level Dict; labels stand in `info`.",
        "## Switches", "`switches={name: bool}` of `VoxelEnv`; a task may set its own.",
        _rows(("switch", "by default", "what"), switches),
        "## State and edits", STATE,
        "## Words", WORDS,
        "## Limits", LIMITS,
    )) + "\n"  # fmt: skip


def actions_page() -> str:
    """Return the page of the actions."""
    rows = [
        (str(number), f"`{name}`", ", ".join(held) or "–", f"{turn:g}°, {tilt:g}°", " ".join(k if k != " " else "space"
         for k in keys) or "–")
        for number, (name, (held, turn, tilt, keys)) in enumerate(DISCRETE_ACTIONS.items())
    ]  # fmt: skip
    recipes = [(f"`{r.product}`" + (f" × {r.count}" if r.count > 1 else ""), _often(dict(r.needs)),
                "yes" if r.table else "–", str(r.enough)) for r in RECIPES]  # fmt: skip
    return "\n\n".join((
        "# Actions",
        "`Discrete` actions, with the fields that they hold, how far they turn to the right and down, and their keys "
        "in `gymnasium.utils.play` (those of `worldsim play`: F1 in its window).",
        _rows(("number", "name", "fields", "turn", "keys"), rows),
        "The vector under all action spaces has these 25 fields: " + ", ".join(f"`{name}`" for name in ACTION_NAMES)
        + '. `action_space="multidiscrete"` gives each key 2 values and each camera 11; `"dict"` has MineRL\'s names.',
        "## Making things", MAKING, _rows(("product", "needs", "at a table", "held enough at"), recipes),
        _rows(("into the furnace", "out of it"), [(f"`{raw}`", f"`{made}`") for raw, (made, _) in SMELTING.items()]),
    )) + "\n"  # fmt: skip


def events_page() -> str:
    """Return the page of the events."""
    parts = ["# Events", '`info["events"]`, f32: how often each happened in the step, in the order of `event_names`.']
    number = 0
    for group, events in GROUPS.items():
        rows = [(str(number + place), f"`{name}`", meaning) for place, (name, meaning) in enumerate(events.items())]
        number += len(events)
        parts += [f"## {group}", _rows(("index", "event", "when"), rows)]
    return "\n\n".join(parts) + "\n"


def pages(folder: Path) -> dict[str, str]:
    """Return the text of each page by file name; `folder` holds what some of them are made from."""
    tasks = {f"{FILES.get(n, n)}.md": task_page(n, task) for n, task in TASKS.items()}
    found = {"README.md": index_page(), "actions.md": actions_page(), "events.md": events_page(), **tasks}
    kept = {name: folder / f"{name}.json" for name in KEPT}
    return found | {f"{name}.md": KEPT[name](json.loads(file.read_text(encoding="utf-8")))
                    for name, file in kept.items() if file.is_file()}  # fmt: skip


def picture_of(name: str) -> Image.Image:
    """Return how three episodes of a task begin, side by side."""
    strip = Image.new("RGB", (PICTURE_SIZE[1] * len(PICTURE_SEEDS), PICTURE_SIZE[0]))
    env = VoxelEnv(task=name, size=PICTURE_SIZE)
    for place, seed in enumerate(PICTURE_SEEDS):
        env.reset(seed=seed)
        strip.paste(Image.fromarray(env.picture()), (place * PICTURE_SIZE[1], 0))
    return strip


def main(folder: Path, pictures: bool) -> None:
    """Write all pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in pages(folder).items():
        (folder / file).write_text(text, encoding="utf-8")
    for name in TASKS if pictures else ():
        picture_of(name).save(folder / f"{FILES.get(name, name)}.png", optimize=True)


if __name__ == "__main__":
    folders = [word for word in sys.argv[1:] if not word.startswith("--")]
    if len(folders) != 1:
        sys.exit(__doc__)
    main(Path(folders[0]), "--no-pictures" not in sys.argv)

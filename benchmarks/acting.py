"""How a world acts by itself: whether it does what the prompt says, and whether frames show what it imagined.

python benchmarks/acting.py --data DATASET … [--checkpoint NAME] [--json]

From true frames of worlds that training never saw it goes on by itself under each of the deeds below. What it imagined
is known; what its frames show is read by the reader of actions, whose ceiling is truth through the tokenizer.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import tyro

from worldsim.fidelity.heldout import FidelityError, Windows, cut_windows, open_heldout
from worldsim.fidelity.readback.validation import counted
from worldsim.fidelity.readers.lessons import action_classes, through
from worldsim.fidelity.readers.reader import Reader, Training, readers_for
from worldsim.fidelity.scores import Outcome, f1, over_worlds, tallies
from worldsim.fidelity.statistics import Estimate, mean
from worldsim.play.run import Play
from worldsim.sampling.denoise import Guidance
from worldsim.sampling.world import World

DEEDS: dict[str, tuple[str, ...]] = {  # as captions say it -> the actions of which it is true
    "turns left": ("turn_left", "forward+turn_left"),
    "turns right": ("turn_right", "forward+turn_right"),
    "walks forward": ("forward", "forward+turn_left", "forward+turn_right"),
    "jumps forward": ("forward+jump", "sprint+jump"),
    "runs forward": ("sprint",),
    "walks backward": ("back",),
    "steps left": ("left",),
    "steps right": ("right",),
    "looks up": ("look_up",),
    "looks down": ("look_down",),
    "mines a block": ("attack", "forward+attack"),
}


@dataclass(frozen=True)
class Options:
    """Measure the mode without actions."""

    data: tuple[Path, ...]
    """Dataset folders whose held-out worlds are used."""
    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    readers: Path = Path("out/readers")
    """Where readers are kept; they are trained where none fits."""
    heldout: float = 0.05
    """Share of the worlds that training held out."""
    worlds: int = 12
    """Most worlds of a dataset."""
    context: int = 4
    """True frames given; with 0 each clip begins from noise, under the caption of the window in whose place it is."""
    action_guidance: float = Play.action_guidance
    """How strongly what it imagines pulls; the default is that of `worldsim play`."""
    steps: int = 17
    """Frames of its own, of which the last is not read."""
    seed: int = 0
    """Decides the windows and what is drawn."""
    threads: int = torch.get_num_threads()
    """Threads of the networks."""
    json: bool = False
    """Print JSON instead of a table."""


@dataclass(frozen=True)
class Acted:
    """One clip: its world, the deed it was told, and i64 (T,) the classes of what it imagined and of what is read."""

    world: int
    deed: str
    imagined: np.ndarray
    read: np.ndarray


def main(options: Options) -> None:
    """Measure, and print."""
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore", UserWarning)  # truth's captions may hold words that the checkpoint never read
    world = World.from_pretrained(options.checkpoint)
    found = readers_for(["actions"], world.card, world.tokenizer, options.readers, Training())
    if "actions" not in found:
        raise FidelityError(f"checkpoint {world.card.name!r} has no discrete actions to read")
    rng, length = np.random.default_rng(options.seed), options.context + options.steps
    held = [open_heldout(folder, options.heldout, world.card) for folder in options.data]
    windows = [cut_windows(dataset, options.worlds, 1, length, rng) for dataset in held]
    acted = [trial for some in windows for trial in act(world, found["actions"], some, options)]
    figures = scores(found["actions"], acted, [trial for some in windows for trial in truth(world, found, some)])
    if options.json:
        print(json.dumps({name: asdict(one) for name, one in figures.items()}, indent=1))
        return
    print(f"{len(acted)} clips of {len({trial.world for trial in acted})} held-out worlds; 95 % intervals over worlds")
    for name, one in figures.items():
        print(f"{name:<62} {one.value:.2f} [{one.low:.2f}, {one.high:.2f}]")


def act(world: World, reader: Reader, windows: Windows, options: Options) -> list[Acted]:
    """Go on from the first frames of each window, or from noise, under each deed, nobody acting."""
    clip, spec, trials = windows.clip, world.card.action_spec, []
    place = [line[0].text if line else "" for line in clip.text]
    live = world.alike(clip.rows, guidance=Guidance(actions=options.action_guidance))
    given = (clip.frames[:, : options.context], clip.actions[:, : options.context]) if options.context else (None, None)
    for number, deed in enumerate(DEEDS):
        texts = [f"{each} . the player {deed}" for each in place]
        seeds = [options.seed + 1000 * number + row for row in range(clip.rows)]
        steps = [live.reset(*given, prompts=texts, seeds=seeds)]
        steps += [live.imagine(None) for _ in range(options.steps)]
        frames = np.stack([step.frames for step in steps], 1)
        taken = np.stack([step.actions for step in steps[1:]], 1)
        for row, seed in enumerate(windows.worlds):
            read = reader.read_clip(frames[row]).best("action")
            trials.append(Acted(seed, deed, action_classes(spec, taken[row, :-1]), read))
    return trials


def truth(world: World, readers: dict[str, Reader], windows: Windows) -> list[Outcome]:
    """What the reader says of true clips after the tokenizer, against what was done."""
    return [
        Outcome(
            seed, action_classes(world.card.action_spec, windows.clip.actions[row, 1:-1]),
            readers["actions"].read_clip(through(world.tokenizer, windows.clip.frames[row])).best("action"),
        )
        for row, seed in enumerate(windows.worlds)
    ]  # fmt: skip


def scores(reader: Reader, acted: list[Acted], true: list[Outcome]) -> dict[str, Estimate]:
    """Shares of frames and of clips that fit the prompt, and macro-F1 of what is read against what was imagined."""
    names = reader.labels["action"]
    fits = {deed: [names.index(action) for action in actions if action in names] for deed, actions in DEEDS.items()}
    worlds = [trial.world for trial in acted]
    figures: dict[str, Estimate] = {}
    for how in ("imagined", "read"):
        mostly = [_mostly(getattr(trial, how), fits, trial.deed) for trial in acted]
        each = [float(np.isin(getattr(trial, how), fits[trial.deed]).mean()) for trial in acted]
        figures[f"fits the prompt, most of a clip, {how}"] = mean(np.array(mostly), worlds)
        figures[f"fits the prompt, share of frames, {how}"] = mean(np.array(each), worlds)
        for deed in DEEDS:
            some = [i for i, trial in enumerate(acted) if trial.deed == deed]
            figures[f"  {deed}, {how}"] = mean(np.array(mostly)[some], [worlds[i] for i in some])
    outcomes = [Outcome(trial.world, trial.imagined, trial.read) for trial in acted]
    table, top = (tallies(each, len(names))[0] for each in (outcomes, true))
    every, chosen = counted(reader.facts, "action", table), counted(reader.facts, "action", table, top)
    of_all, of_both = (partial(f1, chosen=some) for some in (every, chosen))
    if every:
        figures[f"macro-F1 of {len(every)} actions, read against imagined"] = over_worlds(of_all, table)
    if chosen:
        figures[f"macro-F1 of {len(chosen)} that truth has too, read against imagined"] = over_worlds(of_both, table)
        figures["  the same in truth through the tokenizer, read against done"] = over_worlds(of_both, top)
    return figures


def _mostly(classes: np.ndarray, fits: dict[str, list[int]], deed: str) -> float:
    """1 where no other action comes more often than those of the deed together."""
    counts = np.bincount(classes[classes >= 0], minlength=1 + max(map(max, fits.values())))
    others = np.delete(counts, [number for number in fits[deed] if number < len(counts)])
    return float(counts[fits[deed]].sum() >= max(1, others.max(initial=0)))


if __name__ == "__main__":
    main(tyro.cli(Options))

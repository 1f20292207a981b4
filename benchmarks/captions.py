"""Which captions teach a world its words best: short ones, detailed ones, or those of a captioner.

python benchmarks/captions.py --data DATASET [--steps 150] [--out FOLDER]

Every arm begins with the same weights, whose words have been forgotten: what reads texts starts anew, all else is as it
was. It then meets the same single frames under captions of its own kind, with the same seed. The demands and the seeds
of `benchmarks/prompts.py` say how well each binds, in the words of short captions and lengthened to detailed ones. Arms
that are done are kept: the same command goes on where it was stopped.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from prompts import Options as Asking
from prompts import adherence, clips, demands, scenes, worded

from worldsim.data.captions import FILE
from worldsim.fidelity.readers.reader import Training, readers_for
from worldsim.fidelity.statistics import Estimate, mean
from worldsim.files import replacing_folder, write_json
from worldsim.model.checkpoint import find, load, save
from worldsim.model.dynamics import Dynamics
from worldsim.model.language import load_language
from worldsim.sampling.expansion import expand
from worldsim.sampling.world import World
from worldsim.studio.caption import CaptionData, caption
from worldsim.training.loop import FitConfig
from worldsim.training.stages import TrainDynamics, steps_done, train_dynamics

SINGLE = 0.99  # share of batches of single frames, from which words are learned
ARMS = {"short": 0.0, "detailed": 1.0, "captioner's, detailed": 1.0}  # share of batches with detailed captions
NOTHING = "nothing learned"


@dataclass(frozen=True)
class Options:
    """Train the same weights on captions of three kinds, and compare how prompts bind."""

    data: Path
    """Dataset with recorded captions, and frames of the checkpoint's size."""
    checkpoint: str = "overworld-small"
    """Whose weights, but for those that read texts, each arm begins with; and whose captioner tells."""
    out: Path = Path("out/captions")
    """Where copies, runs and captions.json go."""
    episodes: int = 1200
    """Episodes of the dataset that are used, the first ones."""
    steps: int = 150
    """Steps of training for each arm."""
    trials: int = 96
    """Demands."""
    frames: int = 6
    """Frames of a clip after the first one."""
    readers: Path = Path("out/readers")
    """Where readers are kept; they are trained where none fits."""
    seed: int = 0
    """Decides batches, demands, words and noise."""
    threads: int = torch.get_num_threads()
    """Threads of the networks."""


def main(options: Options) -> None:
    """Train, measure, print, and write OUT/captions.json."""
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore", UserWarning)  # words that an arm has not read
    told = {name: options.out / ("told" if name.startswith("captioner") else "recorded") for name in ARMS}
    for folder in set(told.values()):
        copy(options.data, folder, options.episodes)
    if not (told["captioner's, detailed"] / FILE).is_file():
        caption(CaptionData(told["captioner's, detailed"], options.checkpoint, overwrite=True))
    start = options.out / "start"
    if not (start / "card.json").is_file():
        forget(options.checkpoint, start, options.seed)
    arms = {NOTHING: start}
    for number, (name, detailed) in enumerate(ARMS.items()):
        run = options.out / f"arm-{number}"
        if steps_done(run) < options.steps:
            fit = FitConfig(options.steps, cooldown=0.5, warmup=10, average=0.97, save_every=50, seed=options.seed)
            train_dynamics(
                TrainDynamics(str(start), (told[name],), run, name=f"words-{number}", fit=fit, images=SINGLE,
                              detailed=detailed, start=str(start), resume=(run / "log.jsonl").is_file())
            )  # fmt: skip
        arms[name] = run / "checkpoint"
    figures = measured(options, arms, told["short"])
    write_json(options.out / "captions.json", {name: asdict(one) for name, one in figures.items()})
    for name, one in figures.items():
        print(f"{name:<64} {one.value:.2f} [{one.low:.2f}, {one.high:.2f}]")


def copy(data: Path, folder: Path, episodes: int) -> None:
    """The first episodes of a dataset, and their latents, as links where the disk has them."""
    if folder.is_dir():
        return
    index = (data / "index.jsonl").read_text().splitlines(keepends=True)[:episodes]
    names = {Path(json.loads(line)["file"]).name for line in index}
    with replacing_folder(folder) as new:
        shutil.copyfile(data / "dataset.json", new / "dataset.json")
        (new / "index.jsonl").write_text("".join(index))
        for part in (data / "episodes", *data.glob("latents-*")):
            (new / part.name).mkdir()
            for file in part.iterdir():
                if file.name in names:
                    try:
                        os.link(file, new / part.name / file.name)
                    except OSError:  # another disk
                        shutil.copyfile(file, new / part.name / file.name)


def forget(checkpoint: str, folder: Path, seed: int) -> None:
    """Write a checkpoint in which what reads texts is as before any training, and all else as it was."""
    card, tokenizer, dynamics, starts = load(checkpoint)
    assert dynamics is not None
    torch.manual_seed(seed)
    fresh = Dynamics(dynamics.config).state_dict()
    words = {name: tensor for name, tensor in fresh.items() if name.startswith(("text.", "no_text")) or ".text" in name}
    dynamics.load_state_dict(dynamics.state_dict() | words)
    save(folder, card, tokenizer, dynamics, starts, beside=find(checkpoint))


def measured(options: Options, arms: dict[str, Path], recorded: Path) -> dict[str, Estimate]:
    """Shares of clips that show what was asked, by arm and words, and each arm's less that of short captions."""
    asking = Asking((recorded,), steps=options.frames, trials=options.trials, seed=options.seed)
    language = load_language(options.checkpoint)
    right: dict[str, dict[str, np.ndarray]] = {}
    for arm, checkpoint in arms.items():
        world = World.from_pretrained(checkpoint)
        reader = readers_for(["attributes"], world.card, world.tokenizer, options.readers, Training())["attributes"]
        said = scenes((recorded,), asking.heldout)
        rng = np.random.default_rng(options.seed)
        asked = demands(reader, said, options.trials, rng)
        short = next(iter(worded(asked, said, rng).values()))
        seeds = rng.integers(2**62, size=len(asked)).tolist()
        longer = [expand(text, language.pairs, world.vocabulary).text for text in short]
        for words, texts in (("short words", short), ("detailed words", longer)):
            right[f"{arm}: {words}"] = adherence(reader, clips(world, texts, seeds, asking), asked)
    figures = {f"{suite}: {name}": mean(column, np.arange(len(column)))
               for suite, columns in right.items() for name, column in columns.items()}  # fmt: skip
    for suite, columns in right.items():
        arm, words = suite.split(": ")
        if arm not in (NOTHING, "short"):
            for name, column in columns.items():
                apart = column - right[f"short: {words}"][name]
                figures[f"{suite} - short: {name}"] = mean(apart, np.arange(len(apart)))
    return figures


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))

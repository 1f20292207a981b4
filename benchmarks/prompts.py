"""How well worlds from a prompt alone show what it says: in words that captions had, in new ones, and in foreign ones.

python benchmarks/prompts.py --data DATASET … [--checkpoint NAME] [--json]

The same demands and the same seeds in each suite, so that suites are compared in pairs. A reader of biome, time and
weather, trained on true worlds, says what the clips show. Two suites more, where the checkpoint has a captioner:
prompts expanded by what captions say, and the clip of several seeds that the matcher finds fitting best.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
import tyro

from worldsim.data.episodes import Dataset
from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.readers.reader import Reader, Training, readers_for
from worldsim.fidelity.readers.words import ATTRIBUTES, caption_values
from worldsim.fidelity.statistics import Estimate, mean
from worldsim.model.checkpoint import find
from worldsim.model.language import FILE, load_language
from worldsim.sampling.expansion import expand
from worldsim.sampling.matching import Matcher
from worldsim.sampling.world import World
from worldsim_envs.voxel.language.captions import TEMPLATES

Demand = dict[str, str]  # attribute -> value
FOREIGN = "please, could you dream up {place}, splendidly, {when}{weather}?"  # a grammar that no caption has


@dataclass(frozen=True)
class Options:
    """Measure how prompts bind in clips from noise."""

    data: tuple[Path, ...]
    """Dataset folders that the checkpoint was trained on: their captions say which words it has read."""
    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    readers: Path = Path("out/readers")
    """Where readers are kept; they are trained where none fits."""
    heldout: float = 0.05
    """Share of the worlds that training held out."""
    trials: int = 48
    """Demands; each is asked in every suite."""
    steps: int = 8
    """Frames after the first one."""
    tries: int = 4
    """Seeds of which the matcher chooses."""
    rows: int = 16
    """Clips at a time."""
    seed: int = 0
    """Decides demands, words and noise."""
    threads: int = torch.get_num_threads()
    """Threads of the networks."""
    json: bool = False
    """Print JSON instead of a table."""


def main(options: Options) -> None:
    """Measure, and print."""
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore", UserWarning)  # words that the checkpoint does not know, which are asked on purpose
    world = World.from_pretrained(options.checkpoint)
    found = readers_for(["attributes"], world.card, world.tokenizer, options.readers, Training())
    if "attributes" not in found:
        raise FidelityError("no attribute can be read here: the true env's captions have none of the known phrases")
    reader, said = found["attributes"], scenes(options.data, options.heldout)
    rng = np.random.default_rng(options.seed)
    asked = demands(reader, said, options.trials, rng)
    suites = worded(asked, said, rng)
    seeds = rng.integers(2**62, size=len(asked)).tolist()
    usual = next(iter(suites.values()))
    captioner = (find(options.checkpoint) / FILE).is_file()
    language = load_language(options.checkpoint, world.tokenizer) if captioner else None
    if language is not None:
        suites["expanded"] = [expand(text, language.pairs, world.vocabulary).text for text in usual]
    made = {name: clips(world, texts, seeds, options) for name, texts in suites.items()}
    if language is not None:
        others = [clips(world, usual, rng.integers(2**62, size=len(asked)).tolist(), options)
                  for _ in range(options.tries - 1)]  # fmt: skip
        name = f"best of {options.tries}"
        made[name] = best(Matcher(world.tokenizer, language), usual, [next(iter(made.values())), *others])
        suites[name] = usual
    right = {name: adherence(reader, frames, asked) for name, frames in made.items()}
    figures = compared(right)
    if options.json:
        print(json.dumps({"figures": {name: asdict(one) for name, one in figures.items()}, "texts": suites}, indent=1))
        return
    print(f"{len(asked)} demands; 95 % intervals over them")
    for name, texts in suites.items():
        unknown = sorted({word for text in texts for word in world.vocabulary.unknown(text)})
        print(f"{name}: {texts[0]!r}" + (f"; not known: {' '.join(unknown)}" if unknown else ""))
    for name, one in figures.items():
        print(f"{name:<44} {one.value:.2f} [{one.low:.2f}, {one.high:.2f}]")


def scenes(folders: Sequence[Path], heldout: float) -> Counter[str]:
    """How often the training captions of datasets have each scene, word for word: place, time and weather."""
    told: Counter[str] = Counter()
    for folder in folders:
        dataset = Dataset.open(folder).split(heldout)[0]
        for number in range(len(dataset)):
            told.update(caption.short.split(" with ")[0] for caption in dataset.captions(number))
    return told


def demands(reader: Reader, said: Counter[str], count: int, rng: np.random.Generator) -> list[Demand]:
    """What is asked: a value of each attribute that the reader tells, as captions have them, all equally often.

    Left out is what captions have said in every way that there is.

    Raises:
        FidelityError: then nothing is left.
    """
    legible = {name: {reader.labels[name][number] for number in reader.legible[name]} for name in ATTRIBUTES}
    values = [caption_values(scene) for scene in said]
    kinds = {tuple(each.values()) for each in values if each and all(each[name] in legible[name] for name in each)}
    asked = [dict(zip(ATTRIBUTES, kind, strict=True)) for kind in sorted(kinds)]
    asked = [demand for demand in asked if _new(demand, said)]
    if not asked:
        raise FidelityError("the captions leave nothing to ask: no attribute that can be read, or no new words for it")
    order = rng.permutation(len(asked))
    return [asked[order[i % len(order)]] for i in range(count)]


def worded(asked: Sequence[Demand], said: Counter[str], rng: np.random.Generator) -> dict[str, list[str]]:
    """By suite one text for each demand: as captions say it most often, as none does, and as nobody would."""
    usual: dict[tuple[str, ...], str] = {}
    for scene, _ in said.most_common():
        if values := caption_values(scene):
            usual.setdefault(tuple(values.values()), scene)
    suites: dict[str, list[str]] = {"captions' words": [usual[tuple(demand.values())] for demand in asked]}
    new = [_new(demand, said) for demand in asked]
    suites["new combination of words"] = [texts[int(rng.integers(len(texts)))] for texts in new]
    first = [[ATTRIBUTES[name][demand[name]][0] for name in ATTRIBUTES] for demand in asked]
    suites["foreign words around"] = [_filled(FOREIGN, *words) for words in first]
    suites["nothing"] = [""] * len(asked)
    return suites


def _new(demand: Demand, said: Counter[str]) -> list[str]:
    """The scenes of the captions' grammar that ask for this and that no caption has."""
    phrases = [ATTRIBUTES[name][demand[name]] for name in ATTRIBUTES]
    texts = [_filled(template, *words) for template, *words in product(TEMPLATES, *phrases)]
    return [text for text in texts if text not in said]


def _filled(template: str, place: str, when: str, weather: str) -> str:
    return template.format(place=place, when=when, weather=weather and f" {weather}")


def clips(world: World, texts: Sequence[str], seeds: Sequence[int], options: Options) -> np.ndarray:
    """A clip from noise for each text, nobody doing anything: u8 (N, 1 + steps, H, W, 3)."""
    still, made = world.card.action_spec.encode(0), []
    for first in range(0, len(texts), options.rows):
        part = slice(first, first + options.rows)
        rows = len(texts[part])
        live = world.alike(rows)
        frames = [live.reset(prompts=texts[part], seeds=seeds[part]).frames]
        frames += [live.imagine(np.tile(still, (rows, 1))).frames for _ in range(options.steps)]
        made.append(np.stack(frames, 1))
    return np.concatenate(made)


def best(matcher: Matcher, texts: Sequence[str], tries: Sequence[np.ndarray]) -> np.ndarray:
    """For each text the clip, of one from each of `tries`, that the matcher gives most."""
    scores = np.stack([matcher.score(frames, list(texts)) for frames in tries])  # (tries, N)
    return np.stack(tries)[scores.argmax(0), np.arange(len(texts))]


def adherence(reader: Reader, frames: np.ndarray, asked: Sequence[Demand]) -> dict[str, np.ndarray]:
    """By attribute, and for all of them together, whether each clip shows what was asked, f64 (N,)."""
    right: dict[str, list[float]] = {name: [] for name in ATTRIBUTES}
    for clip, demand in zip(frames, asked, strict=True):
        shares = reader.read_clip(clip).shares
        for name in ATTRIBUTES:
            right[name].append(float(reader.labels[name][int(shares[name].mean(0).argmax())] == demand[name]))
    table = {name: np.array(column) for name, column in right.items()}
    return table | {"all three": np.prod(list(table.values()), axis=0)}


def compared(right: dict[str, dict[str, np.ndarray]]) -> dict[str, Estimate]:
    """Each suite's shares, and how far each suite is from the first one, demand by demand."""
    figures: dict[str, Estimate] = {}
    first = next(iter(right))
    for suite, columns in right.items():
        for name, column in columns.items():
            figures[f"{suite}: {name}"] = mean(column, np.arange(len(column)))
    for suite, columns in list(right.items())[1:]:
        for name, column in columns.items():
            figures[f"{suite} - {first}: {name}"] = mean(column - right[first][name], np.arange(len(column)))
    return figures


if __name__ == "__main__":
    main(tyro.cli(Options))

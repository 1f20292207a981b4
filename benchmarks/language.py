"""How well a captioner tells what it sees, and a matcher which text fits: on worlds that training never saw.

python benchmarks/language.py --data DATASET … [--checkpoint NAME] [--captioner FILE] [--json]
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from worldsim.data.episodes import Caption, Dataset
from worldsim.fidelity.readers.words import ATTRIBUTES, caption_values
from worldsim.fidelity.statistics import Estimate, mean
from worldsim.model.checkpoint import load
from worldsim.model.language import Language, load_language
from worldsim.sampling.matching import Matcher

SKY = "the sky is"  # what a detailed caption says where the sky is in view, whatever the weather


@dataclass(frozen=True)
class Options:
    """Measure a captioner on the held-out worlds of datasets with captions."""

    data: tuple[Path, ...]
    """Dataset folders."""
    checkpoint: str = "overworld-small"
    """Whose tokenizer, and whose captioner."""
    captioner: Path | None = None
    """The language.safetensors; the checkpoint's own by default."""
    heldout: float = 0.05
    """Share of the worlds that training held out."""
    every: int = 2
    """Use every so manyth caption of an episode."""
    among: int = 8
    """Texts, or clips, among which the matcher has to find the right one."""
    trials: int = 400
    """How often it has to."""
    seed: int = 0
    """Decides among what."""
    threads: int = torch.get_num_threads()
    """Threads of the networks."""
    json: bool = False
    """Print JSON instead of a table."""


@dataclass(frozen=True)
class Moments:
    """N held-out moments: latents (N, F, C, h, w), their captions, and the world of each."""

    latents: torch.Tensor
    captions: list[Caption]
    worlds: np.ndarray


def main(options: Options) -> None:
    """Measure, and print."""
    torch.set_num_threads(options.threads)
    tokenizer = load(options.checkpoint).tokenizer.eval()
    language = load_language(options.captioner or options.checkpoint, tokenizer)
    moments = held_out(Matcher(tokenizer, language), options)
    found = attributes(language, moments) | matching(language, moments, options)
    if options.json:
        print(json.dumps({name: asdict(estimate) for name, estimate in found.items()}, indent=1))
        return
    worlds = len(np.unique(moments.worlds))
    print(f"{len(moments.captions)} moments of {worlds} held-out worlds; 95 % intervals over worlds")
    for name, estimate in found.items():
        print(f"{name:<58} {estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]")


def held_out(matcher: Matcher, options: Options) -> Moments:
    """The moments of every `every`th caption in the held-out worlds."""
    latents, captions, worlds = [], [], []
    for folder in options.data:
        dataset = Dataset.open(folder).split(options.heldout)[1]
        for number, entry in enumerate(dataset.entries):
            told = dataset.captions(number)[:: options.every]
            if told:
                spans = [(caption.start, caption.end) for caption in told]
                latents.append(matcher.latents(dataset.read(number).frames, spans))
                captions += told
                worlds += [entry.seed] * len(told)
    return Moments(torch.cat(latents), captions, np.array(worlds))


def attributes(language: Language, moments: Moments) -> dict[str, Estimate]:
    """Share of moments of which the captioner tells each attribute as the engine does, and its mean over values."""
    told = [caption_values(text) for text in language.describe(moments.latents)]
    true = [caption_values(caption.short) for caption in moments.captions]
    known = np.array([value is not None for value in true])
    seen = known & np.array([SKY in caption.detailed for caption in moments.captions])
    found = {}
    for name, values in ATTRIBUTES.items():
        labels = np.array([value[name] if value else "" for value in true])
        right = np.array([bool(value) and value[name] == label for value, label in zip(told, labels, strict=True)])
        found[f"{name}: as the engine says"] = mean(right[known].astype(float), moments.worlds[known])
        if len(np.unique(moments.worlds[seen])) > 1:
            found[f"{name}: where the sky is in view"] = mean(right[seen].astype(float), moments.worlds[seen])
        recalls = [right[labels == value].mean() for value in values if (labels == value).any()]
        counts = ", ".join(f"{value} {int((labels == value).sum())}" for value in values if (labels == value).any())
        found[f"{name}: mean recall ({counts})"] = Estimate(float(np.mean(recalls)), min(recalls), max(recalls))
    deeds = [caption.detailed.rsplit(" . ", 1)[-1] for caption in moments.captions]
    said = [text.rsplit(" . ", 1)[-1] for text in language.describe(moments.latents, "detailed")]
    same = np.array([one == other for one, other in zip(deeds, said, strict=True)], float)
    return found | {"what the player does: as the engine says": mean(same, moments.worlds)}


def matching(language: Language, moments: Moments, options: Options) -> dict[str, Estimate]:
    """Share of trials in which the right text is found for a clip, and the right clip for a text.

    The others differ in biome, time or weather. Without the prior, the matcher is the captioner's likelihood.
    """
    rng, values = np.random.default_rng(options.seed), [caption_values(c.short) for c in moments.captions]
    chosen = rng.choice(len(values), min(options.trials, len(values)), replace=False)
    trials = []
    for own in chosen:
        others = [number for number, value in enumerate(values) if value != values[own]]
        trials.append([own, *rng.choice(others, options.among - 1, replace=False)])
    table, found = np.array(trials), {}
    for detail in ("short", "detailed"):
        texts = [getattr(caption, detail) for caption in moments.captions]
        own = np.repeat(table[:, :1], options.among, 1)
        for told, clips, lines in (("text of a clip", own, table), ("clip of a text", table, own)):
            given, alone = language.likelihoods(moments.latents[clips.ravel()], [texts[i] for i in lines.ravel()])
            for how, scores in (("", given - alone), (", without prior", given)):
                right = scores.reshape(table.shape).argmax(1) == 0
                name = f"{detail} {told} among {options.among}{how}"
                found[name] = mean(right.astype(float), moments.worlds[table[:, 0]])
    return found


if __name__ == "__main__":
    main(tyro.cli(Options))

"""Level D: do clips show what a prompt asks for, and does a prompt that changes in mid-rollout change that alone?

Biome, time of day and weather are read by a learned reader (`worldsim.fidelity.readers`), which is validated on raw
truth under changing skies in each report: an attribute that it does not read is not scored. The probes are those of
`worldsim eval`, asked of any env that takes prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from worldsim.actions import ActionSpec
from worldsim.clip import Clip, Prompt
from worldsim.data.envs import RecordError
from worldsim.data.episodes import Episode
from worldsim.data.rollout import Job, Recorder
from worldsim.fidelity.harness.bench import Bench, Strip, Trial
from worldsim.fidelity.harness.lines import frames_hash
from worldsim.fidelity.harness.simulator import Simulator
from worldsim.fidelity.heldout import FIRST_SEED, FidelityError, Windows
from worldsim.fidelity.probes.attributes import (
    END,
    AttributeReading,
    EventReading,
    PromptReading,
    clip_values,
    prompt_clips,
    text_events,
    truth_attributes,
)  # fmt: skip
from worldsim.fidelity.readback.attributes import events, prompts
from worldsim.fidelity.readback.validation import validation
from worldsim.fidelity.readers.lessons import Varied
from worldsim.fidelity.readers.reader import Reader, ReaderFacts, Training, readers_for
from worldsim.model.text import PromptReader

__all__ = [
    "Steered", "Texts", "changed_figures", "changed_trial", "described", "prompted_figures", "prompted_trial",
    "readings", "texts_of", "validated",
]  # fmt: skip

Figures = dict[str, Any]
Line = dict[str, Any]
CLIP = 16
SKY_ROWS = 33  # two captions
COLUMNS = 9  # of a film strip


@dataclass(frozen=True)
class Texts:
    """What is read of a candidate's frames, and how true worlds to read beside them are made.

    Attributes:
        reader: of biome, time and weather.
        tokenizer: the candidate's, or one that changes nothing.
        vocabulary: the words that the candidate knows; None where it does not say.
        episode: makes a true world under changing skies, by its number.
    """

    reader: Reader
    tokenizer: Any
    vocabulary: PromptReader | None
    episode: Callable[[int], Episode]


class Lossless:
    """Stands for the tokenizer of a candidate that says nothing of its compression."""

    mean = torch.zeros(1)

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """The frames."""
        return frames

    decode = encode

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Nothing."""
        return {}


def texts_of(bench: Bench) -> Texts:
    """The reader for a candidate, made once. Raises `FidelityError` where none can be made."""
    if "texts" not in bench.kept:
        bench.kept["texts"] = open_texts(bench)
    return bench.kept["texts"]


def open_texts(bench: Bench) -> Texts:
    """Load, or else train, the reader of attributes on the candidate's true world. Raises `FidelityError`."""
    card, tokenizer, vocabulary = described(bench)
    try:
        readers = readers_for(("attributes",), card, tokenizer, bench.readers, Training())
    except RecordError as error:
        raise FidelityError(f"no reader of attributes can be trained: {error}") from error
    if "attributes" not in readers:
        raise FidelityError(f"captions of {card.env['id']} tell no biome and time of day, so nothing reads these")
    job = Job(card.env["id"], Varied, SKY_ROWS, card.env["kwargs"], FIRST_SEED + 2**20 + bench.seed, card.size,
              card.env.get("image_key"))  # fmt: skip

    def episode(number: int) -> Episode:
        recorder = Recorder.open(job)
        try:
            return recorder.episode(number)
        finally:
            recorder.close()

    return Texts(readers["attributes"], tokenizer, vocabulary, episode)


def described(bench: Bench) -> tuple[Any, Any, PromptReader | None]:
    """The card, the tokenizer and the vocabulary of a candidate; of one that does not say, what the true world is."""
    world: Any = getattr(bench.candidate.env.unwrapped, "world", None)
    if world is not None:
        return world.card, world.tokenizer, world.vocabulary
    env = {"id": bench.true.name, "kwargs": bench.true.kwargs}
    spec = ActionSpec.from_env(bench.true.env)
    return SimpleNamespace(env=env, size=bench.candidate.size, action_spec=spec), Lossless(), None


class Steered:
    """A candidate as the probes of prompts steer it: `World`'s interface, a batch of one, over a simulator."""

    def __init__(self, simulator: Simulator, spec: ActionSpec, start: Any = None) -> None:
        self.simulator, self.spec, self.shown = simulator, spec, list[np.ndarray]()
        self.start, self.over = start, False  # the true state after given frames, for whoever starts from states

    def reset(self, frames: np.ndarray | None = None, actions: np.ndarray | None = None,
              prompts: Sequence[str] = ("",), seeds: Sequence[int] = (0,)) -> Any:  # fmt: skip
        """Begin under a prompt, from frames u8 (1, T, H, W, 3) and the actions f32 (1, T, A) to them, or from none.

        Raises:
            FidelityError: the candidate refuses the prompt.
        """
        self.over = False
        if frames is not None and self.simulator.starts == "state":
            if not self.simulator.opened:
                self.simulator.env.reset(seed=0)
                self.simulator.opened = True
            observation = self.simulator.env.get_wrapper_attr("restore_state")(self.start)
            self.set_prompt(prompts)
            return self._kept(self.simulator.frame(observation))
        options: dict[str, Any] = {"prompt": prompts[0]}
        if frames is not None and actions is not None:
            taken = [self.simulator.action(self.spec.decode(vector)) for vector in actions[0]]
            options |= {"frames": frames[0], "actions": np.array(taken)}
        try:
            observation, _ = self.simulator.env.reset(seed=seeds[0] % 2**31, options=options)
        except ValueError as error:  # the candidate's own: nothing like this can be shown
            raise FidelityError(f"{self.simulator.name} does not begin under {prompts[0]!r}: {error}") from error
        return self._kept(self.simulator.frame(observation))

    def set_prompt(self, texts: Sequence[str]) -> None:
        """Steer with another text from the next frame on."""
        self.simulator.env.get_wrapper_attr("set_prompt")(texts[0])

    def imagine(self, actions: np.ndarray) -> Any:
        """One frame on under an action f32 (1, A); an episode that has ended stands still."""
        if self.over:
            return self._kept(self.shown[-1])
        action = self.simulator.action(self.spec.decode(actions[0]))
        observation, _, self.over, _, _ = self.simulator.env.step(action)
        return self._kept(self.simulator.frame(observation))

    def take(self, actions: Sequence[Any]) -> None:
        """Go on under actions of the reference."""
        for action in actions:
            self.imagine(self.spec.encode(action)[None])

    def _kept(self, frame: np.ndarray) -> Any:
        self.shown.append(frame)
        return SimpleNamespace(frames=frame[None])


def prompted_trial(bench: Bench, probe: str, index: int) -> Trial:
    """A clip from a prompt alone, nothing done, read; and a true one that the same prompt describes.

    Raises:
        FidelityError: the candidate knows no prompt, or begins under none.
    """
    texts, rng = texts_of(bench), bench.draws(probe, index)
    spec = ActionSpec.from_env(bench.true.env)
    steered = Steered(bench.candidate, spec)
    world: Any = steered
    made = prompt_clips(lambda rows: world, texts.reader, spec, texts.vocabulary, 1, CLIP, rng, turn=index)
    if not made:
        raise FidelityError(f"{bench.candidate.name} knows the words of no prompt that truth shows")
    asked = made[0]
    try:
        true = bench.scene(probe, "told", index, {"text": asked.prompt}).frames
    except FidelityError:  # nobody begins in such a place: there is no ceiling to what was asked
        staged = None
    else:
        read = [clip_values(texts.reader, frames) for frames in (true, bench.candidate.round_trip(true))]
        staged = asdict(AttributeReading(index, asked.asked, *read))
    payload = {**readings(texts, index, steered), "prompt": asdict(asked), "staged": staged}
    return Trial(index, payload, (_strip(steered.shown, asked.prompt),))


def changed_trial(bench: Bench, probe: str, index: int, length: int) -> Trial:
    """A rollout whose prompt changes one attribute, its twin whose prompt stays, and truth in which the change came.

    Raises:
        FidelityError: nothing can be staged or changed.
    """
    texts, rng = texts_of(bench), bench.draws(probe, index)
    scene = bench.scene(probe, "strolls", index, {"length": length})
    bench.true.begin(scene, 0)
    tell = getattr(bench.true.env.unwrapped, "caption", None)
    caption = "" if tell is None else str(tell())
    spec = ActionSpec.from_env(bench.true.env)
    played = scene.plays[0]
    vectors = spec.encode_batch(np.array([*scene.actions, *played.actions]))
    vectors[0] = 0.0
    frames, flags = np.concatenate([scene.frames, played.frames])[None], np.zeros((1, len(vectors)), np.bool_)
    clip = Clip(frames, vectors[None], np.zeros((1, len(vectors), 1), np.float32), flags, flags, ~flags,
                text=[[Prompt(caption)]])  # fmt: skip
    steered = Steered(bench.candidate, spec, scene.start)
    world: Any = steered
    windows = Windows(clip, (scene.seed,), (0,))
    made = text_events(
        lambda rows: world, texts.reader, None, spec, texts.vocabulary, windows, len(scene.frames), rng, turn=index
    )
    if not made:
        raise FidelityError(f"no change of a prompt is possible at {caption!r}")
    asked = made[0]
    forked = bench.scene(probe, "strolls", index, {"length": length, "texts": (asked.prompt, asked.then)})
    true = forked.plays[0].frames
    read = {name: clip_values(texts.reader, frames[-END:])
            for name, frames in (("raw", true), ("ceiling", bench.candidate.round_trip(true)))}  # fmt: skip
    columns = np.linspace(0, length - 1, COLUMNS).round().astype(int)
    changed = np.stack(steered.shown[1 : 1 + length])
    names = ("truth", f"{asked.prompt} / {asked.then}")
    strip = Strip(true[columns], changed[columns], tuple((columns + 1).tolist()), 0, names)
    payload = {**readings(texts, index, steered), "event": asdict(asked), "fork": read}
    return Trial(scene.seed, payload, (strip,))


def prompted_figures(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """S, c, K and N of the attribute that prompts decide least; the others beside it."""
    figures, facts, truth, passed = validated(lines, options)
    if not passed:
        return figures
    staged = [line for line in lines if line["staged"] is not None]
    if staged:  # else the reference stages no prompts, and all its captions tell how legible truth is
        truth = [AttributeReading(**line["staged"]) for line in staged]
    found = prompts(facts, truth, [PromptReading(**line["prompt"]) for line in staged or lines], passed, options)
    scored = {name: part for name, part in found.items() if isinstance(part, dict) and "n" in part}
    if not scored:
        return {**figures, "S": None, "c": None, "K": None, "N": None}
    worst = scored[min(scored, key=lambda name: scored[name]["n"]["value"])]
    figures |= {"S": worst["score"], "c": worst["chance"], "K": {"value": worst["ceiling"]}, "N": worst["n"]}
    figures["extras"] = {f"N, {name}": scored[name]["n"] for name in sorted(scored)}
    return figures


def changed_figures(lines: Sequence[Line], options: dict[str, int]) -> Figures:
    """S, c, K and N of the named change, and how often all else stays as in the twin."""
    figures, facts, truth, passed = validated(lines, options)
    asked = [line for line in lines if line["event"]["attribute"] in passed]
    if not asked:
        return figures
    made, forks = [EventReading(**line["event"]) for line in asked], [line["fork"] for line in asked]
    found = events({facts.kind: facts}, truth, made, passed, options, [fork["ceiling"] for fork in forks])
    every = found["each"].get("all")
    if every is None:
        return {**figures, "S": None, "c": None, "K": None, "N": None}
    figures |= {"S": every["changed"], "c": every["chance"], "K": {"value": every["ceiling"]}, "N": every["n"]}
    extras = {f"changed, {name}": part["changed"] for name, part in found["each"].items() if name != "all"}
    if "others_kept" in found:
        extras["others kept"] = found["others_kept"]
    raw = [fork["raw"][one.attribute] == one.value for one, fork in zip(made, forks, strict=True)]
    extras["changed in raw truth"] = {"value": float(np.mean(raw))}
    return {**figures, "extras": extras}


def readings(texts: Texts, index: int, steered: Steered) -> Line:
    """What lines of both probes hold, with readings of a true world under changing skies."""
    truth = truth_attributes(texts.reader, texts.tokenizer, [texts.episode(index)])
    return {"hash": frames_hash(np.stack(steered.shown)), "reader": asdict(texts.reader.facts),
            "truth": [asdict(one) for one in truth]}  # fmt: skip


def _strip(shown: Sequence[np.ndarray], prompt: str) -> Strip:
    """A clip that no truth stands above: its first frame does."""
    columns = np.linspace(0, len(shown) - 1, COLUMNS).round().astype(int)
    frames = np.stack(shown)[columns]
    return Strip(np.repeat(frames[:1], len(frames), 0), frames, tuple(columns.tolist()), 0, ("first frame", prompt))


def validated(
    lines: Sequence[Line], options: dict[str, int]
) -> tuple[Figures, ReaderFacts, list[AttributeReading], set[str]]:
    """The reader on raw truth: figures, what it is, its readings, and the attributes that it may be asked for."""
    facts = ReaderFacts(**lines[0]["reader"])
    truth = [AttributeReading(**one) for line in lines for one in line["truth"]]
    found = validation(facts, truth, options) if len({one.world for one in truth}) > 1 else {}
    passed = {name for name, part in found.items() if part["passed"]}
    read = {name: part["macro_f1"] for name, part in found.items() if name in passed}
    worst = min(read.values(), key=lambda estimate: estimate["value"], default=None)
    figures: Figures = {
        "trials": len(lines), "worlds": len({line["seed"] for line in lines}),
        "reader": {"sound": bool(passed), "raw truth": worst, "planted": None, "attributes": sorted(passed)},
    }  # fmt: skip
    return figures, facts, truth, passed

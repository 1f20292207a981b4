"""Wrong input, as a table: each case is a typed error that names the thing, in under a second, with nothing written.

A case damages a copy of a sound checkpoint and a sound dataset, or leaves them, and then uses them as a caller would.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

import counter
from networks import DYNAMICS, EVENTS, SIZE, TOKENIZER, tiny_card, tiny_dynamics, tiny_tokenizer, tiny_world
from training_runs import dynamics_run, record_counter, tokenizer_run
from worldsim.actions import ActionError, ActionSpec
from worldsim.cli import main
from worldsim.clip import Clip, ClipError
from worldsim.data.batches import Bucket, BucketError, batches
from worldsim.data.episodes import Dataset, DatasetError
from worldsim.data.frames import FrameError
from worldsim.data.record import RecordError, record
from worldsim.data.sources import RecordedSource
from worldsim.model.checkpoint import CheckpointError, load, save
from worldsim.model.config import ConfigError
from worldsim.model.tensors import read_tensors, write_tensors
from worldsim.model.text import PromptError, TextConfig
from worldsim.sampling.world import World, WorldError
from worldsim.training.latents import LatentBucket
from worldsim.training.loop import FitConfig, TrainingError
from worldsim.training.losses import DynamicsLossConfig
from worldsim.training.stages import train_dynamics, train_tokenizer
from worldsim_envs.learned import EnvError, LearnedEnv, LearnedVectorEnv


class Blind(gym.Env):
    """An env without any picture."""

    observation_space = spaces.Box(-1, 1, (3,))
    action_space = spaces.Discrete(2)


gym.register("Blind-v0", entry_point=Blind)


@dataclass(frozen=True)
class Case:
    """What is wrong, the error and the words in it that name the thing, the use, and the damage done before it."""

    what: str
    error: type[Exception]
    says: tuple[str, ...]
    use: Callable[[Path], object]
    damage: Callable[[Path], object] = lambda place: None


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that a case may use."""
    place = tmp_path_factory.mktemp("sound")
    flags = np.zeros((1, 2), np.bool_)
    rows = (np.zeros((1, 2, width), np.float32) for width in (5, len(EVENTS)))
    starts = Clip(np.zeros((1, 2, *SIZE, 3), np.uint8), *rows, flags, flags, ~flags)
    save(place / "checkpoint", tiny_card(), tiny_tokenizer(), tiny_dynamics(), starts)
    save(place / "tokenizer", tiny_card(dynamics=None), tiny_tokenizer())
    record_counter(place / "data", steps=60)
    record(counter.ID, "random", 20, place / "odd", 0, env_kwargs={"size": [20, 36]})
    record("CartPole-v1", "random", 20, place / "other", 0, size=(16, 32))
    (place / "run" / "states" / "step-00000005").mkdir(parents=True)
    (place / "run" / "log.jsonl").write_text("")
    torch.optim.AdamW([torch.zeros(1)])  # the first one of a process imports for a second
    return place


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything under a folder, byte by byte."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


# -- damage ----------------------------------------------------------------------------------------------------------


def tensors(file: str, change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    """Change the tensors of a file of the checkpoint."""

    def damage(place: Path) -> None:
        path = place / "checkpoint" / f"{file}.safetensors"
        found = read_tensors(path)
        change(found)
        write_tensors(path, found, {"text": "[]", "fps": "10"})

    return damage


def card(change: Callable[[dict[str, Any]], object], file: str = "checkpoint/card.json") -> Callable[[Path], None]:
    """Change the JSON of a file."""

    def damage(place: Path) -> None:
        data = json.loads((place / file).read_text())
        change(data)
        (place / file).write_text(json.dumps(data))

    return damage


def text(file: str, content: bytes) -> Callable[[Path], object]:
    return lambda place: (place / file).write_bytes(content)


def cut(file: str, share: float = 0.5) -> Callable[[Path], object]:
    def damage(place: Path) -> None:
        content = (place / file).read_bytes()
        (place / file).write_bytes(content[: int(share * len(content))])

    return damage


def remove(file: str) -> Callable[[Path], object]:
    return lambda place: (place / file).unlink()


def poke(tensor: torch.Tensor, value: float) -> None:
    tensor.view(-1)[3] = value


def not_finite_episode(place: Path) -> None:
    """A NaN action in an episode of unchanged size."""
    file = place / "data" / "episodes" / "000001.safetensors"
    found = read_tensors(file)
    size = file.stat().st_size
    found["actions"][7, 1] = float("nan")
    captions = json.dumps(
        [
            {"start": c.start, "end": c.end, "short": c.short, "detailed": c.detailed}
            for c in Dataset.open(place / "data").read(1).captions
        ]
    )
    write_tensors(file, found, {"captions": captions})
    assert file.stat().st_size == size


# -- use -------------------------------------------------------------------------------------------------------------


def open_world(place: Path) -> World:
    return World.from_pretrained(place / "checkpoint")


def read_all(place: Path) -> None:
    dataset = Dataset.open(place / "data")
    for number in range(len(dataset)):
        dataset.read(number)


def on_world(use: Callable[[World], object], rows: int = 2, reset: bool = True) -> Callable[[Path], object]:
    """Use a world of two rows that has been reset."""

    def act(place: Path) -> None:
        world = tiny_world(rows)
        if reset:
            world.reset(seeds=range(rows))
        before = [tensor.clone() for tensor in (world.cache.last, world.cache.count, *world.cache.keys)], world.prompts
        try:
            use(world)
        finally:
            after = [world.cache.last, world.cache.count, *world.cache.keys], world.prompts
            assert before[1] == after[1] and all(map(torch.equal, before[0], after[0])), "the world was changed"

    return act


def on_env(use: Callable[[LearnedVectorEnv], object], reset: bool = True) -> Callable[[Path], object]:
    """Use a vector env of two rows that has been reset."""

    def act(place: Path) -> None:
        env = LearnedVectorEnv(2, tiny_world(2))
        if reset:
            env.reset(seed=0)
        use(env)

    return act


def recorded(**changes: Any) -> Callable[[Path], object]:
    arguments = {"env_id": counter.ID, "policy": "random", "steps": 5, "seed": 0}
    return lambda place: record(**{"folder": place / "new", **arguments, **changes})


def tokenizer_stage(data: str = "data", out: str = "new", resume: bool = False, **changes: Any) -> Callable:
    return lambda place: train_tokenizer(replace(tokenizer_run(place / data, place / out, resume), **changes))


def dynamics_stage(tokenizer: str = "tokenizer", data: tuple[str, ...] = ("data",), **changes: Any) -> Callable:
    def act(place: Path) -> None:
        run = dynamics_run(place, place / tokenizer, place / changes.pop("out", "new"), changes.pop("resume", False))
        start = str(place / changes.pop("start")) if "start" in changes else ""
        train_dynamics(replace(run, data=tuple(place / folder for folder in data), start=start, **changes))

    return act


ZERO = np.zeros((2, 5), np.float32)
FRAMES = np.zeros((2, 3, *SIZE, 3), np.uint8)
LONG = "one two three four five six seven eight nine"
UP = "blocks.0.mlp.up.weight"


def act_of(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], object]:
    return on_world(lambda world: world.imagine(change(ZERO.copy())))


def wrong_action(value: float) -> Callable[[Path], object]:
    return act_of(lambda zero: np.where(np.arange(5) == 2, np.float32(value), zero))


CASES = [
    # checkpoints: weights
    Case("a missing tensor", CheckpointError, ("dynamics.safetensors", UP, "missing"), open_world,
         tensors("dynamics", lambda t: t.pop(UP))),
    Case("an extra tensor", CheckpointError, ("'surplus' (3,)", "not part"), open_world,
         tensors("dynamics", lambda t: t.update(surplus=torch.zeros(3)))),
    Case("a misshapen tensor", CheckpointError, (UP, "(64, 32)", "got (64, 31)"), open_world,
         tensors("dynamics", lambda t: t.update({UP: t[UP][:, 1:]}))),
    Case("a NaN weight", CheckpointError, (UP, "NaN"), open_world, tensors("dynamics", lambda t: poke(t[UP], np.nan))),
    Case("an infinite statistic", CheckpointError, ("tokenizer.safetensors", "'std'", "infinity"), open_world,
         tensors("tokenizer", lambda t: t["std"].fill_(torch.inf))),
    Case("truncated weights", CheckpointError, ("dynamics.safetensors", "damaged"), open_world,
         cut("checkpoint/dynamics.safetensors", 0.9)),
    Case("a truncated header", CheckpointError, ("tokenizer.safetensors", "damaged"), open_world,
         cut("checkpoint/tokenizer.safetensors", 0.01)),
    Case("an empty file of weights", CheckpointError, ("dynamics.safetensors", "damaged"), open_world,
         text("checkpoint/dynamics.safetensors", b"")),
    Case("no weights", CheckpointError, ("dynamics.safetensors", "missing"), open_world,
         remove("checkpoint/dynamics.safetensors")),
    Case("truncated starts", CheckpointError, ("starts.safetensors", "damaged"), open_world,
         cut("checkpoint/starts.safetensors", 0.9)),
    Case("starts of other actions", CheckpointError, ("starts.safetensors", "actions must be 5", "got 4"), open_world,
         tensors("starts", lambda t: t.update(actions=t["actions"][..., 1:]))),
    Case("starts of another size", CheckpointError, ("starts.safetensors", "frames must be (32, 48)"), open_world,
         tensors("starts", lambda t: t.update(frames=t["frames"][:, :, 8:]))),
    Case("starts without events", CheckpointError, ("starts.safetensors", "'events'"), open_world,
         tensors("starts", lambda t: t.pop("events"))),
    # checkpoints: the card
    Case("a checkpoint name that nobody knows", CheckpointError, ("'no-such-world'", "card.json"),
         lambda place: World.from_pretrained("no-such-world")),
    Case("a folder without a card", CheckpointError, ("no checkpoint", "checkpoint'"), open_world,
         remove("checkpoint/card.json")),
    Case("a card that is not JSON", CheckpointError, ("card.json is not JSON",), open_world,
         cut("checkpoint/card.json")),
    Case("a card that is not text", CheckpointError, ("card.json is not JSON",), open_world,
         text("checkpoint/card.json", b"\xff\xfe\x00{")),
    Case("a card that is a list", CheckpointError, ("card.json must hold an object, got list",), open_world,
         text("checkpoint/card.json", b"[1, 2]")),
    Case("a card of another version", CheckpointError, ("version 1, got 7",), open_world,
         card(lambda c: c.update(version=7))),
    Case("a card without a field", CheckpointError, ("card.json: field 'fps' is missing",), open_world,
         card(lambda c: c.pop("fps"))),
    Case("a card with a field of a wrong type", CheckpointError, ("card.json", "'fast'"), open_world,
         card(lambda c: c.update(fps="fast"))),
    Case("a card that stands still", CheckpointError, ("card.json: fps must be positive, got 0",), open_world,
         card(lambda c: c.update(fps=0))),
    Case("a card with an unknown config field", CheckpointError, ("card.json", "'wings'"), open_world,
         card(lambda c: c["dynamics"].update(wings=2))),
    Case("a card with text for a number", CheckpointError, ("DynamicsConfig.depth", "'four'"), open_world,
         card(lambda c: c["dynamics"].update(depth="four"))),
    Case("a card with too few widths", CheckpointError, ("TokenizerConfig.widths must be three",), open_world,
         card(lambda c: c["tokenizer"].update(widths=[8, 8]))),
    Case("a card with more words than rows", CheckpointError, ("dynamics.words must be", "got"), open_world,
         card(lambda c: c["vocabulary"].append("more"))),
    Case("a card with fewer events than rows", CheckpointError, ("dynamics.events must be 2", "got 3"), open_world,
         card(lambda c: c["event_names"].pop())),
    Case("a card whose networks do not fit", CheckpointError, ("dynamics.channels must be 4", "got 3"), open_world,
         card(lambda c: c["tokenizer"].update(channels=4))),
    Case("a card whose config is not that of the weights", CheckpointError, ("blocks.0", "card.json"), open_world,
         card(lambda c: c["dynamics"].update(hidden=3))),
    Case("a card of a size that does not divide", CheckpointError, ("size must be", "steps of 16", "(32, 50)"),
         open_world, card(lambda c: c.update(size=[32, 50]))),
    Case("a vocabulary without padding", CheckpointError, ("card.json", "[pad]"), open_world,
         card(lambda c: c["vocabulary"].pop(0))),
    Case("an action table out of range", CheckpointError, ("card.json", "action table", "[-1, 1]"), open_world,
         card(lambda c: c["action_spec"]["table"][0].__setitem__(0, 2.0))),
    Case("an action spec without names", CheckpointError, ("card.json", "'names'"), open_world,
         card(lambda c: c["action_spec"].pop("names"))),
    Case("a tokenizer for a world", CheckpointError, ("tokenizer alone",),
         lambda place: World.from_pretrained(place / "tokenizer")),
    # configs
    Case("no steps", ConfigError, ("FitConfig.steps", "at least 1", "got 0"), lambda place: FitConfig(steps=0)),
    Case("half a step", ConfigError, ("FitConfig.save_every", "2.5"), lambda place: FitConfig(save_every=2.5)),
    Case("a share above one", ConfigError, ("FitConfig.cooldown", "[0, 1]", "2"), lambda place: FitConfig(cooldown=2)),
    Case("a budget of NaN", ConfigError, ("FitConfig.minutes", "nan"), lambda place: FitConfig(minutes=np.nan)),
    Case("a negative seed", ConfigError, ("FitConfig.seed", "-1"), lambda place: FitConfig(seed=-1)),
    Case("no depth", ConfigError, ("DynamicsConfig.depth", "got 0"), lambda place: replace(DYNAMICS, depth=0)),
    Case("no block that sees the past", ConfigError, ("DynamicsConfig.time_every", "got 9"),
         lambda place: replace(DYNAMICS, time_every=9)),
    Case("two widths of three", ConfigError, ("TokenizerConfig.widths",),
         lambda place: replace(TOKENIZER, widths=(8, 8))),
    Case("words of odd width", ConfigError, ("TextConfig.width", "100"), lambda place: TextConfig(width=100)),
    Case("a share of text above one", ConfigError, ("DynamicsLossConfig.drop_text", "3"),
         lambda place: DynamicsLossConfig(drop_text=3)),
    Case("a bucket without rows", ConfigError, ("LatentBucket.rows", "0"), lambda place: LatentBucket(0, 4)),
    Case("a bucket that sees the future", ConfigError, ("LatentBucket.attend", "'future'"),
         lambda place: LatentBucket(2, 4, "future")),  # type: ignore[arg-type]
    # datasets
    Case("a folder that is no dataset", DatasetError, ("nowhere", "worldsim record"),
         lambda place: Dataset.open(place / "nowhere")),
    Case("a dataset of another format", DatasetError, ("dataset.json", "format must be 1, got 99"), read_all,
         card(lambda c: c.update(format=99), "data/dataset.json")),
    Case("a dataset without a field", DatasetError, ("dataset.json", "size"), read_all,
         card(lambda c: c.pop("size"), "data/dataset.json")),
    Case("a dataset file that is not JSON", DatasetError, ("dataset.json", "not JSON"), read_all,
         cut("data/dataset.json")),
    Case("a truncated episode", DatasetError, ("000001.safetensors", "truncated"), read_all,
         cut("data/episodes/000001.safetensors")),
    Case("a missing episode", DatasetError, ("000001.safetensors", "missing"), read_all,
         remove("data/episodes/000001.safetensors")),
    Case("an episode with a NaN action", DatasetError, ("000001.safetensors", "actions", "row 7"), read_all,
         not_finite_episode),
    Case("a broken index", DatasetError, ("index.jsonl", "line 1"), read_all,
         text("data/index.jsonl", b'{"file": 3\n')),
    Case("an episode that is not there", DatasetError, ("asked for 9",),
         lambda place: Dataset.open(place / "data").read(9)),
    Case("sources of different worlds", DatasetError, ("actions differ",),
         lambda place: batches([RecordedSource(place / p) for p in ("data", "other")], [Bucket(2, 4)], 0)),
    Case("a bucket without length", BucketError, ("length",), lambda place: Bucket(2, 0)),
    # recording
    Case("an env that nobody knows", RecordError, ("Nowhere-v0",), recorded(env_id="Nowhere-v0")),
    Case("an env from a module that is not there", RecordError, ("nowhere:Env-v0",), recorded(env_id="nowhere:Env-v0")),
    Case("an env without pictures", RecordError, ("Blind-v0", "rgb_array"), recorded(env_id="Blind-v0")),
    Case("an env with two pictures", FrameError, ("'left', 'right'", "image_key"),
         recorded(env_kwargs={"kind": "two"})),
    Case("pictures with channels first", FrameError, ("channels come last",), recorded(env_kwargs={"kind": "chw"})),
    Case("a picture that is not there", FrameError, ("'up'",), recorded(env_kwargs={"kind": "dict"}, image_key="up")),
    Case("an argument that the env does not take", RecordError, ("wings",), recorded(env_kwargs={"wings": 2})),
    Case("a policy that is not there", RecordError, ("'nobody:here'",), recorded(policy="nobody:here")),
    Case("no steps to record", RecordError, ("steps",), recorded(steps=0)),
    Case("a dataset of another env", DatasetError, ("env_id", "CartPole-v1", "another folder"),
         lambda place: record("CartPole-v1", "random", 5, place / "data", 0)),
    # worlds
    Case("an action above one", WorldError, ("[-1, 1]", "1.5"), wrong_action(1.5)),
    Case("a NaN action", WorldError, ("finite", "nan"), wrong_action(np.nan)),
    Case("an infinite action", WorldError, ("finite", "-inf"), wrong_action(-np.inf)),
    Case("actions of another width", WorldError, ("(2, 5)", "got (2, 4)"), act_of(lambda zero: zero[:, 1:])),
    Case("actions for one row of two", WorldError, ("(2, 5)", "got (1, 5)"), act_of(lambda zero: zero[:1])),
    Case("actions as truth values", WorldError, ("float32", "bool"), act_of(lambda zero: zero.astype(bool))),
    Case("actions as a list", WorldError, ("float32", "list"), act_of(lambda zero: zero.tolist())),
    Case("a step before the reset", WorldError, ("rows [0, 1]", "reset"),
         on_world(lambda w: w.imagine(ZERO), reset=False)),
    Case("a look before the reset", WorldError, ("reset",),
         on_world(lambda w: w.observe(FRAMES, np.zeros((2, 3, 5), np.float32)), reset=False)),
    Case("a snapshot before the reset", WorldError, ("reset",), on_world(lambda w: w.snapshot(), reset=False)),
    Case("frames as floats", ClipError, ("uint8", "float64"),
         on_world(lambda w: w.reset(FRAMES / 255.0, seeds=(0, 1)))),
    Case("frames with channels first", ClipError, ("(B, T, H, W, 3)", "(2, 3, 3, 32, 48)"),
         on_world(lambda w: w.reset(FRAMES.transpose(0, 1, 4, 2, 3), seeds=(0, 1)))),
    Case("frames of another size", WorldError, ("(2, T, 32, 48, 3)", "16, 48"),
         on_world(lambda w: w.reset(FRAMES[:, :, 16:], seeds=(0, 1)))),
    Case("no frames in frames", WorldError, ("(2, 0, 32, 48, 3)",),
         on_world(lambda w: w.reset(FRAMES[:, :0], seeds=(0, 1)))),
    Case("frames for one row of two", WorldError, ("(2, T,", "(1, 3,"),
         on_world(lambda w: w.reset(FRAMES[:1], seeds=(0, 1)))),
    Case("given actions of another length", WorldError, ("(2, 3, 5)", "(2, 2, 5)"),
         on_world(lambda w: w.reset(FRAMES, np.zeros((2, 2, 5), np.float32), seeds=(0, 1)))),
    Case("a prompt too long", PromptError, ("at most 8 words, got 9", "one two"),
         on_world(lambda w: w.set_prompt(LONG))),
    Case("a prompt too long in a reset", PromptError, ("at most 8 words",),
         on_world(lambda w: w.reset(prompts=["", LONG], seeds=(0, 1)))),
    Case("a prompt that is no text", PromptError, ("must be text, got int",), on_world(lambda w: w.set_prompt([3, 4]))),
    Case("three prompts for two rows", WorldError, ("each of 2 rows, got 3",),
         on_world(lambda w: w.set_prompt(["a"] * 3))),
    Case("a row out of range", WorldError, ("[0, 2)", "[2]"), on_world(lambda w: w.reset(seeds=(0,), rows=[2]))),
    Case("a row twice", WorldError, ("different numbers", "[1, 1]"), on_world(lambda w: w.set_prompt("", [1, 1]))),
    Case("rows as truth values", WorldError, ("True",), on_world(lambda w: w.set_prompt("", [True, False]))),
    Case("one seed for two rows", WorldError, ("one seed for each of 2 rows, got 1",),
         on_world(lambda w: w.reset(seeds=(1,)))),
    Case("a seed that is no number", WorldError, ("seeds must be integers", "'a'"),
         on_world(lambda w: w.reset(seeds=("a", 1)))),
    Case("a snapshot of three rows", WorldError, ("2 rows was expected, got 3",),
         on_world(lambda w: w.restore(three_rows().snapshot()))),
    Case("a snapshot of another network", WorldError, ("a snapshot of this world",),
         on_world(lambda w: w.restore(another_network().snapshot()))),
    Case("a world without rows", WorldError, ("rows=0",),
         lambda place: World.from_pretrained(place / "checkpoint", rows=0)),
    Case("a world without steps", WorldError, ("steps=0",), lambda place: tiny_world(steps=0)),
    Case("a device that is not there", WorldError, ("'abacus'",),
         lambda place: World.from_pretrained(place / "checkpoint", device="abacus")),
    # envs
    Case("an unknown option", EnvError, ("pormpt", "prompt"), on_env(lambda e: e.reset(options={"pormpt": "snow"}))),
    Case("an env step before the reset", EnvError, ("reset",), on_env(lambda e: e.step(np.array([0, 1])), reset=False)),
    Case("an env action out of the space", ActionError, ("Discrete(5)", "7"),
         on_env(lambda e: e.step(np.array([0, 7])))),
    Case("an env action that is no integer", ActionError, ("integers", "float"),
         on_env(lambda e: e.step(np.array([0.5, 1])))),
    Case("too many env actions", EnvError, ("2 actions", "got 3"), on_env(lambda e: e.step(np.array([0, 1, 2])))),
    Case("an env prompt too long", PromptError, ("at most 8 words",), on_env(lambda e: e.set_prompt(LONG))),
    Case("an env prompt that is no text", EnvError, ("prompt must be a text", "3"),
         on_env(lambda e: e.reset(options={"prompt": 3}))),
    Case("env frames of another size", EnvError, ("(T, 32, 48, 3)", "(3, 16, 48, 3)"),
         on_env(lambda e: e.reset(options={"frames": FRAMES[0, :, 16:]}))),
    Case("env frames as floats", EnvError, ("uint8", "float64"),
         on_env(lambda e: e.reset(options={"frames": FRAMES[0] / 2}))),
    Case("env actions without frames", EnvError, ("frames",),
         on_env(lambda e: e.reset(options={"actions": np.zeros(3, int)}))),
    Case("a mask of another length", EnvError, ("reset_mask", "(2,)"),
         on_env(lambda e: e.reset(options={"reset_mask": np.ones(3, bool)}))),
    Case("an env of an unknown checkpoint", CheckpointError, ("no-such-world",),
         lambda place: LearnedEnv("no-such-world")),
    Case("an env without rows", EnvError, ("num_envs", "0"), lambda place: LearnedVectorEnv(0, tiny_world())),
    Case("a threshold of zero", EnvError, ("threshold", "0"), lambda place: LearnedEnv(tiny_world(), threshold=0)),
    # actions
    Case("an action of another space", ActionError, ("Discrete(5)", "'left'"),
         lambda place: tiny_card().action_spec.encode("left")),
    Case("an action vector too short", ActionError, ("(5,)", "(3,)"),
         lambda place: tiny_card().action_spec.decode(np.zeros(3))),
    Case("a space that has no vector", ActionError, ("Text",), lambda place: ActionSpec.from_space(spaces.Text(3))),
    # training
    Case("an output folder that holds a run", TrainingError, ("run", "already holds a run", "step-00000005"),
         tokenizer_stage(out="run")),
    Case("a dynamics run over another run", TrainingError, ("run", "already holds a run"), dynamics_stage(out="run")),
    Case("nothing to resume", TrainingError, ("new", "no run to resume"), tokenizer_stage(resume=True)),
    Case("no dynamics run to resume", TrainingError, ("new", "no run to resume"), dynamics_stage(resume=True)),
    Case("a state that was torn", TrainingError, ("step-00000005", "weights.safetensors is missing"),
         tokenizer_stage(out="run", resume=True), text("run/states/step-00000005/state.json", b"{}")),
    Case("training on nothing", TrainingError, ("--data", "--live"),
         lambda place: train_tokenizer(replace(tokenizer_run(place, place / "new"), data=()))),
    Case("training on a folder that is no dataset", DatasetError, ("nowhere",), tokenizer_stage(data="nowhere")),
    Case("training on a truncated episode", DatasetError, ("000001.safetensors", "truncated"), tokenizer_stage(),
         cut("data/episodes/000001.safetensors", 0.99)),
    Case("training on frames that do not divide", DatasetError, ("odd", "steps of 8", "(20, 36)"),
         tokenizer_stage(data="odd")),
    Case("training on two kinds of worlds", DatasetError, ("other", "actions differ"),
         dynamics_stage(data=("data", "other"))),
    Case("training on two sizes", DatasetError, ("odd", "steps of 16", "(20, 36)"),
         dynamics_stage(data=("data", "odd"))),
    Case("a tokenizer that is not there", CheckpointError, ("nowhere",), dynamics_stage(tokenizer="nowhere")),
    Case("a start without dynamics", CheckpointError, ("tokenizer alone", "--start"),
         dynamics_stage(start="tokenizer")),
    Case("a start that is damaged", CheckpointError, ("dynamics.safetensors", "damaged"),
         dynamics_stage(start="checkpoint"),
         cut("checkpoint/dynamics.safetensors")),
]  # fmt: skip


def three_rows() -> World:
    world = tiny_world(3)
    world.reset(seeds=(0, 1, 2))
    return world


def another_network() -> World:
    world = World(tiny_card(), tiny_tokenizer(), tiny_dynamics(depth=2), None, rows=2, steps=1)
    world.reset(seeds=(0, 1))
    return world


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_wrong_input_is_named_at_once_and_leaves_no_trace(
    case: Case, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    shutil.copytree(sound, place)
    monkeypatch.chdir(tmp_path)
    case.damage(place)
    before = tree(tmp_path)
    start = time.process_time()  # of our own work: others may keep the machine busy
    with pytest.raises(case.error) as caught:
        case.use(place)
    took = time.process_time() - start
    message = str(caught.value)
    assert type(caught.value) is case.error
    assert all(part in message for part in case.says), message
    assert "\n" not in message, "one line, whatever a library had to say"
    assert tree(tmp_path) == before, "something was written"
    assert took < 1, f"{took:.2f} s"


def test_the_sound_ones_are_taken(sound: Path) -> None:
    card, _, _, starts = load(sound / "checkpoint")
    assert card.name == "tiny" and starts is not None and len(Dataset.open(sound / "data")) == 2
    assert len(CASES) >= 30 and len({case.what for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("play --checkpoint {}/checkpoint --headless --world learned --steps 2", "dynamics.safetensors"),
        ("eval --checkpoint {}/checkpoint --out {}/new", "dynamics.safetensors"),
        ("train tokenizer --data {}/data --out {}/new --resume", "no run to resume"),
        ("train tokenizer --data {}/data --out {}/run", "already holds a run"),
        ("train tokenizer --data {}/odd --out {}/new", "steps of 8"),
        ("train tokenizer --data {}/nowhere --out {}/new", "nowhere"),
        ("train tokenizer --out {}/new", "--data"),
        ("train dynamics --tokenizer {}/tokenizer --data {}/data {}/other --out {}/new", "actions differ"),
        ("train dynamics --tokenizer {}/checkpoint2 --data {}/data --out {}/new", "checkpoint2"),
        ("train dynamics --tokenizer {}/tokenizer --data {}/data --out {}/new --start {}/tokenizer", "tokenizer alone"),
        ("record --env Blind-v0 --steps 3 --out {}/new", "Blind-v0"),
        ("record --env Nowhere-v0 --steps 3 --out {}/new", "Nowhere-v0"),
        ("record --env CartPole-v1 --steps 3 --out {}/data", "env_id"),
        ("record --env CartPole-v1 --steps 3 --out {}/new --size 0 8", "size"),
    ],
)
def test_on_the_command_line_it_is_one_line_and_exit_code_2(
    words: str, says: str, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    place = tmp_path / "place"
    shutil.copytree(sound, place)
    monkeypatch.chdir(tmp_path)
    cut("checkpoint/dynamics.safetensors")(place)
    before = tree(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(words.replace("{}", str(place)).split())
    said = capsys.readouterr()
    assert stop.value.code == 2 and not said.out
    assert says in said.err and len(said.err.strip().splitlines()) == 1, said.err
    assert tree(tmp_path) == before, "something was written"


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--steps 0", "FitConfig.steps must be whole and at least 1, got 0"),
        ("--cooldown 2", "FitConfig.cooldown must be a number in [0, 1], got 2.0"),
        ("--model.widths 8 0 8", "TokenizerConfig.widths must be whole and at least 1, got (8, 0, 8)"),
        ("--steps many", "many"),
        ("--wings 2", "--wings"),
    ],
)
def test_an_option_out_of_range_is_named_with_what_it_must_be(
    option: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main(["train", "tokenizer", "--data", "here", *option.split()])
    said = capsys.readouterr()
    assert says in " ".join(said.err.split()) and not said.out and not list(tmp_path.iterdir())


def test_no_traceback_reaches_the_terminal(sound: Path) -> None:
    words = ["play", "--checkpoint", str(sound / "nowhere"), "--headless"]
    done = subprocess.run([sys.executable, "-m", "worldsim.cli", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "nowhere" in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1

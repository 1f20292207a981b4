"""Cases of wrong input in calls: configs, recording, worlds, envs, actions, training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from gymnasium import spaces

from networks import DYNAMICS, TOKENIZER, tiny_card, tiny_world
from training_runs import tokenizer_run
from worldsim.actions import ActionError, ActionSpec
from worldsim.clip import ClipError
from worldsim.data.episodes import DatasetError
from worldsim.data.frames import FrameError
from worldsim.data.record import RecordError, record
from worldsim.model.checkpoint import CheckpointError
from worldsim.model.config import ConfigError
from worldsim.model.text import PromptError, TextConfig
from worldsim.sampling.world import World, WorldError
from worldsim.training.latents import LatentBucket
from worldsim.training.loop import FitConfig, TrainingError
from worldsim.training.losses import DynamicsLossConfig
from worldsim.training.stages import train_tokenizer
from worldsim_envs.learned import EnvError, LearnedEnv, LearnedVectorEnv
from wrong_input import (
    FRAMES,
    LONG,
    ZERO,
    Case,
    act_of,
    another_network,
    cut,
    dynamics_stage,
    on_env,
    on_world,
    recorded,
    text,
    three_rows,
    tokenizer_stage,
    wrong_action,
)

CASES: list[Case] = [
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
    Case("a state that was torn", TrainingError, ("step-00000005", "state.json tells neither"),
         tokenizer_stage(out="run", resume=True), text("run/states/step-00000005/state.json", b"{}")),
    Case("a state without weights", TrainingError, ("step-00000005", "weights.safetensors is missing"),
         tokenizer_stage(out="run", resume=True),
         text("run/states/step-00000005/state.json", b'{"step": 5, "config": {"seed": 0}}')),
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

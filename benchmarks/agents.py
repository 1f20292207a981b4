"""How fast PPO learns in the learned world, end to end: env-steps/s with pixels and with latents, 16 rows.

    python benchmarks/agents.py [--checkpoint NAME] [--threads N] [--steps N]

An env-step is one row moved on by one frame; the figure holds everything from action to weights: the learned world, the
adapter, PPO's own forward passes and its updates. Rollouts begin in stored starts, as the true world is another cost.
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
import tyro

from worldsim.files import write_json
from worldsim_agents.rl.agents import make_agent, recipe_for
from worldsim_agents.rl.presets import LEARNERS
from worldsim_agents.rl.worlds import Setting, open_world


@dataclass(frozen=True)
class Options:
    """Measure PPO in `worldsim/Learned-ChopTree-v0`."""

    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    rows: int = 16
    """Worlds in one batch."""
    steps: int = 4096
    """Env steps that count, after a rollout that warms up."""
    rounds: int = 3
    """Measurements of each; the median counts, and the spread is shown."""
    threads: int = os.cpu_count() or 1
    """Threads of the networks."""
    out: str = ""
    """File for the figures, as JSON."""


def main(options: Options) -> None:
    """Measure both kinds of observation in turn, and print them."""
    torch.set_num_threads(options.threads)
    base = Setting("ChopTree", options.checkpoint, rows=options.rows, start="", horizon=64)
    found: dict[str, list[float]] = {"rgb": [], "latent": []}
    for _ in range(options.rounds):
        for obs, rates in found.items():
            rates.append(_rate(replace(base, obs=obs), options.steps))
    machine = platform.processor() or platform.machine()
    print(f"{options.rows} rows, {options.threads} threads on {os.cpu_count()} cores, {machine}")
    for obs, rates in found.items():
        low, middle, high = np.percentile(rates, [0, 50, 100])
        print(f"PPO, {obs:7}{middle:7.1f} env-steps/s ({low:.1f} … {high:.1f}, {options.rounds} runs)")
    if options.out:
        write_json(options.out, found)


def _rate(setting: Setting, steps: int) -> float:
    """Env-steps a second of PPO that learns, after one rollout and its updates."""
    stack = LEARNERS["ppo"].stack
    envs = open_world("learned", setting, stack, shaping=True)
    shape = tuple(envs.observation_space.shape or ())
    agent = make_agent(recipe_for("ppo", setting.task, setting.obs, shape, 26, 0), envs)
    agent.learn(1)
    begun, before = time.perf_counter(), agent.num_timesteps
    agent.learn(steps, reset_num_timesteps=False)
    rate = (agent.num_timesteps - before) / (time.perf_counter() - begun)
    envs.close()
    return rate


if __name__ == "__main__":
    main(tyro.cli(Options))

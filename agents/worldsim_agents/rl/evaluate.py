"""`worldsim agent eval`: what an agent earns on levels that no training saw, and its exploitation gap."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from worldsim.fidelity.statistics import wilson
from worldsim.files import write_json
from worldsim_agents.rl.agents import load_agent
from worldsim_agents.rl.gap import exploitation
from worldsim_agents.rl.planner import Plan
from worldsim_agents.rl.players import play, player_of
from worldsim_agents.rl.results import interval
from worldsim_agents.rl.worlds import Kind, Setting, open_world

__all__ = ["Judge", "judge", "summary"]


@dataclass(frozen=True)
class Judge:
    """Judge an agent: returns and successes with 95 % intervals; --gap compares both worlds from the same states."""

    agent: str = "random"
    """The path of an agent's zip, or "random", "scripted" (true world only) or "planner"."""
    world: Kind = "true"
    """Where it is judged."""
    episodes: int = 100
    """How many."""
    seed: int = 10_000
    """Decides starts and chances."""
    deterministic: bool = False
    """Take the likeliest action instead of drawing one."""
    gap: bool = False
    """Play pairs of rollouts from the same true states, in the learned world and in the true one."""
    out: Path | None = None
    """File for the figures, as JSON."""
    plan: Plan = field(default_factory=Plan)
    """Of the planner."""
    setting: Annotated[Setting, tyro.conf.arg(name="")] = field(default_factory=Setting)

    def __post_init__(self) -> None:
        if self.episodes < 2:
            raise ValueError(f"--episodes must be at least 2, got {self.episodes}")


def judge(options: Judge) -> dict[str, Any]:
    """Judge as the options say, print the figures and return them.

    Raises:
        AgentError, EnvError, CheckpointError: no such agent or world.
    """
    setting, stack = options.setting, 1
    if options.agent.endswith(".zip"):
        recipe = load_agent(options.agent)[1]
        setting, stack = replace(setting, obs="latent" if recipe.obs == "latent" else "rgb"), recipe.stack
    setting = replace(setting, rows=min(setting.rows, options.episodes))
    kind: Kind = "learned" if options.gap else options.world
    envs = open_world(kind, setting, stack, test=True)
    try:
        player = player_of(options.agent, setting, envs, options.seed, options.plan)
        if options.gap:
            gap = exploitation(setting, player, stack, options.episodes, options.seed, options.deterministic)
            found = {"gap": gap.value, **{f"{name}_return": interval(values) for name, values in
                     (("learned", gap.learned), ("true", gap.true))}, "steps": float(gap.lengths.mean())}  # fmt: skip
        else:
            found = summary(play(envs, player, options.episodes, options.seed, options.deterministic))
            if not setting.task:  # without a goal nothing succeeds
                del found["success"]
    finally:
        envs.close()
    report = {"agent": options.agent, "world": "both" if options.gap else options.world, "task": setting.task,
              "episodes": options.episodes, "deterministic": options.deterministic, "setting": asdict(setting),
              **found}  # fmt: skip
    print(json.dumps({key: _short(value) for key, value in report.items() if key != "setting"}))
    if options.out is not None:
        write_json(options.out, report)
    return report


def _short(value: Any) -> Any:
    """Numbers as many digits long as anybody reads; means come as [mean, low, high]."""
    if isinstance(value, list):
        return [_short(one) for one in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def summary(played: Any) -> dict[str, Any]:
    """Mean return and success rate with intervals, and the median length, of `players.Played`."""
    rate = wilson(int(played.successes.sum()), len(played.successes))
    return {
        "return": interval(played.returns),
        "success": [rate.value, rate.low, rate.high],
        "median_steps": float(np.median(played.lengths)),
    }

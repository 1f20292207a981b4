"""`worldsim agent rank`: do the learned and the true world rank policies alike? Spearman's correlation, permuted.

And how far are their returns from the true ones: the return error.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from worldsim.files import write_json
from worldsim_agents.rl.agents import AgentError, load_agent
from worldsim_agents.rl.gap import exploitation
from worldsim_agents.rl.players import Player, Random
from worldsim_agents.rl.results import interval, rank_agreement
from worldsim_agents.rl.worlds import Setting, actions_of, open_world

__all__ = ["Rank", "rank"]


@dataclass(frozen=True)
class Rank:
    """Judge many policies in both worlds, from the same true states, and compare the two rankings."""

    agents: tuple[Path, ...] = (Path("out/agent"),)
    """Zips, or folders that hold them, at any depth: 12 policies or more say something. Chance is one more."""
    episodes: int = 64
    """Pairs of rollouts of each policy."""
    seed: int = 30_000
    """Decides starts and chances."""
    out: Path = Path("out/rank.json")
    """File for the figures."""
    setting: Annotated[Setting, tyro.conf.arg(name="")] = field(default_factory=Setting)

    def __post_init__(self) -> None:
        if self.episodes < 2:
            raise ValueError(f"--episodes must be at least 2, got {self.episodes}")


def rank(options: Rank) -> dict[str, Any]:
    """Rank as the options say, print and write the figures, and return them. `return_error` is [mean, low, high] of how
    far a policy's mean returns in the two worlds are apart, policies drawn anew.

    Raises:
        AgentError: fewer than two agents of the task, or one that cannot be read.
    """
    zips: list[Path] = []
    for path in options.agents:
        if not path.exists():
            raise AgentError(f"--agents: {path} does not exist; give zips of worldsim agent train, or folders of them")
    for path in options.agents:
        zips += [path] if path.suffix == ".zip" else sorted(path.rglob("*.zip"))
    rows = []
    for path in [None, *zips]:
        setting, stack, player = _of(options.setting, path, options.seed)
        if player is None:
            continue
        gap = exploitation(setting, player, stack, options.episodes, options.seed)
        rows.append({
            "agent": "random" if path is None else str(path), "learned": float(gap.learned.mean()),
            "true": float(gap.true.mean()), "gap": gap.value, "true_interval": interval(gap.true),
        })  # fmt: skip
        print(f"{rows[-1]['agent']}: {rows[-1]['learned']:.3f} learned, {rows[-1]['true']:.3f} true", flush=True)
    if len(rows) < 3:
        found = len(rows) - 1
        raise AgentError(
            f"ranking needs two agents of task {options.setting.task!r} or more beside chance, got {found}"
        )
    agreement, chance = rank_agreement([row["learned"] for row in rows], [row["true"] for row in rows])
    error = interval([abs(row["gap"]) for row in rows])
    found = {
        "task": options.setting.task, "spearman": agreement, "p": chance, "return_error": error, "policies": rows
    }  # fmt: skip
    write_json(options.out, found)
    print(f"{len(rows)} policies: Spearman {agreement:.2f}, p {chance:.4f} by permutation")
    print(f"return error, |learned - true| in the mean over policies: {error[0]:.3f} [{error[1]:.3f}, {error[2]:.3f}]")
    print(f"the figures: {options.out}")
    return found


def _of(setting: Setting, path: Path | None, seed: int) -> tuple[Setting, int, Player | None]:
    """A policy, how its worlds are opened, and how much it sees at once; None for one of another task."""
    if path is None:
        envs = open_world("true", replace(setting, rows=1))
        actions = actions_of(envs)
        envs.close()
        return setting, 1, Random(actions, seed)
    agent, recipe = load_agent(path)
    if recipe.task != setting.task:
        return setting, recipe.stack, None
    return replace(setting, obs="latent" if recipe.obs == "latent" else "rgb"), recipe.stack, agent

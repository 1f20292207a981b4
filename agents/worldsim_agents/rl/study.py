"""`worldsim agent study`: what learning in the learned world is worth in the true one, at equal true data.

For each task and seed: a recording of so many true steps; an agent trained in the learned world, whose rollouts begin
in that recording; an agent trained in the true world for as many steps; one that imitates the recording; chance. Where
tasks are too hard to be found by trying, both that try may begin as the imitation (`begin="clone"`); the true world's
agent then has twice the true data. All are judged in true worlds that none of them saw. Each trial is a line of
trials.jsonl as soon as it is done, so a study that is broken off goes on where it was; report.json, report.md and
report.png follow from those lines.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from shlex import join
from typing import Annotated, Any, Literal

import tyro

from worldsim.data.episodes import Dataset
from worldsim.data.record import record
from worldsim.files import replacing_file, write_json
from worldsim_agents.clumsy import clumsy
from worldsim_agents.rl.agents import Recipe, save_agent
from worldsim_agents.rl.gap import exploitation
from worldsim_agents.rl.players import Player, Random, play
from worldsim_agents.rl.presets import LEARNERS, Name
from worldsim_agents.rl.results import budgets, figure, interval, ratio, spent, table
from worldsim_agents.rl.train import cloned, learn
from worldsim_agents.rl.worlds import Setting, actions_of, learned_world, open_world, true_id, true_kwargs
from worldsim_envs.voxel.tasks import TASKS

__all__ = ["Study", "read_trials", "report", "study"]

Arm = Literal["learned", "true", "clone", "random"]
EPISODE = 200  # rows of a recorded episode


@dataclass(frozen=True)
class Study:
    """Compare agents of the learned world with agents of the true one, imitation and chance, at equal true data."""

    tasks: tuple[str, ...] = ("PaintSign", "CollectSand", "EatCake")
    """Of the voxel world's table; by default those whose events the shipped weights tell."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """A recording and an agent of each arm for each."""
    arms: tuple[Arm, ...] = ("random", "clone", "learned", "true")
    """Who is compared."""
    true_steps: int = 20_000
    """Steps of the true world in a recording, and those that the true world's agent takes."""
    learned_steps: int = 200_000
    """Steps of the learned world that its agent has beside."""
    episodes: int = 100
    """To judge each agent by, in the true world."""
    gap_episodes: int = 64
    """Pairs of rollouts that measure the exploitation gap; 0 leaves it out."""
    learner: Name = "ppo"
    """By what agents are trained."""
    begin: Literal["scratch", "clone"] = "scratch"
    """As what the agents of both worlds begin: knowing nothing, or imitating the recording. The true world's agent then
    has the recording's steps and as many of its own."""
    slips: float = 0.2
    """How often the players of the recordings slip; 1 is nearly chance."""
    epochs: int = 10
    """Of imitation."""
    out: Path = Path("out/study")
    """Folder for recordings, agents, trials.jsonl and the report."""
    setting: Annotated[Setting, tyro.conf.arg(name="")] = field(default_factory=Setting)

    def __post_init__(self) -> None:
        for name in ("true_steps", "learned_steps", "episodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")
        if self.gap_episodes < 0 or self.epochs < 1:
            got = f"{self.gap_episodes} and {self.epochs}"
            raise ValueError(f"--gap-episodes must be at least 0 and --epochs at least 1, got {got}")
        if self.begin == "clone" and self.learner != "ppo":
            raise ValueError(f"--begin clone needs --learner ppo, the policy that is cloned into, got {self.learner}")
        if not self.tasks or not self.seeds or not self.arms:
            raise ValueError("--tasks, --seeds and --arms must each name at least one")
        if unknown := sorted(set(self.tasks) - set(TASKS)):
            raise ValueError(f"--tasks must be of {', '.join(TASKS)}, got {', '.join(unknown)}")


def study(options: Study) -> dict[str, Any]:
    """Run the trials that are not there yet, and write the report; returns it.

    Raises:
        EnvError, CheckpointError, AgentError, RecordError: a task, world or learner cannot be made.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    trials = read_trials(options.out / "trials.jsonl")
    setting = options.setting
    weights = learned_world(setting).fingerprint
    mine: list[dict[str, Any]] = []  # of this study: the folder may hold others
    arms = sorted(options.arms, key="clone".__ne__) if options.begin == "clone" else options.arms  # others begin as it
    for seed in options.seeds:
        for task in options.tasks:
            for arm in arms:
                name = {"task": task, "arm": arm, "seed": seed, **_budget(options, arm, weights)}
                if done := next((trial for trial in trials if name.items() <= trial.items()), None):
                    mine.append(done)
                    continue
                trial = {**name, **_trial(options, task, arm, seed, weights)}
                mine.append(trial)
                trials.append(trial)
                _write_lines(options.out / "trials.jsonl", trials)
                print(f"{task:14}{arm:8} seed {seed}: return {sum(trial['returns']) / len(trial['returns']):.3f} "
                      f"in {trial['seconds']:.0f} s", flush=True)  # fmt: skip
    found = report(mine, options.out)
    print((options.out / "report.md").read_text())
    return found


def read_trials(path: Path) -> list[dict[str, Any]]:
    """The trials of a study so far. Raises `ValueError` naming a line that is none."""
    if not path.exists():
        return []
    trials = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            trials.append(dict(json.loads(line)))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: line {number} is no trial: {error}; remove it, and it is run again") from error
    return trials


def report(trials: list[dict[str, Any]], out: Path) -> dict[str, Any]:
    """Write report.json, report.md and report.png of some trials; returns what report.json holds."""
    tasks = list(dict.fromkeys(trial["task"] for trial in trials))
    means = [
        {
            arm: [sum(t["returns"]) / len(t["returns"]) for t in trials if (t["task"], t["arm"]) == (task, arm)]
            for arm in {trial["arm"] for trial in trials}
        }
        for task in tasks
    ]
    whole = [task for task in means if all(task.get(arm) for arm in ("learned", "true", "random"))]
    value, low, high = ratio(whole)
    known = value == value  # NaN where no task says anything
    found: dict[str, Any] = {"tasks": tasks, "trials": len(trials), "gap": {}}
    found["transfer"] = [value, low, high] if known else None
    found["rows"] = [{**row, "command": _command(trials, row, out)} for row in budgets(trials)]
    for task in tasks:
        gaps = [trial["gap"] for trial in trials if trial["task"] == task and "gap" in trial]
        if gaps:
            found["gap"][task] = interval(gaps)
    nothing = "not known: nowhere is the true world's agent above chance"
    said = f"{value:.2f} [{low:.2f}, {high:.2f}]" if known else nothing
    text = (
        f"{table(trials)}\n\nTransfer ratio (J_learned − J_random) / (J_true − J_random), IQM over tasks: {said}.\n\n"
        f"{spent(found['rows'])}\n"
    )
    with replacing_file(out / "report.md") as new:
        new.write_text(text)
    write_json(out / "report.json", found)
    figure(trials, out / "report.png")
    return found


def _command(trials: list[dict[str, Any]], row: dict[str, Any], out: Path) -> str:
    """The command that makes a row of the report, of its first trial's budget; "" where that does not tell it."""
    trial = next(trial for trial in trials if (trial["task"], trial["arm"]) == (row["task"], row["arm"]))
    if "setting" not in trial:
        return ""
    words = ["--tasks", row["task"], "--seeds", *map(str, row["seeds"]), "--arms", row["arm"]]
    of_arm = {"learned": ("true_steps", "learned_steps", "learner", "gap_episodes"), "true": ("true_steps", "learner"),
              "clone": ("true_steps", "epochs"), "random": ()}  # fmt: skip
    began = ("begin", "epochs") if trial.get("begin") == "clone" else ()
    chosen = {name: trial[name] for name in (*of_arm[row["arm"]], *began, "episodes", "slips")}
    usual = asdict(Setting())
    chosen |= {name: value for name, value in trial["setting"].items() if value != usual.get(name)}
    for name, value in chosen.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return join(["worldsim", "agent", "study", *words, "--out", str(out)])


def _budget(options: Study, arm: str, weights: str) -> dict[str, Any]:
    """What a trial had, which tells it from one of another study in the same folder. `weights` are the learned world's;
    agents of the true one that see pictures know nothing of them, but of how that world is made."""
    tries, begins = arm in ("learned", "true"), options.begin == "clone"
    return {
        "true_steps": 0 if arm == "random" else options.true_steps,
        "learned_steps": options.learned_steps if arm == "learned" else 0,
        "episodes": options.episodes,
        "learner": options.learner if tries else "",
        "epochs": options.epochs if arm == "clone" or (tries and begins) else 0,
        "slips": options.slips,
        "gap_episodes": options.gap_episodes if arm == "learned" else 0,
        "weights": weights if arm == "learned" or options.setting.obs == "latent" else "",
        "setting": {key: value for key, value in asdict(options.setting).items() if key not in ("task", "device")},
        "truth": _hash(true_kwargs(options.setting)),
    } | ({"begin": "clone"} if tries and begins else {})


def _kept(options: Study, task: str, arm: str, seed: int, weights: str) -> str:
    """Where the agent of a trial is kept, below `out`: studies with other budgets have other places."""
    name = {"task": task, "arm": arm, "seed": seed, **_budget(options, arm, weights)}
    return f"agents/{task}-{arm}-{seed}-{_hash(name)}.zip"


def _hash(of: dict[str, Any]) -> str:
    return blake2b(json.dumps(of, sort_keys=True).encode(), digest_size=4).hexdigest()


def _trial(options: Study, task: str, arm: str, seed: int, weights: str) -> dict[str, Any]:
    """Train an agent, where the arm has one, keep it and judge it; `weights` are the world's."""
    begun = time.perf_counter()
    setting = replace(options.setting, task=task)
    begins = arm in ("learned", "true") and options.begin == "clone"
    data = _recording(options, setting, seed) if begins or arm in ("learned", "clone") else None
    recorded = time.perf_counter()
    kept = _kept(options, task, arm, seed, weights)
    first = options.out / _kept(options, task, "clone", seed, weights) if begins else None
    player, stack, steps = _player(options, setting, arm, seed, data, options.out / kept, first)
    trained = time.perf_counter()
    envs = open_world("true", setting, stack, test=True)
    played = play(envs, player, options.episodes, 10_000 + seed)
    envs.close()
    trial: dict[str, Any] = {
        "returns": [round(value, 6) for value in played.returns.tolist()], "successes": played.successes.tolist(),
        "lengths": played.lengths.tolist(), "agent_steps": steps, "recording_seconds": round(recorded - begun, 1),
        "training_seconds": round(trained - recorded, 1),
    }  # fmt: skip
    if arm != "random":
        trial["agent"] = kept
    if arm == "learned" and options.gap_episodes:
        gap = exploitation(replace(setting, start="true"), player, stack, options.gap_episodes, 20_000 + seed)
        trial |= {"gap": gap.value, "gap_learned": float(gap.learned.mean()), "gap_true": float(gap.true.mean())}
    return {**trial, "seconds": round(time.perf_counter() - begun, 1)}


def _player(
    options: Study, setting: Setting, arm: str, seed: int, data: Path | None, path: Path, first: Path | None
) -> tuple[Player, int, int]:
    """Who plays for an arm, how many frames at once they see, and in how many steps they learned by trying.

    An agent is trained, on the recording `data` where its arm has one, and saved at `path`. One that tries begins as
    the clone at `first`, if there is to be one; it is made where no arm has left it.
    """
    if arm == "random":
        envs = open_world("true", replace(setting, rows=1))
        actions = actions_of(envs)
        envs.close()
        return Random(actions, seed), 1, 0
    if first is not None and not first.exists():
        assert data is not None
        save_agent(*cloned(setting, data, options.epochs, seed)[:2], first)
    agent: Any
    recipe: Recipe
    if arm == "clone":
        assert data is not None
        agent, recipe, _ = cloned(setting, data, options.epochs, seed)
    elif arm == "true":
        agent, recipe = learn(options.learner, "true", setting, options.true_steps, seed, agent=first, quiet=False)
    else:
        begun = replace(setting, start=str(data))
        agent, recipe = learn(options.learner, "learned", begun, options.learned_steps, seed, agent=first, quiet=False)
    save_agent(agent, recipe, path)
    return agent, LEARNERS[recipe.learner].stack, int(agent.num_timesteps)


def _recording(options: Study, setting: Setting, seed: int) -> Path:
    """The true data of a task and seed: made, or gone on with, until it has enough steps."""
    kwargs = true_kwargs(setting)
    folder = options.out / "data" / f"{setting.task}-{seed}-{options.true_steps}-{options.slips:g}-{_hash(kwargs)}"
    done = int((Dataset.open(folder).lengths - 1).sum()) if (folder / "dataset.json").exists() else 0
    if done < options.true_steps:
        record(
            true_id(setting.task), partial(clumsy, setting.task, options.slips), options.true_steps - done, folder,
            seed, episode_length=EPISODE, env_kwargs=kwargs,
        )  # fmt: skip
    return folder


def _write_lines(path: Path, trials: list[dict[str, Any]]) -> None:
    with replacing_file(path) as new:
        new.write_text("".join(json.dumps(trial) + "\n" for trial in trials))

"""`worldsim agent train` and `agent clone`: an agent, its logs, films and checkpoints in one folder.

    agent.zip          the agent, also one that Ctrl-C stopped; in stable-baselines3's format, read by `load_agent`
    checkpoints/       agents on the way
    tensorboard/       curves
    films/             an episode now and then, as the agent saw it
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from shlex import join
from typing import Annotated, Any

import numpy as np
import tyro
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm

from worldsim.data.episodes import Dataset
from worldsim.model.card import read_card
from worldsim.model.checkpoint import find
from worldsim.sampling.world import World
from worldsim.video import write_mp4
from worldsim_agents.rl.actions import chosen_in, plain
from worldsim_agents.rl.agents import (
    AgentError,
    Recipe,
    check_takes,
    load_agent,
    make_agent,
    recipe_for,
    save_agent,
)
from worldsim_agents.rl.cloning import clone
from worldsim_agents.rl.players import check_fits
from worldsim_agents.rl.presets import LEARNERS, Name
from worldsim_agents.rl.worlds import Kind, Setting, actions_of, open_world

__all__ = ["Clone", "Train", "clone_agent", "learn", "train"]

Flat = tyro.conf.arg(name="")
AGENT = "agent.zip"  # in the folder of a run


@dataclass(frozen=True)
class Train:
    """Train an agent on a task, in the learned world, in the true one, or in rows of both."""

    world: Kind = "learned"
    """Where."""
    learner: Name = "ppo"
    """By what."""
    agent: Path | None = None
    """Zip of an agent to begin from, of the same learner, observations and actions: one that was stopped, was trained
    in another world, or is a clone. Steps are counted anew."""
    steps: int = 50_000
    """Env steps, of all rows together."""
    seed: int = 0
    """Decides weights, starts and chances: the same command gives the same agent."""
    out: Path = Path("out/agent")
    """Folder for the agent, its logs, films and checkpoints."""
    shaping: bool = True
    """Pay for events on the way, as the task's preset says; judging never counts them."""
    save_every: int = 20_000
    """Env steps between checkpoints; 0 keeps the last agent alone."""
    film_every: int = 0
    """Env steps between films; 0 makes none."""
    quiet: bool = False
    """No progress bar."""
    setting: Annotated[Setting, Flat] = field(default_factory=Setting)

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("save_every", 0), ("film_every", 0)):
            if getattr(self, name) < least:
                option = f"--{name.replace('_', '-')}"
                raise ValueError(f"{option} must be at least {least}, got {getattr(self, name)}")


@dataclass(frozen=True)
class Clone:
    """Let an agent imitate the players of a recording."""

    data: Path
    """Folder of the recording."""
    epochs: int = 10
    """How often it goes through."""
    seed: int = 0
    """Decides weights and the order of examples."""
    out: Path = Path("out/clone")
    """Folder for agent.zip."""
    setting: Annotated[Setting, Flat] = field(default_factory=Setting)

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"--epochs must be at least 1, got {self.epochs}")


def train(options: Train) -> Path:
    """Train as the options say; returns the path of the agent. Ctrl-C keeps what was learned until then.

    Raises:
        EnvError, CheckpointError, AgentError: the world or the agent cannot be made so.
    """
    begun = time.perf_counter()
    agent, recipe = learn(
        options.learner, options.world, options.setting, options.steps, options.seed, options.shaping,
        agent=options.agent, out=options.out, save_every=options.save_every, film_every=options.film_every,
        quiet=options.quiet,
    )  # fmt: skip
    _keep_former(options.out / AGENT, options.agent)
    path = save_agent(agent, recipe, options.out / AGENT)
    seconds = time.perf_counter() - begun
    print(f"{path}: {agent.num_timesteps} steps in {seconds:.0f} s, {agent.num_timesteps / seconds:.0f} steps/s")
    print(f"next: worldsim agent eval --agent {path} --world true{_where(options.setting)}")
    return path


def _keep_former(path: Path, begun: Path | None = None) -> None:
    """Make way for an agent: one that is there already takes the next free name, unless the new one `begun` from it."""
    if path.exists() and (begun is None or begun.resolve() != path.resolve()):
        places = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(1))
        kept = path.rename(next(place for place in places if not place.exists()))
        print(f"{path} was there already, and is {kept} now")


def _where(setting: Setting) -> str:
    """The task, and the checkpoint where it is not the usual one, as options."""
    checkpoint = [] if setting.checkpoint == Setting.checkpoint else ["--checkpoint", setting.checkpoint]
    return f" {join(['--task', setting.task, *checkpoint])}"


def learn(
    learner: str, kind: Kind, setting: Setting, steps: int, seed: int, shaping: bool = True, *,
    settings: dict[str, Any] | None = None, agent: Path | None = None, out: Path | None = None, save_every: int = 0,
    film_every: int = 0, quiet: bool = True,
) -> tuple[BaseAlgorithm, Recipe]:  # fmt: skip
    """Train a learner, from the weights of `agent` where given, and return it with its recipe.

    Nothing is written without `out`; with it, an interrupted learner is saved before the interrupt goes on.

    Raises:
        EnvError, CheckpointError, AgentError: the world or the learner cannot be made so, or `agent` is another's.
        AgentError, AdapterError: a learner, or no learner at all, takes the actions of that world.
    """
    former = None if agent is None else load_agent(agent)
    if former is not None and former[1].learner != learner:
        raise AgentError(f"{agent} was trained by {former[1].learner}, not by {learner}: give --learner accordingly")
    taken = read_card(find(setting.checkpoint)).action_spec.space
    chosen_in(taken)  # refuses, before any world is made, what no learner takes
    check_takes(learner, taken)
    stack = LEARNERS[learner].stack
    envs = open_world(kind, setting, stack, shaping=shaping)
    try:
        envs.seed(seed)
        shape = tuple(envs.observation_space.shape or ())
        actions = actions_of(envs)
        recipe = recipe_for(learner, setting.task, setting.obs, shape, actions, seed, settings)
        if steps <= (idle := int(recipe.settings.get("learning_starts", 0))):
            warnings.warn(
                f"{learner} only gathers experience in its first {idle} steps: after {steps} it has learned nothing",
                stacklevel=2,
            )
        if "n_steps" in recipe.settings:  # a rollout of all rows cannot be smaller than a batch, nor steps than it
            whole = int(recipe.settings["n_steps"]) * envs.num_envs
            recipe = replace(
                recipe, settings={**recipe.settings, "batch_size": min(int(recipe.settings["batch_size"]), whole)}
            )
        story = {"world": kind, "steps": steps, "checkpoint": setting.checkpoint, "start": setting.start}
        if former is not None:
            check_fits(str(agent), former[1], envs, setting)
            story["began from"] = str(agent)
            if "exploration_final_eps" in recipe.settings:  # it knows better than chance by now
                calm = {"exploration_initial_eps": recipe.settings["exploration_final_eps"]}
                recipe = replace(recipe, settings={**recipe.settings, **calm})
        recipe = replace(recipe, story=story)
        made = make_agent(recipe, envs, None if out is None else out / "tensorboard", setting.device)
        if former is not None:
            weights: Any = former[0].get_parameters()
            made.set_parameters(weights, exact_match=True, device=made.device)
        diary = _Diary(recipe, steps, out, save_every, film_every, quiet)
        try:
            made.learn(steps, callback=diary)
        except KeyboardInterrupt:
            if out is not None and made.num_timesteps:
                recipe = replace(recipe, story={**story, "steps": made.num_timesteps})
                _keep_former(out / AGENT, agent)
                path = save_agent(made, recipe, out / AGENT)
                print(f"stopped after {made.num_timesteps} of {steps} steps: {path}; go on with --agent {path}")
            raise
        finally:
            diary.close()
    finally:
        envs.close()
    return made, recipe


def clone_agent(options: Clone) -> Path:
    """Clone as the options say; returns the path of the agent.

    Raises:
        DatasetError, CheckpointError, AgentError: the recording, the world or the agent is not there or does not fit.
    """
    setting = options.setting
    agent, recipe, loss = cloned(setting, options.data, options.epochs, options.seed)
    _keep_former(options.out / AGENT)
    path = save_agent(agent, recipe, options.out / AGENT)
    off = getattr(agent.policy, "log_std", None)  # of a Gaussian policy
    spread = "" if off is None else f", off by {float(off.detach().exp().mean()):.2f} in the mean of values in [-1, 1]"
    print(f"{path}: last epoch's loss {loss:.3f} nats an action{spread}")
    print(f"next: worldsim agent eval --agent {path} --world true{_where(setting)}")
    return path


def cloned(setting: Setting, data: Path, epochs: int, seed: int) -> tuple[BaseAlgorithm, Recipe, float]:
    """An agent that imitates a recording, its recipe, and the last epoch's mean loss in nats an action."""
    world = World.from_pretrained(setting.checkpoint, rows=1, device=setting.device)
    stack = LEARNERS["ppo"].stack
    channels, *size = world.cache.last.shape[1:]
    shape = (channels * stack, *size) if setting.obs == "latent" else (*world.card.size, 3 * stack)
    taken = world.card.action_spec.space
    actions = plain(chosen_in(taken))
    if (found := Dataset.open(data).info.actions.space) != taken:
        raise AgentError(f"{data} must be recorded with the actions of {setting.checkpoint}, {taken}, got {found}")
    recipe = recipe_for("ppo", setting.task, setting.obs, shape, actions, seed)
    story = {"cloned from": str(data), "epochs": epochs, "checkpoint": setting.checkpoint}
    recipe = replace(recipe, story=story)
    agent, loss = clone(recipe, data, epochs, world if setting.obs == "latent" else None, setting.device)
    return agent, recipe, loss


class _Diary(BaseCallback):
    """Shows progress, keeps agents on the way and films the first row now and then."""

    def __init__(
        self, recipe: Recipe, steps: int, out: Path | None, save_every: int, film_every: int, quiet: bool
    ) -> None:
        super().__init__()
        self.recipe, self.out = recipe, out
        self.save_every, self.film_every = save_every, film_every
        self._film: list[np.ndarray] = []
        self._filming = False
        self._saved = self._filmed = 0
        self._bar = tqdm(total=steps, unit=" steps", disable=quiet, mininterval=1.0)

    def _on_step(self) -> bool:
        self._bar.update(self.training_env.num_envs)
        if self.n_calls % 50 == 0 and len(self.model.ep_info_buffer or ()):
            returns = [float(episode["r"]) for episode in self.model.ep_info_buffer or ()]
            self._bar.set_postfix_str(f"return {np.mean(returns):.2f}")
        if self.out is None:
            return True
        if self.save_every and self.num_timesteps - self._saved >= self.save_every:
            self._saved = self.num_timesteps
            save_agent(self.model, self.recipe, self.out / "checkpoints" / f"{self.num_timesteps:09d}.zip")
        if self.film_every:
            self._go_on_filming()
        return True

    def _go_on_filming(self) -> None:
        """From the first row's next beginning on to its end."""
        over = bool(self.locals["dones"][0])
        if self._filming:  # at an end `new_obs` is the next episode's first
            shown = self.locals["infos"][0]["terminal_observation"][None] if over else self.locals["new_obs"]
            self._film.append(_picture(shown, self.recipe))
        if over and self._filming and self.out is not None:
            write_mp4(self.out / "films" / f"{self._filmed:09d}.mp4", np.stack(self._film), 10.0)
            self._filming = False
        elif over and self.num_timesteps - self._filmed >= self.film_every and self.recipe.obs == "rgb":
            self._filming, self._filmed = True, self.num_timesteps
            self._film = [_picture(self.locals["new_obs"], self.recipe)]

    def close(self) -> None:
        """No more progress to show."""
        self._bar.close()


def _picture(observations: np.ndarray, recipe: Recipe) -> np.ndarray:
    """The newest frame u8 (H, W, 3) of the first row, however it is stacked and laid out."""
    shown = np.asarray(observations[0])
    if shown.shape != tuple(recipe.observation):
        shown = shown.transpose(1, 2, 0)
    return np.ascontiguousarray(shown[..., -3:])

"""`worldsim agent watch`: an agent filmed in the learned world and, from the very same state, in the true one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from worldsim.sampling.world import World
from worldsim.video import write_mp4
from worldsim_agents.rl.agents import load_agent
from worldsim_agents.rl.gap import FromState
from worldsim_agents.rl.planner import Plan
from worldsim_agents.rl.players import Player, player_of
from worldsim_agents.rl.presets import preset
from worldsim_agents.rl.worlds import Setting, encoder_of, open_world, seen_as

__all__ = ["Watch", "watch"]

EDGE = 2  # pixels between the two worlds


@dataclass(frozen=True)
class Watch:
    """Film an agent: the learned world above, the true one below, from the same states."""

    agent: str = "random"
    """The path of an agent's zip, or "random" or "planner"."""
    episodes: int = 4
    """How many, one after another."""
    seed: int = 10_000
    """Decides starts and chances."""
    out: Path = Path("out/watch.mp4")
    """The film."""
    plan: Plan = field(default_factory=Plan)
    """Of the planner."""
    setting: Annotated[Setting, tyro.conf.arg(name="")] = field(default_factory=Setting)

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ValueError(f"--episodes must be at least 1, got {self.episodes}")


def watch(options: Watch) -> Path:
    """Film as the options say; returns the path of the film.

    Raises:
        AgentError, EnvError, CheckpointError: no such agent or world.
    """
    setting, stack = replace(options.setting, rows=1, start="true"), 1
    if options.agent.endswith(".zip"):
        recipe = load_agent(options.agent)[1]
        setting, stack = replace(setting, obs="latent" if recipe.obs == "latent" else "rgb"), recipe.stack
    learned = open_world("learned", setting, stack, test=True)
    encoder = encoder_of(setting)
    player = player_of(options.agent, setting, learned, options.seed, options.plan)
    raw: Any = learned.unwrapped
    fps, horizon, films = raw.envs.fps, setting.horizon or preset(setting.task).horizon, []
    for episode in range(options.episodes):
        learned.seed(options.seed + episode)
        learned.reset()
        twin = FromState(raw.envs, 0, horizon)
        true = seen_as(DummyVecEnv([lambda twin=twin: twin]), setting, stack, encoder)
        learned.seed(options.seed + episode)
        pair = []
        for envs in (learned, true):
            set_random_seed(options.seed + episode)  # a policy's own chances, the same in both worlds
            pair.append(_film(envs, player, horizon, encoder))
        true.close()
        films.append(_beside(*pair))
    learned.close()
    write_mp4(options.out, np.concatenate(films), fps)
    of = f" of {setting.task}" if setting.task else ""
    many = "one episode" if options.episodes == 1 else f"{options.episodes} episodes"
    print(f"{options.out}: {many}{of}, the learned world above, the true one below")
    return options.out


def _film(envs: VecEnv, player: Player, horizon: int, encoder: World | None) -> np.ndarray:
    """Frames u8 (T, H, W, 3) of the first row's next episode."""
    observations, state, started, frames = envs.reset(), None, np.ones(1, np.bool_), []
    for _ in range(horizon):
        frames.append(_shown(np.asarray(observations)[0], encoder))
        actions, state = player.predict(observations, state, started)
        observations, _, started, infos = envs.step(actions)
        if started[0]:
            frames.append(_shown(np.asarray(infos[0]["terminal_observation"]), encoder))
            break
    return np.stack(frames)


def _shown(observation: np.ndarray, encoder: World | None) -> np.ndarray:
    """The newest frame of what an agent sees."""
    if encoder is None:
        return observation[..., -3:]
    channels = encoder.cache.last.shape[1]
    return encoder.picture(observation[None, -channels:])[0]


def _beside(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Two films as one, one above the other; the shorter holds its last frame."""
    length = max(len(above), len(below))
    parts = [np.concatenate([film, np.repeat(film[-1:], length - len(film), axis=0)]) for film in (above, below)]
    edge = np.zeros((length, EDGE, *above.shape[2:]), np.uint8)
    return np.concatenate([parts[0], edge, parts[1]], axis=1)

"""Random, scripted and learned players on each task of the voxel world: the scoreboard of docs/voxel, by one command.

    python benchmarks/scoreboard.py                                              # random and scripted
    python benchmarks/scoreboard.py --players ppo --steps 100000 --seeds 0 1 2   # hours on 2 cores
    python benchmarks/scoreboard.py --players ppo --steps 1000000 --tasks ChopTree

Each row is kept in docs/voxel/scoreboard.json as soon as it is there, so a run that is broken off goes on where it was;
`python -m worldsim_envs.voxel.pages docs/voxel` makes a page of it. PPO is stable-baselines3's with the settings of
rl-zoo for Atari, on one frame of 48×48, trained on the dense form of a task and 100 levels; all players are judged on
the sparse form, on levels that no training saw.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import worldsim  # noqa: F401  registers the ids
from worldsim.files import write_json
from worldsim_agents.explore import mix
from worldsim_agents.sb3 import SB3VecEnv
from worldsim_agents.solve import SOLUTIONS, solver
from worldsim_envs.voxel.judge import achieved
from worldsim_envs.voxel.tasks import TASKS

TRAINING_LEVELS = 100
SIZE, ROWS = (48, 48), 8
LONG = 1000  # steps; of tasks that last longer, a fifth of the episodes is played
RESULTS = Path(__file__).resolve().parents[1] / "docs" / "voxel" / "scoreboard.json"
IDS = {"Explore": "Voxel"}  # of tasks whose id has another name
Act = Callable[[Any], Any]  # observation -> action
Play = Callable[[gym.Env[Any, Any], np.random.Generator], Act]  # called at each reset


def random_player(env: gym.Env[Any, Any], rng: np.random.Generator) -> Act:
    """Draw every action anew."""
    return lambda observation: int(rng.integers(env.action_space.n))  # type: ignore[attr-defined]


def scripted_player(task: str) -> Play:
    """Follow the script of a task, or the recording mix where a task has no goal to solve."""

    def start(env: gym.Env[Any, Any], rng: np.random.Generator) -> Act:
        policy = solver(task) if task in SOLUTIONS else mix()
        policy.reset(env, rng)
        return lambda observation: policy.act(env, observation, rng)

    return start


def ppo_player(task: str, steps: int, seed: int) -> Play:
    """Train PPO on the dense task, where it has such a form, then draw actions from its policy."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecTransposeImage

    dense = "Dense" if TASKS[task].has_goal else ""
    envs = gym.make_vec(f"worldsim/{IDS.get(task, task)}{dense}-v0", ROWS, autoreset_mode="SameStep", size=SIZE,
                        num_levels=TRAINING_LEVELS, kept_worlds=TRAINING_LEVELS)  # fmt: skip
    model = PPO(
        "CnnPolicy", VecTransposeImage(SB3VecEnv(envs)), n_steps=128, n_epochs=4, batch_size=256,
        learning_rate=lambda left: 2.5e-4 * left, clip_range=lambda left: 0.1 * left, ent_coef=0.01, seed=seed,
        device="cpu",
    )  # fmt: skip
    model.learn(steps)
    envs.close()
    return lambda env, rng: lambda observation: int(model.predict(np.transpose(observation, (2, 0, 1)))[0])


def made(player: str, task: str, steps: int, seed: int) -> Play:
    """Return a player by name."""
    if player == "ppo":
        return ppo_player(task, steps, seed)
    return scripted_player(task) if player == "scripted" else random_player


def judged(task: str, play: Play, episodes: int) -> dict[str, Any]:
    """Return what a player reaches on levels kept for tests: successes, returns, steps; in Survival achievements."""
    env = gym.make(f"worldsim/{IDS.get(task, task)}-v0", start_level=TRAINING_LEVELS, size=SIZE,
                   disable_env_checker=True)  # fmt: skip
    successes, returns, lengths, unlocked = 0, [], [], []
    for episode in range(episodes):
        observation, _ = env.reset(seed=episode)
        act = play(env, np.random.default_rng(episode))
        total, ended, steps, info = 0.0, False, 0, {}
        while not ended:
            observation, reward, terminated, truncated, info = env.step(act(observation))
            total, ended, steps = total + float(reward), terminated or truncated, steps + 1
        successes += bool(info.get("success", False))
        returns.append(total)
        lengths.append(steps)
        unlocked.append(achieved(env.unwrapped.state.unlocked))  # type: ignore[attr-defined]
    env.close()
    found: dict[str, Any] = {"episodes": episodes, "returns": returns, "median_steps": float(np.median(lengths))}
    if TASKS[task].has_goal:
        found["successes"] = successes
    if task == "Survival":
        found["achieved"] = {name: sum(done[name] for done in unlocked) for name in unlocked[0]}
    return found


def kept(results: Path) -> list[dict[str, Any]]:
    """Return the rows of a scoreboard so far; other runs may add to it meanwhile."""
    return json.loads(results.read_text()) if results.exists() else []


def main() -> None:
    """Fill the scoreboard, row by row; rows that it has already are left as they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--players", nargs="+", choices=("random", "scripted", "ppo"), default=["random", "scripted"])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--steps", type=int, default=100_000, help="of PPO's training")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="of PPO's training")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    for seed in options.seeds:
        for task in options.tasks:
            for player in options.players:
                steps = options.steps if player == "ppo" else 0
                name = {"task": task, "player": player, "training_steps": steps, "seed": seed if steps else 0}
                if any(name.items() <= row.items() for row in kept(options.results)):
                    continue
                play = made(player, task, steps, seed)
                episodes = options.episodes if TASKS[task].steps <= LONG else max(1, options.episodes // 5)
                row = {**name, **judged(task, play, episodes)}
                write_json(options.results, [*kept(options.results), row])
                print(f"{task:14}{player:10}{steps:9} seed {name['seed']}  success {row.get('successes', '–')} of "
                      f"{episodes}, mean return {np.mean(row['returns']):.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

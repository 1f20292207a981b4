"""Success on each task by random, scripted and learned players, with intervals: the scoreboard of docs/voxel.

    python benchmarks/scoreboard.py --players random scripted --episodes 20
    python benchmarks/scoreboard.py --players ppo --ppo-steps 100000 --tasks ChopTree Navigate --json out/board.json

PPO is stable-baselines3's, with its defaults, on the dense form of a task; it is judged on levels it has not seen.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from scipy.stats import beta

import worldsim  # noqa: F401  registers the ids
from worldsim_agents.sb3 import SB3VecEnv
from worldsim_agents.solve import solver
from worldsim_envs.voxel.judge import achieved, score
from worldsim_envs.voxel.tasks import PROMPTED

TRAINING_LEVELS = 100
Act = Callable[[Any], Any]  # observation -> action
Play = Callable[[gym.Env[Any, Any], np.random.Generator], Act]  # called at each reset


def interval(successes: int, episodes: int) -> tuple[float, float]:
    """Return the Clopper–Pearson 95 % interval of a rate."""
    low = beta.ppf(0.025, successes, episodes - successes + 1) if successes else 0.0
    high = beta.ppf(0.975, successes + 1, episodes - successes) if successes < episodes else 1.0
    return float(low), float(high)


def random_player(env: gym.Env[Any, Any], rng: np.random.Generator) -> Act:
    """Draw every action anew."""
    return lambda observation: int(rng.integers(env.action_space.n))  # type: ignore[attr-defined]


def scripted_player(task: str) -> Play:
    """Follow the script of a task."""

    def start(env: gym.Env[Any, Any], rng: np.random.Generator) -> Act:
        policy = solver(task)
        policy.reset(env, rng)
        return lambda observation: policy.act(env, observation, rng)

    return start


def ppo_player(task: str, steps: int, seed: int, rows: int = 8) -> Play:
    """Train PPO on the dense task, then act by its policy."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecTransposeImage

    envs = gym.make_vec(f"worldsim/{task}Dense-v0", rows, autoreset_mode="SameStep", num_levels=TRAINING_LEVELS)
    model = PPO("CnnPolicy", VecTransposeImage(SB3VecEnv(envs)), n_steps=128, batch_size=256, seed=seed, device="cpu")
    model.learn(steps)
    envs.close()
    return lambda env, rng: lambda observation: int(model.predict(np.transpose(observation, (2, 0, 1)))[0])


def judged(task: str, play: Play, episodes: int) -> dict[str, Any]:
    """Return success, its interval and the mean return of a player on levels kept for tests."""
    env = gym.make(f"worldsim/{task}-v0", start_level=TRAINING_LEVELS, disable_env_checker=True)
    successes, returns, lengths = 0, [], []
    for episode in range(episodes):
        observation, _ = env.reset(seed=episode)
        act = play(env, np.random.default_rng(episode))
        total, ended, steps, info = 0.0, False, 0, {}
        while not ended:
            observation, reward, terminated, truncated, info = env.step(act(observation))
            total, ended, steps = total + float(reward), terminated or truncated, steps + 1
        successes += bool(info["success"])
        returns.append(total)
        lengths.append(steps)
    low, high = interval(successes, episodes)
    return {"success": successes / episodes, "low": low, "high": high, "return": float(np.mean(returns)),
            "steps": float(np.median(lengths)), "episodes": episodes}  # fmt: skip


def survival(episodes: int, play: Play) -> dict[str, Any]:
    """Return Crafter's score of a player in Survival, and the success of each achievement."""
    env = gym.make("worldsim/Survival-v0", start_level=TRAINING_LEVELS, disable_env_checker=True)
    unlocked: list[dict[str, bool]] = []
    for episode in range(episodes):
        observation, _ = env.reset(seed=episode)
        act, ended = play(env, np.random.default_rng(episode)), False
        while not ended:
            observation, _, terminated, truncated, _ = env.step(act(observation))
            ended = terminated or truncated
        unlocked.append(achieved(env.unwrapped.state.unlocked))  # type: ignore[attr-defined]
    rates = {name: float(np.mean([done[name] for done in unlocked])) for name in unlocked[0]}
    return {"score": score(np.array(list(rates.values()))), "rates": rates, "episodes": episodes}


def markdown(board: list[dict[str, Any]]) -> str:
    """Return the scoreboard as a page."""
    lines = ["# Scoreboard", "", "Success on levels that no training saw, with 95 % intervals (Clopper–Pearson).", "",
             "| task | player | success | 95 % | return | median steps | episodes |", "|" + "---|" * 7]  # fmt: skip
    lines += [
        f"| {row['task']} | {row['player']} | {row['success']:.2f} | {row['low']:.2f} … {row['high']:.2f} "
        f"| {row['return']:.2f} | {row['steps']:.0f} | {row['episodes']} |"
        for row in board if "success" in row
    ]  # fmt: skip
    lines += [f"\nSurvival, {row['player']}: score {row['score']:.2f} %, {row['episodes']} episodes."
              for row in board if "score" in row]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the scoreboard as it fills, and keep it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--players", nargs="+", choices=("random", "scripted", "ppo"), default=["random", "scripted"])
    parser.add_argument("--tasks", nargs="+", choices=PROMPTED, default=list(PROMPTED))
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--ppo-steps", type=int, default=100_000)
    parser.add_argument("--survival", type=int, default=0, help="episodes of Survival by the random player")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path, help="the same as a table, for docs/voxel/scoreboard.md")
    options = parser.parse_args()
    board: list[dict[str, Any]] = []
    print(f"{'task':16}{'player':10}{'success':>9}  {'95 %':^13}{'return':>8}{'steps':>7}")
    for task in options.tasks:
        for player in options.players:
            play = {"random": lambda task: random_player, "scripted": scripted_player,
                    "ppo": lambda task: ppo_player(task, options.ppo_steps, 0)}[player](task)  # fmt: skip
            row = {"task": task, "player": player, **judged(task, play, options.episodes)}
            board.append(row)
            print(f"{task:16}{player:10}{row['success']:9.2f}  {row['low']:.2f} … {row['high']:.2f}"
                  f"{row['return']:8.2f}{row['steps']:7.0f}", flush=True)  # fmt: skip
    if options.survival:
        board.append({"task": "Survival", "player": "random", **survival(options.survival, random_player)})
        print(f"Survival score of random play: {board[-1]['score']:.2f} %")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(board, indent=1))
    if options.markdown:
        options.markdown.write_text(markdown(board), encoding="utf-8")


if __name__ == "__main__":
    main()

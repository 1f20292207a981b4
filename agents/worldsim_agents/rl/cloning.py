"""Behaviour cloning: a policy that does as the players of a recording did, by supervised learning on their actions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy

from worldsim.data.episodes import Dataset
from worldsim.sampling.world import World
from worldsim_agents.rl.agents import AgentError, Recipe, make_agent

__all__ = ["clone", "examples"]

FRAMES = 256  # encoded at a time
ROWS = 128  # of a batch


def clone(recipe: Recipe, folder: Path, epochs: int, world: World | None = None, device: str = "cpu") -> Any:
    """Teach a fresh PPO agent of this recipe the actions of a recording; returns it and the last epoch's mean loss.

    Args:
        recipe: of "ppo".
        folder: the dataset.
        epochs: how often it goes through.
        world: whose latents the agent sees, where the recipe says so.
        device: where it learns.

    Raises:
        AgentError: another learner, or actions or frames of another space.
        DatasetError: no dataset there.
    """
    if recipe.learner != "ppo":
        raise AgentError(f"only the policy of ppo can be cloned into, got {recipe.learner}")
    data = Dataset.open(folder)
    if data.info.actions.table is None or len(data.info.actions.table) != recipe.actions:
        raise AgentError(f"{folder} was recorded with other actions than the {recipe.actions} of this agent")
    size = tuple(recipe.observation[:2] if world is None else world.card.size)
    if tuple(data.info.size) != size:
        raise AgentError(f"{folder} must hold frames of {size}, the size of the checkpoint, got {data.info.size}")
    agent = make_agent(recipe, device=device)
    policy = agent.policy
    assert isinstance(policy, ActorCriticPolicy)
    episodes = list(examples(data, recipe, world))
    places = np.array([(number, t) for number, (_, chosen) in enumerate(episodes) for t in range(len(chosen))])
    optimiser = torch.optim.Adam(policy.parameters(), lr=3e-4)
    rng, loss = np.random.default_rng(recipe.seed), float("nan")
    policy.set_training_mode(True)
    for _ in range(epochs):
        losses = []
        for part in np.array_split(rng.permutation(len(places)), max(1, len(places) // ROWS)):
            seen = np.stack([_stacked(episodes[n][0], t, recipe) for n, t in places[part]])
            chosen = torch.tensor([int(episodes[n][1][t]) for n, t in places[part]], device=policy.device)
            _, likely, _ = policy.evaluate_actions(policy.obs_to_tensor(seen)[0], chosen)  # pyright: ignore[reportArgumentType]
            wrong = -likely.mean()
            optimiser.zero_grad()
            wrong.backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
            optimiser.step()
            losses.append(float(wrong.detach()))
        loss = float(np.mean(losses))
    policy.set_training_mode(False)
    return agent, loss


def examples(data: Dataset, recipe: Recipe, world: World | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of each episode what was seen (T, …) and the action i64 (T,) that was then taken."""
    table = data.info.actions.table
    assert table is not None
    for number in range(len(data)):
        episode = data.read(number)
        taken = episode.actions[1:]  # row t + 1 holds the action taken at frame t
        chosen = np.square(taken[:, None] - table[None]).sum(axis=2).argmin(axis=1)
        frames = episode.frames[:-1]
        if recipe.obs == "latent":
            if world is None:
                raise AgentError("an agent that sees latents needs the world whose latents they are")
            parts = [world.latents(frames[i : i + FRAMES]) for i in range(0, len(frames), FRAMES)]
            frames = np.concatenate(parts)
        yield frames, chosen


def _stacked(frames: np.ndarray, t: int, recipe: Recipe) -> np.ndarray:
    """What an agent sees at row t: its last frames, the oldest first, nothing before the first."""
    axis = 0 if recipe.obs == "latent" else 2
    empty = np.zeros_like(frames[0])
    return np.concatenate([frames[i] if i >= 0 else empty for i in range(t - recipe.stack + 1, t + 1)], axis=axis)

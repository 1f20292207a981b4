"""Behaviour cloning: a policy that does as the players of a recording did, by supervised learning on their actions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy

from worldsim.data.episodes import Dataset
from worldsim.sampling.world import World
from worldsim_agents.rl.actions import Choices, in_words
from worldsim_agents.rl.agents import AgentError, Recipe, make_agent

__all__ = ["clone", "examples"]

FRAMES = 256  # encoded at a time
ROWS = 128  # of a batch
NARROWEST = 0.05  # least standard deviation of a cloned Gaussian in [-1, 1]: training on from the clone must still try


def clone(recipe: Recipe, folder: Path, epochs: int, world: World | None = None, device: str = "cpu") -> Any:
    """Teach a fresh PPO agent of this recipe the actions of a recording; returns it and the last epoch's mean loss.

    The loss is how unlikely the player's actions are to the policy, in nats: cross entropy of each number, and for
    values the density of a Gaussian, whose size is after each epoch what the policy is off by in the mean.

    Args:
        recipe: of "ppo".
        folder: the dataset.
        epochs: how often it goes through.
        world: whose latents the agent sees, where the recipe says so.
        device: where it learns.

    Raises:
        AgentError: another learner, or actions or frames of another space.
        AdapterError: actions in several parts.
        DatasetError: no dataset there.
    """
    if recipe.learner != "ppo":
        raise AgentError(f"only the policy of ppo can be cloned into, got {recipe.learner}")
    data = Dataset.open(folder)
    choices = Choices(data.info.actions)
    if choices.space != recipe.action_space:
        raise AgentError(
            f"{folder} must be recorded with the {in_words(recipe.actions)} of this agent, "
            f"got {data.info.actions.space}"
        )
    size = tuple(recipe.observation[:2] if world is None else world.card.size)
    if tuple(data.info.size) != size:
        raise AgentError(f"{folder} must hold frames of {size}, the size of the checkpoint, got {data.info.size}")
    agent = make_agent(recipe, device=device)
    policy = agent.policy
    assert isinstance(policy, ActorCriticPolicy)
    episodes = list(examples(data, recipe, world))
    places = np.array([(number, t) for number, (_, chosen) in enumerate(episodes) for t in range(len(chosen))])
    gaussian = isinstance(choices.space, spaces.Box)
    numbers = torch.float32 if gaussian or isinstance(choices.space, spaces.MultiBinary) else torch.int64
    optimiser = torch.optim.Adam([value for name, value in policy.named_parameters() if name != "log_std"], lr=3e-4)
    rng, loss = np.random.default_rng(recipe.seed), float("nan")
    policy.set_training_mode(True)
    for _ in range(epochs):
        losses, off = [], []
        for part in np.array_split(rng.permutation(len(places)), max(1, len(places) // ROWS)):
            seen = np.stack([_stacked(episodes[n][0], t, recipe) for n, t in places[part]])
            taken = np.stack([episodes[n][1][t] for n, t in places[part]])
            chosen = torch.as_tensor(taken, dtype=numbers, device=policy.device)  # (B, …)
            told = policy.get_distribution(policy.obs_to_tensor(seen)[0])  # pyright: ignore[reportArgumentType]
            wrong = -told.log_prob(chosen).mean()
            if gaussian:
                off.append((told.mode() - chosen).detach().square().mean(dim=0))
            optimiser.zero_grad()
            wrong.backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
            optimiser.step()
            losses.append(float(wrong.detach()))
        loss = float(np.mean(losses))
        if gaussian:
            policy.log_std.data = torch.stack(off).mean(dim=0).sqrt().clamp(min=NARROWEST).log()
    policy.set_training_mode(False)
    return agent, loss


def examples(data: Dataset, recipe: Recipe, world: World | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of each episode what was seen (T, …) and what was then chosen (T, …), as `Choices` reads it."""
    choices = Choices(data.info.actions)
    for number in range(len(data)):
        episode = data.read(number)
        taken = episode.actions[1:]  # row t + 1 holds the action taken at frame t
        chosen = choices.read(taken)
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

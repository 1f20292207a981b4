"""Which frame rate should the learned world have? Small models of 20, 10 and 5 frames/s, at equal training.

For each `frame_skip` the voxel world is recorded, a small dynamics network takes the same number of steps, and worlds
that it never saw are rolled out for the same *simulated* time under the true actions. Printed per rate: next-frame
error against copying, PSNR at the end of that time against copying the start, and the passes that a simulated second
costs. Usage: python benchmarks/rate.py --tokenizer CHECKPOINT [--steps 250] [--frames 20000] [--out DIR]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from worldsim.clip import pixels_from_unit, pixels_to_unit
from worldsim.data.record import record
from worldsim.data.rollout import default_policy
from worldsim.data.sources import RecordedSource
from worldsim.files import write_json
from worldsim.model.dynamics import Condition, DynamicsConfig
from worldsim.sampling.world import World
from worldsim.training.latents import LatentBucket, clip_to_latents
from worldsim.training.loop import FitConfig
from worldsim.training.stages import TrainDynamics, train_dynamics

ENV = "worldsim/Voxel-v0"
SECONDS = 1.6  # of simulated time that a rollout lasts
CONTEXT = 8  # true frames before it
WORLDS = 48


def main() -> None:
    options = _options()
    rows = [_measure(skip, options) for skip in (1, 2, 4)]
    write_json(options.out / "rate.json", rows)
    print("    rate  next frame / copy  PSNR after 1.6 s   copy  gain dB  passes per s")
    for row in rows:
        print(
            f"{row['fps']:>5.0f} Hz {row['ratio']:>18.3f} {row['psnr']:>17.2f} {row['copy']:>6.2f} "
            f"{row['psnr'] - row['copy']:>8.2f} {row['passes']:>13.0f}"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", required=True, help="checkpoint with the tokenizer")
    parser.add_argument("--steps", type=int, default=250, help="training steps of each rate")
    parser.add_argument("--frames", type=int, default=20_000, help="frames recorded at each rate")
    parser.add_argument("--out", type=Path, default=Path("runs/rate"))
    return parser.parse_args()


def _measure(skip: int, options: argparse.Namespace) -> dict[str, float]:
    data, unseen, run = (options.out / f"{name}-{skip}" for name in ("data", "unseen", "run"))
    for folder, seed, frames in ((data, 5, options.frames), (unseen, 6, options.frames // 3)):
        if not (folder / "dataset.json").exists():
            policy, kwargs = default_policy(ENV), {"frame_skip": skip}
            record(ENV, policy, frames, folder, seed, episode_length=256, env_kwargs=kwargs)
    if not (run / "checkpoint").exists():
        train_dynamics(
            TrainDynamics(
                options.tokenizer, (data,), run,
                model=DynamicsConfig(width=128, depth=4, time_groups=1, text_every=8),
                fit=FitConfig(steps=options.steps, average=0.99, compile=False),
                buckets=(LatentBucket(8, 16),),
            )
        )  # fmt: skip
    steps = round(SECONDS * 20 / skip)
    source = RecordedSource(unseen, "all")
    clip = source.sample(np.random.default_rng(0), WORLDS, CONTEXT + steps)
    whole = np.flatnonzero(clip.mask.all(axis=1))
    world = World.from_pretrained(run / "checkpoint", rows=len(whole))
    frames, actions = clip.frames[whole], clip.actions[whole]
    world.reset(frames[:, :CONTEXT], actions[:, :CONTEXT], seeds=range(len(whole)))
    for t in range(CONTEXT, CONTEXT + steps):
        last = world.imagine(actions[:, t]).frames
    truth = frames[:, -1]
    return {
        "skip": skip,
        "fps": 20 / skip,
        "ratio": _next_frame(world, replace(clip, text=[])),
        "psnr": _psnr(last, truth),  # pyright: ignore[reportPossiblyUnboundVariable]
        "copy": _psnr(frames[:, CONTEXT - 1], truth),
        "ceiling": _psnr(_round_trip(world, truth), truth),
        "passes": 20 / skip * (world.steps + 1),
    }


@torch.no_grad()
def _next_frame(world: World, clip) -> float:
    """Squared latent error of one pass from pure noise, in units of copying the frame before."""
    batch = clip_to_latents(clip, world.tokenizer, world.vocabulary, 8)
    clean, mask = batch.latents, batch.mask[:, 1:]
    condition = Condition(batch.actions, torch.ones(batch.mask.shape, dtype=torch.bool))
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    level = torch.ones_like(batch.mask)
    found = world.dynamics(noise, level, condition, context=(clean, 0 * level)).clean
    error = ((found - clean)[:, 1:].square().mean((2, 3, 4)) * mask).sum()
    return float(error / ((clean[:, 1:] - clean[:, :-1]).square().mean((2, 3, 4)) * mask).sum())


@torch.no_grad()
def _round_trip(world: World, frames: np.ndarray) -> np.ndarray:
    latents = world.tokenizer.encode(pixels_to_unit(frames[:, None]))
    return pixels_from_unit(world.tokenizer.decode(latents))[:, 0]


def _psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Mean over frames u8 (B, H, W, 3) of 10·log10(255² / squared error)."""
    squared = np.square(one.astype(np.float64) - other).mean((1, 2, 3)).clip(1e-3)
    return float((10 * np.log10(255**2 / squared)).mean())


if __name__ == "__main__":
    main()

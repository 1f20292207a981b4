"""Speed of the learned world through Gymnasium, from action to pixels: frames/s, how far that is from what the matrix
products alone would take here, the first step after loading, and whether late steps cost more.

python benchmarks/learned.py [--checkpoint NAME] [--threads N] [--json]
"""

from __future__ import annotations

import copy
import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import tyro
from torch import nn

import worldsim  # registers the ids
from worldsim.model.products import Product
from worldsim.sampling.world import World

EARLY, LATE, SPAN = 50, 950, 100  # first steps of the two spans that are compared, and their length


@dataclass(frozen=True)
class Options:
    """Measure `worldsim/Learned-v0`."""

    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    threads: int = os.cpu_count() or 1
    """Threads of the network."""
    rows: tuple[int, ...] = (1, 16)
    """Sizes of the vector env; 1 is the single env."""
    passes: tuple[int, ...] = (1, 2, 4)
    """Denoising passes per frame."""
    warm_up: int = 20
    """Steps that do not count."""
    count: int = 300
    """Steps that do."""
    sizes: tuple[tuple[int, int], ...] = ((96, 160),)
    """Further sizes of frames, for the single env and 2 passes."""
    long: bool = True
    """Compare steps 950-1050 with steps 50-150, single env and 2 passes."""
    json: bool = False
    """Print JSON instead of a table."""


@dataclass(frozen=True)
class Speed:
    """One setting. Times are of one step of all rows, in milliseconds; frames/s are of all rows together."""

    rows: int
    passes: int
    median_ms: float
    p99_ms: float
    frames_per_second: float
    size: tuple[int, int]
    limit_ms: float
    """What the matrix products and convolutions of the step take by themselves, measured in turn with it."""
    gigaflop: float
    megabytes: float
    """Weights and cache that a step reads."""


def main(options: Options) -> None:
    """Measure all settings and print them."""
    torch.set_num_threads(options.threads)
    first = _first_step(options)
    found = [_speed(options, rows, passes) for rows in options.rows for passes in options.passes]
    found += [_speed(options, 1, 2, size) for size in options.sizes]
    report = {
        "first": first,
        "checkpoint": options.checkpoint, "threads": options.threads, "cores": os.cpu_count(),
        "machine": platform.platform(), "torch": torch.__version__, "worldsim": worldsim.__version__,
        "speeds": [asdict(speed) for speed in found],
    }  # fmt: skip
    if options.long:
        early, late = _early_and_late(options)
        report["long"] = {"early_ms": early, "late_ms": late, "ratio": late / early}
    print(json.dumps(report, indent=1) if options.json else _table(report, found))


def _first_step(options: Options) -> dict[str, float]:
    """Seconds of loading, and from there to the first frame after a reset."""
    begun = time.perf_counter()
    env = gym.make("worldsim/Learned-v0", checkpoint=options.checkpoint)
    loaded = time.perf_counter()
    env.reset(seed=0)
    env.step(env.action_space.sample())
    return {"load_s": loaded - begun, "first_step_s": time.perf_counter() - loaded}


def _speed(options: Options, rows: int, passes: int, size: tuple[int, int] | None = None) -> Speed:
    env = _begin(options, rows, passes, options.warm_up, size)
    world: World = env.unwrapped.world  # type: ignore[union-attr]
    limit = _Limit(world)
    times = np.array([(_step(env), limit.run()) for _ in range(options.count)])  # in turn: both meet the same machine
    env.close()
    median, alone = np.median(times, axis=0).tolist()
    p99 = float(np.percentile(times[:, 0], 99))
    return Speed(
        rows, passes, median, p99, 1000 * rows / median, world.card.size, alone, limit.operations / 1e9,
        limit.size / 1e6,
    )  # fmt: skip


class _Limit:
    """The matrix products and convolutions of one step, on random numbers, with nothing in between."""

    def __init__(self, world: World) -> None:
        player, rows = world.dynamics.player, world.rows
        assert player is not None, "World.from_pretrained makes one"
        tokens = rows * world.cache.keys[0].shape[1]
        kind = player.kind
        self.passes, self.operations, self.size = world.steps + 1, 0, 0
        self.products: list[tuple[torch.Tensor, Product]] = []
        for layer in player.layers:
            for product in (layer.qkv, layer.out, layer.time_qkv, layer.time_out, layer.up, layer.down):
                if product is not None:
                    self.products.append((torch.randn(tokens, product.weight.shape[1]).to(kind), product))
        self.products.append((torch.randn(rows, player.modulation.weight.shape[1]).to(kind), player.modulation))
        for x, product in self.products:
            weight = product.weight
            self.operations += self.passes * 2 * len(x) * weight.numel()
            self.size += self.passes * weight.numel() * weight.element_size()
        remembered = world.cache.keys + world.cache.values
        self.size += self.passes * sum(part.numel() * part.element_size() for part in remembered)
        self.convolutions: list[tuple[torch.Tensor, nn.Conv2d]] = []
        decoder = copy.deepcopy(world.tokenizer.decoder).to(kind)
        for module in decoder.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(self._keep)
        with torch.inference_mode():
            latents = torch.randn(world.cache.last.shape).to(kind)
            decoder(latents.contiguous(memory_format=torch.channels_last))
            if world.refiner is not None:
                refiner = copy.deepcopy(world.refiner)
                for module in refiner.modules():
                    if isinstance(module, nn.Conv2d):
                        module.register_forward_hook(self._keep)
                refiner(latents.float(), world.cache.shown, world.cache.led.nan_to_num())
        for _, module in self.convolutions:
            module._forward_hooks.clear()

    def _keep(self, module: nn.Conv2d, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        self.convolutions.append((inputs[0].clone(), module))
        self.operations += 2 * output.numel() * module.weight[0].numel()
        self.size += module.weight.numel() * module.weight.element_size()

    @torch.inference_mode()
    def run(self) -> float:
        """Milliseconds."""
        begun = time.perf_counter()
        for _ in range(self.passes):
            for x, product in self.products:
                product(x)
        for x, module in self.convolutions:
            module(x)
        return 1000 * (time.perf_counter() - begun)


def _early_and_late(options: Options) -> tuple[float, float]:
    """Median milliseconds of a step at about step 100 and at about step 1,000.

    Two envs take turns, so that whatever else the machine does meets both alike.
    """
    young, old = _begin(options, 1, 2, EARLY), _begin(options, 1, 2, LATE)
    times = np.array([(_step(young), _step(old)) for _ in range(SPAN)])  # (SPAN, 2)
    early, late = np.median(times, axis=0).tolist()
    return early, late


def _begin(
    options: Options, rows: int, passes: int, steps: int, size: tuple[int, int] | None = None
) -> gym.Env | gym.vector.VectorEnv:
    """An env from a stored start on (from noise, where the size of frames is another), `steps` random steps later."""
    made: dict[str, Any] = {"checkpoint": options.checkpoint, "steps": passes}
    if size is not None:
        made = {"checkpoint": World.from_pretrained(options.checkpoint).alike(rows, size=size, steps=passes)}
    settings = {**made, "threshold": 1.0, "max_episode_steps": 10**6}
    if rows == 1:
        env = gym.make("worldsim/Learned-v0", **settings)
    else:
        env = gym.make_vec("worldsim/Learned-v0", num_envs=rows, **settings)
    env.action_space.seed(0)
    env.reset(seed=0)
    for _ in range(steps):
        _step(env)
    return env


def _step(env: gym.Env | gym.vector.VectorEnv) -> float:
    """Milliseconds of one random step."""
    action = env.action_space.sample()
    begun = time.perf_counter()
    env.step(action)
    return 1000 * (time.perf_counter() - begun)


def _table(report: dict, found: list[Speed]) -> str:
    lines = [
        f"{report['checkpoint']}, {report['threads']} threads on {report['cores']} cores, torch {report['torch']}",
        f"loading {report['first']['load_s']:.1f} s, first step after it {report['first']['first_step_s']:.2f} s",
        "     size  rows  passes  ms/step, median      p99   frames/s   GFLOP     MB  products alone, ms   times that",
        *(
            f"{s.size[0]:5}x{s.size[1]:<4}{s.rows:5}{s.passes:8}{s.median_ms:17.1f}{s.p99_ms:9.1f}"
            f"{s.frames_per_second:11.1f}{s.gigaflop:8.2f}{s.megabytes:7.0f}{s.limit_ms:20.1f}"
            f"{s.median_ms / s.limit_ms:13.2f}"
            for s in found
        ),
    ]
    if "long" in report:
        one = report["long"]
        early, late = one["early_ms"], one["late_ms"]
        lines.append(f"steps 50-150 {early:.1f} ms, steps 950-1050 {late:.1f} ms: {one['ratio']:.2f} times")
    return "\n".join(lines)


if __name__ == "__main__":
    main(tyro.cli(Options))

"""What a run will take, before it begins: parameters, memory and time, from networks that hold no numbers.

The networks are built on torch's "meta" device, where every operation has a shape and none is computed. Operations are
counted there, forwards and backwards, and so is what is kept for the way back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from worldsim.data.batches import Bucket
from worldsim.model.dynamics import Condition, Dynamics, DynamicsConfig
from worldsim.model.prompts import no_words
from worldsim.model.tokenizer import Tokenizer, TokenizerConfig
from worldsim.training.jumps import PARTS
from worldsim.training.latents import LatentBucket
from worldsim.training.loop import FitConfig, is_hidden
from worldsim.training.losses import OWN, PASSES, DynamicsLossConfig
from worldsim.training.machine import choose_device, has_bfloat16

__all__ = ["Estimate", "estimate_dynamics", "estimate_tokenizer", "mean_frames", "measured_rate"]

NEWTON_SCHULZ = 5  # iterations in a step of Muon


@dataclass(frozen=True)
class Estimate:
    """What one run takes. Bytes are of one process that holds everything; operations are of a step of all ranks."""

    parameters: int
    weights: float
    optimisers: float
    activations: float
    operations: float
    frames: float
    steps: int
    sharded: bool
    rate: float
    where: str

    def __str__(self) -> str:
        whole = 3 * self.weights + self.optimisers  # weights, gradients and their average
        ranks = int(os.environ.get("WORLD_SIZE", "1"))
        seconds = self.operations / self.rate / ranks
        cut = (whole - self.weights) * (1 - 1 / ranks) if self.sharded else 0.0  # weights are whole during a step
        each = whole - cut + self.activations / ranks
        return "\n".join([
            f"{self.parameters / 1e6:.1f} M parameters",
            f"memory: weights, gradients, average {_size(self.weights)} each, optimisers {_size(self.optimisers)}, "
            f"activations of the largest batch {_size(self.activations)};",
            f"        {_size(each)} in each of {ranks} processes" + (", in shards" if self.sharded else ""),
            f"work:   {self.operations / 1e12:.3g} TFLOP a step of {self.frames:.0f} frames, {self.steps} steps",
            f"time:   at least {seconds:.3g} s a step and {_duration(self.steps * seconds)} in all, at the "
            f"{self.rate / 1e12:.3g} TFLOP/s of matrix products",
            f"        on {self.where}; a real step takes two to four times that",
        ])  # fmt: skip


def estimate_dynamics(
    model: DynamicsConfig, buckets: Sequence[LatentBucket], grid: tuple[int, int], loss: DynamicsLossConfig,
    fit: FitConfig,
) -> Estimate:  # fmt: skip
    """What training a dynamics network on latents of (h, w) `grid` takes."""
    with torch.device("meta"):
        dynamics = Dynamics(model)
        counted = [_count(lambda bucket=bucket: _pass(dynamics, bucket, grid)) for bucket in buckets]
    # A step passes frames and their past, and back: 6 passes of a frame. Without a way back come `PARTS` passes of each
    # row that jumps, half as many again without its actions, and in a rollout one for each frame and those of its own
    # frames.
    extra = [
        (3 * PARTS * loss.jumps + loss.rollout * (1 + float(np.mean(PASSES)) * min(1.0, OWN / bucket.length))) / 6
        if bucket.attend == "past" else 0.0
        for bucket in buckets
    ]  # fmt: skip
    work = [operations * (1 + more) for (operations, _), more in zip(counted, extra, strict=True)]
    average = float(np.average(work, weights=[bucket.weight for bucket in buckets]))
    return _estimate(dynamics, average, max(kept for _, kept in counted), mean_frames(buckets), model.width, fit)


def estimate_tokenizer(
    model: TokenizerConfig, buckets: Sequence[Bucket], size: tuple[int, int], fit: FitConfig
) -> Estimate:
    """What training a tokenizer on such batches of frames of (H, W) `size` takes."""
    with torch.device("meta"):
        tokenizer = Tokenizer(model)
        counted = []
        for bucket in buckets:
            shape = (bucket.rows, bucket.length) if model.time_stride > 1 else (bucket.rows,)
            frames = torch.empty(*shape, 3, *size)
            counted.append(_count(lambda frames=frames: tokenizer.paint(tokenizer.raw(frames)).sum()))
    work = float(np.average([operations for operations, _ in counted], weights=[bucket.weight for bucket in buckets]))
    most = max(kept for _, kept in counted)
    return _estimate(tokenizer, work, most, mean_frames(buckets), 9 * model.widths[1], fit)


def mean_frames(buckets: Sequence[Bucket] | Sequence[LatentBucket]) -> float:
    """Frames in a batch, on average."""
    weights = [bucket.weight for bucket in buckets]
    return float(np.average([bucket.rows * bucket.length for bucket in buckets], weights=weights))


def _pass(dynamics: Dynamics, bucket: LatentBucket, grid: tuple[int, int]) -> torch.Tensor:
    """The sum of a prediction for a batch of this shape."""
    config, shape = dynamics.config, (bucket.rows, bucket.length)
    latents = torch.empty(*shape, config.channels, *grid)
    level, acted = torch.empty(shape), torch.empty(shape, dtype=torch.bool)
    condition = Condition(torch.empty(*shape, config.actions), acted, no_words(config.text, *shape, prompts=2))
    given = (latents, level) if bucket.attend == "past" else None
    said = dynamics(latents, level, condition, attend=bucket.attend, context=given)
    return said.clean.sum() + said.events.sum() + said.end.sum() + said.actions.sum()


def _count(forward: Callable[[], torch.Tensor]) -> tuple[float, float]:
    """Operations forwards and backwards, and bytes that are kept in between, weights aside."""
    kept: dict[int, tuple[torch.UntypedStorage, int]] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            kept[storage._cdata] = (storage, storage.nbytes())  # held, so that no other takes its place
        return tensor

    with FlopCounterMode(display=False) as counter:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            result = forward()
        result.backward()
    return float(counter.get_total_flops()), float(sum(size for _, size in kept.values()))


def _estimate(
    network: nn.Module, operations: float, kept: float, frames: float, inner: int, fit: FitConfig
) -> Estimate:
    matrices = [p.shape for name, p in network.named_parameters() if fit.muon and is_hidden(name, p)]
    hidden = sum(shape.numel() for shape in matrices)
    parameters = sum(p.numel() for p in network.parameters())
    for short, long in (sorted(shape) for shape in matrices):
        operations += NEWTON_SCHULZ * (4 * short**2 * long + 2 * short**3)
    device = choose_device(fit.device)
    half = fit.bf16 and has_bfloat16(device)
    cpu = f"this CPU, {torch.get_num_threads()} threads"
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else cpu
    return Estimate(
        parameters, 4.0 * parameters, 4.0 * (hidden + 2 * (parameters - hidden)), kept * (0.5 if half else 1.0),
        operations, frames, fit.steps, fit.sharded, measured_rate(device, half, inner),
        f"{name}, {'bfloat16' if half else 'float32'}",
    )  # fmt: skip


def measured_rate(device: torch.device, half: bool, inner: int) -> float:
    """Operations per second of matrix products (1024, inner) × (inner, 4·inner) here, the best of half a second."""
    kind = torch.bfloat16 if half else torch.float32
    left, right = (torch.randn(shape, device=device).to(kind) for shape in ((1024, inner), (inner, 4 * inner)))
    best, begun = float("inf"), time.perf_counter()
    while time.perf_counter() - begun < 0.5:
        before = time.perf_counter()
        (left @ right)[0, 0].item()  # waits for the product
        best = min(best, time.perf_counter() - before)
    return 2 * 1024 * inner * 4 * inner / best


def _size(size: float) -> str:
    return f"{size / 1e6:.3g} MB" if size < 1e9 else f"{size / 1e9:.3g} GB"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.3g} minutes" if seconds < 7200 else f"{seconds / 86_400:.3g} days"

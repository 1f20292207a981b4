"""`fit`: one loop for every objective, exactly resumable.

What happens at step k is a function of (weights, seed, k) alone: batches are asked for from step k, and the random
generator is seeded anew by (seed, k) as in EDM2. So a run that was killed and resumed ends with the very weights of
one that was not. What that takes is kept in `states.py`. Several processes may run it together, see `parallel.py`.
"""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor
from tqdm import tqdm

from worldsim.model.config import check_numbers, check_whole
from worldsim.training.machine import Device, TrainingError, has_bfloat16, moved
from worldsim.training.muon import ShardedMuon
from worldsim.training.parallel import any_rank, barrier, joined, mean, parallel, rank, ranks, shard, whole
from worldsim.training.states import Fitted, clean, newest_state, read_state, write_state

__all__ = ["FitConfig", "Fitted", "TrainingError", "begun", "check_folder", "fit", "is_hidden", "seconds_per_step"]

PATIENCE = 2.0  # seconds in which several processes take repeated interrupts for one: torchrun passes them on as well
LOG = "log.jsonl"  # begun with the run: where it is, there is something to resume


@dataclass(frozen=True)
class FitConfig:
    """How a run goes."""

    steps: int = 1000
    """Steps in all; the learning rate's course depends on it."""
    minutes: float = 0.0
    """Stop after so many minutes, at whatever step that is; 0 = no limit. A later run may resume."""
    muon_rate: float = 2e-3
    """Learning rate of hidden matrices (Muon, RMS matched to AdamW)."""
    adam_rate: float = 2e-3
    """Learning rate of everything else (AdamW)."""
    muon: bool = True
    """Without Muon, AdamW trains hidden matrices as well, at its own rate."""
    warmup: int = 50
    """Steps over which the rates rise from 0."""
    cooldown: float = 0.2
    """Share of the steps, at the end, over which the rates fall to 0."""
    decay: float = 0.01
    """Weight decay."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    average: float = 0.999
    """Decay of the moving average of the weights, which is what ships."""
    save_every: int = 200
    """Steps between saved states."""
    log_every: int = 10
    """Steps between logged points."""
    seed: int = 0
    """Seed of everything random."""
    bf16: bool = True
    """Matrix products in bfloat16 where the processor has them; weights and averages stay float32."""
    compile: bool = True
    """Compile the network when a C++ compiler is at hand."""
    device: Device = "auto"
    """Where to train: a GPU if there is one, else the CPU; or as named."""
    sharded: bool = False
    """Where torchrun starts several processes: cut weights, averages and optimisers into shards (FSDP2), for networks
    that are too large for one device. Without it each process holds all of them (DDP)."""

    def __post_init__(self) -> None:
        check_whole(self, 1, "steps", "save_every", "log_every")
        check_whole(self, 0, "warmup", "seed")
        check_numbers(self, 0, math.inf, "minutes", "muon_rate", "adam_rate", "decay", "clip")
        check_numbers(self, 0, 1, "cooldown", "average")

    def rate(self, step: int) -> float:
        """The share of the learning rates that step `step` uses."""
        rise = min(1.0, (step + 1) / max(self.warmup, 1))
        cooling = max(self.cooldown * self.steps, 1.0)
        return rise * min(1.0, (self.steps - step) / cooling)


def fit(
    objective: nn.Module,
    batches: Callable[[int], Generator[Any]],
    config: FitConfig,
    folder: Path,
    *,
    frames: float = 1,
    resume: bool = False,
    report: Callable[[int, dict[str, float]], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    inputs: Mapping[str, str] | None = None,
) -> Fitted:
    """Minimise an objective.

    Args:
        objective: `forward(batch, generator) -> (loss, logs)`.
        batches: gives the batches from a step on; closed before `fit` returns or raises.
        config: how the run goes.
        folder: where states, logs and TensorBoard files go.
        frames: frames in a batch of all ranks on average, for the speed that the bar shows.
        resume: go on from the newest state in `folder`.
        report: called with (step, logs) whenever numbers are logged.
        clock: seconds by which the run is told how long it took and stops; `time.process_time` counts no other program.
        inputs: by name what the weights mean nothing without, such as a fingerprint of the tokenizer: a resumed run
            must have the same.

    Raises:
        TrainingError: the loss or the gradient is not finite (nothing is saved after that), or there is already a
            run in `folder` and `resume` is False, or there is none and it is True, or one of other inputs.
    """
    with joined(config.device) as device:
        check_folder(folder, resume)
        barrier()  # nobody writes before all have looked
        if rank() == 0:
            folder.mkdir(parents=True, exist_ok=True)
            clean(folder)
        objective.to(device)
        if config.sharded and ranks() > 1:
            shard(objective)
        return _fit(objective, batches, config, folder, device, frames, report, clock, inputs or {})


def _fit(
    objective: nn.Module, batches: Callable[[int], Generator[Any]], config: FitConfig, folder: Path,
    device: torch.device, frames: float, report: Callable[[int, dict[str, float]], None] | None,
    clock: Callable[[], float], inputs: Mapping[str, str],
) -> Fitted:  # fmt: skip
    sharded = config.sharded and ranks() > 1
    newest = newest_state(folder)
    optimisers = _optimisers(objective, config)
    average = {name: p.detach().clone() for name, p in objective.named_parameters()}
    fitted = Fitted(0, 0.0, average, {})
    if newest is not None:
        read_state(newest, objective, fitted, optimisers, config.seed, inputs)
    run = _Run(objective, optimisers, average, config, device)
    start, before = fitted.step, fitted.seconds
    with (
        _Interrupt() as interrupt,
        closing(batches(start)) as source,
        closing(_Log(folder, start)) as log,
        tqdm(total=config.steps, initial=start, unit="step", dynamic_ncols=True, disable=rank() > 0) as bar,
    ):
        began = clock()
        while fitted.step < config.steps:
            values = run.step(next(source), fitted.step)
            fitted.step += 1
            bar.update()
            spent = clock() - began
            fitted.seconds = before + spent
            last = fitted.step == config.steps
            if fitted.step % config.log_every == 0 or last:
                fitted.logs = {name: float(mean(value)) for name, value in values.items()}
                speed = frames * (fitted.step - start) / spent
                bar.set_postfix_str(f"loss {fitted.logs['loss']:.4f}, {speed:.0f} frames/s")
                log.write(fitted.step, fitted.logs | {"frames/s": speed})
                if report is not None:
                    report(fitted.step, fitted.logs)
            stop = any_rank((config.minutes > 0 and spent > 60 * config.minutes) or interrupt.asked > 0)
            if fitted.step % config.save_every == 0 or last or stop:
                write_state(folder, fitted, objective, optimisers, asdict(config), inputs, sharded)
            if stop:
                break
    fitted.average = {name: whole(tensor).cpu() for name, tensor in average.items()}
    return fitted


def check_folder(folder: Path, resume: bool) -> None:
    """Raise `TrainingError` when a run would overwrite the one in `folder`, or when there is none to resume."""
    newest = newest_state(folder)
    if newest is not None and not resume:
        raise TrainingError(f"{folder} already holds a run ({newest.name}); resume it, or choose another folder")
    if resume and not begun(folder):
        raise TrainingError(f"{folder} holds no run to resume; begin one without resume")


def begun(folder: Path) -> bool:
    """Whether there is a run in `folder` to resume."""
    return (folder / LOG).is_file()


class _Run:
    """An objective with its optimisers and its average; `step` is the whole of training."""

    def __init__(
        self, objective: nn.Module, optimisers: dict[str, torch.optim.Optimizer], average: dict[str, torch.Tensor],
        config: FitConfig, device: torch.device,
    ) -> None:  # fmt: skip
        self.optimisers, self.average, self.config, self.device = optimisers, average, config, device
        self.objective = parallel(objective, config.sharded)
        self.parameters = dict(objective.named_parameters())

    def step(self, batch: Any, step: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        half = self.config.bf16 and has_bfloat16(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            loss, logs = self.objective(moved(batch, self.device), generator)
        loss.backward()
        norm = whole(nn.utils.clip_grad_norm_(self.parameters.values(), self.config.clip))
        loss = mean(loss)
        if not torch.isfinite(loss) or not torch.isfinite(norm):
            raise TrainingError(
                f"step {step}: loss is {loss.item()}, gradient norm {norm.item()}; nothing was saved since the last "
                "state. Lower the learning rates, or look at the batch of this step"
            )
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = group["initial_lr"] * self.config.rate(step)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self._update_average(step)
        return {"loss": loss, "gradient norm": norm, **logs}

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        decay = min(self.config.average, (1 + step) / (10 + step))
        for name, kept in self.average.items():
            kept.lerp_(self.parameters[name], 1 - decay)


def seconds_per_step(
    objective: nn.Module, batch: Any, config: FitConfig, device: torch.device, tries: int = 2
) -> float:
    """How long a step takes here when the machine does nothing else, at best of some; spoils the objective's weights.

    On a CPU that is the processor time by the number of threads, so that other programs do not count.
    """
    objective.to(device)
    average = {name: p.detach().clone() for name, p in objective.named_parameters()}
    run = _Run(objective, _optimisers(objective, config), average, config, device)
    clock, threads = (time.process_time, torch.get_num_threads()) if device.type == "cpu" else (time.perf_counter, 1)
    took = []
    for number in range(1 + tries):
        began = clock()
        loss = run.step(batch, number)["loss"].item()  # waits for the device
        took.append((clock() - began) / threads)
        assert math.isfinite(loss)
    return min(took[1:])  # the first one makes what the others use


def is_hidden(name: str, parameter: torch.Tensor) -> bool:
    """Whether Muon trains it: a matrix inside the blocks of a network."""
    return parameter.ndim == 2 and ".blocks." in f".{name}" and "modulation" not in name


def _optimisers(objective: nn.Module, config: FitConfig) -> dict[str, torch.optim.Optimizer]:
    """Muon for the matrices inside the network (arXiv 2502.16982), if it is wanted; AdamW for all else."""
    hidden, other = [], []
    for name, parameter in objective.named_parameters():
        (hidden if config.muon and is_hidden(name, parameter) else other).append(parameter)
    found: dict[str, torch.optim.Optimizer] = {
        "adam": torch.optim.AdamW(other, config.adam_rate, betas=(0.9, 0.99), weight_decay=config.decay)
    }
    if hidden and isinstance(hidden[0], DTensor):
        found["muon"] = ShardedMuon(hidden, config.muon_rate, config.decay)
    elif hidden:
        found["muon"] = torch.optim.Muon(
            hidden, config.muon_rate, weight_decay=config.decay, adjust_lr_fn="match_rms_adamw"
        )
    for optimiser in found.values():
        for group in optimiser.param_groups:
            group["initial_lr"] = group["lr"]
    return found


class _Log:
    """Numbers of a run, from rank 0: one line of JSON each, and TensorBoard where it is installed."""

    file, board = None, None

    def __init__(self, folder: Path, start: int) -> None:
        if rank() > 0:
            return
        self.file = open(folder / LOG, "a", buffering=1)  # noqa: SIM115 (closed by close)
        try:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=start or None)
        except ImportError:
            pass

    def write(self, step: int, values: dict[str, float]) -> None:
        if self.file is None:
            return
        self.file.write(json.dumps({"step": step, "time": round(time.time(), 1), **values}) + "\n")
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(name, value, step)

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
        if self.board is not None:
            self.board.close()


class _Interrupt:
    """Turns Ctrl-C and SIGTERM into a wish to stop after the step at hand, so that its state is kept."""

    asked = 0.0  # when, by the clock

    def __enter__(self) -> _Interrupt:
        self.old: dict[int, Any] = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self.old[number] = signal.signal(number, self._ask)
            except ValueError:  # not the main thread: nothing to catch there
                break
        return self

    def _ask(self, number: int, frame: object) -> None:
        if self.asked and (ranks() == 1 or time.monotonic() - self.asked > PATIENCE):
            raise KeyboardInterrupt
        self.asked = self.asked or time.monotonic()
        tqdm.write("stopping after this step; the state will be saved (once more to stop at once)")

    def __exit__(self, *details: object) -> None:
        for number, handler in self.old.items():
            signal.signal(number, handler)

"""Rate and distortion of tokenizers: PSNR in worlds that training never saw, against numbers per frame.

python benchmarks/tokenizer.py --data DATASET … [--strides 1 4] [--channels 4 8 16] [--minutes 20] [--out FOLDER]

Each row is a tokenizer of one stride in time and one latent width, trained for the given minutes, or one that is given.
Rows that are done are kept, and a row that was stopped goes on: the same command again. OUT/table.json holds what
was measured, OUT/table.md the table.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from worldsim.clip import pixels_from_unit, pixels_to_unit
from worldsim.data.episodes import Dataset
from worldsim.data.sources import HELDOUT
from worldsim.fidelity.statistics import Estimate, StatisticsError, mean
from worldsim.files import write_json
from worldsim.model.checkpoint import load
from worldsim.model.tensors import network_fingerprint
from worldsim.model.tokenizer import Tokenizer, TokenizerConfig
from worldsim.training.loop import FitConfig, TrainingError, begun, seconds_per_step
from worldsim.training.losses import TokenizerObjective
from worldsim.training.machine import Device, choose_device
from worldsim.training.stages import TrainTokenizer, steps_done, train_tokenizer


@dataclass(frozen=True)
class Options:
    """Train tokenizers of several strides in time and latent widths, and measure all alike."""

    data: tuple[Path, ...]
    """Dataset folders; 5 % of the worlds are held out, and measured on."""
    strides: tuple[int, ...] = (1, 4)
    """Strides in time to train."""
    channels: tuple[int, ...] = (4, 8, 16)
    """Latent widths to train at each stride."""
    given: tuple[str, ...] = ()
    """Checkpoints to measure beside them, as they are."""
    widths: tuple[int, int, int] = TokenizerConfig().widths
    """Widths of the convolutions, in all rows."""
    minutes: float = 20.0
    """Minutes of training of each row, if the machine does nothing else."""
    steps: int = 0
    """Steps of each row instead; 0 = as many as the minutes allow."""
    rows: int = 32
    """Frames in a batch."""
    length: int = 17
    """Frames of a clip, in training with a stride in time and in measuring with all."""
    clips: int = 128
    """Held-out clips to measure on, at most one of each world."""
    seed: int = 0
    """Seed of training and of the clips."""
    compile: bool = True
    """Compile the networks for training."""
    device: Device = "auto"
    """Where to train; times are measured there, too."""
    threads: int = torch.get_num_threads()
    """Threads of the networks."""
    out: Path = Path("out/tokenizer")
    """Where rows and the table go."""
    json: bool = False
    """Print JSON instead of the table."""


@dataclass(frozen=True)
class Row:
    """One tokenizer. PSNR is in dB, on frames as bytes; "numbers" are of a long clip; `few` is pixels over numbers."""

    name: str
    stride: int
    channels: int
    steps: int
    parameters: float
    numbers: float
    few: float
    psnr: Estimate
    pooled: float
    first: float
    encode_ms: float
    decode_ms: float
    threads: int


def main(options: Options) -> None:
    """Train what is missing, measure, and write the table."""
    torch.set_num_threads(options.threads)
    _keep(options)
    clips = _held_out(options)
    rows = []
    for stride in options.strides:
        for channels in options.channels:
            folder = options.out / f"stride{stride}-channels{channels}"
            if not (folder / "row.json").is_file() and not _train(folder, stride, channels, options):
                return
            rows.append(_row(folder, str(folder / "run" / "checkpoint"), folder.name, clips, options))
    for name in options.given:
        place = options.out / f"given-{network_fingerprint(load(name).tokenizer)}"
        rows.append(_row(place, name, name, clips, options))
    report = {"clips": len(clips), "length": options.length, "rows": rows}
    write_json(options.out / "table.json", report)
    (options.out / "table.md").write_text(_table(report) + "\n")
    print(json.dumps(report, indent=1) if options.json else _table(report))


def _keep(options: Options) -> None:
    """Write down what all rows have in common. Raises `TrainingError` where rows of something else are there."""
    file = options.out / "options.json"
    names = ("widths", "minutes", "steps", "rows", "length", "clips", "seed")
    asked = {"data": [str(folder) for folder in options.data]} | {name: getattr(options, name) for name in names}
    asked = json.loads(json.dumps(asked))
    if file.is_file() and (there := json.loads(file.read_text())) != asked:
        other = sorted(name for name in asked if there.get(name) != asked[name])
        raise TrainingError(f"{options.out} holds rows with other {', '.join(other)}; choose another --out")
    write_json(file, asked)


def _train(folder: Path, stride: int, channels: int, options: Options) -> bool:
    """Train a row, or go on with it; returns whether it is done."""
    model = TokenizerConfig(channels, options.widths, time_stride=stride)
    run = TrainTokenizer(options.data, folder / "run", rows=options.rows, length=options.length, model=model)
    plan = folder / "plan.json"
    if not plan.is_file():
        write_json(plan, {"steps": options.steps or _affordable(run, options)})
    steps = json.loads(plan.read_text())["steps"]
    fit = FitConfig(
        steps=steps, adam_rate=run.fit.adam_rate, warmup=max(1, min(50, steps // 10)), cooldown=0.5,
        average=1 - 1 / max(2.0, steps / 20), save_every=max(1, min(200, steps // 4)), seed=options.seed,
        compile=options.compile, device=options.device,
    )  # fmt: skip
    out = folder / "run"
    if steps_done(out) < steps:
        train_tokenizer(TrainTokenizer(
            options.data, out, rows=options.rows, length=options.length, model=model, fit=fit, resume=begun(out)
        ))  # fmt: skip
    if (done := steps_done(out)) < steps:
        print(f"{folder.name} has done {done} of {steps} steps; the same command goes on from there")
    return done >= steps


def _affordable(run: TrainTokenizer, options: Options) -> int:
    """Steps in the minutes, by the time that a step takes on this machine."""
    torch.manual_seed(options.seed)
    height, width = Dataset.open(options.data[0]).info.size
    bucket = run.buckets()[0]
    shape = (bucket.rows, bucket.length) if run.model.time_stride > 1 else (bucket.rows,)
    objective = TokenizerObjective(Tokenizer(run.model), run.loss)
    took = seconds_per_step(objective, torch.zeros(*shape, 3, height, width), run.fit, choose_device(options.device))
    return max(20, int(60 * options.minutes / took))


def _held_out(options: Options) -> list[np.ndarray]:
    """Clips u8 (T, H, W, 3) from worlds that no row was trained on, as many of each dataset as come out even.

    Raises:
        StatisticsError: fewer than two.
    """
    rng, found = np.random.default_rng(options.seed), []
    for number, folder in enumerate(options.data):
        dataset = Dataset.open(folder).split(HELDOUT)[1]
        long = [k for k in range(len(dataset)) if dataset.lengths[k] >= options.length]
        share = (options.clips - len(found)) // (len(options.data) - number)
        for k in sorted(rng.permutation(long)[:share]):
            start = int(rng.integers(dataset.lengths[k] - options.length + 1))
            found.append(dataset.read(int(k), start, start + options.length).frames)
    if len(found) < 2:
        raise StatisticsError(f"{len(found)} held-out clips of {options.length} frames in the data; record more worlds")
    return found


@torch.no_grad()
def _row(folder: Path, checkpoint: str, name: str, clips: list[np.ndarray], options: Options) -> dict[str, Any]:
    """What a checkpoint's tokenizer reaches, measured once."""
    file = folder / "row.json"
    if not file.is_file():
        card, tokenizer, _, _ = load(checkpoint)
        device = choose_device(options.device)
        tokenizer.eval().to(device)
        errors, times = [], []
        for clip in clips:
            length = clip.shape[0] - (clip.shape[0] - 1) % card.tokenizer.time_stride
            frames = pixels_to_unit(clip[None, :length]).to(device)
            began = _now(device)
            latents = tokenizer.encode(frames)
            between = _now(device)
            painted = tokenizer.decode(latents)
            times.append(1000 * np.array([between - began, _now(device) - between]) / length)
            shown = pixels_from_unit(painted.cpu())[0].astype(np.float64)
            errors.append(np.square(shown - clip[:length]).mean((1, 2, 3)))
        each = [_psnr(error) for error in errors]
        worlds = np.repeat(np.arange(len(each)), [len(found) for found in each])
        pixels, stride, channels = clips[0][0].size, card.tokenizer.time_stride, card.tokenizer.channels
        numbers = pixels / 3 / Tokenizer.stride**2 * channels / stride
        encode, decode = np.median(times, axis=0).tolist()
        row = Row(
            name, stride, channels, int(card.training.get("tokenizer", card.training).get("steps", 0)),
            sum(p.numel() for p in tokenizer.parameters()) / 1e6, numbers, pixels / numbers,
            mean(np.concatenate(each), worlds), float(_psnr(np.concatenate(errors).mean())),
            float(np.mean([found[0] for found in each])), encode, decode, options.threads,
        )  # fmt: skip
        write_json(file, asdict(row))
    return json.loads(file.read_text())


def _psnr(error: np.ndarray) -> np.ndarray:
    """10·log10(255² / squared error of bytes); a frame without any error counts as 78 dB."""
    return 10 * np.log10(255**2 / np.maximum(error, 1e-3))


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _table(report: dict[str, Any]) -> str:
    """The rows as Markdown, fewest numbers first."""
    threads = ", ".join(sorted({str(row["threads"]) for row in report["rows"]}))
    lines = [
        f"{report['clips']} held-out worlds, a clip of {report['length']} frames of each; 95 % intervals over worlds; "
        f"times on {threads} threads, median over clips.",
        "",
        "| stride | channels | steps | numbers per frame (of pixels) | PSNR, mean over frames | pooled | first frames "
        "| encode, decode a frame |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(report["rows"], key=lambda row: row["numbers"]):
        told = row["psnr"]
        lines.append(
            f"| ({row['stride']}, 8, 8){'' if row['name'].startswith('stride') else ' ' + row['name']} "
            f"| {row['channels']} | {row['steps']:,} | {row['numbers']:g} (1/{row['few']:g}) "
            f"| {told['value']:.1f} [{told['low']:.1f}, {told['high']:.1f}] dB | {row['pooled']:.1f} dB "
            f"| {row['first']:.1f} dB | {row['encode_ms']:.1f}, {row['decode_ms']:.1f} ms |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main(tyro.cli(Options))

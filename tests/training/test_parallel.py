"""Two processes train as one does: the same losses, the same weights, and states that any number of them goes on from.

What two processes do is done once, for all tests of this file, by workers that gloo joins; see `SCENES`.
"""

import json
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from networks import WORDS, tiny_dynamics, tiny_tokenizer
from training_runs import at_step
from worldsim.model.tensors import read_tensors
from worldsim.training.latents import LatentBucket, LatentEpisode, latent_batches
from worldsim.training.loop import FitConfig, Fitted, TrainingError, fit
from worldsim.training.losses import (
    DynamicsLossConfig,
    DynamicsObjective,
    LatentBatch,
    TokenizerLossConfig,
    TokenizerObjective,
)
from worldsim.training.machine import choose_device
from worldsim.training.parallel import any_rank, joined, mean, rank, ranks

CONFIG = FitConfig(steps=6, warmup=2, save_every=4, log_every=1, bf16=False, compile=False, device="cpu")
LOSS = DynamicsLossConfig(drop_actions=0.3, rollout=0.6, jumps=0.5)
BUCKETS = (LatentBucket(4, 5, "past", 0.8), LatentBucket(4, 6, "all", 0.2))
TOLERANCE = 2e-3  # relative: Muon orthogonalises in bfloat16, where sums in another order may round otherwise


def batches(start: int) -> Generator[LatentBatch]:
    """Random episodes of two grids, some shorter than a clip, so that ranks have unequal numbers of frames."""
    rng, episodes = np.random.default_rng(0), []
    for number in range(8):
        length = int(rng.integers(3, 20))
        latents = rng.normal(size=(length, 3, 4, 6 if number % 2 else 12)).astype(np.float16)
        arrays = [rng.normal(size=(length, width)).astype(np.float32) for width in (5, 3)]
        episodes.append(LatentEpisode(latents, *arrays, np.zeros(length, np.float32), ()))
    yield from latent_batches(episodes, BUCKETS, WORDS, 8, 0, start)


def broken(start: int) -> Generator[LatentBatch]:
    """A batch of which one rank alone has a value that no network survives."""
    for k, batch in enumerate(batches(start), start=start):
        if k == 2 and rank() == ranks() - 1:
            batch.latents[-1] = float("nan")
        yield batch


def run(folder: Path, resume: bool = False, feed: Callable = batches, **changes) -> Fitted:
    objective = DynamicsObjective(tiny_dynamics(), LOSS)
    return fit(objective, feed, replace(CONFIG, **changes), folder, resume=resume)


def frames(start: int) -> Generator[torch.Tensor]:
    while True:
        images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(start)) * 2 - 1
        yield images.chunk(ranks())[rank()]
        start += 1


def paint(folder: Path) -> Fitted:
    return fit(TokenizerObjective(tiny_tokenizer(), TokenizerLossConfig(unit=1.0)), frames, CONFIG, folder)


def stop_at(step: int, folder: Path, **changes) -> None:
    """A run that the last rank alone is asked to stop, in the middle of a step."""
    undo = at_step(step, lambda: rank() == ranks() - 1 and signal.raise_signal(signal.SIGTERM))
    assert run(folder, **changes).step == step
    undo()


def spoil(folder: Path) -> None:
    with pytest.raises(TrainingError, match="step 2: loss is nan"):
        run(folder, feed=broken)


SCENES: dict[str, Callable[[Path], object]] = {
    "together": run,
    "sharded": lambda folder: run(folder, sharded=True),
    "one, then two in shards": lambda folder: run(folder, resume=True, sharded=True),
    "two, then one": lambda folder: stop_at(3, folder),
    "two in shards, then one": lambda folder: stop_at(3, folder, sharded=True),
    "broken": spoil,
    "painted": paint,
}


def work(folder: Path, number: int, port: int) -> None:
    place = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in place.items()})
    torch.set_num_threads(1)
    with joined("cpu"):
        assert (rank(), ranks()) == (number, 2)
        assert float(mean(torch.tensor(2.0 * number))) == 1 and any_rank(number == 1) and not any_rank(False)
        for name, scene in SCENES.items():
            scene(folder / name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs of one process and of two are."""
    folder = tmp_path_factory.mktemp("parallel")
    run(folder / "alone")
    paint(folder / "painted alone")
    stop_at(3, folder / "one, then two in shards")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=(folder, number, port)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    for name in ("two, then one", "two in shards, then one"):
        run(folder / name, resume=True)
    return folder


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def newest(folder: Path) -> Path:
    return max((folder / "states").iterdir())


@pytest.mark.parametrize("name", [*list(SCENES)[:5]])
def test_two_processes_have_the_losses_of_one_however_they_share_the_work_and_wherever_they_go_on(
    folder: Path, name: str
) -> None:
    alone, found = log(folder / "alone"), log(folder / name)
    assert [line["step"] for line in found] == [1, 2, 3, 4, 5, 6]
    assert {"hidden actions", "jumps"} <= {key for line in alone for key in line}
    for mine, theirs in zip(alone, found, strict=True):
        assert mine.keys() == theirs.keys()
        for key in mine.keys() - {"time", "frames/s"}:
            assert theirs[key] == pytest.approx(mine[key], rel=TOLERANCE, abs=1e-5), key
    assert len({round(line["loss"], 4) for line in alone}) == 6, "a loss that stays as it is would pass"


@pytest.mark.parametrize("name", ["together", "two, then one", "two in shards, then one"])
def test_two_processes_end_with_the_average_of_one(folder: Path, name: str) -> None:
    mine, theirs = (read_tensors(newest(folder / run) / "average.safetensors") for run in ("alone", name))
    assert mine.keys() == theirs.keys()
    difference = torch.cat([(mine[key] - theirs[key]).flatten() for key in mine]).norm()
    assert difference < 1e-2 * torch.cat([(mine[key] - 0.15).flatten() for key in mine]).norm()


def test_a_tokenizer_is_trained_alike(folder: Path) -> None:
    for mine, theirs in zip(log(folder / "painted alone"), log(folder / "painted"), strict=True):
        for key in ("loss", "psnr", "latent size"):
            assert theirs[key] == pytest.approx(mine[key], rel=TOLERANCE), key


def test_each_rank_writes_its_own_shards_and_nothing_is_pickled(folder: Path) -> None:
    state = newest(folder / "sharded")
    files = {path.relative_to(state).as_posix() for path in state.rglob("*") if path.is_file()}
    parts = ("weights", "average", "optimisers")
    shards = {f"{part}/shard-0000{i}-model-00001-of-00001.safetensors" for part in parts for i in (1, 2)}
    assert files == {"state.json", *shards}
    sizes = [sum((state / name).stat().st_size for name in shards if f"shard-0000{i}" in name) for i in (1, 2)]
    assert max(sizes) < 1.5 * min(sizes)
    suffixes = {path.suffix for place in folder.glob("*/states") for path in place.rglob("*") if path.is_file()}
    assert suffixes == {".json", ".safetensors"}


def test_a_batch_that_breaks_one_rank_stops_all_and_saves_nothing(folder: Path) -> None:
    assert not (folder / "broken" / "states").exists()


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == choose_device("cpu").type == "cpu"
    with pytest.raises(TrainingError, match="cuda was asked for, and torch finds none"):
        choose_device("cuda")
    with pytest.raises(TrainingError, match="must be one of"):
        choose_device("tpu")  # type: ignore[arg-type]

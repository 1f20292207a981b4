"""The reader of sights: which things a single frame shows, how much of it each fills, and where their middle is.

It learns from views of true worlds of its own, as an env with `glimpses` shows them and names what each pixel shows,
and from their mirror images, so that neither side is likelier; every second world's views went through the tokenizer.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from worldsim.data.envs import open_env
from worldsim.data.frames import resize
from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.readers.lessons import FIRST_LESSON, through
from worldsim.fidelity.readers.network import conv, train
from worldsim.fidelity.readers.reader import is_kept, reader_key
from worldsim.files import write_json
from worldsim.model.card import WorldCard
from worldsim.model.precision import has_bfloat16
from worldsim.model.tensors import load_weights, read_tensors, write_tensors
from worldsim.model.tokenizer import Tokenizer

__all__ = ["THINGS", "SightReader", "SightTraining", "Sights", "Views", "labelled", "sight_reader", "views_of"]

# Word -> shares of the picture: below the first it is not there, from the second on it is; between them nobody knows.
ANIMAL, GROUND = (0.001, 0.008), (0.003, 0.03)
THINGS: dict[str, tuple[float, float]] = {
    "pig": ANIMAL, "sheep": ANIMAL, "cow": ANIMAL, "chicken": ANIMAL,
    "trees": GROUND, "water": GROUND, "sand": GROUND, "snow": GROUND,
}  # fmt: skip
WEIGHTS = {ANIMAL: 5.0, GROUND: 1.0}  # in training: animals are small
FAINT = 0.1  # of a cell: what is less is not weighed for the middle
WORLD_SEEDS = FIRST_LESSON + 2**22


@dataclass(frozen=True)
class SightTraining:
    """How readers of sights are made."""

    worlds: int = 216
    """Worlds that are looked at."""
    views: int = 24
    """Views of each."""
    heldout: float = 0.1
    """Share of the worlds that set the thresholds, and are not trained on."""
    steps: int = 1600
    """Training steps."""
    batch: int = 64
    """Views in a step."""
    rate: float = 0.003
    """Highest learning rate."""
    seed: int = 0
    """Decides worlds, first weights and batches."""


@dataclass(frozen=True)
class Views:
    """N views and what they show.

    Attributes:
        frames: u8 (N, H, W, 3).
        things: u8 (N, H, W), number of the thing in `THINGS` + 1 that each pixel shows, 0 for any other.
    """

    frames: np.ndarray
    things: np.ndarray


@dataclass(frozen=True)
class Sights:
    """What N frames show: of each word the share of the picture (N,), and the middle (N,), 0 left … 1 right."""

    shares: dict[str, np.ndarray]
    middles: dict[str, np.ndarray]


class SightNetwork(nn.Module):
    """Frames u8 (N, H, W, 3) → logits (N, things, H / 4, W / 4) of the share of each cell that shows each thing."""

    def __init__(self, things: int, widths: tuple[int, int, int] = (24, 48, 64)) -> None:
        super().__init__()
        a, b, c = widths
        self.look = nn.Sequential(conv(3, a, 2), conv(a, b, 1), conv(b, c, 2), conv(c, c, 1))
        self.around = nn.ModuleList(conv(c, c, 1, dilation=apart) for apart in (2, 4, 2))
        self.tell = nn.Conv2d(c, things, 1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        x = self.look(frames.permute(0, 3, 1, 2).float() / 127.5 - 1.0)  # (N, c, H/4, W/4)
        for layer in self.around:
            x = x + layer(x)
        return self.tell(x)


@dataclass(frozen=True)
class SightReader:
    """A trained network, and from which read share on each thing counts as there.

    Attributes:
        network: it.
        least: of each word, chosen on held-out lessons.
    """

    network: SightNetwork
    least: dict[str, float]

    @torch.no_grad()
    def read(self, frames: np.ndarray, rows: int = 128) -> Sights:
        """Read frames u8 (N, H, W, 3)."""
        parts = [self.network(torch.from_numpy(np.ascontiguousarray(frames[first : first + rows]))).sigmoid()
                 for first in range(0, len(frames), rows)]  # fmt: skip
        return sights_of(torch.cat(parts).numpy())


def sights_of(cells: np.ndarray) -> Sights:
    """Shares and middles of cells f32 (N, things, h, w), each the share of it that shows a thing."""
    columns = np.where(cells < FAINT, 0.0, cells).sum(2)  # (N, things, w)
    width = columns.shape[-1]
    middles = (columns @ (np.arange(width) + 0.5) + 1e-9 * width / 2) / (columns.sum(-1) + 1e-9) / width
    shares = cells.mean((2, 3))
    return Sights({word: shares[:, i] for i, word in enumerate(THINGS)},
                  {word: middles[:, i] for i, word in enumerate(THINGS)})  # fmt: skip


def labelled(views: Views) -> Sights:
    """What the labels of views say, pixel by pixel."""
    return sights_of(np.stack([views.things == number for number in range(1, 1 + len(THINGS))], 1).astype(np.float32))


def views_of(env: Any, size: tuple[int, int], seed: int, count: int) -> Views:
    """Views of a world of an env that has `glimpses`. Raises `FidelityError` where its pictures have another size."""
    frames, words = env.glimpses(seed, count)
    step = [full // side for full, side in zip(words.shape[1:], size, strict=True)]
    if words.shape[1:] != (step[0] * size[0], step[1] * size[1]):
        raise FidelityError(f"the true env's pictures {words.shape[1:]} must be a whole multiple of frames {size}")
    things = np.zeros(words.shape, np.uint8)
    for number, word in enumerate(THINGS, 1):
        things[words == word] = number
    return Views(np.stack([resize(frame, size) for frame in frames]), things[:, :: step[0], :: step[1]])


def sight_reader(card: WorldCard, tokenizer: Tokenizer, folder: Path, training: SightTraining) -> SightReader | None:
    """The reader of sights of a world, from `folder`, or else trained and written there; None without `glimpses`.

    Raises:
        RecordError: the true env cannot be made.
        CheckpointError, FidelityError: a file of an earlier reader is damaged.
    """
    path = folder / f"sights-{reader_key(card, tokenizer, training, THINGS)}"
    if is_kept(path):
        return _load(path)
    env = open_env(card.env["id"], card.env["kwargs"], card.env.get("image_key"))
    try:
        if not hasattr(env.unwrapped, "glimpses"):
            return None
        bar = tqdm(range(training.worlds), desc="glimpses", unit="world", dynamic_ncols=True, mininterval=0.5)
        first = WORLD_SEEDS + training.worlds * training.seed
        worlds = [views_of(env.unwrapped, card.size, first + number, training.views) for number in bar]
    finally:
        env.close()
    copied = [Views(through(tokenizer, one.frames, half=True), one.things) if number % 2 else one
              for number, one in enumerate(worlds)]  # fmt: skip
    apart = max(2, round(training.heldout * training.worlds))
    network = _fit(_joined(copied[apart:]), training)
    held = _joined(copied[:apart])
    reader = SightReader(network, _thresholds(SightReader(network, {}).read(held.frames), labelled(held)))
    write_tensors(path.with_suffix(".safetensors"), network.state_dict())
    write_json(path.with_suffix(".json"), {"least": reader.least, "training": asdict(training)})
    return reader


def _load(path: Path) -> SightReader:
    file = path.with_suffix(".json")
    try:
        least = {word: float(json.loads(file.read_text())["least"][word]) for word in THINGS}
    except (KeyError, TypeError, ValueError) as error:
        raise FidelityError(f"{file} is no reader: {error!r}; remove it, and it is trained again") from error
    network = SightNetwork(len(THINGS))
    load_weights(network, read_tensors(path.with_suffix(".safetensors")), path.with_suffix(".safetensors").name)
    return SightReader(network.eval(), least)


def _joined(worlds: list[Views]) -> Views:
    return Views(*(np.concatenate([getattr(one, name) for one in worlds]) for name in ("frames", "things")))


def _fit(lessons: Views, training: SightTraining) -> SightNetwork:
    """A network trained on views, each in half of the steps as a mirror shows it."""
    rng = np.random.default_rng(training.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        network = SightNetwork(len(THINGS))
    assert network.tell.bias is not None
    nn.init.constant_(network.tell.bias, -4.0)  # most cells show none of the things
    weights = torch.tensor([WEIGHTS[shares] for shares in THINGS.values()])[:, None, None]

    def loss(step: int) -> torch.Tensor:
        chosen = rng.integers(len(lessons.frames), size=training.batch)
        frames, things = (torch.from_numpy(part[chosen]) for part in (lessons.frames, lessons.things))
        if step % 2:
            frames, things = frames.flip(2), things.flip(2)
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            logits = network(frames)
        wanted = F.one_hot(things.long(), 1 + len(THINGS))[..., 1:].permute(0, 3, 1, 2).float()
        wanted = F.adaptive_avg_pool2d(wanted, logits.shape[2:])  # (B, things, h, w)
        return F.binary_cross_entropy_with_logits(logits.float(), wanted, weights)

    train(network, loss, training.steps, training.rate, "reader of sights")
    return network


def _thresholds(read: Sights, true: Sights) -> dict[str, float]:
    """Of each thing the read share whose F1 of being there is best; what nobody knows is left out."""
    least: dict[str, float] = {}
    for word, (absent, sure) in THINGS.items():
        known = (true.shares[word] < absent) | (true.shares[word] >= sure)
        there, shares = true.shares[word][known] >= sure, read.shares[word][known]
        tried = np.quantile(shares, np.linspace(0.02, 0.995, 200))
        told = shares >= tried[:, None]  # (200, N)
        scores = 2 * (told & there).sum(1) / np.maximum(told.sum(1) + there.sum(), 1)
        least[word] = float(max(tried[scores.argmax()], absent))
    return least

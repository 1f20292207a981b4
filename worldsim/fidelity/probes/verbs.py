"""The verbs against truth, as far as pixels tell: seams, motion, the largest jump inside, and how seeds differ.

Each trial is a distance and the same distance in true clips, so figures are ratios: at a seam 1 is as true frames
follow each other, in motion 1 is as much as truth moves. Distances are root mean squared differences of grey levels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from tqdm import tqdm

from worldsim.clip import Clip
from worldsim.data.frames import resize
from worldsim.fidelity.heldout import FidelityError, Windows
from worldsim.fidelity.probes.pixels import ROUNDING, squared_error
from worldsim.fidelity.statistics import median, ratio
from worldsim.sampling import verbs
from worldsim.sampling.world import World

__all__ = ["BARS", "PROBES", "Compared", "figures", "neighbours", "probe_verbs", "table"]

GAP = 8  # frames that connect and fill make
NOISE = 24.0  # grey levels of what `enhance` has to take away
SEEDS = 4  # clips of one prompt whose distance is diversity
BARS: dict[str, tuple[float, int, str]] = {  # probe -> limit, whether it is a most (-1) or a least (1), what it says
    "extend forward: seam": (1.2, -1, "first new frame from the last given one / as true neighbours"),
    "extend backward: seam": (1.2, -1, "last new frame from the first given one / as true neighbours"),
    "loop: seam": (1.2, -1, "last frame from the first / median neighbours in the loop"),
    "loop: motion": (0.5, 1, "as true clips move"),
    "connect: largest": (1.5, -1, "largest step between the ends / largest of truth there"),
    "fill: largest": (1.5, -1, "largest step into, inside and out of what was filled / largest of truth there"),
    "animate: motion": (0.5, 1, "as true clips move"),
    "enhance: error": (1.0, -1, "of a clip with noise, after / before"),
    "diversity": (0.7, 1, "between seeds of one prompt / between true clips of one prompt"),
    "size: layout": (0.75, -1, "a picture from the same seed at half as large again / from another seed at its size"),
}


@dataclass(frozen=True)
class Compared:
    """One clip in one measure.

    Attributes:
        probe: a key of `BARS`.
        world: of which the clip is, or was made from.
        value, truth: the distance, and what it is in truth.
    """

    probe: str
    world: int
    value: float
    truth: float


def neighbours(frames: np.ndarray) -> np.ndarray:
    """f64 (..., T - 1): how far each frame of u8 (..., T, H, W, 3) is from the next; equal ones count as rounding."""
    return np.sqrt(np.maximum(squared_error(frames[..., 1:, :, :, :], frames[..., :-1, :, :, :]), ROUNDING))


def probe_verbs(
    world: World,
    windows: Windows,
    names: Sequence[str] = (),
    *,
    seed: int = 0,
    rows: int = 8,
    passes: int | None = None,
) -> list[Compared]:
    """Run the probes on windows of at least 2·GAP + 2 frames.

    Args:
        world: whose verbs are measured.
        windows: true clips.
        names: some of `PROBES`; all by default.
        seed: of the first window; the others count on.
        rows: windows at a time.
        passes: denoising passes, as in `verbs.Options`.

    Raises:
        FidelityError: an unknown probe, or windows that are too short.
    """
    unknown = set(names) - set(PROBES)
    if unknown or windows.clip.length < 2 * GAP + 2:
        raise FidelityError(
            f"probes are {', '.join(PROBES)}, on windows of at least {2 * GAP + 2} frames; got "
            f"{', '.join(names)} on {windows.clip.length}"
        )
    trials: list[Compared] = []
    for name in tqdm(names or PROBES, desc="verbs", unit="probe", dynamic_ncols=True):
        for first in range(0, windows.clip.rows, rows):
            chosen = np.arange(first, min(first + rows, windows.clip.rows))
            options: verbs.Options = {"seeds": [seed + int(row) for row in chosen]}
            if passes is not None:
                options["passes"] = passes
            part = [windows.worlds[row] for row in chosen]
            trials += PROBES[name](world, windows.clip.take(chosen), part, options)
    return trials


def _extend(world: World, clip: Clip, worlds: list[int], options: verbs.Options) -> list[Compared]:
    """New frames under truth's own actions, where there is a truth: from the middle on, and up to the middle."""
    middle = clip.length // 2
    before, after = clip.slice(0, middle), clip.slice(middle, clip.length)
    there = _text(after), clip.actions[:, middle:]
    forward = verbs.extend(world, before, there[0], frames=after.length, actions=there[1], **options)
    back = verbs.extend(
        world, after, _text(before), frames=middle, direction="backward", actions=clip.actions[:, :middle], **options
    )
    usual = np.median(neighbours(clip.frames), axis=1)
    seams = {"forward": forward, "backward": back}
    return [
        Compared(f"extend {name}: seam", *row)
        for name, made in seams.items()
        for row in zip(worlds, neighbours(made.frames[:, middle - 1 : middle + 1])[:, 0], usual, strict=True)
    ]


def _loop(world: World, clip: Clip, worlds: list[int], options: verbs.Options) -> list[Compared]:
    made = verbs.loop(world, None, _text(clip), frames=clip.length, size=world.card.size, **options)
    inside, true = neighbours(made.frames), neighbours(clip.frames)
    seam = neighbours(np.stack([made.frames[:, -1], made.frames[:, 0]], 1))[:, 0]
    seams = zip(worlds, seam, np.median(inside, axis=1), strict=True)
    motions = zip(worlds, inside.mean(1), true.mean(1), strict=True)
    return [Compared("loop: seam", *row) for row in seams] + [Compared("loop: motion", *row) for row in motions]


def _connect(world: World, clip: Clip, worlds: list[int], options: verbs.Options) -> list[Compared]:
    begin = (clip.length - GAP) // 2
    ends = clip.slice(0, begin), clip.slice(begin + GAP, clip.length)
    made = verbs.connect(world, *ends, frames=GAP, **options)
    return _largest("connect: largest", made, clip, worlds, begin)


def _fill(world: World, clip: Clip, worlds: list[int], options: verbs.Options) -> list[Compared]:
    begin = (clip.length - GAP) // 2
    rows = np.arange(clip.length)
    made = verbs.fill(world, clip, (rows >= begin) & (rows < begin + GAP), **options)
    return _largest("fill: largest", made, clip, worlds, begin)


def _largest(probe: str, made: Clip, clip: Clip, worlds: list[int], begin: int) -> list[Compared]:
    span = slice(begin - 1, begin + GAP + 1)
    steps = (neighbours(each.frames[:, span]).max(1) for each in (made, clip))
    return [Compared(probe, *row) for row in zip(worlds, *steps, strict=True)]


def _animate(world: World, clip: Clip, worlds: list[int], options: verbs.Options) -> list[Compared]:
    first = clip.slice(0, 1)
    made = verbs.extend(world, first.frames, _text(clip), frames=clip.length - 1, **options)
    motions = (neighbours(each.frames).mean(1) for each in (made, clip))
    return [Compared("animate: motion", *row) for row in zip(worlds, *motions, strict=True)]


def _enhance(world: World, clip: Clip, worlds: list[int], options: verbs.Options) -> list[Compared]:
    """Here the distances are those from truth: of what was made, and of what was given."""
    rng = np.random.default_rng(worlds)
    noisy = clip.frames + rng.normal(0, NOISE, clip.frames.shape)
    bad = replace(clip, frames=noisy.round().clip(0, 255).astype(np.uint8))
    made = verbs.enhance(world, bad, **options)
    off = (np.sqrt(squared_error(each.frames, clip.frames).mean(1)) for each in (made, bad))
    return [Compared("enhance: error", *row) for row in zip(worlds, *off, strict=True)]


def _diversity(world: World, clip: Clip, worlds: list[int], options: verbs.Options) -> list[Compared]:
    """Pictures of one prompt against true frames of these windows that share a prompt, or else all of them."""
    texts = [line[0].text if line else "" for line in clip.text] or [""] * clip.rows
    first = [seed for seed in options.get("seeds", (0,)) if isinstance(seed, int)]  # pyright: ignore[reportGeneralTypeIssues]
    trials = []
    for row, text in enumerate(texts):
        alike = [other for other, said in enumerate(texts) if said == text]
        alike = alike if len(alike) > 1 else list(range(clip.rows))
        more: Any = {**options, "seeds": [1000 * (1 + first[row]) + number for number in range(SEEDS)]}
        made = verbs.image(world, text, **more).frames[:, 0]
        trials.append(Compared("diversity", worlds[row], _spread(made), _spread(clip.frames[alike, 0])))
    return trials


def _sizes(world: World, clip: Clip, worlds: list[int], options: verbs.Options) -> list[Compared]:
    """Pictures of one prompt and one seed at two sizes, as far as quarters of the small one's sides tell."""
    small, texts = world.card.size, _text(clip)
    height, width = (round(1.5 * side / world.grain) * world.grain for side in small)
    seeds = np.atleast_1d(options.get("seeds", 0))
    others: Any = {**options, "seeds": (1000 + seeds).tolist()}
    same = verbs.image(world, texts, size=small, **options), verbs.image(world, texts, size=small, **others)
    rough = small[0] // 4, small[1] // 4
    shown = resize(verbs.image(world, texts, size=(height, width), **options).frames[:, 0], rough)
    far = (np.sqrt(squared_error(shown, resize(one.frames[:, 0], rough))) for one in same)
    return [Compared("size: layout", *row) for row in zip(worlds, *far, strict=True)]


def _spread(frames: np.ndarray) -> float:
    """Mean distance between the pictures u8 (N, H, W, 3)."""
    pairs = list(combinations(range(len(frames)), 2))
    return float(np.mean([neighbours(frames[[one, two]])[0] for one, two in pairs])) if pairs else float(ROUNDING)


def _text(clip: Clip) -> list[str]:
    """What the clips are told first, one text per row."""
    return [line[0].text if line else "" for line in clip.text] or [""] * clip.rows


Probe = Callable[[World, Clip, list[int], verbs.Options], list[Compared]]
PROBES: dict[str, Probe] = {
    "extend": _extend, "loop": _loop, "connect": _connect, "fill": _fill, "animate": _animate, "enhance": _enhance,
    "diversity": _diversity, "size": _sizes,
}  # fmt: skip


def figures(trials: Sequence[Compared], seed: int = 0) -> dict[str, dict[str, Any]]:
    """For each probe: the median ratio and the ratio of sums, with 95 % intervals over worlds, and its bar.

    Raises:
        StatisticsError: trials of fewer than two worlds.
    """
    found: dict[str, dict[str, Any]] = {}
    for probe, (limit, sign, says) in BARS.items():
        some = [trial for trial in trials if trial.probe == probe]
        if not some:
            continue
        value, truth = (np.array([getattr(trial, name) for trial in some]) for name in ("value", "truth"))
        worlds = [trial.world for trial in some]
        middle = median(value / truth, worlds, seed=seed)
        found[probe] = {
            "what": says, "clips": len(some), "worlds": len(set(worlds)), "median": asdict(middle),
            "of_sums": asdict(ratio(value, truth, worlds, seed=seed)), "limit": limit,
            "bar": "at most" if sign < 0 else "at least", "met": bool(sign * middle.value >= sign * limit),
        }  # fmt: skip
    return found


def table(found: dict[str, dict[str, Any]]) -> str:
    """Figures as text."""
    lines = [f"{'':<22} {'median ratio':<22} {'ratio of sums':<22} bar"]
    for probe, one in found.items():
        shown = ["{value:.2f} [{low:.2f}, {high:.2f}]".format(**one[name]) for name in ("median", "of_sums")]
        verdict = "met" if one["met"] else "NOT MET"
        lines.append(f"{probe:<22} {shown[0]:<22} {shown[1]:<22} {one['bar']} {one['limit']}: {verdict}")
    return "\n".join(lines)

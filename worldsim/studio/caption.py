"""`worldsim caption`: captions for recordings that have none, or of a film, by a captioner that learned from others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from tqdm import tqdm
from tyro.conf import Positional, arg

from worldsim.data.captions import FILE, write_rewritten
from worldsim.data.episodes import Caption, Dataset, DatasetError
from worldsim.model.checkpoint import load
from worldsim.model.language import load_language
from worldsim.sampling import verbs
from worldsim.sampling.matching import Matcher
from worldsim.sampling.timelines import VerbError
from worldsim.sampling.world import World
from worldsim.studio.inputs import read_frames
from worldsim.studio.outputs import progress

__all__ = ["CaptionData", "caption", "captions_for"]

DETAILS: tuple[Literal["short", "detailed"], ...] = ("short", "detailed")


@dataclass(frozen=True)
class CaptionData:
    """Write captions for the episodes of a dataset that have none, or print those of a film."""

    source: Annotated[Path, Positional, arg(metavar="SOURCE")]
    """Dataset folder, from `worldsim record`; or a film: an mp4, or the .safetensors of an earlier verb."""
    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder: whose tokenizer, and whose captioner."""
    captioner: Path | None = None
    """The language.safetensors of a `worldsim train captioner`; the checkpoint's own by default."""
    overwrite: bool = False
    """Write captions anew for all episodes. The recorded ones stay in their files: remove captions.json, and they count
    again."""


def caption(options: CaptionData) -> Path | None:
    """Run the captioner over a dataset; returns the file of captions, which is there whole or not at all.

    What a film shows is printed instead.

    Raises:
        DatasetError, CheckpointError: no dataset, no captioner, or frames of a size that it cannot read.
        VideoError, ClipError, VerbError: no film, or not what its name says.
    """
    folder = options.source
    if not folder.is_dir() and (folder.is_file() or folder.suffix):
        _tell(options)
        return None
    dataset = Dataset.open(folder)
    tokenizer = load(options.checkpoint).tokenizer.eval()
    language = load_language(options.captioner or options.checkpoint, tokenizer)
    grain = tokenizer.stride * language.network.config.patch
    if any(side % grain for side in dataset.info.size):
        raise DatasetError(f"{folder}: frames must have sides in steps of {grain}, got {dataset.info.size}")
    wanted = [number for number in range(len(dataset)) if options.overwrite or not dataset.captions(number)]
    matcher = Matcher(tokenizer, language)
    written = {}
    for number in tqdm(wanted, desc="captions", unit="episode", dynamic_ncols=True):
        entry = dataset.entries[number]
        written[entry.file] = captions_for(matcher, dataset.read(number).frames)
    file = folder / FILE
    left = len(dataset) - len(wanted)
    told = f", the {left} others keep those they had (--overwrite writes all anew)" if left else ""
    if not written:
        print(f"{folder}: all of {left} episodes have captions, nothing was written; --overwrite writes anew")
        return file
    write_rewritten(folder, {**dataset.rewritten, **written}, f"captioner of tokenizer {language.tokenizer}")
    count = sum(map(len, written.values()))
    print(f"{file}: {count} captions for {len(written)} of {len(dataset)} episodes{told}")
    return file


def captions_for(matcher: Matcher, frames: np.ndarray) -> tuple[Caption, ...]:
    """What an episode's frames u8 (T, H, W, 3) show, in stretches of 16."""
    shorts, details = matcher.describe(frames, *DETAILS)
    pairs = zip(shorts, details, strict=True)
    return tuple(Caption(short.start, short.end or len(frames), short.text, long.text) for short, long in pairs)


def _tell(options: CaptionData) -> None:
    """Print what a film shows."""
    if options.overwrite:
        raise VerbError("--overwrite is for the captions of a dataset; those of a film are printed, not kept")
    world = World.from_pretrained(options.checkpoint)
    language = load_language(options.captioner or options.checkpoint, world.tokenizer)
    with progress("caption"):
        clip = read_frames(options.source, world, None)
        shorts, details = (verbs.caption(world, clip, detail=detail, language=language) for detail in DETAILS)
    for row, lines in enumerate(zip(shorts, details, strict=True)):
        if len(shorts) > 1:
            print(f"clip {row}")
        for short, long in zip(*lines, strict=True):
            print(f"frames {short.start} … {(short.end or 0) - 1}: {short.text}\n    {long.text}")

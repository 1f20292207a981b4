"""`worldsim caption`: captions for recordings that have none, by a captioner that has learned from others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from tqdm import tqdm
from tyro.conf import Positional, arg

from worldsim.data.captions import FILE, write_rewritten
from worldsim.data.episodes import Caption, Dataset, DatasetError
from worldsim.model.captioner import stretches
from worldsim.model.checkpoint import load
from worldsim.model.language import load_language
from worldsim.model.precision import has_bfloat16
from worldsim.sampling.matching import Matcher

__all__ = ["CaptionData", "caption", "captions_for"]


@dataclass(frozen=True)
class CaptionData:
    """Write captions for the episodes of a dataset that have none."""

    folder: Annotated[Path, Positional, arg(metavar="DIR")]
    """Dataset folder, from `worldsim record`."""
    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder: whose tokenizer, and whose captioner."""
    captioner: Path | None = None
    """The language.safetensors of a `worldsim train captioner`; the checkpoint's own by default."""
    overwrite: bool = False
    """Write captions anew for all episodes. The recorded ones stay in their files: remove DIR/captions.json, and they
    count again."""


def caption(options: CaptionData) -> Path:
    """Run the captioner over a dataset; returns the file of captions, which is there whole or not at all.

    Raises:
        DatasetError, CheckpointError: no dataset, no captioner, or frames of a size that it cannot read.
    """
    dataset = Dataset.open(options.folder)
    tokenizer = load(options.checkpoint).tokenizer.eval()
    language = load_language(options.captioner or options.checkpoint, tokenizer)
    grain = tokenizer.stride * language.network.config.patch
    if any(side % grain for side in dataset.info.size):
        raise DatasetError(f"{options.folder}: frames must have sides in steps of {grain}, got {dataset.info.size}")
    wanted = [number for number in range(len(dataset)) if options.overwrite or not dataset.captions(number)]
    matcher = Matcher(tokenizer, language)
    written = {}
    for number in tqdm(wanted, desc="captions", unit="episode", dynamic_ncols=True):
        entry = dataset.entries[number]
        written[entry.file] = captions_for(matcher, dataset.read(number).frames)
    file = options.folder / FILE
    left = len(dataset) - len(wanted)
    told = f", the {left} others keep those they had (--overwrite writes all anew)" if left else ""
    if not written:
        print(f"{options.folder}: all of {left} episodes have captions, nothing was written; --overwrite writes anew")
        return file
    write_rewritten(options.folder, {**dataset.rewritten, **written}, f"captioner of tokenizer {language.tokenizer}")
    count = sum(map(len, written.values()))
    print(f"{file}: {count} captions for {len(written)} of {len(dataset)} episodes{told}")
    return file


def captions_for(matcher: Matcher, frames: np.ndarray) -> tuple[Caption, ...]:
    """What an episode's frames u8 (T, H, W, 3) show, in stretches of 16."""
    spans = stretches(0, len(frames))
    with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
        latents = matcher.latents(frames, spans)
    shorts, details = (matcher.language.describe(latents.float(), detail) for detail in ("short", "detailed"))
    return tuple(Caption(*span, *texts) for span, *texts in zip(spans, shorts, details, strict=True))

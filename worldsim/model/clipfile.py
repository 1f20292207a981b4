"""A `Clip` on disk, to the byte: safetensors, with the prompts and the frame rate as metadata."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from worldsim.clip import Clip, ClipError, Prompt
from worldsim.model.tensors import read_metadata, read_tensors, write_tensors

__all__ = ["read_clip", "write_clip"]

ARRAYS, FLAGS = ("frames", "actions", "events"), ("terminated", "truncated", "mask")


def write_clip(path: Path, clip: Clip) -> Path:
    """Write a clip; it is there whole or not at all."""
    arrays = {name: torch.from_numpy(getattr(clip, name)) for name in ARRAYS}
    arrays |= {name: torch.from_numpy(getattr(clip, name).astype(np.uint8)) for name in FLAGS}
    texts = [[asdict(prompt) for prompt in line] for line in clip.text]
    write_tensors(path, arrays, {"text": json.dumps(texts), "fps": repr(clip.fps)})
    return path


def read_clip(path: Path) -> Clip:
    """The inverse of `write_clip`.

    Raises:
        CheckpointError: there is no such file, or it is damaged.
        ClipError: it holds something else; names the file and what is missing or malformed.
    """
    arrays = {name: tensor.numpy() for name, tensor in read_tensors(path).items()}
    metadata = read_metadata(path)
    try:
        return Clip(
            *(arrays[name] for name in ARRAYS), *(arrays[name].astype(bool) for name in FLAGS),
            text=[[Prompt(**prompt) for prompt in line] for line in json.loads(metadata["text"])],
            fps=float(metadata["fps"]),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError) as error:
        raise ClipError(f"{path.name}: {error}") from error

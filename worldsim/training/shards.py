"""Tensors that are cut into shards, on disk: `torch.distributed.checkpoint` through its safetensors storage.

Each rank writes a file of its own shards with their places in the whole; any number of ranks reads them back. The
usual storage of torch.distributed.checkpoint pickles its table of contents, and unpickling runs what a file says, so it
is not used; this one has no table but the headers of the files.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from worldsim.model.card import CheckpointError
from worldsim.training.parallel import ranks

__all__ = ["read_shards", "shapes_of_shards", "write_shards"]


def write_shards(folder: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write tensors into `folder`, all ranks together."""
    writer = HuggingFaceStorageWriter(str(folder), save_distributed=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")  # so it is, for one process
        save({name: t.detach() for name, t in tensors.items()}, storage_writer=writer, no_dist=ranks() == 1)


def shapes_of_shards(folder: Path) -> dict[str, tuple[int, ...]]:
    """Names and whole shapes of the tensors in `folder`.

    Raises:
        CheckpointError: none there, or a damaged file.
    """
    try:
        found = HuggingFaceStorageReader(str(folder)).read_metadata().state_dict_metadata
    except Exception as error:  # the Rust part of safetensors raises its own
        raise CheckpointError(f"{folder} is damaged: {error}") from error
    if not found:
        raise CheckpointError(f"{folder} holds no shards")
    return {name: tuple(about.size) for name, about in found.items()}  # pyright: ignore[reportAttributeAccessIssue]


def read_shards(folder: Path, targets: dict[str, torch.Tensor]) -> None:
    """Fill the targets, whole or cut in any way, from `folder`, all ranks together.

    Raises:
        CheckpointError: a tensor is missing or misshapen, or a file damaged.
    """
    shapes = shapes_of_shards(folder)
    for name, target in targets.items():
        if shapes.get(name) != tuple(target.shape):
            raise CheckpointError(
                f"{folder}: tensor {name!r} must be {tuple(target.shape)}, got {shapes.get(name, 'none')}"
            )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "torch.distributed is disabled")  # so it is, for one process
            load(targets, storage_reader=HuggingFaceStorageReader(str(folder)), no_dist=ranks() == 1)
    except Exception as error:
        raise CheckpointError(f"{folder} cannot be read: {error}") from error

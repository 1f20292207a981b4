"""`worldsim import` and `worldsim export`: their options, and what they do with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from worldsim.exchange.foreign import ExchangeError, Foreign, Imported, import_episodes
from worldsim.exchange.lerobot import open_lerobot
from worldsim.exchange.lerobot_out import export_lerobot
from worldsim.exchange.minari import open_minari
from worldsim.exchange.vpt import Camera, open_vpt

__all__ = ["Export", "Import", "export_dataset", "import_dataset"]


@dataclass(frozen=True)
class Import:
    """Turn recordings of others into a dataset of ours."""

    format: tyro.conf.Positional[Literal["vpt", "minari", "lerobot"]]
    """What they are: VPT / MineRL contractor films, Minari, or LeRobot version 3."""
    source: tyro.conf.Positional[Path]
    """Their folder."""
    out: Path
    """Dataset folder to make."""
    size: tuple[int, int] | None = None
    """Height and width to bring frames to; by default sides in steps of 16, in their shape, about 64 x 64 in area."""
    image_key: str | None = None
    """Which entry of a Dict observation, or which camera, is the picture, where there are several."""
    fps: float = 0.0
    """Frames per second of a Minari dataset, which does not say; 0: 10."""
    every: int = 1
    """Take each so-many-th frame of VPT films: 2 makes the 10 Hz of the voxel world of their 20."""
    camera: Camera = "degrees"
    """Turns in VPT recordings: as they were, or in the 11 bins that VPT's agents act in."""
    skip_broken: bool = False
    """Leave out episodes that cannot be read, and name them, instead of stopping there."""


@dataclass(frozen=True)
class Export:
    """Write a dataset of ours in the format of others."""

    format: tyro.conf.Positional[Literal["lerobot"]]
    """LeRobot, version 3."""
    data: tyro.conf.Positional[Path]
    """Dataset folder, from `worldsim record`."""
    out: Path
    """Folder to make."""


def import_dataset(options: Import) -> Imported:
    """Import as the options say, and print what came of it.

    Raises:
        ExchangeError, DatasetError.
    """
    found = import_episodes(_opened(options), options.out, f"imported:{options.format}", options.skip_broken)
    for line in found.skipped:
        print(f"left out: {line}")
    told = f", {len(found.skipped)} broken ones left out" if found.skipped else ""
    print(f"{len(found.files)} episodes in {options.out}{told}; next: worldsim train --data {options.out}")
    return found


def _opened(options: Import) -> Foreign:
    if options.size is not None and min(options.size) < 1:
        raise ExchangeError(f"--size must be height and width in pixels, got {options.size}")
    if not options.source.is_dir():
        raise ExchangeError(f"{options.source} is no folder")
    match options.format:
        case "vpt":
            return open_vpt(options.source, options.size, options.every, options.camera)
        case "minari":
            return open_minari(options.source, options.size, options.image_key, options.fps)
        case "lerobot":
            return open_lerobot(options.source, options.size, options.image_key)


def export_dataset(options: Export) -> Path:
    """Export as the options say, and print where it is. Raises `ExchangeError`, `DatasetError`."""
    folder = export_lerobot(options.data, options.out)
    print(f"{folder} is a LeRobot dataset (v3.0)")
    return folder

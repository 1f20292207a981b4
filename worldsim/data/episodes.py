"""Episodes on disk: what a dataset is, and the one door to its parts in `format.py`, `reader.py`, `writer.py`.

A dataset is a folder: `dataset.json` (what made the frames, and how actions and events read), `index.jsonl` (a line
per episode, added only when its file is safely in place) and `episodes/000000.safetensors` with `frames` u8
(T, H, W, 3), `actions` f32 (T, A), `events` f32 (T, E), `terminated` and `truncated` u8 (T,), and captions as JSON in
the metadata. Rows follow the time convention of `worldsim.clip`.
"""

from __future__ import annotations

from worldsim.data.format import Caption, DatasetError, DatasetInfo, Detail, Entry, Episode, spoken, stack
from worldsim.data.reader import Dataset
from worldsim.data.writer import EpisodeWriter

__all__ = [
    "Caption",
    "Dataset",
    "DatasetError",
    "DatasetInfo",
    "Detail",
    "Entry",
    "Episode",
    "EpisodeWriter",
    "spoken",
    "stack",
]

"""How weights came about, as a card tells it: each stage with what it started from, and the tokenizer told once."""

from __future__ import annotations

from typing import Any

__all__ = ["lean"]

Record = dict[str, Any]  # "start": the record of the weights before; "tokenizer": that of the tokenizer


def lean(record: Record) -> Record:
    """The record without what it tells twice.

    Where the tokenizer came out of a whole world, only its own training counts; a start that had the same tokenizer
    does not tell of it again. Otherwise cards would double with every stage.
    """
    told = dict(record)
    while "tokenizer" in told.get("tokenizer", {}):
        told["tokenizer"] = told["tokenizer"]["tokenizer"]
    if "start" in told:
        start = lean(told["start"])
        if start.get("tokenizer") == told.get("tokenizer"):
            start.pop("tokenizer", None)
        told["start"] = start
    return told

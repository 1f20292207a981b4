"""Worlds at another size of frames than their checkpoint's, as the env and the commands that take a size need them."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

from worldsim.data.envs import RecordError, drawn_at
from worldsim.sampling.checks import check_size
from worldsim.sampling.steps import WorldError
from worldsim.sampling.world import World

__all__ = ["at_size", "read_size"]


def read_size(text: str) -> tuple[int, int] | None:
    """ "96x160" → (96, 160); "" → None. Raises `WorldError`."""
    if not text:
        return None
    match = re.fullmatch(r"\s*(\d+)\s*[x×,]\s*(\d+)\s*", text)
    if match is None:
        raise WorldError(f"--size must be HEIGHTxWIDTH in pixels, as 96x160, got {text!r}")
    return int(match[1]), int(match[2])


def at_size(world: World, size: tuple[int, int] | None) -> World:
    """The world with frames (H, W), not begun; the world itself where it has them, or none are named.

    Its card names the true env as one that draws at that size, where the env can. The stored starts, which are clips of
    the checkpoint's own size, are left behind: stretched pictures are none that the network has learned.

    Raises:
        WorldError: the size is not in steps of `World.grain`.
    """
    if size is None or check_size(size, world.grain) == world.card.size:
        return world
    sized = world.alike(world.rows, size=size)
    card = sized.card
    kwargs = card.env["kwargs"]
    with suppress(RecordError):  # an env that is not installed here is missed by whoever makes it
        kwargs = drawn_at(card.env["id"], kwargs, card.size) if card.env["id"] else kwargs
    if kwargs is not card.env["kwargs"]:
        card = replace(card, env={**card.env, "kwargs": kwargs}, shown=None)
    sized.card = card
    return sized

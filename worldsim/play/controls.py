"""From held keys and mouse motion to an action vector, and from a vector to words.

Keys are named as pygame names them. The voxel world's vector has fields for keys and camera, so every combination of
keys is an action; in the world of another env, the number keys hold its actions 1, 2, 3 …, and the arrows do what the
names of its actions say, or move the fields of a Box.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np
from gymnasium import spaces

from worldsim.actions import ActionSpec

__all__ = ["HELP", "KEYS", "MOUSE_BUTTONS", "Controls"]

FIELDS = {
    "w": "forward",
    "s": "back",
    "a": "left",
    "d": "right",
    "space": "jump",
    "left shift": "sneak",
    "left ctrl": "sprint",
    "f": "attack",
    "e": "use",
    "c": "inventory",
    "x": "swapHands",
    "q": "drop",
    **{str(slot): f"hotbar.{slot}" for slot in range(1, 10)},
}
CAMERA = {"left": ("cameraX", -1), "right": ("cameraX", 1), "up": ("cameraY", -1), "down": ("cameraY", 1)}
TURNS = {
    ("cameraX", -1): "turn left",
    ("cameraX", 1): "turn right",
    ("cameraY", -1): "look up",
    ("cameraY", 1): "look down",
}
MOUSE_BUTTONS = {1: "f", 3: "e"}  # left and right button stand for the keys of attack and use
DEFAULT_TURN = 0.5  # camera speed of an arrow key where no action of the space turns
HELP = (
    "WASD        walk                 Tab     true or learned world",
    "Space       jump, swim up        T       type a prompt",
    "Ctrl        sprint               R       begin anew",
    "Shift       sneak                F5      record, stop recording",
    "arrows      look around          F1      this help",
    "mouse       look (click first)   Esc     quit",
    "F, left button   attack, mine    F2      the learned world acts by itself",
    "E, right button  use, place      1 - 9   choose from the hotbar",
    "C, X        craft, next recipe           (other envs: action 1 - 9, arrows)",
    "Q           drop",
)


WORDS = {"left": "left", "right": "right", "up": "up", "down": "down", "space": "fire", "return": "toggle"}
SAME = {"forward": "up", "back": "down", "backward": "down", "shoot": "fire", "attack": "fire", "jump": "fire"}
KEYS = frozenset({*FIELDS, *CAMERA, *WORDS, "right shift"})  # those that steer some world
AXES = {"left": (0, -1.0), "right": (0, 1.0), "down": (1, -1.0), "up": (1, 1.0)}  # key -> field of a Box, direction


def _meant(meanings: Sequence[str]) -> dict[frozenset[str], int]:
    """The number (from 1) of the action that each set of words names, of names such as "UPRIGHTFIRE" or "turn left"."""
    found: dict[frozenset[str], int] = {}
    names = sorted({*WORDS.values(), *SAME}, key=len, reverse=True)
    for number, meaning in enumerate(meanings, start=1):
        words: list[str] = re.findall("|".join(names), meaning.lower())
        found.setdefault(frozenset([SAME.get(word, word) for word in words]), number)
    return {words: number for words, number in found.items() if words}


class Controls:
    """How the keys read in an action space."""

    def __init__(self, spec: ActionSpec) -> None:
        self.spec = spec
        self._column = {name: i for i, name in enumerate(spec.names)}
        self._named = "forward" in self._column
        self._meant = _meant(spec.meanings)
        self._turn = {}
        for field in ("cameraX", "cameraY"):
            if field in self._column:  # an arrow key turns as fast as the actions that the world was learned from
                speed = 0.0 if spec.table is None else float(np.abs(spec.table[:, self._column[field]]).max())
                self._turn[field] = speed or DEFAULT_TURN

    def acts_by(self, key: str) -> bool:
        """Whether some action of a Discrete space is named by the word that this key stands for."""
        return not self._named and any(WORDS.get(key) in words for words in self._meant)

    def vector(self, held: Collection[str], look: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
        """The action vector f32 (A,) of all held keys at once.

        Args:
            held: names of keys; those that mean nothing here are passed over.
            look: mouse motion as (cameraX, cameraY), added to the arrow keys and clipped to [-1, 1].
        """
        vector = np.zeros(self.spec.width, np.float32)
        if not self._named:
            return self._numbered(held, vector)
        for key in held:
            if key in FIELDS and FIELDS[key] in self._column:
                vector[self._column[FIELDS[key]]] = 1.0
            if key in CAMERA and CAMERA[key][0] in self._turn:
                field, sign = CAMERA[key]
                vector[self._column[field]] += sign * self._turn[field]
        for field, motion in zip(("cameraX", "cameraY"), look, strict=True):
            if field in self._column:
                vector[self._column[field]] += motion
        return vector.clip(-1.0, 1.0)

    def _numbered(self, held: Collection[str], vector: np.ndarray) -> np.ndarray:
        """Number key n holds action n of a Discrete space, or field n of any other; no key is the first action.

        Arrows, space and return do what an action's name says of them. In a Box, left and right turn the first field
        down and up, and down and up the second; shift turns a number's field down.
        """
        numbers = sorted(int(key) for key in held if key.isdecimal() and key != "0")
        if self.spec.table is not None:
            named = self._meant.get(frozenset(WORDS[key] for key in held if key in WORDS), 1)
            number = numbers[0] if numbers else named
            return self.spec.table[min(number, len(self.spec.table)) - 1].copy()
        sign = -1.0 if {"left shift", "right shift"} & set(held) and isinstance(self.spec.space, spaces.Box) else 1.0
        vector[[number - 1 for number in numbers if number <= len(vector)]] = sign
        if isinstance(self.spec.space, spaces.Box):
            for key, (field, direction) in AXES.items():
                if key in held and field < len(vector):
                    vector[field] += direction
            return vector.clip(-1.0, 1.0)
        return vector if self.spec.custom is not None else self.spec.nearest(vector)

    def describe(self, vector: np.ndarray) -> str:
        """What a vector does, in words: "forward + jump + turn left"."""
        if not self._named and self.spec.table is not None:
            number = int(np.square(self.spec.table - vector).sum(axis=1).argmin())
            return self.spec.meanings[number] if self.spec.meanings else f"action {number + 1}"
        words = []
        for i in np.flatnonzero(vector):
            name = self.spec.names[i]
            words.append(TURNS.get((name, int(np.sign(vector[i]))), name))
        return " + ".join(words) or "nothing"

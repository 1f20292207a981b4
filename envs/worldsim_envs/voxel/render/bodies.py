"""The bodies of animals, monsters and things: boxes in a table, whose limbs swing with an entity's phase.

A part is a box that turns about its pivot. Lengths are sixteenths of a block; x is to the right, y ahead, z up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worldsim_envs.voxel import kinds as k
from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.blocks import BLOCK_IDS
from worldsim_envs.voxel.compiled import inlined, inner
from worldsim_envs.voxel.kinds import KIND_IDS, KINDS
from worldsim_envs.voxel.render.camera import EYE_X, EYE_Y, EYE_Z
from worldsim_envs.voxel.render.solids import (
    AXES,
    CENTRE,
    FADE,
    HALF,
    LAMPS,
    MIDDLE,
    PAIN,
    SCALE,
    SHINE,
    SKY,
    draw_box,
    draw_cross,
)
from worldsim_envs.voxel.textures import TEXTURE_IDS

Triple = tuple[float, float, float]
LEG_SWING, WING_SWING = 0.75, 1.2  # radians at full speed
MAX_PARTS = 12
# How a part moves: not at all, with the limbs' phase, against it, as the head looks, as a wing, or as a spider's leg.
STIFF, WITH, AGAINST, LOOKS, WING, CRAWL = range(6)


@dataclass(frozen=True)
class Part:
    """One box of a body: pivot, its centre from there, its sides, textures of the front and of the rest.

    `lean` turns it about the pivot by degrees (90 lifts what hangs to point ahead), `turn` about the vertical.
    """

    pivot: Triple
    centre: Triple
    sides: Triple
    skin: str
    face: str = ""
    move: int = STIFF
    lean: float = 0.0
    turn: float = 0.0


def _legs(skin: str, x: float, ys: tuple[float, ...], high: float, wide: float = 4) -> tuple[Part, ...]:
    """Return pairs of legs; those of a pair and of neighbouring pairs swing against each other."""
    return tuple(
        Part((side * x, y, high), (0, 0, -high / 2), (wide, wide, high), skin,
             move=WITH if (side > 0) ^ pair else AGAINST)
        for pair, y in enumerate(ys) for side in (-1, 1)
    )  # fmt: skip


def _arms(skin: str, wide: float, lean: float) -> tuple[Part, ...]:
    x = 4 + wide / 2
    return tuple(
        Part((side * x, 0, 23), (0, 0, -5), (wide, wide, 12), skin, move=AGAINST if side > 0 else WITH, lean=lean)
        for side in (-1, 1)
    )


BODIES: dict[str, tuple[Part, ...]] = {
    "pig": (
        *_legs("pig_skin", 3, (5, -5), 6),
        Part((0, 0, 10), (0, 0, 0), (10, 16, 8), "pig_skin"),
        Part((0, 8, 11), (0, 3, 0), (8, 8, 8), "pig_skin", "pig_face", LOOKS),
        Part((0, 8, 11), (0, 7.5, -1.5), (4, 1.5, 3), "pig_snout", "pig_snout", LOOKS),
    ),
    "sheep": (
        *_legs("sheep_skin", 3, (5, -5), 12),
        Part((0, 0, 16), (0, 0, 0), (11, 17, 9), "wool"),
        Part((0, 8, 19), (0, 2, 0), (6, 7, 6.5), "sheep_skin", "sheep_face", LOOKS),
        Part((0, 8, 19), (0, 0.5, 1), (7, 5, 7), "wool", "wool", LOOKS),
    ),
    "cow": (
        *_legs("cow_hide", 4, (6, -6), 12),
        Part((0, 0, 17), (0, 0, 0), (12, 18, 10), "cow_hide"),
        Part((0, 9, 20), (0, 3, 0), (8, 6, 8), "cow_hide", "cow_face", LOOKS),
        Part((0, 9, 20), (-4.5, 3, 4.5), (1.5, 1.5, 3), "bone_skin", "", LOOKS),
        Part((0, 9, 20), (4.5, 3, 4.5), (1.5, 1.5, 3), "bone_skin", "", LOOKS),
        Part((0, -5, 12), (0, 0, 0), (4, 5, 1.5), "pig_skin"),
    ),
    "chicken": (
        *_legs("beak", 1.5, (0,), 5, 1),
        Part((0, 0, 8), (0, 0, 0), (6, 8, 6), "feathers"),
        Part((-3.5, 0, 10), (0, 0, -2), (1, 6, 4), "feathers", "", WING),
        Part((3.5, 0, 10), (0, 0, -2), (1, 6, 4), "feathers", "", WING),
        Part((0, 4, 10), (0, 0.5, 2), (4, 3, 6), "feathers", "chicken_face", LOOKS),
        Part((0, 4, 10), (0, 2.8, 2), (3, 2, 1.5), "beak", "", LOOKS),
        Part((0, 4, 10), (0, 2.4, 0.4), (1.5, 1, 1.5), "wattle", "", LOOKS),
    ),
    "zombie": (
        Part((-2, 0, 12), (0, 0, -6), (4, 4, 12), "blue_cloth", move=WITH),
        Part((2, 0, 12), (0, 0, -6), (4, 4, 12), "blue_cloth", move=AGAINST),
        Part((0, 0, 18), (0, 0, 0), (8, 4, 12), "cyan_cloth"),
        *_arms("zombie_skin", 4, 85.0),
        Part((0, 0, 24), (0, 0, 4), (8, 8, 8), "zombie_skin", "zombie_face", LOOKS),
    ),
    "skeleton": (
        Part((-2, 0, 12), (0, 0, -6), (2, 2, 12), "bone_skin", move=WITH),
        Part((2, 0, 12), (0, 0, -6), (2, 2, 12), "bone_skin", move=AGAINST),
        Part((0, 0, 18), (0, 0, 0), (8, 3, 12), "ribs", "ribs"),
        *_arms("bone_skin", 2, 0.0),
        Part((0, 0, 24), (0, 0, 4), (8, 8, 8), "bone_skin", "skeleton_face", LOOKS),
    ),
    "spider": (
        *(Part((side * 3, y, 8), (side * 8, 0, -3), (16, 2, 2), "spider_skin", move=CRAWL, turn=side * turn)
          for side in (-1, 1) for y, turn in ((3.0, -35.0), (1.0, -12.0), (-1.0, 12.0), (-3.0, 35.0))),
        Part((0, -8, 9), (0, 0, 0), (10, 12, 8), "spider_skin"),
        Part((0, 0, 8), (0, 0, 0), (6, 6, 6), "spider_skin"),
        Part((0, 3, 8), (0, 4, 0), (8, 8, 8), "spider_skin", "spider_face", LOOKS),
    ),
}  # fmt: skip


def _tables() -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int64]]:
    """Return parts (K, MAX_PARTS, 12) in blocks and radians, their textures (K, MAX_PARTS, 6), and counts (K,)."""
    parts = np.zeros((len(KINDS), MAX_PARTS, 12))
    skins = np.zeros((len(KINDS), MAX_PARTS, 6), np.int32)
    counts = np.zeros(len(KINDS), np.int64)
    for name, body in BODIES.items():
        kind = KIND_IDS[name]
        counts[kind] = len(body)
        for number, part in enumerate(body):
            lengths = np.array((*part.pivot, *part.centre, *part.sides)) / 16.0
            lengths[6:] *= 0.5
            parts[kind, number] = (*lengths, part.move, np.radians(part.lean), np.radians(part.turn))
            skins[kind, number] = TEXTURE_IDS[part.skin]
            skins[kind, number, 2] = TEXTURE_IDS[part.face or part.skin]
    return parts, skins, counts


BODY_TABLES = _tables()
_FIRE = BLOCK_IDS["fire"]


@inlined
def _set_box(box, cx, cy, cz, yaw, pitch, hx, hy, hz, stretch):
    """Write a box turned by yaw (clockwise), then by pitch about its own x (up); stretched textures fill its faces."""
    sy, cy_, sp, cp = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
    box[CENTRE], box[CENTRE + 1], box[CENTRE + 2] = cx, cy, cz
    box[HALF], box[HALF + 1], box[HALF + 2] = hx, hy, hz
    box[AXES], box[AXES + 1], box[AXES + 2] = cy_, -sy, 0.0
    box[AXES + 3], box[AXES + 4], box[AXES + 5] = sy * cp, cy_ * cp, sp
    box[AXES + 6], box[AXES + 7], box[AXES + 8] = -sy * sp, -cy_ * sp, cp
    for axis in range(3):
        half = hx if axis == 0 else (hy if axis == 1 else hz)
        box[MIDDLE + axis] = 0.5
        box[SCALE + axis] = 0.5 / half if stretch else min(1.0, 0.5 / half)


@inner
def _draw_body(frame, looks, bodies, scene, camera, units, box, place, body, kind, mark):
    """Draw all parts of a creature whose feet are at `place` from the eye."""
    parts, skins, counts = bodies
    size = body[s.GROWN] if body[s.GROWN] > 0.0 else 1.0
    yaw = np.radians(body[s.YAW])
    east, north = np.sin(yaw), np.cos(yaw)
    swing = np.sin(body[s.LIMB]) * min(1.0, body[s.LIMB_SPEED])
    for number in range(counts[kind]):
        part = parts[kind, number]
        move = int(part[9])
        turn, lean = part[11], part[10]
        if move == WITH:
            lean += LEG_SWING * swing
        elif move == AGAINST:
            lean -= LEG_SWING * swing
        elif move == LOOKS:
            turn += np.radians(body[s.HEAD_YAW])
            lean += np.radians(min(40.0, max(-40.0, -body[s.PITCH])))
        elif move == CRAWL:
            turn += 0.5 * swing * (1.0 if number & 1 else -1.0)
        side = part[3]
        if move == WING:
            side += (0.10 if part[0] > 0.0 else -0.10) * abs(swing)
        st, ct, sl, cl = np.sin(turn), np.cos(turn), np.sin(lean), np.cos(lean)
        ahead, rise = part[4] * cl - part[5] * sl, part[4] * sl + part[5] * cl
        x, y = part[0] + side * ct + ahead * st, part[1] + ahead * ct - side * st
        x, y, z = size * x, size * y, size * (part[2] + rise)
        _set_box(box, place[0] + x * north + y * east, place[1] - x * east + y * north, place[2] + z, yaw + turn, lean,
                 size * part[6], size * part[7], size * part[8], number >= 0 and move == LOOKS)  # fmt: skip
        draw_box(frame, camera, units, looks, scene, box, skins[kind, number], mark, 0, False, -1)


@inner
def draw_entity(frame, grid, looks, bodies, scene, camera, units, grazing, box, body, row, number):
    """Draw one entity; its pixels are marked with `number` + 1."""
    light, glow = grid[1], grid[5]
    nx, ny, nz = light.shape
    kind, mark = row[s.KIND], number + 1
    x, y, z = int(np.floor(body[s.X])) % nx, int(np.floor(body[s.Y])) % ny, int(np.floor(body[s.Z] + 0.3))
    z = min(nz - 1, max(0, z))
    box[SKY], box[LAMPS], box[SHINE], box[FADE] = light[x, y, z] / 255.0, glow[x, y, z] / 15.0, 0.0, 1.0
    box[PAIN] = 0.5 if row[s.PAIN] > 0 else 0.0
    east, north = body[s.X] - camera[EYE_X], body[s.Y] - camera[EYE_Y]
    east -= nx * np.rint(east / nx)
    north -= ny * np.rint(north / ny)
    place = (east, north, body[s.Z] - camera[EYE_Z])
    spin = np.radians(body[s.SPIN])
    faces, carried = looks[1], row[s.CARRIES]
    if kind >= k.FIRST_CREATURE:
        _draw_body(frame, looks, bodies, scene, camera, units, box, place, body, kind, mark)
    elif kind == k.FALLING:
        box[SHINE] = looks[2][carried]
        _set_box(box, place[0], place[1], place[2] + 0.49, 0.0, 0.0, 0.49, 0.49, 0.49, True)
        draw_box(frame, camera, units, looks, scene, box, faces[carried], mark, carried, False, -1)
    elif kind == k.DROP:
        bob = 0.05 * np.sin(0.15 * row[s.AGE])
        if carried < 256 and looks[10][carried] < 0:
            box[SHINE] = looks[2][carried]
            _set_box(box, place[0], place[1], place[2] + 0.18 + bob, spin, 0.0, 0.125, 0.125, 0.125, True)
            draw_box(frame, camera, units, looks, scene, box, faces[carried], mark, 0, False, -1)
        else:
            _set_box(box, place[0], place[1], place[2] + 0.24 + bob, spin, 0.0, 0.2, 0.02, 0.2, True)
            draw_box(frame, camera, units, looks, scene, box, looks[11][carried], mark, 0, False, -1)
    elif kind == k.FRAGMENT:
        _set_box(box, place[0], place[1], place[2] + 0.06, spin, 1.7 * spin, 0.07, 0.015, 0.06, True)
        pieces = looks[12] if carried == looks[13] else faces[carried]
        draw_box(frame, camera, units, looks, scene, box, pieces, mark, 0, False, -1)
    else:
        _set_box(box, place[0], place[1], place[2] + 0.06, np.radians(body[s.YAW]), np.radians(-body[s.PITCH]),
                 0.025, 0.35, 0.025, True)  # fmt: skip
        draw_box(frame, camera, units, looks, scene, box, faces[looks[14]], mark, 0, False, -1)
    if row[s.ALIGHT] > 0:
        box[CENTRE], box[CENTRE + 1], box[CENTRE + 2] = place
        box[HALF], box[HALF + 2], box[SCALE + 2], box[SHINE] = 0.45, 1.1, 0.9, 1.0
        draw_cross(frame, camera, units, grazing, looks, scene, box, faces[_FIRE, 4], mark, 0, False)

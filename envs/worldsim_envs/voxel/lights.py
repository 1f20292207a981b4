"""Block light: lamps, torches, lava, fire and furnaces give light that loses 1 of 15 from cell to cell in the open.

The light of a cell is the greatest that reaches it, so it follows from the blocks alone, in whatever order they came.
`light_changed` works through cells near one that changed: first it takes away what is no longer fed, then it spreads
what is left. Its two queues are halves of one array, zero at rest; an entry is a packed cell and its light.
"""

from __future__ import annotations

from worldsim_envs.voxel.blocks import T_LIGHT, T_OPAQUE
from worldsim_envs.voxel.compiled import inner

QUEUE = 16_384  # both queues; each is a ring, and holds little more than one front of light at a time
_RING = QUEUE // 2


@inner
def _neighbour(x, y, z, side, nx, ny):
    """Return one of the six neighbours of a cell."""
    if side == 0:
        return (x + 1) & (nx - 1), y, z
    if side == 1:
        return (x - 1) & (nx - 1), y, z
    if side == 2:
        return x, (y + 1) & (ny - 1), z
    if side == 3:
        return x, (y - 1) & (ny - 1), z
    return x, y, (z + 1 if side == 4 else z - 1)


@inner
def _push(queue, first, count, x, y, z, light):
    queue[first + (count & (_RING - 1))] = (((((x << 10) | y) << 8) | z) << 4) | int(light)


@inner
def _spread(blocks, glow, queue, traits, count):
    """Spread the light of the `count` entries that wait in the first queue, until none is left; leaves it zero."""
    nx, ny, nz = blocks.shape
    done = 0
    while done < count:
        entry = queue[done & (_RING - 1)]
        queue[done & (_RING - 1)] = 0
        done += 1
        light, x, y, z = entry & 15, entry >> 22, (entry >> 12) & 1023, (entry >> 4) & 255
        if light <= 1 or glow[x, y, z] != light:  # a stronger light came by since
            continue
        for side in range(6):
            i, j, k = _neighbour(x, y, z, side, nx, ny)
            if 0 <= k < nz and glow[i, j, k] < light - 1 and not traits[blocks[i, j, k], T_OPAQUE]:
                glow[i, j, k] = light - 1
                _push(queue, 0, count, i, j, k, light - 1)
                count += 1


@inner
def light_changed(blocks, glow, queue, traits, x, y, z):
    """Bring the block light up to date after the block at one cell has changed."""
    nx, ny, nz = blocks.shape
    own, old = traits[blocks[x, y, z], T_LIGHT], glow[x, y, z]
    around = 0
    for side in range(6):
        i, j, k = _neighbour(x, y, z, side, nx, ny)
        if 0 <= k < nz:
            around = max(around, int(glow[i, j, k]))
    fed = 0 if traits[blocks[x, y, z], T_OPAQUE] else max(0, around - 1)
    if max(own, fed) == old:
        return
    waiting, count, done = 0, 1, 0
    glow[x, y, z] = 0
    _push(queue, _RING, 0, x, y, z, old)
    while done < count:
        entry = queue[_RING + (done & (_RING - 1))]
        queue[_RING + (done & (_RING - 1))] = 0
        done += 1
        light, a, b, c = entry & 15, entry >> 22, (entry >> 12) & 1023, (entry >> 4) & 255
        for side in range(6):
            i, j, k = _neighbour(a, b, c, side, nx, ny)
            if k < 0 or k >= nz or glow[i, j, k] == 0:
                continue
            if glow[i, j, k] < light:  # it may have come from here
                _push(queue, _RING, count, i, j, k, glow[i, j, k])
                count += 1
                glow[i, j, k] = 0
                given = traits[blocks[i, j, k], T_LIGHT]
                if given > 0:
                    glow[i, j, k] = given
                    _push(queue, 0, waiting, i, j, k, given)
                    waiting += 1
            else:
                _push(queue, 0, waiting, i, j, k, glow[i, j, k])
                waiting += 1
    if own > 0:
        glow[x, y, z] = own
        _push(queue, 0, waiting, x, y, z, own)
        waiting += 1
    _spread(blocks, glow, queue, traits, waiting)


@inner
def light_world(blocks, glow, queue, traits):
    """Fill the block light of a whole world."""
    nx, ny, nz = blocks.shape
    glow[:, :, :] = 0
    for x in range(nx):
        for y in range(ny):
            for z in range(nz):
                light = traits[blocks[x, y, z], T_LIGHT]
                if light > glow[x, y, z]:
                    glow[x, y, z] = light
                    _push(queue, 0, 0, x, y, z, light)
                    _spread(blocks, glow, queue, traits, 1)

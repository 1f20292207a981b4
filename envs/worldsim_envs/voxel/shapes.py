"""The shapes of blocks, for eyes and hands alike: where a ray meets a cube, a slab, a box or crossed sprites."""

from __future__ import annotations

from worldsim_envs.voxel.compiled import inlined

FAR = 1e30


@inlined
def hit_box(o, d, low, high):
    """Return the distance at which a ray from `o` along `d` enters a box, and by which face; -1, -1 if it does not.

    Faces count +x, -x, +y, -y, +z, -z. A ray that starts inside the box does not enter it.
    """
    near, far, face = -FAR, FAR, -1
    for axis in range(3):
        inverse = 1.0 / (d[axis] if abs(d[axis]) > 1e-12 else 1e-12)
        begin, end = (low[axis] - o[axis]) * inverse, (high[axis] - o[axis]) * inverse
        first, last = min(begin, end), max(begin, end)
        if first > near:
            near, face = first, 2 * axis + (1 if d[axis] > 0.0 else 0)
        far = min(far, last)
    if near > far or near <= 0.0:
        return -1.0, -1
    return near, face


@inlined
def hit_shape(bounds, block, ox, oy, oz, dx, dy, dz, x, y, z):
    """Return distance and face at which a ray meets a block's bounds in the cell (x, y, z); -1, -1 if it does not.

    The cell is one of the endless world, not taken round the torus; `bounds` is the table BOUNDS.
    """
    return hit_box(
        (ox, oy, oz),
        (dx, dy, dz),
        (x + bounds[block, 0], y + bounds[block, 1], z + bounds[block, 2]),
        (x + bounds[block, 3], y + bounds[block, 4], z + bounds[block, 5]),
    )

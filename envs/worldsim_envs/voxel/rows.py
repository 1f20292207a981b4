"""Many worlds in one compiled call: `step_rows` runs and draws some rows of stacked states without the GIL."""

from __future__ import annotations

from worldsim_envs.voxel.compiled import compiled
from worldsim_envs.voxel.physics import advance
from worldsim_envs.voxel.render.picture import draw
from worldsim_envs.voxel.state import Tick


@compiled
def step_rows(stack, clouds, looks, vectors, ticks, events, scratch, labels, hud, out, rows):
    """Run `ticks` ticks in some rows, each with its own action, then draw them.

    Args:
        stack: a `Tick` whose arrays have a first axis of B, but for the table at the end of its grid.
        clouds: (B, X / 8, Y / 8).
        looks: the tables that `draw` takes: looks, bodies, liquid.
        vectors: actions (B, 25) f32.
        events: (B, E) f32, added to.
        scratch: room for one picture.
        labels: blocks, depth and entities of each pixel, (B, H, W) each.
        out: pictures (B, H * W * 3) u8.
        rows: which of the B, i64.
    """
    for place in range(rows.shape[0]):
        i = rows[place]
        blocks, light, tops, roofs, tiles, glow, models, queue, traits = stack.grid
        grid = (blocks[i], light[i], tops[i], roofs[i], tiles[i], glow[i], models[i], queue[i], traits)
        world = Tick(
            grid, stack.biomes[i], stack.body[i], stack.marks[i], stack.inventory[i], stack.vitals[i],
            stack.entities[i], stack.kinds[i], stack.canvas[i], stack.canvas_keys[i], stack.pending[i],
            stack.ovens[i], stack.weather[i], stack.switches[i], stack.random[i],
        )  # fmt: skip
        advance(world, vectors[i], ticks, events[i])
        draw(
            grid, looks[0], looks[1], looks[2], clouds[i], world.body, world.marks, world.inventory, world.vitals,
            world.weather, world.entities, world.kinds, (world.canvas, world.canvas_keys), scratch, labels[0][i],
            labels[1][i], labels[2][i], hud, out[i],
        )  # fmt: skip

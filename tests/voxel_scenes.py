"""Small hand-made worlds for tests of the rules: a stone floor, a player on it, and ticks run one by one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from worldsim_envs.voxel import blocks, physics, state
from worldsim_envs.voxel.aim import aim
from worldsim_envs.voxel.controls import ACTION_INDEX
from worldsim_envs.voxel.events import EVENT_NAMES
from worldsim_envs.voxel.items import item_id
from worldsim_envs.voxel.motion import AT_REST
from worldsim_envs.voxel.start import filled
from worldsim_envs.voxel.switches import SWITCHES, switched
from worldsim_envs.voxel.systems.change import change

FLOOR = 8
SIZE = (32, 32, 24)


class Scene:
    """A world of SIZE with a stone floor up to FLOOR, its player in the middle, looking north; all systems named on."""

    def __init__(self, *systems: str, player: tuple[float, float] = (16.5, 16.5), pitch: float = 0.0) -> None:
        unknown = set(systems) - set(SWITCHES)
        assert not unknown, unknown
        grid = dict(zip(state.GRID_FIELDS, state.empty_grid(SIZE), strict=False))
        body, marks = np.zeros(state.BODY_FIELDS), np.zeros(state.MARK_FIELDS, np.int64)
        body[[state.X, state.Y, state.Z, state.VZ, state.PITCH]] = *player, FLOOR, AT_REST, pitch
        marks[[state.DAY_LENGTH, state.CLOCK, state.GROUND, state.NEXT_NUMBER]] = 12_000, 3000, 1, 1
        marks[[state.HOME_X, state.HOME_Y, state.HOME_Z]] = int(player[0]), int(player[1]), FLOOR
        marks[state.SKY_TICKS] = 1_000_000
        vitals = np.zeros(state.VITAL_FIELDS)
        vitals[: state.BURNING] = 20.0, 20.0, 5.0, 300.0
        self.state = state.VoxelState(
            **grid, biomes=np.zeros(SIZE[:2], np.uint8), clouds=np.zeros((4, 4)), body=body, marks=marks,
            inventory=filled({}), vitals=vitals, entities=np.zeros((state.MAX_ENTITIES, state.ENTITY_FIELDS)),
            kinds=np.zeros((state.MAX_ENTITIES, state.KIND_FIELDS), np.int64),
            canvas=np.zeros((state.CANVASES, state.CANVAS, state.CANVAS), np.uint8),
            canvas_keys=np.full(state.CANVASES, -1, np.int64),
            pending=np.zeros((state.RING, 1 + state.PER_TICK), np.int32),
            ovens=np.full((state.OVENS, state.OVEN_FIELDS), -1, np.int64), weather=np.zeros(state.WEATHER_FIELDS),
            switches=switched({name: name in systems for name in SWITCHES}),
            unlocked=np.zeros(len(EVENT_NAMES), np.uint8), random=np.array([12345, 67890], np.uint64),
        )  # fmt: skip
        self.state.blocks[:, :, :FLOOR] = blocks.BLOCK_IDS["stone"]
        state.measure_world(self.state.grid, blocks.OPAQUE)
        aim(self.state.tick)

    def put(self, x: int, y: int, z: int, block: str) -> None:
        """Put a block as the systems do: its neighbours are told."""
        change(self.state.tick, x, y, z, blocks.BLOCK_IDS[block])

    def block(self, x: int, y: int, z: int) -> str:
        """Return the name of the block in a cell."""
        return blocks.BLOCKS[int(self.state.blocks[x, y, z])].name

    def give(self, **items: int) -> None:
        """Let the inventory hold these items and nothing else; the first is in the hand."""
        self.state.inventory[...] = filled(items)

    def holds(self, name: str) -> int:
        """Return how many of an item the inventory holds."""
        held = self.state.inventory
        return int(held[held[:, state.ITEM] == item_id(name), state.COUNT].sum())

    def look(self, yaw: float, pitch: float) -> None:
        """Turn the player's head."""
        self.state.body[[state.YAW, state.PITCH]] = yaw, pitch
        aim(self.state.tick)

    def act(self, *keys: str) -> dict[str, int]:
        """Run one tick with keys held. Returns its events by name and count."""
        vector, events = np.zeros(25, np.float32), np.zeros(len(EVENT_NAMES), np.float32)
        vector[[ACTION_INDEX[key] for key in keys]] = 1.0
        physics.advance(self.state.tick, vector, 1, events)
        return {name: int(value) for name, value in zip(EVENT_NAMES, events, strict=True) if value}

    def ticks(self, count: int, *keys: str) -> Iterator[tuple[int, dict[str, int]]]:
        """Run ticks with keys held; yields the number of each, from 1, and its events."""
        for tick in range(1, count + 1):
            yield tick, self.act(*keys)

    def when(self, event: str, within: int, *keys: str) -> list[int]:
        """Return the ticks, from 1, at which an event came."""
        return [tick for tick, events in self.ticks(within, *keys) if event in events]

"""The `use` key: first what the targeted block does (door, cake, bed, furnace), then what the thing in the hand does
(food, brush, bucket, flint, shovel, seeds), then placing it."""

from __future__ import annotations

from worldsim_envs.voxel import state as s
from worldsim_envs.voxel.aim import sight, trace
from worldsim_envs.voxel.blocks import AIR, BLOCK_IDS, TOOLS
from worldsim_envs.voxel.compiled import inner
from worldsim_envs.voxel.events import EVENT
from worldsim_envs.voxel.hands.mining import other_half
from worldsim_envs.voxel.hands.ovens import use_furnace
from worldsim_envs.voxel.hands.painting import paint
from worldsim_envs.voxel.hands.placing import place, put_target
from worldsim_envs.voxel.items import ITEM_IDS
from worldsim_envs.voxel.life.minds import is_day
from worldsim_envs.voxel.pack import in_hand, take_in, wear
from worldsim_envs.voxel.survival import SLEEP_TICKS
from worldsim_envs.voxel.switches import SWITCH
from worldsim_envs.voxel.systems.change import change
from worldsim_envs.voxel.systems.fire import light_fire
from worldsim_envs.voxel.systems.growth import grow
from worldsim_envs.voxel.tables import BOUNDS, FLUID, FOOD, GROUND, GROWS, SCOOPED, TOOL_CLASS

USE_PAUSE, EAT_PAUSE = 4, 16
SHUT_TO_OPEN = 2  # rows from a shut door's half to the open one's
CAKE_FOOD = 2.0
_FURNACE, _FURNACE_LIT = BLOCK_IDS["furnace"], BLOCK_IDS["furnace_lit"]
_FIRST_DOOR, _LAST_DOOR = BLOCK_IDS["door_x_shut_lower"], BLOCK_IDS["door_y_open_upper"]
_FIRST_CAKE, _LAST_CAKE = BLOCK_IDS["cake_7"], BLOCK_IDS["cake_1"]
_BED_FOOT, _BED_HEAD = BLOCK_IDS["bed_foot"], BLOCK_IDS["bed_head"]
_FARMLAND, _FIRE = BLOCK_IDS["farmland"], BLOCK_IDS["fire"]
_BRUSH, _FLINT, _BUCKET, _WATER_BUCKET, _LAVA_BUCKET, _BONE_MEAL = (
    ITEM_IDS[name] for name in ("brush", "flint_and_steel", "bucket", "water_bucket", "lava_bucket", "bone_meal")
)
_SHOVEL = TOOLS.index("shovel")
_OPENED, _SHUT, _CAKE, _ATE, _SLEPT, _TILLED = (
    EVENT[name] for name in ("door_opened", "door_shut", "cake_eaten", "ate", "slept", "soil_tilled")
)
_DOORS_ON, _CAKE_ON, _PAINT_ON, _CRAFT_ON = (SWITCH[name] for name in ("doors", "cake", "paint", "crafting"))


@inner
def feed(w, food, events):
    """Still hunger by so many points."""
    w.vitals[s.HUNGER] = min(s.FULL, w.vitals[s.HUNGER] + food)
    w.vitals[s.SATURATION] = min(w.vitals[s.HUNGER], w.vitals[s.SATURATION] + 0.6 * food)
    events[_ATE] += 1.0


@inner
def turn_door(w, block, x, y, z, events):
    """Open a shut door, shut an open one: both halves."""
    shut = (block - _FIRST_DOOR) % 4 < SHUT_TO_OPEN
    turn = SHUT_TO_OPEN if shut else -SHUT_TO_OPEN
    i, j, k = other_half(w, block, x, y, z)
    change(w, x, y, z, block + turn)
    if i >= 0:
        change(w, i, j, k, int(w.grid[0][i, j, k]) + turn)
    events[_OPENED if shut else _SHUT] += 1.0


@inner
def lie_down(w, x, y, z, events):
    """Make a bed the player's home, and sleep in it if it is night."""
    w.marks[s.HOME_X], w.marks[s.HOME_Y], w.marks[s.HOME_Z] = x, y, z + 1
    if not is_day(w) and w.marks[s.SLEEPING] == 0:
        w.marks[s.SLEEPING] = SLEEP_TICKS
        events[_SLEPT] += 1.0


@inner
def use_block(w, events):
    """Use the targeted block. Return whether it is one that can be used."""
    x, y, z = w.marks[s.TARGET_X], w.marks[s.TARGET_Y], w.marks[s.TARGET_Z]
    block = int(w.grid[0][x, y, z])
    if _FIRST_DOOR <= block <= _LAST_DOOR and w.switches[_DOORS_ON]:
        turn_door(w, block, x, y, z, events)
    elif _FIRST_CAKE <= block <= _LAST_CAKE and w.switches[_CAKE_ON]:
        change(w, x, y, z, block + 1 if block < _LAST_CAKE else AIR)
        feed(w, CAKE_FOOD, events)
        events[_CAKE] += 1.0
    elif block == _BED_FOOT or block == _BED_HEAD:
        lie_down(w, x, y, z, events)
    elif (block == _FURNACE or block == _FURNACE_LIT) and w.switches[_CRAFT_ON]:
        return use_furnace(w, x, y, z, events)
    else:
        return False
    return True


@inner
def scoop(w, events):
    """Fill the empty bucket in the hand from a source in view. Return whether it was filled."""
    distance, x, y, z, _ = trace(w.grid[0], SCOOPED, BOUNDS, sight(w.body, w.marks))
    block = int(w.grid[0][x, y, z])
    if distance < 0.0 or FLUID[block] == 0:
        return False
    change(w, x, y, z, AIR)
    w.inventory[w.marks[s.SLOT], s.COUNT] -= 1
    take_in(w, _WATER_BUCKET if FLUID[block] == 1 else _LAVA_BUCKET, 1, events)
    return True


@inner
def use_item(w, events):
    """Use the thing in the hand, with or on the targeted block. Return whether it did anything."""
    item, slot = in_hand(w), w.marks[s.SLOT]
    if FOOD[item] > 0:
        w.inventory[slot, s.COUNT] -= 1
        feed(w, float(FOOD[item]), events)
        w.marks[s.COOLDOWN] = EAT_PAUSE
        return True
    if item == _BUCKET:
        return scoop(w, events)
    if w.marks[s.TARGET] == 0:
        return False
    x, y, z = w.marks[s.TARGET_X], w.marks[s.TARGET_Y], w.marks[s.TARGET_Z]
    block = int(w.grid[0][x, y, z])
    if item == _BRUSH and w.switches[_PAINT_ON]:
        return paint(w, events)
    if item == _FLINT:
        i, j, k = put_target(w)
        if 0 <= k < w.grid[0].shape[2] and light_fire(w, i, j, k, events):
            wear(w, events)
            return True
    tills = TOOL_CLASS[item] == _SHOVEL and w.switches[_CRAFT_ON] and GROUND[block] and block != _FARMLAND
    if tills and z + 1 < w.grid[0].shape[2] and w.grid[0][x, y, z + 1] == AIR:
        change(w, x, y, z, _FARMLAND)
        wear(w, events)
        events[_TILLED] += 1.0
        return True
    if item == _BONE_MEAL and GROWS[block] and grow(w, x, y, z, events):
        w.inventory[slot, s.COUNT] -= 1
        return True
    return False


@inner
def use(w, events):
    """Act on a press of the key."""
    done = False
    if w.marks[s.TARGET] and not w.marks[s.SNEAKING]:
        done = use_block(w, events)
    brush = in_hand(w) == _BRUSH
    if not done:
        done = use_item(w, events)
    if not done:
        done = place(w, events)
    if done:
        w.marks[s.SWING] = s.SWING_TICKS
        if not brush:
            w.marks[s.COOLDOWN] = max(w.marks[s.COOLDOWN], USE_PAUSE)

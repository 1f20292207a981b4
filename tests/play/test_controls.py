"""Keys become action vectors."""

import numpy as np
import pytest
from gymnasium import spaces

from worldsim.actions import ActionSpec
from worldsim.play.controls import Controls

NAMES = ("hotbar.1", "forward", "left", "cameraX", "cameraY", "jump", "sprint", "attack", "use", "inventory", "drop")
TABLE = np.zeros((3, len(NAMES)), np.float32)
TABLE[1, 1], TABLE[2, 3] = 1.0, -0.75
KEYED = Controls(ActionSpec(spaces.Discrete(3), NAMES, TABLE))


def fields(*held: str, look: tuple[float, float] = (0.0, 0.0)) -> dict[str, float]:
    vector = KEYED.vector(held, look)
    return {NAMES[i]: pytest.approx(float(vector[i])) for i in np.flatnonzero(vector)}


def test_all_keys_held_at_once_become_one_action() -> None:
    assert fields("w", "space", "left ctrl", "f") == {"forward": 1, "jump": 1, "sprint": 1, "attack": 1}
    assert fields("a", "e", "1") == {"left": 1, "use": 1, "hotbar.1": 1}
    assert fields("c", "q") == {"inventory": 1, "drop": 1}
    assert fields() == fields("z", "s", "x") == {}  # no such key, no such field


def test_arrows_turn_as_fast_as_the_actions_that_the_world_was_learned_from() -> None:
    assert fields("left") == {"cameraX": -0.75} and fields("right") == {"cameraX": 0.75}
    assert fields("up") == {"cameraY": -0.5}  # no action of this space looks up
    assert fields("left", "right") == {}


def test_the_mouse_adds_to_the_arrows_within_bounds() -> None:
    assert fields(look=(0.25, -0.5)) == {"cameraX": 0.25, "cameraY": -0.5}
    assert fields("right", look=(3.0, 0.0)) == {"cameraX": 1.0}


def test_an_action_is_told_in_words() -> None:
    assert KEYED.describe(KEYED.vector({"w", "left"})) == "forward + turn left"
    assert KEYED.describe(KEYED.vector(())) == "nothing"


def test_in_another_env_the_number_keys_hold_its_actions() -> None:
    discrete = Controls(ActionSpec.from_space(spaces.Discrete(3)))
    assert [discrete.vector(held).argmax() for held in ((), ("2",), ("3", "w"), ("9",))] == [0, 1, 2, 2]
    assert discrete.describe(discrete.vector({"2"})) == "action 2"
    many = Controls(ActionSpec.from_space(spaces.MultiBinary(4)))
    assert many.vector({"1", "4", "9"}).tolist() == [1, 0, 0, 1]

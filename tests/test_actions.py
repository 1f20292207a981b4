"""Any action space as a vector and back, through JSON too."""

import json

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from worldsim.actions import ActionError, ActionSpec

SPACES = {
    "discrete": spaces.Discrete(5),
    "discrete from 3": spaces.Discrete(4, start=3),
    "multidiscrete": spaces.MultiDiscrete([3, 2, 4]),
    "multidiscrete from": spaces.MultiDiscrete([3, 2], start=[1, -1]),
    "multibinary": spaces.MultiBinary([2, 3]),
    "box": spaces.Box(np.array([-2.0, 0.0]), np.array([2.0, 10.0]), dtype=np.float64),
    "open box": spaces.Box(-np.inf, np.inf, (2,), np.float64),
    "dict": spaces.Dict({"turn": spaces.Box(-180.0, 180.0, (2,), np.float32), "jump": spaces.Discrete(2)}),
    "tuple": spaces.Tuple((spaces.Discrete(3), spaces.Tuple((spaces.MultiBinary(2), spaces.Box(0, 1, (1,)))))),
}


def same(left: object, right: object) -> bool:
    """Whether two actions of any space are equal up to rounding."""
    if isinstance(left, dict):
        assert isinstance(right, dict)
        return all(same(left[key], right[key]) for key in left)
    if isinstance(left, tuple):
        assert isinstance(right, tuple)
        return all(same(a, b) for a, b in zip(left, right, strict=True))
    return np.allclose(left, right, atol=1e-3)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SPACES)
def test_decode_inverts_encode_also_after_json(name: str) -> None:
    space = SPACES[name]
    space.seed(0)
    spec = ActionSpec.from_space(space)
    again = ActionSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again.space == space and again.names == spec.names
    for _ in range(30):
        action = space.sample()
        vector = spec.encode(action)
        assert vector.shape == (spec.width,) and vector.dtype == np.float32 and np.abs(vector).max() <= 1
        assert np.array_equal(again.encode(action), vector)
        decoded = again.decode(vector)
        assert space.contains(decoded) and same(decoded, action)


@pytest.mark.parametrize("name", SPACES)
def test_a_batch_encodes_row_by_row(name: str) -> None:
    space = SPACES[name]
    batched = gym.vector.utils.batch_space(space, 3)
    batched.seed(1)
    spec, actions = ActionSpec.from_space(space), batched.sample()
    rows = [spec.encode(one) for one in gym.vector.utils.iterate(batched, actions)]
    assert np.array_equal(spec.encode_batch(actions), np.stack(rows))


@pytest.mark.parametrize("name", SPACES)
def test_every_field_has_a_name_of_its_own(name: str) -> None:
    spec = ActionSpec.from_space(SPACES[name])
    assert len(set(spec.names)) == spec.width == spec.encode(SPACES[name].sample()).size


class Keyed(gym.Env):
    """An env that brings its own vectors."""

    action_space = spaces.Discrete(3)
    action_names = ("forward", "turn")
    action_vectors = np.array([[0, 0], [1, 0], [0, -0.5]], np.float32)

    def get_action_meanings(self) -> list[str]:
        return ["noop", "forward", "turn left"]


def test_an_env_that_brings_its_own_vectors_is_taken_at_its_word() -> None:
    spec = ActionSpec.from_env(Keyed())
    assert spec.names == ("forward", "turn") and spec.meanings[2] == "turn left"
    assert spec.encode(2).tolist() == [0, -0.5]
    assert spec.encode_batch(np.array([1, 0])).tolist() == [[1, 0], [0, 0]]
    assert spec.decode(np.array([0.1, -0.4], np.float32)) == 2  # the nearest one
    assert np.array_equal(ActionSpec.from_json(json.loads(json.dumps(spec.to_json()))).table, Keyed.action_vectors)


@pytest.mark.parametrize(("low", "high", "kind"), [(0, 10, np.int32), (0, 255, np.uint8), (-300, 300, np.int16)])
def test_whole_numbers_come_back_whole(low: int, high: int, kind: type) -> None:
    spec = ActionSpec(spaces.Box(low, high, (1,), kind), ("dial",))
    every = [spec.decode(spec.encode(np.array([value], kind))) for value in range(low, high + 1)]
    assert [int(value[0]) for value in every] == list(range(low, high + 1)) and every[0].dtype == kind


def test_encoded_actions_do_not_share_memory_with_the_table() -> None:
    spec = ActionSpec.from_env(Keyed())
    spec.encode(1)[:] = 9
    spec.encode_batch(np.array([1]))[:] = 9
    assert spec.encode(1).tolist() == [1, 0]
    table = np.array(Keyed.action_vectors, np.float32)
    env = Keyed()
    env.action_vectors = table
    spec = ActionSpec.from_env(env)
    table[:] = 0.5
    assert spec.encode(1).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("space", "action"),
    [
        (spaces.Discrete(3), 3),
        (spaces.Discrete(3), -1),
        (spaces.Discrete(3), 0.5),
        (spaces.Box(-1, 1, (2,)), np.array([0.0, 2.0], np.float32)),
        (spaces.MultiDiscrete([2, 2]), np.array([0, 2])),
        (spaces.MultiBinary(2), np.array([0, 2], np.int8)),
    ],
)
def test_an_action_outside_the_space_is_named(space: spaces.Space, action: object) -> None:
    with pytest.raises(ActionError, match="action must be in"):
        ActionSpec.from_space(space).encode(action)


@pytest.mark.parametrize("actions", [np.array([0, 3]), np.array([-1, 0]), np.array([0.0, 1.0]), np.array([[0], [1]])])
def test_a_batch_outside_the_space_is_named(actions: np.ndarray) -> None:
    with pytest.raises(ActionError, match="actions must be"):
        ActionSpec.from_space(spaces.Discrete(3)).encode_batch(actions)


def test_spaces_and_descriptions_that_cannot_be_read_are_named() -> None:
    with pytest.raises(ActionError, match="is not supported"):
        ActionSpec.from_space(spaces.Text(5))
    with pytest.raises(ActionError, match="'names'"):
        ActionSpec.from_json({"space": {"type": "Discrete", "n": 2, "start": 0}, "table": None})
    with pytest.raises(ActionError, match="'Round' is not known"):
        ActionSpec.from_json({"space": {"type": "Round"}, "names": [], "table": None})
    with pytest.raises(ActionError, match="must be"):
        ActionSpec.from_space(spaces.Discrete(3)).decode(np.zeros(4, np.float32))
    with pytest.raises(ActionError, match="table must be"):
        ActionSpec(spaces.Discrete(3), ("a",), np.zeros((2, 1), np.float32))

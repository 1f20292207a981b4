"""Worlds at another size: their frames, their true env, and no starts of the size that they had."""

from dataclasses import replace
from pathlib import Path

import pytest

from tiny import KWARGS, SIZE, save_tiny_checkpoint
from worldsim.sampling.sizes import at_size, read_size
from worldsim.sampling.world import World, WorldError


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder: Path = save_tiny_checkpoint(tmp_path_factory.mktemp("sizes") / "tiny")
    return World.from_pretrained(folder, rows=2)


def test_another_size_is_one_of_the_true_env_too_and_has_no_stored_starts(world: World) -> None:
    shown = replace(world.card, shown=(128, 128))
    world.card, own = shown, world.card
    sized = at_size(world, (48, 80))
    assert (sized.rows, sized.card.size, sized.starts, sized.card.shown) == (2, (48, 80), None, None)
    assert sized.card.env == {"id": "worldsim/Voxel-v0", "kwargs": {**KWARGS, "size": [48, 80]}}
    assert world.card is shown and world.starts is not None, "the world given stays as it is"
    world.card = own


def test_its_own_size_is_the_world_itself(world: World) -> None:
    assert at_size(world, SIZE) is world and at_size(world, None) is world
    assert world.alike(1, size=SIZE).starts is world.starts


@pytest.mark.parametrize("env_id", ["", "CartPole-v1", "Nowhere-v0"])
def test_an_env_that_draws_no_such_size_stays_as_it_was_recorded(world: World, env_id: str) -> None:
    own = world.card
    world.card = replace(own, env={"id": env_id, "kwargs": {"a": 1}}, shown=(400, 600))
    sized = at_size(world, (48, 80)).card
    assert sized.env == world.card.env and sized.shown == (400, 600) and sized.size == (48, 80)
    world.card = own


def test_a_size_is_two_numbers_that_divide_into_patches(world: World) -> None:
    assert read_size("96x160") == (96, 160) and read_size(" 96 , 160") == (96, 160) and read_size("") is None
    with pytest.raises(WorldError, match="--size must be HEIGHTxWIDTH in pixels, as 96x160, got 'big'"):
        read_size("big")
    with pytest.raises(WorldError, match=r"in steps of 16 pixels, got \(90, 160\)"):
        at_size(world, (90, 160))

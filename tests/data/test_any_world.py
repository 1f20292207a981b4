"""Recording any Gymnasium world with nothing to write: sizes, texts, wrappers, ids, action spaces, frame rates."""

import json
from pathlib import Path

import numpy as np
import pytest

import worlds
from worldsim.actions import ActionSpec
from worldsim.cli import main
from worldsim.data.envs import describe_env, full_id, make_env, open_env, text_of
from worldsim.data.episodes import Dataset
from worldsim.data.frames import fitting_size


def recorded(tmp_path: Path, *words: str, **kwargs: object) -> Dataset:
    """A dataset made by the command line."""
    out = tmp_path / "data"
    main(["record", "--env", worlds.ID, "--steps", "50", "--out", str(out), "--env-kwargs", json.dumps(kwargs), *words])
    return Dataset.open(out)


@pytest.mark.parametrize(
    ("shown", "size"),
    [
        ((210, 160), (64, 48)), ((240, 320), (48, 64)), ((500, 500), (64, 64)), ((400, 600), (64, 96)),
        ((84, 84), (64, 64)), ((96, 160), (96, 160)), ((64, 64), (64, 64)), ((16, 16), (16, 16)),
        ((720, 1280), (48, 80)), ((9, 9), (64, 64)), ((100, 2000), (16, 192)),
    ],
)  # fmt: skip
def test_frames_of_any_shape_find_a_size_that_networks_take(shown: tuple[int, int], size: tuple[int, int]) -> None:
    assert fitting_size(shown) == size


def test_the_command_brings_frames_to_a_size_and_keeps_what_they_were(tmp_path: Path) -> None:
    dataset = recorded(tmp_path)
    assert dataset.info.size == (48, 80) and dataset.info.shown == (30, 50)
    assert dataset.entries[0].policy == "sticky" and dataset.read(0).frames.shape == (41, 48, 80, 3)
    assert json.loads((dataset.folder / "dataset.json").read_text())["shown"] == [30, 50]


@pytest.mark.parametrize("acts", worlds.ACTIONS)
def test_every_action_space_is_recorded_and_read_back(tmp_path: Path, acts: str) -> None:
    dataset = recorded(tmp_path, acts=acts)
    spec, actions = dataset.info.actions, dataset.read(0).actions
    assert np.abs(actions).max() <= 1 and not actions[0].any() and np.ptp(actions[1:], axis=0).max() > 0
    again = np.stack([spec.encode(spec.decode(vector)) for vector in actions[1:]])
    assert np.allclose(again, actions[1:], atol=1e-3)
    assert ActionSpec.from_json(spec.to_json()).names == spec.names


def test_a_map_of_codes_is_no_picture_and_the_wish_is_the_prompt(tmp_path: Path) -> None:
    dataset = recorded(tmp_path, sees="codes")
    assert dataset.info.shown == (30, 50), "what render() shows"
    captions = dataset.read(0).captions
    assert [(c.start, c.end, c.short) for c in captions[:2]] == [(0, 8, "go to 0"), (8, 16, "go to 1")]
    assert captions[-1].end == 41 and dataset.captions(0) == captions


def test_the_picture_is_chosen_by_key_and_rendering_is_a_key_too(tmp_path: Path) -> None:
    for number, (key, level) in enumerate({"picture": 0, "other": 255, "render": 0}.items()):
        dataset = recorded(tmp_path / str(number), "--image-key", key, sees="both")
        assert dataset.info.image_key == key and dataset.read(0).frames[0, 0, -1, 0] == level
        assert dataset.info.env == {"id": worlds.ID, "kwargs": {"sees": "both"}, "image_key": key}


def test_wrappers_are_put_on_by_name_and_stay_with_the_data(tmp_path: Path) -> None:
    dataset = recorded(tmp_path, "--wrapper", "worlds:Dim", wrappers=[["worlds:Dim", {"share": 0.2}]])
    assert dataset.read(0).frames.max() == 20
    env = open_env(dataset.info.env_id, dataset.info.env_kwargs)
    assert env.reset(seed=0)[0].max() == 20


@pytest.mark.parametrize(("fps", "read"), [(None, 10.0), (0, 10.0), ("fast", 10.0), (float("nan"), 10.0), (35, 35.0)])
def test_an_env_that_does_not_say_how_fast_it_runs_runs_at_ten(fps: object, read: float) -> None:
    env = make_env(worlds.ID, {"fps": fps})
    assert describe_env(env, worlds.ID, {}, (16, 16)).fps == read


def test_ids_find_the_module_that_registers_them() -> None:
    assert full_id("ALE/Breakout-v5") == "ale_py:ALE/Breakout-v5"
    assert full_id("MiniGrid-Empty-5x5-v0") == "minigrid:MiniGrid-Empty-5x5-v0"
    assert full_id("Odd-v0", "worlds") == full_id(worlds.ID, "elsewhere") == worlds.ID
    assert full_id("CartPole-v1") == "CartPole-v1"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--env", "ALE/NoSuchGame-v5"], "cannot make the env 'ale_py:ALE/NoSuchGame-v5'"),
        (["--env", "Odd-v0", "--import", "nowhere"], "'nowhere:Odd-v0'"),
        (["--wrapper", "worlds:Bright"], "cannot put the wrapper 'worlds:Bright'"),
        (["--wrapper", "numpy:asarray"], "a wrapper must be 'module:Class' that makes an env"),
        (["--env-kwargs", '{"wrappers": [["worlds:Dim", {"colour": 1}]]}'], "cannot put the wrapper 'worlds:Dim'"),
        (["--env-kwargs", '{"sees": "both"}'], "several pictures ['other', 'picture']; choose one with image_key"),
        (["--image-key", "nose"], "needs a Dict observation"),
        (["--policy", "wander"], "policy must be 'random', 'sticky' or 'module:function'"),
    ],
)
def test_wrong_input_is_one_line(
    tmp_path: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["record", "--env", worlds.ID, "--steps", "5", "--out", str(tmp_path / "out"), *words]
    with pytest.raises(SystemExit, match="2"):
        main(given)
    told = capsys.readouterr().err.strip()
    assert says in told and len(told.splitlines()) == 1 and not (tmp_path / "out").exists()


def test_an_observation_says_its_texts_in_turn_at_any_depth() -> None:
    said = {"image": np.zeros((2, 2, 3), np.uint8), "orders": {"mission": "go left", "hint": ""}, "name": "ann"}
    assert text_of(said) == "go left, ann" and text_of("go") == "go" and text_of(said["image"]) == ""

"""The verbs at the command line: films in, films out, on a tiny checkpoint; what they are told wrong is one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from networks import EVENTS, SIZE, tiny_card, tiny_dynamics, tiny_tokenizer, tiny_world
from worlds import ACTIONS
from worldsim.actions import ActionSpec
from worldsim.cli import main
from worldsim.clip import Clip, Prompt
from worldsim.model.checkpoint import save
from worldsim.model.clipfile import read_clip, write_clip
from worldsim.sampling.sizes import read_size
from worldsim.sampling.timelines import VerbError
from worldsim.sampling.verbs import generate
from worldsim.studio.inputs import read_actions, read_frames, read_text
from worldsim.studio.outputs import action_names
from worldsim.video import read_mp4, read_png, write_mp4, write_png


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studio") / "tiny"
    save(folder, tiny_card(), tiny_tokenizer(), tiny_dynamics())
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(checkpoint: Path, *words: str) -> None:
    main([words[0], "--checkpoint", str(checkpoint), "--passes", "1", *words[1:]])


def test_films_go_from_verb_to_verb(checkpoint: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(checkpoint, "generate", "a desert at night", "--frames", "6", "--size", "32x64", "--out", "a.mp4")
    assert {path.name for path in place.iterdir()} == {"a.mp4", "a.png", "a.safetensors"}
    clip = read_clip(place / "a.safetensors")
    assert clip.frames.shape == (1, 6, 32, 64, 3) and clip.text == [[Prompt("a desert at night", 0, 6)]]
    film, fps = read_mp4("a.mp4")
    assert film.shape == (6, 192, 384, 3) and fps == 10
    said = capsys.readouterr()
    assert "a.mp4, a.png, a.safetensors" in said.out and "100%" in said.err
    run(checkpoint, "extend", "a.safetensors", "snow", "--frames", "3", "--backward", "--out", "b.mp4")
    longer = read_clip(place / "b.safetensors")
    assert longer.length == 9 and np.array_equal(longer.frames[:, 3:], clip.frames)
    run(checkpoint, "extend", "a.mp4", "--frames", "2", "--out", "c.mp4", "--actions", "1*2")
    back = read_clip(place / "c.safetensors")
    assert back.frames.shape == (1, 8, 32, 64, 3) and back.actions[0, -1].tolist() == [0, 1, 0, 0, 0]
    assert np.abs(back.frames[:, :6].astype(int) - clip.frames).mean() < 8, "the film loses little"
    more = ("--frames", "2", "--actions", "1 3")
    run(checkpoint, "connect", "a.mp4", "b.safetensors", *more, "--out", "d.mp4")
    joined = read_clip(place / "d.safetensors")
    assert joined.length == 6 + 2 + 9 and joined.actions[0, 6:8].argmax(1).tolist() == [1, 3]
    run(checkpoint, "fill", "a.safetensors", "--every", "3", "--actions", "1 2 3", "--out", "e.mp4")
    filled = read_clip(place / "e.safetensors")
    assert np.array_equal(filled.frames[:, ::3], clip.frames[:, ::3])
    assert filled.actions[0, [1, 2, 4, 5]].argmax(1).tolist() == [1, 2, 3, 1], "one after another"
    assert np.array_equal(filled.actions[:, ::3], clip.actions[:, ::3])
    run(checkpoint, "edit", "a.mp4", "snow", "--strength", "0.5", "--out", "f.mp4")
    run(checkpoint, "enhance", "a.mp4", "--size", "64x128", "--out", "g.mp4")
    assert read_clip(place / "g.safetensors").frames.shape == (1, 6, 64, 128, 3)


def test_pictures_seeds_and_loops(checkpoint: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(checkpoint, "image", "snow", "--seeds", "3", "4", "--out", "p.png")
    assert {path.name for path in place.iterdir()} == {"p-3.png", "p-4.png"}
    assert read_png("p-3.png").shape == (256, 384, 3)
    write_png("q.png", read_png("p-3.png")[:32, :48])
    run(checkpoint, "animate", "q.png", "--frames", "3", "--out", "r.mp4")
    assert np.array_equal(read_clip(place / "r.safetensors").frames[0, 0], read_png("q.png"))
    run(checkpoint, "loop", "snow | 3: a desert at night", "--frames", "5", "--seeds", "1", "2", "--out", "s.mp4")
    assert {"s-1.mp4", "s-2.mp4", "s.png", "s.safetensors"} <= {path.name for path in place.iterdir()}
    run(checkpoint, "loop", "--frames", "4", "--actions", "2*3 1", "--out", "u.mp4")
    assert read_clip(place / "u.safetensors").actions[0].argmax(1).tolist() == [2, 2, 2, 1]
    capsys.readouterr()
    run(checkpoint, "loop", "a Dragon", "--clip", "r.safetensors", "--frames", "2", "--size", "30x48", "--out", "t.mp4")
    assert "worldsim loop: the word 'Dragon' of the prompt does not occur" in capsys.readouterr().err


def test_clips_of_several_rows_go_from_verb_to_verb_with_a_seed_each(checkpoint: Path, place: Path) -> None:
    run(checkpoint, "generate", "snow", "--frames", "3", "--seeds", "4", "5", "--out", "a.mp4")
    two = read_clip(place / "a.safetensors")
    run(checkpoint, "extend", "a.safetensors", "--frames", "2", "--out", "b.mp4")
    longer = read_clip(place / "b.safetensors")
    assert longer.rows == 2 and np.array_equal(longer.frames[:, :3], two.frames)
    assert {"b-0.mp4", "b-1.mp4"} <= {path.name for path in place.iterdir()}
    run(checkpoint, "extend", "a.safetensors", "--frames", "2", "--seeds", "0", "1", "--out", "c.mp4")
    assert np.array_equal(read_clip(place / "c.safetensors").frames, longer.frames)
    run(checkpoint, "extend", "a-4.mp4", "--frames", "2", "--seeds", "4", "5", "--out", "d.mp4")
    assert read_clip(place / "d.safetensors").rows == 2, "one film for several seeds, as before"
    run(checkpoint, "connect", "a.safetensors", "a-4.mp4", "--frames", "2", "--out", "e.mp4")
    assert read_clip(place / "e.safetensors").frames.shape[:2] == (2, 8)
    for verb, *more in (("loop", "--clip", "a.safetensors", "--frames", "2"), ("fill", "a.safetensors", "--every", "2"),
                        ("edit", "a.safetensors", "rain falls"), ("enhance", "a.safetensors")):  # fmt: skip
        run(checkpoint, verb, *more, "--out", "f.mp4")
        assert read_clip(place / "f.safetensors").rows == 2
    run(checkpoint, "image", "snow", "--out", "p.png")
    assert (place / "p.png").is_file(), "a single one has no seed in its name"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("loop film.mp4", "'film.mp4' is a file; give a film to close to a loop by --clip"),
        ("generate film.mp4", "'film.mp4' is a file; worldsim extend goes on from a film"),
        ("extend film.mp4 film.mp4", "a text says what is to be seen, and 'film.mp4' is a file"),
        ("generate --frames 0", "frames must be a whole number of at least 1, got 0"),
        ("generate --frames many", "many"),
        ("generate --size big", "--size must be HEIGHTxWIDTH in pixels, as 96x160, got 'big'"),
        ("generate --actions fly", "names of 0, 1, 2, 3, 4; got 'fly'"),
        ("generate --actions 1*0", "got '1*0'"),
        ("generate --seeds -1", "seeds must be integers"),
        ("generate --passes 0", "passes must be"),
        ("generate --guidance -1", "Guidance.text"),
        ("extend nowhere.mp4", "no film at nowhere.mp4"),
        ("extend nowhere.safetensors", "nowhere.safetensors is missing"),
        ("extend", "missing FILM; see worldsim extend --help"),
        ("animate nowhere.png", "no picture at nowhere.png"),
        ("edit film.mp4", "missing TEXT"),
        ("edit film.mp4 snow --strength 2", "strength must be in (0, 1], got 2.0"),
        ("fill film.mp4", "--start 1 --stop 2, or --every 4"),
        ("loop snow --frames 1", "at least 2"),
        ("connect film.mp4", "missing FILM"),
        ("connect", "issing"),
    ],
)
def test_a_wrong_wish_is_one_line_and_writes_nothing(
    words: str, says: str, checkpoint: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_mp4("film.mp4", np.zeros((3, *SIZE, 3), np.uint8), 10)
    before = sorted(place.iterdir())
    name, *rest = words.split()
    with pytest.raises(SystemExit, match="2"):
        main([name, "--checkpoint", str(checkpoint), *rest])
    said = capsys.readouterr()
    assert says in said.err and len(said.err.strip().splitlines()) == 1 and not said.out, said.err
    assert sorted(place.iterdir()) == before


def test_an_interrupt_leaves_nothing_behind(
    checkpoint: Path, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("worldsim.studio.outputs.tqdm.update", interrupt)
    with pytest.raises(SystemExit, match="130"):
        run(checkpoint, "generate", "--frames", "3")
    assert not list(place.iterdir())


def test_sizes_timelines_and_actions_are_read() -> None:
    assert read_size("96x160") == (96, 160) and read_size("") is None
    assert read_text("a desert") == "a desert"
    assert read_text("a desert | 32: snow|40:rain") == [
        Prompt("a desert", 0, 32), Prompt("snow", 32, 40), Prompt("rain", 40)
    ]  # fmt: skip
    for wrong in ("a | b", "a | 3: b | 2: c"):
        with pytest.raises(VerbError, match="timeline"):
            read_text(wrong)
    spec = tiny_world().card.action_spec
    actions = read_actions("3*2 1", spec, 7)
    assert actions is not None and actions.argmax(1).tolist() == [3, 3, 1, 3, 3, 1, 3]
    assert read_actions(" ", spec, 7) is None and action_names(actions, spec) == [""] * 7


def spec_of(space: str) -> ActionSpec:
    return ActionSpec.from_space(ACTIONS[space])


@pytest.mark.parametrize(
    ("space", "text", "actions"),
    [
        ("box", "-1,50*2 2,100", [[-1, 50], [-1, 50], [2, 100], [-1, 50]]),
        ("multi-discrete", "2,0 0,1*2", [[2, 0], [0, 1], [0, 1], [2, 0]]),
        ("multi-binary", "1,0,0,1*3 0,1,1,0", [[1, 0, 0, 1]] * 3 + [[0, 1, 1, 0]]),
        ("endless", "0.5*1 -2e3", [[0.5], [-2000], [0.5], [-2000]]),
        ("discrete", "0*2 2", [1, 1, 3, 1]),  # by place; this space begins at 1
    ],
)
def test_actions_of_any_space_are_read_from_text_and_from_files(
    space: str, text: str, actions: list[Any], tmp_path: Path
) -> None:
    spec = spec_of(space)
    expected = np.stack([spec.encode(np.array(action, spec.space.dtype)) for action in actions])
    read = read_actions(text, spec, 4)
    assert read is not None and read.dtype == np.float32 and np.array_equal(read, expected)
    kinds = [np.float64, np.float32] + ([] if space == "endless" else [np.int64])
    for kind in kinds:  # whatever kind of number a script has saved
        np.save(tmp_path / "a b.npy", np.array(actions, kind))
        assert np.array_equal(read_actions(f"{tmp_path}/a b.npy", spec, 4), expected)
        assert np.array_equal(read_actions(f"{tmp_path}/a b.npy", spec, 6), np.concatenate([expected, expected[:2]]))


@pytest.mark.parametrize(
    ("space", "text", "says"),
    [
        ("box", "forward*3", "read VALUE,VALUE*COUNT …, each with the 2 values of an action in Box("),
        ("box", "1,2,3", "(N, 2), or read VALUE,VALUE*COUNT …, each with the 2 values"),
        ("box", "1,2*none", "got '1,2*none'"),
        ("box", "1,2*0", "got '1,2*0'"),
        ("box", "1,200", "'1,200': action must be in Box("),
        ("multi-discrete", "0.5,1", "whole numbers are expected in MultiDiscrete([3 2]), got [0.5, 1.0]"),
        ("multi-binary", "257,0,0,0", "whole numbers are expected in MultiBinary(4), got [257.0, 0.0, 0.0, 0.0]"),
        ("box", "nan,1", "'nan,1': action must be in Box("),
        ("multi-discrete", "nan,1", "whole numbers are expected"),
        ("multi-discrete", "3,0", "action must be in MultiDiscrete([3 2])"),
        ("multi-binary", "1,1", "read VALUE,VALUE,…*COUNT …, each with the 4 values of an action in MultiBinary(4)"),
        ("dict", "1", "they are Dict('keys': MultiBinary(2)"),
        ("dict", "a.npy", "world.card.action_spec.encode(action)"),
        ("discrete", "forward", ".npy file of the env's own actions (N,), or read NAME*COUNT …, with names of 0, 1, 2"),
        ("box", "wide.npy", "must be (N, 2), each in Box("),
        ("box", "none.npy", "got (0, 2) float64"),
        ("box", "high.npy", "high.npy, row 1: action must be in Box("),
        ("box", "objects.npy", "objects.npy is no .npy file of numbers"),
        ("box", "text.npy", "got (1, 2) <U1"),
        ("discrete", "wide.npy", "must be (N,), each in Discrete(3, start=1); got (2, 3)"),
    ],
)
def test_actions_that_a_world_does_not_have_are_told_with_those_it_has(
    space: str, text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("wide.npy", np.zeros((2, 3)))
    np.save("none.npy", np.zeros((0, 2)))
    np.save("high.npy", np.array([[0, 0], [0, 101]]))
    np.save("objects.npy", np.array([{}, {}]), allow_pickle=True)
    np.save("text.npy", np.array([["a", "b"]]))
    with pytest.raises(VerbError) as caught:
        read_actions(text, spec_of(space), 4)
    assert says in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npy"):
        read_actions("nowhere.npy", spec_of("box"), 4)


def test_clips_of_earlier_verbs_are_brought_to_a_size_that_is_asked_for(tmp_path: Path) -> None:
    world = tiny_world()
    clip = generate(world, frames=2, seeds=[1])
    write_clip(tmp_path / "a.safetensors", clip)
    same = read_frames(tmp_path / "a.safetensors", world, None)
    assert isinstance(same, Clip) and np.array_equal(same.frames, clip.frames)
    with pytest.warns(UserWarning, match="are brought to 48x80"):
        other = read_frames(tmp_path / "a.safetensors", world, (48, 80))
    assert isinstance(other, Clip) and other.frames.shape == (1, 2, 48, 80, 3)
    assert np.array_equal(other.actions, clip.actions)


def test_foreign_films_are_brought_to_the_worlds_size_and_rate(tmp_path: Path) -> None:
    world = tiny_world()
    frames = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.full((1, 90, 160, 3), 12, np.uint8)
    film = write_mp4(tmp_path / "film.mp4", frames, 20)
    with pytest.warns(UserWarning) as told:
        found = read_frames(film, world, None)
    assert isinstance(found, np.ndarray) and found.shape == (1, 10, 32, 64, 3) and len(EVENTS) == 3
    assert np.abs(found[0, :, 5, 5, 0].astype(int) - 24 * np.arange(10)).max() < 6, "every second frame"
    assert "20 frames/s, the world has 10" in str(told[0].message) and "32x64" in str(told[1].message)

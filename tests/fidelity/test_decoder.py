"""The second reader: a decoder that learns what cells show, answers by labels, and figures beside the renderer's."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import study_worlds
from study_worlds import FromFrames, Question, Ring, drawn
from worldsim.fidelity import study
from worldsim.fidelity.decoder import decoder as decoders
from worldsim.fidelity.decoder.decoder import Decoder, Schooling, cells, decoder_for
from worldsim.fidelity.harness import decoding
from worldsim.fidelity.harness.conduct import report
from worldsim.fidelity.harness.decoding import DecodeReader
from worldsim.fidelity.harness.second import second_figures
from worldsim.fidelity.heldout import FidelityError

TINY = Schooling(worlds=4, pairs=8, steps=(60, 4), batch=8, rate=0.01)
DOT, ANIMAL = 3, 5  # a block, and the kind of an entity
OPTIONS = {"resamples": 200, "seed": 0}


@dataclass(frozen=True)
class Lesson:
    views: np.ndarray
    moves: np.ndarray


def view(places: dict[int, int]) -> np.ndarray:
    """The ring with dots at some places, and what is there: a block of id `DOT`, or an animal, grey, before nothing."""
    frame, labels = np.full((32, 32, 3), 40, np.uint8), np.zeros((32, 32, 3), np.uint8)
    labels[..., 1] = 180
    for place, kind in places.items():
        part = slice(8, 24), slice(4 * place, 4 * place + 4)
        frame[part] = 220 if kind == DOT else 120
        labels[part] = (DOT, 64, 0) if kind == DOT else (0, 64, ANIMAL)
    return np.concatenate([frame, labels], -1)


def lesson(seed: int, pairs: int) -> Lesson:
    """Dots and animals at places by chance; the move between two views is how far the first dot went."""
    rng = np.random.default_rng(seed)
    views, moves = [], []
    for _ in range(pairs):
        one, other = (int(place) for place in rng.integers(8, size=2))
        animal = int(rng.integers(8))
        views.append([view({animal: ANIMAL, place: DOT}) for place in (one, other)])
        moves.append([other - one, 0.0, 0.0, 0.0])
    return Lesson(np.array(views), np.array(moves, np.float32))


def same(frames: np.ndarray) -> np.ndarray:
    return frames


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readers")


@pytest.fixture(scope="module")
def decoder(folder: Path) -> Decoder:
    return decoder_for(lesson, {"id": "ring"}, same, folder, TINY)


def asked(*worlds: dict[int, int], names: tuple[str, ...] = ("a", "b", "c"), right: int = 0) -> Question:
    views = np.stack([view(world) for world in worlds])[:, None, None]
    return Question("where", (1,), names[: len(worlds)], views[..., :3], right, labels=views[..., 3:])


def test_a_decoder_tells_blocks_entities_and_depths_of_new_pictures(decoder: Decoder) -> None:
    views = lesson(10**6, 8).views.reshape(-1, 32, 32, 6)
    kinds, depths = (part.argmax(1) for part in decoder.read(np.ascontiguousarray(views[..., :3])))
    true, far = decoder.truth(views[..., 3:])
    assert decoder.kinds.tolist() == [0, DOT, 256 * ANIMAL]
    assert (kinds == true).mean() > 0.97 and (depths == far).mean() > 0.97
    assert (kinds == true)[true > 0].mean() > 0.9
    assert decoder.moved(lesson(10**6, 8).views[..., :3]).shape == (8, 4)


def test_a_decoder_is_kept_and_another_compression_makes_another(
    decoder: Decoder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoders, "_train", lambda *_: pytest.fail("trained again"))
    again = decoder_for(lesson, {"id": "ring"}, same, folder, TINY)
    frames = lesson(7, 2).views[:, 0, ..., :3]
    np.testing.assert_array_equal(again.read(frames)[0], decoder.read(frames)[0])
    for others in (({"id": "ring"}, lambda frames: frames // 2, TINY), ({"id": "other"}, same, TINY),
                   ({"id": "ring"}, same, replace(TINY, seed=1))):  # fmt: skip
        with pytest.raises(pytest.fail.Exception, match="trained again"):
            decoder_for(lesson, others[0], others[1], folder, others[2])


def test_a_damaged_decoder_is_named(decoder: Decoder, folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (file,) = tmp_path.glob("*.json")
    file.write_text(json.dumps({"kinds": []}))
    with pytest.raises(FidelityError, match="is no decoder"):
        decoder_for(lesson, {"id": "ring"}, same, tmp_path, TINY)


def test_labels_alone_decide_which_world_frames_show(decoder: Decoder) -> None:
    reader = DecodeReader(asked({1: DOT}, {6: DOT}, {}), decoder)
    assert reader.told
    blank = replace(reader.question, pictures=np.zeros_like(reader.question.pictures))
    for world, answer in (({1: DOT}, 0), ({6: DOT}, 1), ({}, 2), ({6: DOT, 3: ANIMAL}, 1)):
        frames = view(world)[None, ..., :3]
        assert reader.read(frames).answer == DecodeReader(blank, decoder).read(frames).answer == answer
    assert all(put == read for put, read in reader.planted(np.random.default_rng(0)))


def test_an_entity_and_a_block_at_one_place_are_told_apart(decoder: Decoder) -> None:
    reader = DecodeReader(asked({4: DOT}, {4: ANIMAL}), decoder)
    assert [reader.read(view({4: kind})[None, ..., :3]).answer for kind in (DOT, ANIMAL)] == [0, 1]


def test_worlds_of_equal_labels_are_not_put_to_the_decoder_and_unknown_kinds_fit_nothing(decoder: Decoder) -> None:
    alike = asked({1: DOT}, {1: DOT})
    assert not DecodeReader(alike, decoder).told
    assert DecodeReader(replace(alike, answers=("same:1", "same:2")), decoder).told
    strange = asked({1: DOT}, {1: DOT})
    assert strange.labels is not None
    strange.labels[1, ..., 0] += 9
    assert (decoder.truth(strange.labels)[0][1] == -1).all()
    assert DecodeReader(strange, decoder).read(view({1: DOT})[None, ..., :3]).answer == 0


def test_cells_are_named_by_their_first_pixel() -> None:
    labels = np.zeros((4, 4, 3), np.uint8)
    labels[0, 0], labels[2, 3] = (7, 255, 2), (9, 0, 0)
    kinds, depths = cells(labels)
    assert kinds.tolist() == [[7 + 512, 0], [0, 0]] and depths[0, 0] == 23


def row(index: int, first: bool, second: bool | None, planted: bool = True, gate: bool = True) -> dict:
    """A line with a gate and a question, as the two readers answered them for the candidate."""
    def question(name: str, needs: str, kind: str, hit: bool, other: bool | None) -> dict:
        decoded = {} if other is None else {
            "decoded": {"read": {"candidate": 1 - other, "truth": 0, "ceiling": 0}, "planted": [[0, 1 - planted]]}
        }  # fmt: skip
        return {"name": name, "kind": kind, "needs": needs, "answers": ["yes", "no"], "right": 0, "chance": 0.5,
                "read": {"candidate": 1 - hit, "truth": 0, "ceiling": 0}, "planted": [[0, 0]], **decoded}  # fmt: skip

    asked = [question("left", "", "gate", True, True if gate else None),
             question("same", "left", "score", first, second)]  # fmt: skip
    return {"index": index, "seed": index // 2, "facts": {}, "plays": [{"name": "way", "questions": asked}]}


def test_readers_that_differ_by_more_than_five_points_are_marked() -> None:
    agree = second_figures([row(i, i % 4 > 0, i % 4 > 0) for i in range(40)], OPTIONS)
    assert agree is not None and agree["S"]["value"] == 0.75 and agree["N"]["value"] == 0.5
    assert agree["second - first"]["value"] == 0.0 and not agree["apart"] and agree["asked"] == agree["of"] == 40
    part = second_figures([row(i, i % 4 > 0, i % 2 > 0) for i in range(40)], OPTIONS)
    assert part is not None and part["second - first"]["value"] == -0.25 and part["apart"]


def test_a_second_reader_that_misses_planted_worlds_scores_nothing() -> None:
    found = second_figures([row(i, True, True, planted=i > 4) for i in range(40)], OPTIONS)
    assert found is not None and not found["reader"]["sound"] and "S" not in found and "apart" not in found


def test_questions_whose_condition_the_decoder_cannot_read_are_left_out() -> None:
    found = second_figures([row(i, True, True, gate=i > 9) for i in range(40)], OPTIONS)
    assert found is not None and found["asked"] == 30 and found["of"] == 40
    assert second_figures([row(i, True, None, gate=False) for i in range(4)], OPTIONS) is None


class Labelled(Ring):
    """The ring with labels of its questions, lessons and faults."""

    def lesson(self, seed: int, pairs: int) -> Lesson:
        return lesson(seed, pairs)

    def stages(self):
        return {"sides": labelled, "faults": faults}


def labelled(env: Ring, seed: int, index: int) -> study_worlds.Scene:
    scene = study_worlds.sides(env, seed, index)
    start = 2 + seed % 4
    labels = np.stack([view({place: DOT})[None, None, ..., 3:] for place in (start - 1, start + 1)])
    plays = tuple(replace(play, questions=(replace(play.questions[0], labels=labels),)) for play in scene.plays)
    return replace(scene, plays=plays)


def faults(env: Ring, seed: int, index: int) -> study_worlds.Scene:
    place = seed % 7
    worlds = {"delete": {}, "shift": {place + 1: DOT}}
    questions = tuple(replace(asked({place: DOT}, world), name=name) for name, world in worlds.items())
    play = study_worlds.Play("a dot", (0,), drawn(place)[None], questions)
    return study_worlds.Scene(seed, np.stack([drawn(place)] * 4), (0,) * 4, place, (play,))


@pytest.mark.parametrize("candidate", [Labelled, lambda: FromFrames(Labelled())])
def test_a_report_tells_what_both_readers_say_and_how_the_second_was_validated(
    candidate, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "Schooling", lambda: TINY)
    options = {"probes": ["left and right"], "trials": 6, "readers": folder}
    found = study(candidate, Labelled, out=tmp_path / "a", **options)
    part = found["probes"]["left and right"]
    assert part["second"]["reader"]["sound"] and part["second"]["N"]["value"] == part["N"]["value"] == 1.0
    assert part["second"]["asked"] == part["second"]["of"] == 12 and not part["second"]["apart"]
    assert found["decoder"]["cells"]["raw"]["kind"]["value"] > 0.95
    assert found["decoder"]["faults"]["raw"]["delete"]["value"] == 1.0
    page = (tmp_path / "a" / "report.html").read_text()
    assert "State decoder" in page and "decoder, 12 of 12" in page
    again = study(candidate, Labelled, out=tmp_path / "b", **options)
    assert json.dumps(again) == json.dumps(found) == json.dumps(report(tmp_path / "a"))
    alone = study(candidate, Labelled, out=tmp_path / "c", decode=False, **options)
    assert "decoder" not in alone and "second" not in alone["probes"]["left and right"]
    assert alone["probes"]["left and right"]["N"] == part["N"]


def test_a_world_in_which_left_is_right_is_found_by_the_second_reader_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mirrored(Labelled):
        def moved(self, action: int) -> int:
            return super().moved({0: 0, 1: 2, 2: 1}[int(action)])

    monkeypatch.setattr(decoding, "Schooling", lambda: TINY)
    found = study(lambda: FromFrames(Mirrored()), Labelled, out=tmp_path, probes=["left and right"], trials=6,
                  readers=folder)["probes"]["left and right"]  # fmt: skip
    assert found["second"]["N"]["value"] == found["N"]["value"] == -1.0

"""Level D: worlds that hear, worlds that do not, and a true world, which takes no prompts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from painted import PLAIN, SIZE, SKIES, START, VOCABULARY, paint
from study_worlds import Play, Ring, Scene
from worldsim.data.episodes import Caption, Episode
from worldsim.fidelity import study
from worldsim.fidelity.harness import texts
from worldsim.fidelity.harness.bench import Bench
from worldsim.fidelity.harness.compare import compare, scores
from worldsim.fidelity.harness.conduct import report
from worldsim.fidelity.harness.lines import read_lines
from worldsim.fidelity.harness.simulator import open_simulator
from worldsim.fidelity.harness.texts import open_texts
from worldsim.fidelity.heldout import FidelityError
from worldsim.fidelity.readers.lessons import through
from worldsim.fidelity.readers.words import ATTRIBUTES, caption_values, prompt

PROBES = ["prompted attributes", "changed prompts"]
Values = dict[str, str]


def shown(values: Values) -> np.ndarray:
    return paint(0, np.zeros(2), values)


def told(values: Values, text: str) -> Values:
    """Time and weather of a text, at the place of some values."""
    return {**(caption_values(text) or values), "biome": values["biome"]}


class Place(gym.Env[np.ndarray, Any]):
    """A true world that shows its attributes, and stages strolls in it."""

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(0, 255, (SIZE, SIZE, 3), np.uint8)
        self.action_space = gym.spaces.Discrete(3)
        self.values: Values = START

    def get_action_meanings(self) -> list[str]:
        return ["noop", "left", "right"]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        return shown(self.values), {}

    def restore_state(self, state: Values) -> np.ndarray:
        self.values = state
        return shown(state)

    def caption(self) -> str:
        return prompt(self.values)

    def step(self, action: int):
        return shown(self.values), 0.0, False, False, {}

    def stages(self):
        def strolls(env: Place, seed: int, index: int, length: int = 8, texts: tuple[str, ...] = ()) -> Scene:
            frames = np.stack([shown(START)] * 4)
            then = shown(told(START, texts[-1]) if texts else START)
            play = Play("stroll", (1,) * length, np.stack([then] * length))
            return Scene(seed, frames, (0,) * 4, START, (play,))  # type: ignore[arg-type]

        def skies(env: Place, seed: int, index: int, texts: Any = (), hold: int = 24) -> Scene:
            frames = np.stack([shown(START)] * 16)
            plays = []
            for row in texts:
                views = np.repeat([shown(told(START, text)) for text in row], hold, 0)
                plays.append(Play("skies", (0,) * len(views), views))
            return Scene(seed, frames, (0,) * 16, START, tuple(plays))

        return {"strolls": strolls, "skies": skies}


class Hearing(gym.Wrapper):
    """Shows what it is told to; from given frames it goes on with what they show."""

    unwrapped = property(lambda self: self)  # type: ignore[assignment]

    def reset(self, *, seed=None, options=None):
        options = dict(options or {})
        place: Any = self.env
        if "frames" in options:
            numbers = options["frames"][-1][0, 1]
            place.values = {name: list(values)[min(int(n), len(values) - 1)] for (name, values), n
                            in zip(ATTRIBUTES.items(), numbers, strict=True)}  # fmt: skip
            if "prompt" not in options:
                return options["frames"][-1], {}
        if "prompt" in options:
            self.set_prompt(options["prompt"])
        return shown(place.values), {}

    def set_prompt(self, text: str) -> None:
        place: Any = self.env
        place.values = caption_values(text) or START


class Answering(Place):
    """The true world, if it took prompts: it starts from states, and its sky follows what is said."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        frame, info = super().reset(seed=seed)
        if options:
            self.values = caption_values(options["prompt"]) or START
            frame = shown(self.values)
        return frame, info

    def set_prompt(self, text: str) -> None:
        self.values = told(self.values, text)


class Reversing(Hearing):
    """Takes the first of night and rain for the other."""

    def set_prompt(self, text: str) -> None:
        values = caption_values(text) or START
        changes = {name for name in ("time", "weather") if values[name] != START[name]}
        place: Any = self.env
        if changes == {"time"}:
            values = {**START, "weather": "rain"}
        elif changes == {"weather"}:
            values = {**START, "time": "night"}
        place.values = values


class Deaf(Hearing):
    """Takes prompts, and does not heed them."""

    def set_prompt(self, text: str) -> None:
        place: Any = self.env
        place.values = START


class Carried(Hearing):
    """Changes another attribute too when a prompt changes."""

    def set_prompt(self, text: str) -> None:
        super().set_prompt(text)
        place: Any = self.env
        if place.values != START:
            place.values = {**place.values, "biome": "desert"}


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that reads what is painted, and true worlds under every sky."""

    def episode(number: int) -> Episode:
        rng = np.random.default_rng(number)
        values = {name: str(rng.choice(list(of))) for name, of in ATTRIBUTES.items()}
        text, rows = prompt(values), 33
        flags = np.zeros(rows, np.bool_)
        frames, nothing = np.stack([shown(values)] * rows), np.zeros((rows, 3), np.float32)
        return Episode(frames, nothing, nothing[:, :1], flags, flags, (Caption(0, rows, text, text),), number)

    monkeypatch.setattr(texts, "open_texts", lambda bench: texts.Texts(SKIES, PLAIN, VOCABULARY, episode))  # type: ignore[arg-type]


def ask(candidate: Any, out: Path, trials: int = 64, **options: Any) -> dict[str, Any]:
    return study(candidate, Place, out=out, **{"probes": PROBES, "trials": trials, **options})


def test_a_world_that_hears_scores_one_and_keeps_all_else(tmp_path: Path) -> None:
    found = ask(lambda: Hearing(Place()), tmp_path)["probes"]
    for name in PROBES:
        assert found[name]["reader"]["sound"] and found[name]["N"]["value"] == 1.0 and not found[name]["departs"]
    assert set(found["prompted attributes"]["extras"]) == {f"N, {name}" for name in ATTRIBUTES}
    assert found["changed prompts"]["extras"]["others kept"]["value"] == 1.0
    assert found["changed prompts"]["c"] == 0.0


def test_a_world_that_does_not_hear_scores_nothing(tmp_path: Path) -> None:
    found = ask(lambda: Deaf(Place()), tmp_path)["probes"]
    for name in PROBES:
        assert found[name]["N"]["value"] < 0.05 and "N" in found[name]["departs"]


def test_two_candidates_are_compared_in_what_they_hear(tmp_path: Path) -> None:
    for candidate in (Hearing, Deaf):
        ask(lambda candidate=candidate: candidate(Place()), tmp_path / candidate.__name__)
    rows = {row["probe"]: row for row in compare([tmp_path / "Hearing", tmp_path / "Deaf"], tmp_path)["differences"]}
    assert set(rows) == set(PROBES) and rows["changed prompts"]["S, first - other"]["value"] == 1.0
    assert all(row["p, Holm"] < 0.01 for row in rows.values())


def test_a_change_that_carries_others_along_is_told(tmp_path: Path) -> None:
    found = ask(lambda: Carried(Place()), tmp_path)["probes"]["changed prompts"]
    assert found["S"]["value"] == 1.0 and found["extras"]["others kept"]["value"] == 0.5


def test_truth_that_takes_prompts_passes_what_is_asked_in_words(tmp_path: Path) -> None:
    found = ask(Answering, tmp_path, probes=[*PROBES, "order in words"])["probes"]
    for name, part in found.items():
        assert part["reader"]["sound"] and part["N"]["value"] == 1.0 and not part["departs"], name


def test_the_ceiling_of_a_change_is_truth_in_which_the_same_change_came(tmp_path: Path) -> None:
    class Slow(Place):
        def stages(self):
            stages = super().stages()
            return {**stages, "strolls": lambda env, seed, index, length=8, texts=():
                    stages["strolls"](env, seed, index, length)}  # fmt: skip

    found = study(lambda: Hearing(Place()), Slow, out=tmp_path, probes=PROBES[1:], trials=24)["probes"][PROBES[1]]
    assert found["K"]["value"] == found["extras"]["changed in raw truth"]["value"] == 0.0
    assert found["S"]["value"] == 1.0 and found["N"] is None


def test_a_reference_whose_strolls_heed_no_words_is_told_so(tmp_path: Path) -> None:
    class Mute(Place):
        def stages(self):
            stages = super().stages()
            return {**stages, "strolls": lambda env, seed, index, length=8: stages["strolls"](env, seed, index, length)}

    found = study(lambda: Hearing(Place()), Mute, out=tmp_path, probes=PROBES[1:], trials=3)
    assert not found["probes"] and "'texts'" in json.dumps(found)


def test_the_ceiling_of_a_prompt_is_what_truth_shows_that_it_describes(tmp_path: Path) -> None:
    class Telling(Place):
        def stages(self):
            def told_of(env: Place, seed: int, index: int, text: str = "") -> Scene:
                values = caption_values(text) or START
                if values["biome"] == "ocean":
                    raise ValueError("nobody begins in the sea")
                return Scene(seed, np.stack([shown({**values, "weather": "clear"})] * 16), (0,) * 16, values, ())

            return {**super().stages(), "told": told_of}

    found = study(lambda: Hearing(Place()), Telling, out=tmp_path, probes=PROBES[:1])["probes"][PROBES[0]]
    # Of the weather this truth shows one value alone.
    assert "N, weather" not in found["extras"] and found["extras"]["N, time"]["value"] == 1.0
    lines = [line for line in read_lines(tmp_path) if line["staged"] is None]
    assert lines and all("the sea" in line["prompt"]["prompt"] for line in lines)


def test_a_prompt_that_a_candidate_refuses_is_told_as_a_trial_that_failed(tmp_path: Path) -> None:
    class Picky(Hearing):
        def set_prompt(self, text: str) -> None:
            if "sea" in text:
                raise ValueError("there is no sea here")
            super().set_prompt(text)

    found = ask(lambda: Picky(Place()), tmp_path, probes=["prompted attributes"])
    assert "there is no sea here" in found["failed"]["prompted attributes"]["first"]
    assert found["failed"]["prompted attributes"]["trials"] + found["probes"]["prompted attributes"]["trials"] == 64


def test_orders_that_are_told_are_kept_reversed_or_not_heard(tmp_path: Path) -> None:
    def order(candidate: Any) -> dict[str, Any]:
        out = tmp_path / candidate.__name__
        found = ask(lambda: candidate(Place()), out, 24, probes=["order in words"])
        return found["probes"]["order in words"]

    kept = order(Hearing)
    assert kept["N"]["value"] == 1.0 and kept["extras"]["three: order"]["value"] == 1.0 and not kept["departs"]
    assert order(Reversing)["S"]["value"] < 0.7 and "N" in order(Reversing)["departs"]
    deaf = order(Deaf)
    assert deaf["S"] is None and deaf["extras"]["all 2 came, candidate"]["value"] == 0.0


def test_the_true_world_is_asked_nothing_in_words_and_says_why(tmp_path: Path) -> None:
    found = ask(Place, tmp_path)
    assert not found["probes"] and all("the true world, which no prompt changes" in found["refused"][name]
                                       for name in PROBES)  # fmt: skip
    ring = study(Ring, Ring, out=tmp_path / "ring", probes=PROBES)
    assert "no set_prompt" in ring["refused"]["changed prompts"]


def test_a_reader_that_fails_scores_nothing(tmp_path: Path) -> None:
    ask(lambda: Hearing(Place()), tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "trials.jsonl").read_text().splitlines()]
    for row in rows:
        for one in row["truth"]:
            one["raw"] = {name: (value + 1) % len(ATTRIBUTES[name]) for name, value in one["labels"].items()}
    (tmp_path / "trials.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for part in report(tmp_path)["probes"].values():
        assert not part["reader"]["sound"] and "N" not in part


def test_trials_of_an_earlier_version_are_named(tmp_path: Path) -> None:
    ask(lambda: Hearing(Place()), tmp_path, probes=PROBES[1:])
    path = tmp_path / "trials.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({k: v for k, v in row.items() if k != "fork"}) + "\n" for row in rows))
    with pytest.raises(FidelityError, match="trials of 'changed prompts' are not as this version"):
        report(tmp_path)


def test_a_killed_run_goes_on_and_the_same_seed_gives_the_same_report(tmp_path: Path) -> None:
    def hearing() -> Hearing:
        return Hearing(Place())

    for name, seed in (("whole", 0), ("killed", 0), ("other", 1)):
        ask(hearing, tmp_path / name, trials=6, seed=seed)
    path = tmp_path / "killed" / "trials.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][:40])
    ask(hearing, tmp_path / "killed", trials=6)
    assert len(read_lines(tmp_path / "killed")) == 12
    whole, killed, other = ((tmp_path / name / "report.json").read_bytes() for name in ("whole", "killed", "other"))
    assert whole == killed != other


def test_a_reader_is_made_for_a_candidate_that_tells_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(open_simulator(lambda: Hearing(Place())), open_simulator(Place), 0)
    bench.candidate.size = (SIZE, SIZE)
    asked: list[Any] = []

    def readers_for(kinds, card, tokenizer, folder, training):
        asked.append((card, tokenizer, folder))
        return {"attributes": SKIES} if len(asked) == 1 else {}

    monkeypatch.setattr(texts, "readers_for", readers_for)
    assert open_texts(bench).vocabulary is None
    card, tokenizer, folder = asked[0]
    assert card.env["id"] == bench.true.name and card.size == (SIZE, SIZE) and folder == bench.readers
    frames = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
    assert np.array_equal(through(tokenizer, frames), frames)
    with pytest.raises(FidelityError, match="captions of .*Place tell no biome"):
        open_texts(bench)


def test_a_trial_says_by_itself_what_it_can() -> None:
    assert scores({"candidate": 0.25}, {}) == [0.25] and scores({"runs": []}, {}) == []
    assert scores({"surprise": {"swapped": [2.0, 1.0], "still": [1.0, 1.0]}}, {}) == [1.0, 0.5]
    assert scores({"matched": {"candidate": [2, 3, 5]}}, {}) == [0.5]
    assert not scores({"matched": {"candidate": [0, 0, 0]}}, {})

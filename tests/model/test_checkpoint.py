"""Checkpoints: what is saved is what is loaded, whole or not at all, and a grown world keeps what was learned."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces

from networks import SIZE, scattered, tiny_card, tiny_dynamics, tiny_tokenizer
from worldsim.actions import ActionSpec
from worldsim.clip import Clip, Prompt
from worldsim.files import former
from worldsim.model import calibration, checkpoint, habits, language, refiner
from worldsim.model.card import WorldCard, read_card
from worldsim.model.checkpoint import CheckpointError, find, load, save
from worldsim.model.dynamics import Dynamics
from worldsim.model.temperature import Temperature
from worldsim.model.tensors import continue_from, network_fingerprint, write_tensors
from worldsim.model.text import Vocabulary


def some_starts() -> Clip:
    rng = np.random.default_rng(0)
    flags = np.zeros((2, 3), np.bool_)
    return Clip(
        rng.integers(0, 256, (2, 3, *SIZE, 3), dtype=np.uint8), rng.random((2, 3, 5), np.float32),
        rng.random((2, 3, 3), np.float32), flags, ~flags, ~flags, [[Prompt("snow", 0, 2)], []], fps=7.5,
    )  # fmt: skip


def test_what_is_loaded_is_what_was_saved_rounded_to_bf16(tmp_path: Path) -> None:
    tokenizer, dynamics, starts = tiny_tokenizer(), tiny_dynamics(), some_starts()
    tokenizer.mean.copy_(torch.tensor([0.123456789, 1.0, -3.3]))
    card = tiny_card(
        training={"steps": 3, "note": ["kept"]}, context_level=0.2, temperature=Temperature(0.8, 1.1, 0.4, 1.6, 48),
        passes=3,
    )
    save(tmp_path / "one", card, tokenizer, dynamics, starts)
    found, *networks, clip = load(tmp_path / "one")
    assert found.to_json() == card.to_json() and found.window == 4 and found.max_prompt_words == 8
    for network, saved in zip(networks, (tokenizer, dynamics), strict=True):
        parameters = {name for name, _ in saved.named_parameters()}
        for name, tensor in saved.state_dict().items():
            expected = tensor.bfloat16().float() if name in parameters else tensor  # statistics are kept exactly
            assert torch.equal(network.state_dict()[name], expected), name
    assert clip is not None and clip.text == starts.text and clip.fps == 7.5
    for name in ("frames", "actions", "events", "terminated", "truncated", "mask"):
        assert np.array_equal(getattr(clip, name), getattr(starts, name)), name


def test_saving_what_was_loaded_gives_the_same_bytes_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    save(tmp_path / "one", tiny_card(), tiny_tokenizer(), tiny_dynamics(), some_starts())
    save(tmp_path / "two", tiny_card(dynamics=None), tiny_tokenizer(1))
    save(tmp_path / "two", *load(tmp_path / "one"))  # over another one
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["card.json", "dynamics.safetensors", "starts.safetensors", "tokenizer.safetensors"]
    for name in files[:2] + files[3:]:  # safetensors writes metadata, which starts have, in any order
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_companions_are_called_as_those_who_write_them_call_them() -> None:
    written = habits.FILE, language.FILE, refiner.FILE, calibration.FILE
    assert written == (checkpoint.HABITS, checkpoint.LANGUAGE, checkpoint.REFINER, checkpoint.EVENTS)


def put_companions(folder: Path, tokenizer: str) -> None:
    write_tensors(folder / "language.safetensors", {"x": torch.zeros(1)}, {"tokenizer": json.dumps(tokenizer)})
    for name in ("habits.safetensors", "refiner.safetensors", "events.json"):
        (folder / name).write_bytes(name.encode())


def test_what_holds_for_other_weights_stays_when_they_come_and_the_rest_goes_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "one"
    save(folder, tiny_card(), tiny_tokenizer(), tiny_dynamics())
    given = load(folder)
    put_companions(folder, network_fingerprint(given.tokenizer))
    before = (folder / "language.safetensors").read_bytes()
    save(folder, given.card, given.tokenizer, tiny_dynamics(1))
    assert {"habits.safetensors", "language.safetensors"} < {path.name for path in folder.iterdir()}
    assert (folder / "language.safetensors").read_bytes() == before
    assert "refiner.safetensors, events.json belonged to what was there before" in capsys.readouterr().out
    save(tmp_path / "two", given.card, given.tokenizer, tiny_dynamics(1), beside=folder)
    assert (tmp_path / "two" / "habits.safetensors").is_file() and not capsys.readouterr().out

    other = replace(tiny_card(), action_spec=ActionSpec.from_space(spaces.Discrete(4)))
    save(folder, tiny_card(dynamics=None), tiny_tokenizer(1))
    said = capsys.readouterr().out
    assert "language.safetensors" in said and "habits" not in said and (folder / "habits.safetensors").is_file()
    save(folder, replace(other, dynamics=None), tiny_tokenizer(1))
    assert "habits.safetensors" in capsys.readouterr().out and not (folder / "habits.safetensors").exists()


def test_a_tokenizer_alone_is_a_checkpoint_too(tmp_path: Path) -> None:
    save(tmp_path / "one", tiny_card(dynamics=None), tiny_tokenizer())
    card, _, dynamics, starts = load(tmp_path / "one")
    assert dynamics is None and starts is None and card.window == 0 and card.max_prompt_words == 0


def test_a_checkpoint_that_could_not_be_loaded_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="one: the card tells of a dynamics network, and no network is given"):
        save(tmp_path / "one", tiny_card(), tiny_tokenizer())
    with pytest.raises(CheckpointError, match="the card tells of no dynamics network, and a network is given"):
        save(tmp_path / "one", tiny_card(dynamics=None), tiny_tokenizer(), tiny_dynamics())
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_is_found_by_path_or_by_the_name_of_a_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "shipped" / "tiny", tiny_card(dynamics=None), tiny_tokenizer())
    monkeypatch.setattr("worldsim.model.checkpoint.PACKAGED", tmp_path / "shipped")
    assert find("tiny") == tmp_path / "shipped" / "tiny" == find(tmp_path / "shipped" / "tiny")
    with pytest.raises(CheckpointError, match=r"no checkpoint 'tini'.*\['tiny'\]"):
        find("tini")
    assert read_card(find("tiny")).name == "tiny"


def test_a_kill_between_the_two_renames_of_save_leaves_the_one_before_and_find_says_where(tmp_path: Path) -> None:
    place = tmp_path / "one"
    save(place, tiny_card(name="before"), tiny_tokenizer(), tiny_dynamics())
    former(place).mkdir()  # what a kill in the middle of its removal left counts for nothing
    assert find(place) == place
    former(place).rmdir()
    place.rename(former(place))  # all that such a kill leaves
    with pytest.warns(UserWarning, match=r"one was being replaced .* the one before, .*one\.old\. Rename it to one"):
        assert load(place)[0].name == "before"
    save(place, tiny_card(name="after"), tiny_tokenizer(), tiny_dynamics())
    assert load(place)[0].name == "after" and [path.name for path in tmp_path.iterdir()] == ["one"]


def grown(card: WorldCard) -> WorldCard:
    """The card of a world with more words, events and actions, the known ones in other places."""
    words = Vocabulary.collect(["a volcano at night"], card.vocabulary)
    spec = ActionSpec.from_space(spaces.Discrete(7))
    spec = replace(spec, names=("new", "action3", "action0", "action4", "action1", "newer", "action2"))
    events = ("reward", "burned", "fell", "jumped")
    assert card.dynamics is not None
    config = replace(card.dynamics, words=len(words), actions=7, events=4)
    return replace(card, vocabulary=tuple(words.words), action_spec=spec, event_names=events, dynamics=config)


def test_a_grown_world_keeps_what_was_learned_of_each_word_event_and_action() -> None:
    card, old = tiny_card(), tiny_dynamics()
    new_card = grown(card)
    assert new_card.dynamics is not None
    new = scattered(Dynamics(new_card.dynamics), seed=1)
    before = {name: tensor.clone() for name, tensor in new.state_dict().items()}
    assert continue_from(new, new_card, old, card) == []
    table = [
        ("text.embed", 0, new_card.vocabulary, card.vocabulary),
        ("event_head.weight", 0, new_card.event_names, card.event_names),
        ("event_head.bias", 0, new_card.event_names, card.event_names),
        ("event_in.weight", 1, new_card.event_names, card.event_names),
        ("action_in.weight", 1, new_card.action_spec.names, card.action_spec.names),
        ("action_head.weight", 0, new_card.action_spec.names, card.action_spec.names),
        ("action_head.bias", 0, new_card.action_spec.names, card.action_spec.names),
    ]
    after, learned = new.state_dict(), old.state_dict()
    for tensor, axis, names, old_names in table:
        for place, name in enumerate(names):
            origin, row = (learned, old_names.index(name)) if name in old_names else (before, place)
            expected = origin[tensor].select(axis, row)
            assert torch.equal(after[tensor].select(axis, place), expected), (tensor, name)
    assert all(torch.equal(after[name], learned[name]) for name in set(before) - {row[0] for row in table})


def test_the_same_card_continues_with_the_very_same_network() -> None:
    card, old, new = tiny_card(), tiny_dynamics(), tiny_dynamics(seed=1)
    assert continue_from(new, card, old, card) == []
    assert all(torch.equal(tensor, new.state_dict()[name]) for name, tensor in old.state_dict().items())


def test_what_has_no_counterpart_starts_anew_and_is_named() -> None:
    card, old = tiny_card(), tiny_dynamics()
    spec = replace(card.action_spec, names=("north", "east", "south", "west", "stay"))
    assert card.dynamics is not None
    bigger = replace(card.dynamics, depth=5, condition=24)
    new = scattered(Dynamics(bigger), seed=1)
    before = {name: tensor.clone() for name, tensor in new.state_dict().items()}
    fresh = continue_from(new, replace(card, action_spec=spec, dynamics=bigger), old, card)
    assert "action_in.weight" in fresh and "blocks.4.mlp.up.weight" in fresh and "text.embed" not in fresh
    for name, tensor in new.state_dict().items():
        assert torch.equal(tensor, before[name] if name in fresh else old.state_dict()[name]), name

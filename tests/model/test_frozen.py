"""Text encoders of others: each text is read by itself and once, and a checkpoint knows whom it was trained with."""

import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fake_transformers import END, Config, FakeNetwork, FakeTokenizer, Hub, TextConfig, hub
from networks import DYNAMICS, scattered, tiny_card, tiny_tokenizer, tiny_world
from worldsim.clip import Prompt
from worldsim.model.card import CheckpointError, WorldCard, read_card
from worldsim.model.checkpoint import load, save
from worldsim.model.dynamics import Dynamics
from worldsim.model.frozen import EncoderError, FrozenEncoder, load_encoder, prompt_reader
from worldsim.model.prompts import left_out, pack_words
from worldsim.model.tensors import continue_from, read_tensors
from worldsim.model.text import PromptError, Vocabulary
from worldsim.sampling import verbs
from worldsim.sampling.denoise import Guidance
from worldsim.sampling.expansion import expand
from worldsim.sampling.world import World

__all__ = ["hub"]  # a fixture

SMALL = "someone/small"


def encoder(seed: int = 0, **settings: Any) -> FrozenEncoder:
    return FrozenEncoder("someone/small", "", FakeTokenizer(), FakeNetwork(seed), 20, **settings)


def save_world(folder: Path, name: str = SMALL, **config: Any) -> Path:
    """A tiny world that reads by an encoder."""
    reader = load_encoder(name)
    sizes = replace(DYNAMICS, words=2, text=reader.fit(DYNAMICS.text), **config)
    card = replace(tiny_card(), vocabulary=tuple(reader.words), dynamics=sizes, encoder=reader.card)
    save(folder, card, tiny_tokenizer(), scattered(Dynamics(sizes)))
    return folder


def test_a_text_is_read_by_itself_whatever_is_read_beside_it() -> None:
    reader = encoder()
    states, present = reader.table(["snow on hills", "", "  ", "night"], 8)
    assert states.shape == (4, 8, 12) and states.dtype == torch.bfloat16
    assert present.sum(1).tolist() == [4, 0, 0, 2], "words and the sign at the end; an empty text says nothing"
    alone, _ = encoder().table(["night"], 8)
    assert torch.equal(states[3], alone[0]) and not states[~present].any()
    assert not torch.equal(states[0, :2], states[3, :2])


def test_texts_that_come_again_are_read_once_and_the_oldest_are_forgotten() -> None:
    network = FakeNetwork()
    reader = FrozenEncoder("small", "", FakeTokenizer(), network, 20, remembered=3 * 2 * 12 * 2)  # 3 texts of 2 tokens
    network.asked.clear()
    for _ in range(3):
        reader.table(["a", "b", "a", "c"], 8)
    assert len(network.asked) == 3
    reader.table(["a", "d"], 8)  # b goes: it was not asked for longest
    reader.table(["a", "c", "d"], 8)
    assert len(network.asked) == 4
    reader.table(["b"], 8)
    assert len(network.asked) == 5


def test_an_encoder_knows_every_word_and_refuses_what_is_too_long(hub: Hub) -> None:
    reader = encoder()
    assert reader.unknown("a xylophone") == [] and reader.known("A xylophone") == "A xylophone"
    assert left_out("a xylophone", reader) == ""
    assert len(reader.encode("one two three", 4)) == 4
    with pytest.raises(PromptError, match="at most 3 tokens of someone/small, got 4: 'one two three'"):
        reader.encode("one two three", 3)
    reader.table(["one two three"], 8)
    with pytest.raises(PromptError, match="at most 3 tokens"):
        reader.table(["one two three"], 3)  # also where it is kept
    assert reader.fit(replace(DYNAMICS.text, longest=96)).longest == 20
    assert reader.fit(DYNAMICS.text).longest == 8 and reader.fit(DYNAMICS.text).hidden == 12


def test_timelines_are_packed_as_states(hub: Hub) -> None:
    words = pack_words([[Prompt("snow", 0, 2), Prompt("night", 2)], []], 3, encoder(), 8, prompts=2)
    assert words.numbers.shape == (2, 2, 8, 12) and words.present.shape == (2, 2, 8)
    assert words.present.sum(2).tolist() == [[2, 2], [0, 0]]
    assert words.seen.int().tolist() == [[[1, 0], [1, 0], [0, 1]], [[0, 0]] * 3]
    vectors, seen = scattered(Dynamics(replace(DYNAMICS, text=encoder().fit(DYNAMICS.text)))).read(words, 2, 3)
    assert vectors.shape == (2, 1 + 16, 64) and seen.sum(2).tolist() == [[3, 3, 3], [1, 1, 1]]


# -- finding one -----------------------------------------------------------------------------------------------------


def test_only_safetensors_are_read_no_code_is_run_and_the_commit_is_kept(hub: Hub) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    found = load_encoder(SMALL)
    assert torch.equal(torch.get_rng_state(), before), "no seed is touched"
    assert (found.card.name, found.card.revision, found.card.hidden) == (SMALL, "c0ffee", 12)
    for kind, _, options in hub.read[1:]:
        assert options["trust_remote_code"] is False and options["revision"] == "c0ffee"
        assert ("Auto" not in kind) or options["use_safetensors"] is True
    assert load_encoder(SMALL) is found, "an encoder is read once"
    assert not found.network.training and not any(part.requires_grad for part in found.network.parameters())


def test_a_folder_is_remembered_by_its_whole_path(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    hub.add(tmp_path / "mine", FakeNetwork())
    monkeypatch.chdir(tmp_path)
    card = load_encoder("mine").card
    assert (card.name, card.revision) == (str(tmp_path / "mine"), "")


def test_the_part_that_reads_texts_is_taken(hub: Hub) -> None:
    text = TextConfig(max_position_embeddings=77)
    hub.add("a/pair", FakeNetwork(max_position_embeddings=77), Config(text_config=text))
    assert load_encoder("a/pair").longest == 77
    assert hub.read[-1][0] == "AutoModelForTextEncoding" and hub.read[-1][2]["config"] is text

    class Both(FakeNetwork):
        def get_encoder(self) -> nn.Module:
            return inner

    inner, both = FakeNetwork(7), Both()
    both.config.is_encoder_decoder = True
    hub.add("a/translator", both, Config())
    assert load_encoder("a/translator").network is inner and hub.read[-1][0] == "AutoModel"


def test_a_fingerprint_tells_weights_and_tokens_and_no_more(hub: Hub) -> None:
    one, two, other = encoder(0), encoder(0), encoder(1)
    assert one.card == two.card, "what the pooler happens to be says nothing"
    assert one.card.fingerprint != other.card.fingerprint

    class Others(FakeTokenizer):
        def get_vocab(self) -> dict[str, int]:
            return {**super().get_vocab(), "more": 50}

    assert FrozenEncoder(SMALL, "", Others(), FakeNetwork(), 20).card.fingerprint != one.card.fingerprint


def test_what_cannot_be_read_is_said_and_what_to_do(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EncoderError, match="text encoder 'nobody/none': .* is not a local folder and .*safetensors"):
        load_encoder("nobody/none")
    hub.missing = ("pooler.weight", "layers.0.weight")
    with pytest.raises(EncoderError, match="'someone/small' lacks weights: layers.0.weight"):
        load_encoder(SMALL)
    hub.missing = ()

    class Pictures(FakeNetwork):
        def forward(self, pixel_values: torch.Tensor) -> Any:
            raise AssertionError

    hub.add("someone/pictures", Pictures())
    with pytest.raises(EncoderError, match="someone/pictures is no text encoder: it gives no last_hidden_state"):
        load_encoder("someone/pictures")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(EncoderError, match="'someone/small' is one of transformers, .* pip install transformers"):
        load_encoder(SMALL)
    assert issubclass(EncoderError, CheckpointError)


# -- checkpoints and worlds ------------------------------------------------------------------------------------------


def test_a_checkpoint_says_which_encoder_it_has_and_holds_no_weights_of_it(hub: Hub, tmp_path: Path) -> None:
    place = save_world(tmp_path / "world")
    card, _, dynamics, _ = load(place)
    assert card.encoder == load_encoder(SMALL).card and card.max_prompt_words == 8
    assert card.dynamics is not None and card.dynamics.text.hidden == 12
    assert WorldCard.from_json(card.to_json()).to_json() == card.to_json()
    text = [name for name in read_tensors(place / "dynamics.safetensors") if name.startswith("text.")]
    assert sorted(text) == ["text.norm.gain", "text.out.bias", "text.out.weight"]
    assert dynamics is not None and dynamics.text.config.hidden == 12


def test_a_card_without_one_says_nothing_of_encoders() -> None:
    told = tiny_card().to_json()
    assert "encoder" not in told and set(told["dynamics"]["text"]) == {"width", "depth", "longest"}
    reader = prompt_reader(tiny_card())
    assert isinstance(reader, Vocabulary) and tuple(reader.words) == tiny_card().vocabulary


@pytest.mark.parametrize("change", [{"hidden": 0}, {"hidden": "x"}, {"name": 3}, {"more": 1}])
def test_a_card_that_is_wrong_about_its_encoder_is_refused(hub: Hub, change: dict[str, Any]) -> None:
    told = replace(tiny_card(), encoder=load_encoder(SMALL).card).to_json()
    told["encoder"] |= change
    with pytest.raises(CheckpointError, match="card.json: "):
        WorldCard.from_json(told)


def test_a_world_follows_its_prompts_in_play(hub: Hub, tmp_path: Path) -> None:
    place = save_world(tmp_path / "world")
    made = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no word is unknown
        for prompt in ("", "a xylophone", "ein Wald"):
            world = World.from_pretrained(place, steps=2, half=False, guidance=Guidance(text=2.0))
            world.reset(prompts=[prompt], seeds=[5])
            made[prompt] = world.imagine(np.zeros((1, 5), np.float32)).latents
    assert len({one.tobytes() for one in made.values()}) == 3
    world = World.from_pretrained(place, steps=2, half=False)
    world.reset(seeds=[5])
    world.set_prompt("a xylophone")
    first = world.imagine(np.zeros((1, 5), np.float32)).latents
    world.restore(world.snapshot())
    twin = world.fork()
    actions = np.zeros((1, 5), np.float32)
    assert np.array_equal(world.imagine(actions).latents, twin.imagine(actions).latents)
    assert not np.array_equal(first, made[""])
    with pytest.raises(PromptError, match="at most 8 tokens of someone/small"):
        world.set_prompt("one two three four five six seven eight")


def test_rows_under_an_encoder_do_not_know_of_each_other(hub: Hub, tmp_path: Path) -> None:
    place = save_world(tmp_path / "world")
    prompts = ["snow", "a longer prompt of six words"]
    world = World.from_pretrained(place, rows=2, steps=2, half=False)
    together = world.reset(prompts=prompts, seeds=[1, 2])
    swapped = world.reset(prompts=["hills", prompts[1]], seeds=[3, 2])
    assert np.array_equal(together.latents[1], swapped.latents[1])


def test_verbs_take_prompts_of_an_encoder(hub: Hub, tmp_path: Path) -> None:
    world = World.from_pretrained(save_world(tmp_path / "world"), steps=2, half=False)
    made = [verbs.generate(world, prompt, frames=3, seeds=1) for prompt in ("a xylophone", "ein Wald", "a xylophone")]
    assert np.array_equal(made[0].frames, made[2].frames) and not np.array_equal(made[0].frames, made[1].frames)
    edited = verbs.edit(world, made[0], "ein Wald", passes=2)
    assert edited.text[0][0].text == "ein Wald"


def test_a_world_whose_encoder_is_not_here_says_so(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = save_world(tmp_path / "world")
    assert read_card(place).encoder is not None
    load_encoder.cache_clear()
    hub.add(SMALL, FakeNetwork(seed=1))
    with pytest.raises(EncoderError, match="tiny was trained with the text encoder 'someone/small' of .*encoder.name"):
        World.from_pretrained(place)
    load_encoder.cache_clear()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(EncoderError, match="pip install transformers"):
        World.from_pretrained(place)
    tiny_world()  # others need nothing of it


def test_what_reads_states_goes_on_only_where_the_encoder_is_the_same(hub: Hub, tmp_path: Path) -> None:
    hub.add("someone/other", FakeNetwork(seed=1))
    old_card, _, old, _ = load(save_world(tmp_path / "old"))
    assert old is not None
    for name, fresh in ((SMALL, []), ("someone/other", ["text.out.weight", "text.out.bias", "text.norm.gain"])):
        card, _, new, _ = load(save_world(tmp_path / "new", name))
        assert new is not None
        assert continue_from(scattered(new, 1), card, old, old_card) == fresh
    plain = scattered(Dynamics(DYNAMICS), 1)
    anew = continue_from(plain, tiny_card(), old, old_card)
    assert anew and all(name.startswith("text.") for name in anew)


def test_expansion_stops_where_the_encoder_does() -> None:
    pairs = (("a desert", "a desert at noon"),)
    assert END == 1 and len(encoder().encode("a desert at noon", 5)) == 5
    assert expand("a desert", pairs, encoder(), 5).text == "a desert at noon"
    assert expand("a desert", pairs, encoder(), 4).text == "a desert"

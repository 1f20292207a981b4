"""The captioner and its file: words one by one as all at once, any size of picture, scores without the prior."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from networks import scattered, tiny_tokenizer
from worldsim.model.captioner import Captioner, CaptionerConfig, moment, stretches
from worldsim.model.card import CheckpointError
from worldsim.model.config import ConfigError
from worldsim.model.language import SIGNS, STOP, Language, begin_of, distinct_pairs, load_language, save_language
from worldsim.model.tensors import network_fingerprint
from worldsim.model.text import Vocabulary

WORDS = Vocabulary.collect(["a desert at night . rain falls"], SIGNS)
CONFIG = CaptionerConfig(channels=3, frames=4, width=32, looks=1, writes=2, words=len(WORDS), longest=9)


def tiny_language(seed: int = 0, **changes: object) -> Language:
    network = scattered(Captioner(CONFIG), seed, spread=0.3)
    pairs = (("a desert", "a desert . rain"),)
    return replace(Language(network, WORDS, network_fingerprint(tiny_tokenizer()), pairs), **changes)


def latents(rows: int, seed: int = 0, height: int = 4, width: int = 6) -> torch.Tensor:
    return torch.randn(rows, 4, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_the_rows_of_a_moment_lead_up_to_the_frame_after_the_middle_and_stay_inside() -> None:
    assert moment(0, 16, 6).tolist() == [4, 5, 6, 7, 8, 9]
    assert moment(32, 48, 6).tolist() == [36, 37, 38, 39, 40, 41]
    assert moment(10, 13, 6).tolist() == [10, 10, 10, 10, 11, 12]
    assert moment(5, 6, 3).tolist() == [5, 5, 5]
    assert moment(0, 16, 8, around=4).tolist() == [0, 5, 6, 7, 8, 9, 10, 15], "some are spread over all the rows"
    assert moment(4, 6, 4, around=2).tolist() == [4, 5, 5, 5]
    assert stretches(3, 40) == [(3, 19), (19, 35), (35, 40)]


def test_words_written_one_by_one_are_those_that_the_whole_network_finds_likeliest() -> None:
    network, clip = tiny_language(3).network, latents(5)
    begin, stop = begin_of("short"), SIGNS.index(STOP)
    written = network.write(clip, begin, stop, len(SIGNS))
    assert len({tuple(row) for row in written}) > 1, "random clips are told apart"
    for row, numbers in enumerate(written):
        line = torch.tensor([[begin, *numbers]])
        logits = network(clip[row : row + 1], line)[0]
        logits[:, [number for number in range(len(SIGNS)) if number != stop]] = -torch.inf
        likeliest = logits.argmax(-1).tolist()
        assert likeliest[: len(numbers)] == numbers
        assert len(numbers) == CONFIG.longest - 1 or likeliest[-1] == stop


def test_later_words_change_nothing_of_what_is_said_before_them() -> None:
    network, clip = tiny_language().network, latents(1)
    one, other = torch.tensor([[3, 5, 6, 7]]), torch.tensor([[3, 5, 9, 8]])
    first, second = network(clip, one), network(clip, other)
    torch.testing.assert_close(first[:, :2], second[:, :2])
    assert (first[:, 2:] - second[:, 2:]).abs().max() > 1e-3


def test_a_hidden_clip_says_nothing_and_a_seen_one_depends_on_every_frame_and_place() -> None:
    network, words = tiny_language().network, torch.tensor([[3, 5, 6]])
    hidden = torch.ones(1, dtype=torch.bool)
    torch.testing.assert_close(network(latents(1), words, hidden), network(latents(1, seed=1), words, hidden))
    clip = latents(1).requires_grad_()
    network(clip, words).square().sum().backward()
    assert clip.grad is not None and (clip.grad != 0).all()
    assert network(latents(2, height=2, width=8), words.repeat(2, 1)).shape == (2, 3, len(WORDS))


def test_a_score_is_the_likelihood_with_the_clip_less_that_without_and_rows_are_apart() -> None:
    language, clip = tiny_language(), latents(3)
    texts = ["a desert at night", "rain falls . a desert", "purple"]
    scores = language.score(clip, texts)
    numbers = torch.tensor([WORDS.encode("a desert at night", 8)])
    line = torch.cat([torch.tensor([[begin_of("short")]]), numbers], 1)
    expected = []
    for void in (False, True):
        chances = language.network(clip[:1], line[:, :-1], torch.tensor([void])).log_softmax(-1)
        expected.append(chances[0, range(4), numbers[0]].sum().item())
    assert scores[0] == pytest.approx(expected[0] - expected[1], abs=1e-4) and abs(scores[0]) > 0.01
    assert scores[2] == 0, "a text of unknown words has no score"
    np.testing.assert_allclose(language.score(clip[1:2], texts[1:2]), scores[1:2], atol=1e-4)
    assert language.score(clip[:0], []).shape == (0,)


def test_a_language_comes_back_from_its_file_and_only_for_its_own_tokenizer(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    mine = tiny_language(training={"steps": 3})
    path = save_language(tmp_path / "language.safetensors", mine)
    found = load_language(path, tokenizer)
    assert found.pairs == mine.pairs and found.training == {"steps": 3} and found.vocabulary.words == WORDS.words
    half = {name: tensor.bfloat16().float() for name, tensor in mine.network.state_dict().items()}
    assert all(torch.equal(tensor, half[name]) for name, tensor in found.network.state_dict().items())
    with pytest.raises(CheckpointError, match="this one is .*train a captioner"):
        load_language(path, tiny_tokenizer(1))
    with pytest.raises(CheckpointError, match="worldsim train captioner"):
        load_language(tmp_path / "none.safetensors")
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="damaged"):
        load_language(path)


def test_pairs_are_of_different_short_captions_and_configs_refuse_nonsense() -> None:
    assert distinct_pairs([("a", "b"), ("a", "c"), ("", "d"), ("e", "f"), ("g", "h")], 2) == (("a", "b"), ("e", "f"))
    with pytest.raises(ConfigError, match="width"):
        CaptionerConfig(width=40)
    with pytest.raises(ConfigError, match="around must be at most frames, 4"):
        CaptionerConfig(frames=4, around=5)

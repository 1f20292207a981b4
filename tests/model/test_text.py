"""The text encoder keeps words apart."""

import torch
from torch.nn import functional as F

from worldsim.model.text import TextConfig, TextEncoder


def test_before_training_words_are_far_apart_and_their_places_matter_less() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(TextConfig(), 100)
    numbers = torch.arange(2, 62).reshape(6, 10)
    with torch.no_grad():
        words = encoder(numbers, torch.ones_like(numbers, dtype=torch.bool)).flatten(0, 1)
        moved = encoder(numbers.roll(1, 1), torch.ones_like(numbers, dtype=torch.bool)).roll(-1, 1).flatten(0, 1)
    alike = F.cosine_similarity(words[:, None], words[None], dim=-1)
    assert alike[~torch.eye(60, dtype=torch.bool)].mean() < 0.1, "what all words share must not drown them"
    assert F.cosine_similarity(words, moved, dim=-1).min() > 0.8


def test_what_does_not_belong_to_a_prompt_changes_none_of_its_words() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(TextConfig(), 100)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    numbers, present = torch.arange(2, 12).reshape(1, 10), torch.arange(10)[None] < 6
    other = torch.where(present, numbers, 50 + numbers)
    with torch.no_grad():
        assert torch.equal(encoder(numbers, present)[:, :6], encoder(other, present)[:, :6])
        assert not torch.equal(encoder(numbers, present | True)[:, :6], encoder(other, present | True)[:, :6])

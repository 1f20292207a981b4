"""Prompts as the network reads them: timelines packed into word numbers, and words that nobody taught it left out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch

from worldsim.clip import Prompt
from worldsim.model.dynamics import Words
from worldsim.model.text import Vocabulary

__all__ = ["UnknownWords", "left_out", "pack_words", "readable"]


class UnknownWords(UserWarning):
    """A prompt holds words that the checkpoint has never seen."""


def readable(text: str, vocabulary: Vocabulary) -> str:
    """The text without the words that the vocabulary lacks, which a warning (`UnknownWords`) names.

    An untaught word has a vector that means nothing; left out, the rest of the prompt still binds. Unknown punctuation
    goes without a word.
    """
    if told := left_out(text, vocabulary):
        warnings.warn(told, UnknownWords, stacklevel=3)
    return vocabulary.known(text) if vocabulary.unknown(text) else text


def left_out(text: str, vocabulary: Vocabulary) -> str:
    """Which words of a text the vocabulary lacks, in a sentence for whoever wrote it; "" for none."""
    named = [repr(word) for word in dict.fromkeys(vocabulary.unknown(text)) if any(map(str.isalnum, word))]
    if not named:
        return ""
    word, does = ("words", "do") if len(named) > 1 else ("word", "does")
    return f"the {word} {', '.join(named)} of the prompt {does} not occur in what this checkpoint has read; left out"


def pack_words(
    text: Sequence[Sequence[Prompt]], length: int, vocabulary: Vocabulary, longest: int, prompts: int = 1
) -> Words:
    """Prompt timelines as word numbers, with room for `prompts` per row, or for as many as there are.

    Raises:
        PromptError: a prompt of more than `longest` words.
    """
    most = max([prompts, *(len(line) for line in text)])
    numbers = torch.zeros(len(text), most, longest, dtype=torch.int64)
    present = torch.zeros(len(text), most, longest, dtype=torch.bool)
    seen = torch.zeros(len(text), length, most, dtype=torch.bool)
    for row, line in enumerate(text):
        told = slice(0, len(line))
        numbers[row, told], present[row, told] = vocabulary.table([prompt.text for prompt in line], longest)
        for place, prompt in enumerate(line):
            seen[row, prompt.start : length if prompt.end is None else prompt.end, place] = True
    return Words(numbers, present, seen)

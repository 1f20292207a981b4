"""Prompts as the network reads them: timelines packed into words, and those that nobody taught it left out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch

from worldsim.clip import Prompt
from worldsim.model.dynamics import Words
from worldsim.model.text import PromptReader, TextConfig

__all__ = ["UnknownWords", "heard", "left_out", "no_words", "pack_words", "readable"]


class UnknownWords(UserWarning):
    """A prompt holds words that the checkpoint has never seen."""


def readable(text: str, vocabulary: PromptReader) -> str:
    """The text without the words that the vocabulary lacks, which a warning (`UnknownWords`) names.

    An untaught word has a vector that means nothing; left out, the rest of the prompt still binds. Unknown punctuation
    goes without a word.
    """
    if told := left_out(text, vocabulary):
        warnings.warn(told, UnknownWords, stacklevel=3)
    return heard(text, vocabulary)


def heard(text: str, vocabulary: PromptReader) -> str:
    """What is read of a text: its known words. Texts that read alike are the same; one of spaces alone is none."""
    return vocabulary.known(text).strip()


def left_out(text: str, vocabulary: PromptReader) -> str:
    """Which words of a text the vocabulary lacks, in a sentence for whoever wrote it; "" for none."""
    named = [repr(word) for word in dict.fromkeys(vocabulary.unknown(text)) if any(map(str.isalnum, word))]
    if not named:
        return ""
    word, does = ("words", "do") if len(named) > 1 else ("word", "does")
    return f"the {word} {', '.join(named)} of the prompt {does} not occur in what this checkpoint has read; left out"


def pack_words(
    text: Sequence[Sequence[Prompt]], length: int, vocabulary: PromptReader, longest: int, prompts: int = 1
) -> Words:
    """Prompt timelines as the network reads them, with room for `prompts` per row, or for as many as there are.

    Raises:
        PromptError: a prompt of more than `longest` words.
    """
    most = max([prompts, *(len(line) for line in text)])
    texts = [line[place].text if place < len(line) else "" for line in text for place in range(most)]
    numbers, present = (part.unflatten(0, (len(text), most)) for part in vocabulary.table(texts, longest))
    seen = torch.zeros(len(text), length, most, dtype=torch.bool)
    for row, line in enumerate(text):
        for place, prompt in enumerate(line):
            seen[row, prompt.start : length if prompt.end is None else prompt.end, place] = True
    return Words(numbers, present, seen)


def no_words(config: TextConfig, rows: int, length: int, prompts: int = 1) -> Words:
    """Words of the shape that such a network reads, of clips that nobody told anything of."""
    shape = (rows, prompts, config.longest)
    numbers = torch.zeros(*shape, config.hidden, dtype=torch.bfloat16) if config.hidden else torch.zeros(shape).long()
    present = torch.zeros(shape, dtype=torch.bool)
    return Words(numbers, present, torch.zeros(rows, length, prompts, dtype=torch.bool))

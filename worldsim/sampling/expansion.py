"""Prompt expansion: a short prompt → a detailed one that begins with it, in the words of recorded captions.

What is added was said of one recorded moment of which all the user's words hold as well, so it does not contradict
them; of what stands beside a word that no caption has, nothing is added. Where no moment has all of the user's words,
only what always goes with a part of them is added. Nothing is replaced.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from worldsim.model.text import PromptReader, split_words
from worldsim.sampling.timelines import VerbError

__all__ = ["Expander", "Expansion", "expand", "expand_by"]

Expander = Callable[[str], str]
"""A language model of the user's own: a prompt → a longer one."""
Pairs = Sequence[tuple[str, str]]

LINKS = frozenset(
    {"a", "an", "the", "in", "on", "at", "of", "is", "are", "and", "with", "to", "while", "under", "here", "there",
     ",", ".", ";", ":", "!", "?"}
)  # fmt: skip
TURNS = ("before", "after")  # what follows one of these is not told: "before noon" is not noon
BREAKS = frozenset({"in", "at", "and", "with", "while", "under", ",", ".", ";", ":", "!", "?"})
DENIALS = frozenset({"no", "not", "t", "without", "never", "nothing", "none", "nobody", "neither", "nor", "except"})
ALWAYS, ENOUGH = 0.95, 5  # share of moments that make a rule, and how many there must be
MARK = " | "  # stands where a sentence ends, so that no phrase reaches across


@dataclass(frozen=True)
class Expansion:
    """A prompt, and what became of it.

    Attributes:
        asked: as the user wrote it.
        text: begins with what was asked; the same where nothing could be added.
        because: how it came about, for the user to read.
    """

    asked: str
    text: str
    because: str

    @property
    def changed(self) -> bool:
        return self.text != self.asked

    def __str__(self) -> str:
        told = f"{self.asked!r} becomes {self.text!r}" if self.changed else f"{self.asked!r} stays as it is"
        return f"{told}: {self.because}"


def expand(text: str, pairs: Pairs, vocabulary: PromptReader | None = None, longest: int | None = None) -> Expansion:
    """Add to a prompt what captions say of a moment that it fits.

    Args:
        text: what the user wrote.
        pairs: short and detailed captions of single moments.
        vocabulary: of the network that shall read it; what it has no words for is not added.
        longest: most words of the result.
    """
    words = split_words(text)
    if not set(words) - LINKS:
        return Expansion(text, text, "there is nothing to go by")
    if denied := sorted(DENIALS.intersection(words)):
        return Expansion(text, text, f"it says what shall not be ({', '.join(denied)}), and captions only say what is")
    pairs = tuple(pairs)
    moments = _moments(pairs)
    units = _units(words, moments)
    fitting = [number for number, told in enumerate(moments) if all(_says(told, unit) for unit in units)]
    if not units:
        return Expansion(text, text, "no recorded caption has any of its words")
    if fitting:
        details = [_sentences(pairs[number][1]) for number in fitting]
        added, why = _typical(details), f"{len(fitting)} of {len(pairs)} recorded moments fit it, this is a usual one"
    else:
        added = _inherent(units, moments, [_sentences(detailed) for _, detailed in pairs])
        why = "no recorded moment fits all of it; only what always goes with a part of it could be added"
    touchy = _touchy(words, moments)
    added = [sentence for sentence in added if touchy.isdisjoint(sentence.split())]
    longer = _joined(text, words, added, vocabulary, longest)
    if longer == text:
        return Expansion(text, text, "captions have nothing to add that is not in it" if fitting else why)
    return Expansion(text, longer, why)


def expand_by(text: str, expander: Expander, name: str = "your expander") -> Expansion:
    """Let a language model of the user's own expand a prompt; what leaves out a word of the user's is not used.

    Raises:
        VerbError: it returns something else than a text.
    """
    offered = expander(text)
    if not isinstance(offered, str):
        raise VerbError(f"{name} must return a text, got {type(offered).__name__}")
    offered = " ".join(offered.split())
    rest = iter(split_words(offered))
    lost = [word for word in split_words(text) if word not in rest]  # looks on from the last word that was found
    if lost:
        return Expansion(text, text, f"{name} offers {offered!r}, which leaves out or moves {', '.join(lost)}")
    return Expansion(text, offered, f"as {name} says")


@lru_cache(maxsize=4)
def _moments(pairs: tuple[tuple[str, str], ...]) -> list[str]:
    """Both captions of each moment in one line, with marks around each sentence."""
    return [f"{MARK}{_line(short)}{MARK}{_line(detailed)}{MARK}" for short, detailed in pairs]


def _line(text: str) -> str:
    """A caption with one space between its words, and a mark between its sentences."""
    return " ".join(split_words(text)).replace(" . ", MARK)


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in _line(text).split(MARK) if sentence]


def _units(words: Sequence[str], moments: Sequence[str]) -> list[tuple[str, ...]]:
    """The prompt as groups of the longest phrases that captions hold.

    A group says one thing: no unknown word stands between its phrases, and nothing of `BREAKS`.
    """
    units: list[tuple[str, ...]] = []
    place, joined = 0, False
    while place < len(words):
        ends = range(len(words), place, -1)
        end = next((end for end in ends if any(f" {_phrase(words[place:end])} " in told for told in moments)), None)
        piece = words[place : end or place + 1]
        telling = [number for number, word in enumerate(piece) if word not in LINKS]
        piece = piece[: telling[-1] + 1] if telling else piece  # links at its end begin the next one
        place += len(piece)
        if not telling:
            joined = joined and BREAKS.isdisjoint(piece)
        elif end is None:
            joined = False
        else:
            first = telling[0]
            phrase = _phrase(piece[first - (piece[:first][-1:] == ["at"]) :])  # "at dusk", lest it be "after dusk"
            if joined and BREAKS.isdisjoint(piece[:first]):
                units[-1] = (*units[-1], phrase)
            else:
                units.append((phrase,))
            joined = True
    return units


def _touchy(words: Sequence[str], moments: Sequence[str]) -> set[str]:
    """Words right beside one that no caption has: nobody knows what the user says of them."""
    strange = [word.isalnum() and not any(f" {word} " in told for told in moments) for word in words]
    pairs = zip([*words[1:], *words[:-1]], [*strange[:-1], *strange[1:]], strict=True)
    return {word for word, beside in pairs if beside} - LINKS


def _phrase(words: Sequence[str]) -> str:
    return " ".join(words)


def _says(told: str, unit: Sequence[str]) -> bool:
    """Whether a moment's captions hold all phrases of a unit in one sentence."""
    if not all(_holds(told, phrase) for phrase in unit):
        return False
    sentences = (f" {sentence} " for sentence in told.split(MARK))
    return any(all(_holds(sentence, phrase) for phrase in unit) for sentence in sentences)


def _holds(told: str, phrase: str) -> bool:
    return f" {phrase} " in told and not any(f" {turn} {phrase} " in told for turn in TURNS)


def _typical(details: Sequence[list[str]]) -> list[str]:
    """The caption whose sentences are said most often among these; the first of equals."""
    counts = Counter(sentence for sentences in details for sentence in set(sentences))
    scores = [np.mean([np.log(counts[sentence]) for sentence in sentences]) for sentences in details]
    return details[int(np.argmax(scores))]


def _inherent(units: Sequence[tuple[str, ...]], moments: Sequence[str], details: Sequence[list[str]]) -> list[str]:
    """What captions with a part of the prompt always say as well, in pieces of sentences."""
    pieces = [{piece for sentence in line for piece in sentence.split(" with ")} for line in details]
    added: list[str] = []
    for unit in units:
        having = [number for number, told in enumerate(moments) if _says(told, unit)]
        counts = Counter(piece for number in having for piece in pieces[number])
        if len(having) >= ENOUGH:
            added += sorted(piece for piece, count in counts.items() if count >= ALWAYS * len(having))
    return list(dict.fromkeys(added))


def _joined(
    text: str, words: Sequence[str], added: Sequence[str], vocabulary: PromptReader | None, longest: int | None
) -> str:
    """The prompt and as much of what is added as the network can read."""
    asked, longer = _phrase(words), text.rstrip()
    said = set(words) | LINKS
    for number, sentence in enumerate(added):
        before, found, after = f" {sentence} ".partition(f" {asked} ")
        if said.issuperset(sentence.split()) or (number and f" {_phrase(sentence.split()[:2])} " in f" {asked} "):
            continue  # said already; or of whom the prompt says something else
        if number == 0 and found and LINKS.issuperset(before.split()):  # it goes on where the prompt ends
            more = f"{longer} {after.strip()}"
        else:
            more = f"{longer} {sentence}" if longer.endswith(".") else f"{longer} . {sentence}"
        if vocabulary is not None and set(vocabulary.unknown(more)) - set(vocabulary.unknown(text)):
            continue
        parts = split_words(more) if vocabulary is None else vocabulary.encode(more, sys.maxsize)
        if longest is not None and len(parts) > longest:
            break
        longer = more
    return longer if len(split_words(longer)) > len(words) else text

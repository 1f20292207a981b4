"""Prompts at the command line: timelines, each text expanded where that is wished, and shown before it is used."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from worldsim.clip import Prompt
from worldsim.model.language import Language, load_language
from worldsim.sampling.expansion import Expander, Expansion, expand, expand_by
from worldsim.sampling.timelines import VerbError
from worldsim.sampling.world import World
from worldsim.studio.inputs import read_text

__all__ = ["Worded", "find_expander", "read_language", "read_prompt"]


class Worded(Protocol):
    """The options that all verbs have, and their prompt."""

    @property
    def text(self) -> str: ...
    @property
    def checkpoint(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def seeds(self) -> tuple[int, ...]: ...
    @property
    def passes(self) -> int | None: ...
    @property
    def guidance(self) -> float | None: ...
    @property
    def action_guidance(self) -> float: ...
    @property
    def best_of(self) -> int: ...
    @property
    def expand(self) -> bool: ...
    @property
    def expander(self) -> str: ...
    @property
    def captioner(self) -> Path | None: ...


def read_language(options: Worded, world: World) -> Language:
    """The captioner that the options name. Raises `CheckpointError`."""
    return load_language(options.captioner or options.checkpoint, world.tokenizer)


def read_prompt(options: Worded, world: World, language: Language | None) -> str | list[Prompt]:
    """The prompt or timeline that the options ask for, expanded if they say so; what becomes of it is printed.

    Raises:
        VerbError: no text where one is needed, or an expander that does not work.
    """
    text = read_text(options.text)
    if options.best_of < 1:
        raise VerbError(f"--best-of must be at least 1, got {options.best_of}")
    if options.best_of > 1 and not options.text.strip():
        raise VerbError("--best-of keeps what fits the text best, and there is none; give a text")
    if not (options.expand or options.expander) or not options.text.strip():
        return text
    expander = find_expander(options.expander) if options.expander else None

    def longer(asked: str) -> str:
        expansion = _expansion(asked, world, language, expander, options.expander)
        print(f"expand: {expansion}")
        return expansion.text

    if isinstance(text, str):
        return longer(text)
    return [replace(prompt, text=longer(prompt.text)) for prompt in text]


def find_expander(name: str) -> Expander:
    """The function that "module:function" names, or else a command: it reads the prompt and prints a longer one.

    Raises:
        VerbError: nothing of that name.
    """
    if re.fullmatch(r"[\w.]+:\w+", name):
        module, _, function = name.partition(":")
        try:
            found = getattr(import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise VerbError(f"--expander {name}: {error}; expected module:function, or a command") from error
        if not callable(found):
            raise VerbError(f"--expander {name}: expected a function, got {type(found).__name__}")
        return cast(Expander, found)
    return _command(shlex.split(name))


def _expansion(
    asked: str, world: World, language: Language | None, expander: Expander | None, name: str
) -> Expansion:
    if expander is not None:
        return expand_by(asked, expander, name)
    assert language is not None
    return expand(asked, language.pairs, world.vocabulary, world.card.max_prompt_words)


def _command(words: list[str]) -> Callable[[str], str]:
    def run(prompt: str) -> str:
        try:
            done = subprocess.run(words, input=prompt, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            told = getattr(error, "stderr", None) or error
            raise VerbError(f"--expander {shlex.join(words)} failed: {told}") from error
        return done.stdout

    return run

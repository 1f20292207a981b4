"""Every `worldsim` command in the README and in docs/ is one that exists, and so is every option that it is given."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import tyro

from worldsim.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GROUPS = {name.split()[0] for name in COMMANDS}


def commands(text: str) -> list[list[str]]:
    """The words after `worldsim` of each command in blocks and between backticks; what … leaves out is left out."""
    blocks = "\n".join(re.findall(r"```(?:sh|bash|console)?\n(.*?)```", text, re.S)).replace("\\\n", " ")
    lines = re.findall(r"^(?:\S*/)?worldsim (.*)$", blocks, re.M)
    inline = re.findall(r"`worldsim ([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    return [re.split(r"\s#|\||&&|;", line)[0].split() for line in [*lines, *inline]]


@cache
def options(name: str) -> frozenset[str]:
    """The options that the command's own help names."""
    command, told = COMMANDS[name], io.StringIO()
    with redirect_stdout(told), pytest.raises(SystemExit):
        tyro.cli(getattr(import_module(command.module), command.options), args=["--help"])
    return frozenset(re.findall(r"--[\w.-]+", told.getvalue()))


FOUND = [
    pytest.param(words, id=f"{page.relative_to(ROOT)}: {' '.join(words)[:60]}")
    for page in PAGES
    for words in commands(page.read_text())
    if words and words[0] in GROUPS
]


def test_commands_are_found_on_many_pages() -> None:
    assert len(FOUND) > 100 and len({str(param.id).partition(":")[0] for param in FOUND}) > 8


@pytest.mark.parametrize("words", FOUND)
def test_each_command_and_each_of_its_options_exists(words: list[str]) -> None:
    name = next((name for name in COMMANDS if words[: len(name.split())] == name.split()), None)
    if name is None:  # a group, as in "worldsim fidelity"
        assert len(words) == 1, words
        return
    given = [word.partition("=")[0] for word in words if word.startswith("--")]
    assert set(given) - options(name) == set()

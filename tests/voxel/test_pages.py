"""The pages under docs/voxel say what the tables of the code say, and their examples run."""

import re
from pathlib import Path

import gymnasium as gym
import pytest

from worldsim_envs.voxel.pages import pages

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "voxel"
PAGES = pages(FOLDER)


@pytest.mark.parametrize("file", sorted(PAGES))
def test_a_page_is_up_to_date(file: str) -> None:
    assert (FOLDER / file).read_text(encoding="utf-8") == PAGES[file], (
        "run python -m worldsim_envs.voxel.pages docs/voxel --no-pictures"
    )


@pytest.mark.parametrize("file", sorted(PAGES))
def test_a_page_shows_a_picture_of_its_own_and_leads_to_pages_that_are_there(file: str) -> None:
    shown = [line.partition("(")[2].rstrip(")") for line in PAGES[file].splitlines() if line.startswith("![")]
    own = [name for name in shown if not name.startswith("..")]
    assert own in ([], [file.replace(".md", ".png")]) and all((FOLDER / name).is_file() for name in shown)
    assert all((FOLDER / name).is_file() for name in re.findall(r"\]\(([\w/.]+)\)", PAGES[file]))


def test_the_examples_run() -> None:
    names: dict[str, object] = {}
    specs = [gym.spec(f"worldsim/{name}-v0").kwargs for name in ("ChopTree", "Voxel")]
    kept = [dict(spec) for spec in specs]
    try:
        for spec in specs:
            spec.update(size=(16, 16), world_size=(64, 64, 64))
        for block in re.findall(r"```python\n(.*?)```", PAGES["README.md"], re.DOTALL):
            exec(compile(block, "docs/voxel/README.md", "exec"), names)
    finally:
        for spec, old in zip(specs, kept, strict=True):
            spec.clear()
            spec.update(old)
    assert "walk" in names

"""The pages under docs/voxel say what the tables of the code say."""

from pathlib import Path

import pytest

from worldsim_envs.voxel.pages import pages

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "voxel"


@pytest.mark.parametrize("file", sorted(pages()))
def test_a_page_is_up_to_date(file: str) -> None:
    wanted = pages()[file]
    assert (FOLDER / file).read_text(encoding="utf-8") == wanted, "run python -m worldsim_envs.voxel.pages docs/voxel"


@pytest.mark.parametrize("file", sorted(pages()))
def test_a_page_shows_a_picture_of_its_own(file: str) -> None:
    shown = [line.partition("(")[2].rstrip(")") for line in pages()[file].splitlines() if line.startswith("![")]
    own = [name for name in shown if not name.startswith("..")]
    assert own in ([], [file.replace(".md", ".png")]) and all((FOLDER / name).is_file() for name in own)

"""The pages under docs/voxel say what the tables of the code say."""

from pathlib import Path

import pytest

from worldsim_envs.voxel.pages import pages

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "voxel"


@pytest.mark.parametrize("file", sorted(pages()))
def test_a_page_is_up_to_date(file: str) -> None:
    wanted = pages()[file]
    assert (FOLDER / file).read_text(encoding="utf-8") == wanted, "run python -m worldsim_envs.voxel.pages docs/voxel"


def test_pictures_of_the_pages_are_there() -> None:
    for file in pages():
        text = (FOLDER / file).read_text(encoding="utf-8")
        for line in text.splitlines():
            if line.startswith("!["):
                assert (FOLDER / line.partition("(")[2].rstrip(")")).is_file(), line

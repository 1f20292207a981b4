"""The pages under docs/voxel say what the tables of the code say, and their examples run."""

import re
from pathlib import Path

import gymnasium as gym
import pytest

import worldsim  # noqa: F401  registers the ids
from worldsim_envs.voxel.boards import board_page, estimate
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


def test_a_board_tells_players_by_their_training_and_draws_training_seeds() -> None:
    def row(successes: int, steps: int = 100_000, seed: int = 0) -> dict[str, object]:
        name = {"task": "ChopTree", "player": "ppo" if steps else "random", "training_steps": steps, "seed": seed}
        returns = [1.0] * successes + [0.0] * (50 - successes)
        return {**name, "episodes": 50, "returns": returns, "median_steps": 400.0, "successes": successes}

    assert estimate([row(25)]) == pytest.approx((0.5, 0.366, 0.634), abs=0.001)  # Wilson's of 25 of 50
    mean, low, high = estimate([row(successes, seed=seed) for seed, successes in enumerate((5, 25, 45))])
    assert (mean, low, high) == pytest.approx((0.5, 0.1, 0.9)), "another agent may be any of these"
    assert estimate([row(0, seed=0), row(0, seed=1)])[2] == pytest.approx(0.037, abs=0.001)  # Wilson's of 0 of 100
    free = {**row(10), "task": "Explore"}
    del free["successes"]
    assert estimate([free])[0] == 0.2 and 0.05 < estimate([free])[1] < 0.2 < estimate([free])[2] < 0.35
    page = board_page([row(5), row(1, 0), row(45, 1_000_000), row(25, seed=1)])
    assert "| ChopTree | random | success | 0.02 | 0.00 … 0.10 | – | 50 | 400 |" in page
    assert "| ChopTree | PPO, 100 k steps | success | 0.30 | 0.10 … 0.50 | 2 | 100 | 400 |" in page
    assert "| ChopTree | PPO, 1 M steps | success | 0.90 |" in page
    assert "Not yet trained for 1 M steps: Explore," in page and "trained for 1 M steps: ChopTree" not in page


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

"""A refiner changes nothing untrained, sees what it says it sees, and its file comes back or says what is wrong."""

from pathlib import Path

import pytest
import torch

from networks import tiny_dynamics, tiny_refiner
from worldsim.model.card import CheckpointError
from worldsim.model.config import ConfigError
from worldsim.model.refiner import FILE, Refiner, RefinerConfig, read_refiner, write_refiner


def asked(height: int = 4, width: int = 6, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Guesses (2, 3, h, w), the two frames before them, and actions."""
    draw = torch.Generator().manual_seed(seed)
    shapes = (2, 3, height, width), (2, 2, 3, height, width), (2, 5)
    return tuple(torch.randn(shape, generator=draw) for shape in shapes)  # type: ignore[return-value]


def test_untrained_it_changes_nothing_at_any_size() -> None:
    network = Refiner(RefinerConfig(channels=3, actions=5, past=2, width=8, depth=2))
    for size in ((4, 6), (7, 3)):
        guess, shown, actions = asked(*size)
        assert torch.equal(network(guess, shown, actions), guess)


def test_guess_each_frame_before_it_and_action_count_and_rows_do_not_mix() -> None:
    network = tiny_refiner()
    parts = asked()
    plain = network(*parts)
    for number, place in ((0, (0, 1, 2, 3)), (1, (0, 0, 1, 2, 3)), (1, (0, 1, 1, 2, 3)), (2, (0, 3))):
        changed = [part.clone() for part in parts]
        changed[number][place] += 1
        other = network(*changed)
        assert not torch.allclose(other[0], plain[0]), f"part {number} at {place} does not count"
        torch.testing.assert_close(other[1], plain[1])


def test_its_file_comes_back_and_a_wrong_one_says_so(tmp_path: Path) -> None:
    dynamics, network = tiny_dynamics(), tiny_refiner().bfloat16().float()
    assert read_refiner(tmp_path, dynamics) is None, "a checkpoint may have none"
    write_refiner(tmp_path / FILE, network, dynamics, {"steps": 3})
    found = read_refiner(tmp_path, dynamics)
    assert found is not None and found.config == network.config and not found.training
    assert torch.equal(found(*asked()), network(*asked()))
    with pytest.raises(CheckpointError, match="guesses of dynamics network .* this one is .* train refiner"):
        read_refiner(tmp_path, tiny_dynamics(1))
    write_refiner(tmp_path / FILE, tiny_refiner(channels=4), dynamics, {})
    with pytest.raises(CheckpointError, match="4 channels"):
        read_refiner(tmp_path, dynamics)
    broken = tiny_refiner()
    with torch.no_grad():
        broken.out.weight[0, 0, 0, 0] = torch.nan
    write_refiner(tmp_path / FILE, broken, dynamics, {})
    with pytest.raises(CheckpointError, match=r"out.weight.* NaN"):
        read_refiner(tmp_path, dynamics)
    (tmp_path / FILE).write_bytes(b"no")
    with pytest.raises(CheckpointError, match="damaged"):
        read_refiner(tmp_path, dynamics)
    with pytest.raises(ConfigError, match=r"RefinerConfig.past must be .* 1"):
        RefinerConfig(past=0)

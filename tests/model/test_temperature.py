"""How large the noise is that a frame begins as."""

import pytest
import torch

from worldsim.model.config import ConfigError
from worldsim.model.temperature import Temperature, detail


def chequered(size: float) -> torch.Tensor:
    """One frame of latents whose neighbouring cells differ by `size`."""
    grid = torch.arange(8)[:, None] + torch.arange(8)
    return (size * (grid % 2)).expand(1, 3, 8, 8).float()


def test_detail_is_the_difference_between_neighbours() -> None:
    assert detail(chequered(0.3)).item() == pytest.approx(0.3)
    assert detail(torch.full((2, 3, 4, 6), 5.0)).tolist() == [0, 0]


def test_noise_grows_where_detail_is_missing_and_only_after_a_first_frame() -> None:
    rule = Temperature(usual=0.8, faded=1.2, least=0.5)
    frames = torch.cat([chequered(size) for size in (1.0, 0.5, 0.4, 0.3, 0.0, 0.0)])
    count = torch.tensor([1, 2, 64, 1000, 5, 0])
    assert rule.after(frames, count).tolist() == pytest.approx([0.8, 0.8, 1.0, 1.2, 1.2, 1.0])


def test_noise_may_grow_further_once_given_frames_are_forgotten() -> None:
    rule = Temperature(usual=0.5, faded=1.0, least=0.5, late=2.0, late_from=10)
    frames = torch.cat([chequered(size) for size in (0.0, 0.0, 0.0, 0.4, 1.0, 0.0)])
    count = torch.tensor([9, 10, 1000, 10, 10, 0])
    assert rule.after(frames, count).tolist() == pytest.approx([1.0, 2.0, 2.0, 1.25, 0.5, 1.0])


def test_a_refiner_rests_where_detail_is_missing() -> None:
    frames = torch.cat([chequered(size) for size in (1.0, 0.7, 0.6, 0.5, 0.0)])
    assert Temperature(least=0.5).clear(frames).tolist() == pytest.approx([1, 1, 0.5, 0, 0])
    assert Temperature().clear(frames).tolist() == [1] * 5, "where no detail is asked for, all is clear"


def test_by_default_it_is_as_in_training() -> None:
    assert Temperature().after(torch.zeros(3, 2, 4, 4), torch.tensor([1, 8, 64])).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("field", "value"),
    [("usual", 0.0), ("faded", -1.0), ("least", float("nan")), ("usual", 9), ("late", 0.0), ("late_from", 0)],
)
def test_what_is_no_temperature_is_named(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"Temperature.*{field}"):
        Temperature(**{field: value})

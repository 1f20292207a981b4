"""`Player`: what a network says in play, it says when it is made ready for play as well."""

import pytest
import torch
from torch.nn import functional as F

from networks import at, random_clip, tiny_dynamics, tiny_tokenizer
from worldsim.model.dynamics import Condition, Dynamics, Prediction
from worldsim.model.products import Product

NAMES = ("clean", "events", "end", "actions")


def play(dynamics: Dynamics, prompts: int, rows: int = 3, length: int = 9) -> list[Prediction]:
    """Noisy frames of rows of different ages: one of them begins anew half way."""
    noisy, level, condition = random_clip(rows, length, prompts=prompts)
    cache, said = dynamics.new_cache(rows, *noisy.shape[3:]), []
    with torch.no_grad():
        for t in range(length):
            if t == 4:
                cache.clear(torch.tensor([1]))
            said.append(dynamics.step(noisy[:, t : t + 1], level[:, t : t + 1], at(condition, t), cache))
            cache.advance(noisy[:, t])
    return said


@pytest.mark.parametrize("prompts", [0, 2])
@pytest.mark.parametrize(("half", "tolerance"), [(False, 1e-5), (True, 0.03)])
def test_a_prepared_network_says_what_it_said_before(prompts: int, half: bool, tolerance: float) -> None:
    plain, ready = tiny_dynamics(), tiny_dynamics()
    ready.prepare(half)
    assert ready.state_dict().keys() == plain.state_dict().keys()
    for mine, theirs in zip(play(plain, prompts), play(ready, prompts), strict=True):
        for name in NAMES:
            expected, found = getattr(mine, name), getattr(theirs, name)
            assert found.shape == expected.shape and found.dtype == torch.float32
            assert (found - expected).abs().max() < tolerance * expected.abs().max(), name


def test_other_prompts_and_grids_are_taken_in_turn() -> None:
    plain, ready = tiny_dynamics(), tiny_dynamics()
    ready.prepare()
    for grid in ((4, 6), (8, 4), (4, 6)):
        noisy, level, condition = random_clip(2, 1, height=grid[0], width=grid[1], prompts=1)
        readings = [plain.read(condition.words, 2, 1), plain.read(None, 2, 1)]
        for _ in range(6):
            readings.append(plain.read(random_clip(2, 1, seed=len(readings), prompts=1)[2].words, 2, 1))
        for read in [*readings, *readings]:
            said = []
            for network in (plain, ready):
                bare = Condition(condition.actions, condition.acted)
                with torch.no_grad():
                    said.append(network.step(noisy, level, bare, network.new_cache(2, *grid), read).clean)
            torch.testing.assert_close(*said, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [(1,), (2, 16), (3, 64)])
def test_a_matrix_in_the_processors_own_layout_gives_the_same_product(kind: torch.dtype, rows: tuple[int, ...]) -> None:
    x, weight, bias = torch.randn(*rows, 40).to(kind), torch.randn(24, 40), torch.randn(24)
    plain = F.linear(x.float(), weight.to(kind).float(), bias.to(kind).float())
    close = {"rtol": 1e-5, "atol": 1e-5} if kind == torch.float32 else {"rtol": 0.01, "atol": 0.05}
    found = Product(weight, bias, kind)(x)
    assert found.dtype == kind and found.shape == (*rows, 24)
    torch.testing.assert_close(found.float(), plain, **close)
    curved = Product(weight, bias, kind, gelu=True)(x)
    torch.testing.assert_close(curved.float(), F.gelu(plain, approximate="tanh"), **close)


def test_a_prepared_tokenizer_paints_what_it_painted_before() -> None:
    plain, ready, halved = (tiny_tokenizer() for _ in range(3))
    ready.prepare()
    halved.prepare(True)
    latents = torch.randn(2, 3, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        frames = plain.decode(latents)
        assert torch.equal(ready.decode(latents), frames)
        assert (halved.decode(latents) - frames).abs().max() < 0.03 * frames.abs().max()
    assert halved.state_dict().keys() == plain.state_dict().keys()

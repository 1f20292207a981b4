"""`fit`: resuming is not stopping, nothing broken is ever saved, and a run stops when it is asked to."""

import json
import signal
import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from training_runs import at_step
from worldsim.data.batches import prefetch
from worldsim.model.tensors import write_tensors
from worldsim.training.loop import FitConfig, Fitted, TrainingError, fit

CONFIG = FitConfig(steps=11, warmup=3, save_every=3, log_every=2, bf16=False, compile=False)


class Regression(nn.Module):
    """A small network with matrices for both optimisers, and noise of its own; a batch is (x, y)."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.head = nn.Linear(width, 1)

    def forward(
        self, batch: tuple[torch.Tensor, torch.Tensor], generator: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        x, y = batch
        for block in self.blocks:
            x = torch.tanh(block(x))
        loss = (self.head(x).float() - y + 0.1 * torch.randn(y.shape, generator=generator)).square().mean()
        return loss, {"size": x.detach().square().mean()}


def batches(start: int) -> Generator[tuple[torch.Tensor, torch.Tensor]]:
    """Batch k is a function of k."""
    while True:
        x = torch.randn(16, 8, generator=torch.Generator().manual_seed(start))
        yield x, x.sum(1, keepdim=True)
        start += 1


def run(folder: Path, resume: bool = False, feed=batches, network: nn.Module | None = None, **changes) -> Fitted:
    return fit(network or Regression(), feed, replace(CONFIG, **changes), folder, resume=resume)


def broken_at(step: int, value: float):
    """Batches of which one holds a value that no network survives."""

    def feed(start: int) -> Generator[tuple[torch.Tensor, torch.Tensor]]:
        for k, (x, y) in enumerate(batches(start), start=start):
            yield x, y * (value if k == step else 1)

    return feed


def states(folder: Path) -> list[int]:
    """The steps whose states are there."""
    return sorted(int(path.name.removeprefix("step-")) for path in (folder / "states").glob("step-????????"))


def bits(folder: Path) -> dict[str, bytes]:
    newest = max((folder / "states").glob("step-????????"))
    return {path.name: path.read_bytes() for path in newest.glob("*.safetensors")}


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def crash() -> None:
    raise RuntimeError("power cut")


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("step", [2, 3, 4, 10, 11])
def test_a_run_that_crashed_and_resumed_ends_as_one_that_did_not(tmp_path: Path, step: int, bf16: bool) -> None:
    whole = run(tmp_path / "whole", bf16=bf16)
    undo = at_step(step, crash)
    with pytest.raises(RuntimeError, match="power cut"):
        run(tmp_path / "torn", bf16=bf16)
    undo()
    again = run(tmp_path / "torn", resume=True, bf16=bf16)
    assert whole.step == again.step == 11 and whole.logs == again.logs
    assert all(torch.equal(tensor, again.average[name]) for name, tensor in whole.average.items())
    assert bits(tmp_path / "whole") == bits(tmp_path / "torn")


def test_training_learns_and_logs_what_it_does(tmp_path: Path) -> None:
    network = Regression()
    fitted = run(tmp_path, network=network, steps=120, muon_rate=0.02, adam_rate=0.02)
    log = lines(tmp_path)
    assert [line["step"] for line in log] == list(range(2, 121, 2))
    assert {"step", "time", "loss", "gradient norm", "size", "frames/s"} == set(log[0])
    losses = [line["loss"] for line in log]
    assert sum(losses[-5:]) < 0.3 * sum(losses[:5]) and fitted.logs["loss"] == losses[-1]
    assert any((tmp_path / "tensorboard").iterdir())


def test_the_average_follows_the_weights(tmp_path: Path) -> None:
    network = Regression()
    at_once = run(tmp_path / "0", network=network, average=0.0).average
    assert all(torch.equal(parameter, at_once[name]) for name, parameter in network.named_parameters())
    slowly = run(tmp_path / "1", average=0.9).average
    assert not torch.equal(slowly["head.weight"], at_once["head.weight"])


def test_rates_rise_from_0_and_fall_to_0() -> None:
    config = FitConfig(steps=100, warmup=10, cooldown=0.2)
    assert config.rate(0) == 0.1 and config.rate(9) == config.rate(80) == 1 and config.rate(4) == 0.5
    assert config.rate(90) == pytest.approx(0.5) and config.rate(99) == pytest.approx(0.05)
    assert FitConfig(steps=10, warmup=0, cooldown=0).rate(0) == FitConfig(steps=10, warmup=0, cooldown=0).rate(9) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_a_loss_or_gradient_that_is_not_finite_stops_the_run_before_it_saves_and_names_the_step(
    tmp_path: Path, value: float
) -> None:
    with pytest.raises(TrainingError, match="step 5: loss is (nan|inf)"):
        run(tmp_path / "bad", feed=broken_at(5, value))
    assert states(tmp_path / "bad") == [3]
    run(tmp_path / "bad", resume=True)  # with sound data it goes on
    run(tmp_path / "good")
    assert bits(tmp_path / "bad") == bits(tmp_path / "good")


class Cusp(Regression):
    """A finite loss with a gradient that is not."""

    def forward(self, batch, generator):
        loss, logs = super().forward(batch, generator)
        return loss + (0 * self.head.bias).abs().sqrt().sum(), logs


def test_a_gradient_that_is_not_finite_counts_as_well(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="step 0: loss is [0-9.]+, gradient norm nan; nothing was saved"):
        run(tmp_path, network=Cusp())
    assert not (tmp_path / "states").exists()


def test_no_thread_reads_batches_after_a_run_however_it_ended(tmp_path: Path) -> None:
    def reading() -> bool:
        return any(thread.name == "prefetch" for thread in threading.enumerate())

    run(tmp_path / "good", feed=lambda start: prefetch(batches(start), 4))
    assert not reading()
    with pytest.raises(TrainingError) as caught:
        run(tmp_path / "bad", feed=lambda start: prefetch(broken_at(5, float("nan"))(start), 4))
    assert caught.tb is not None and not reading(), "the traceback still holds all that the run held"


def test_only_the_two_newest_states_are_kept(tmp_path: Path) -> None:
    run(tmp_path)
    assert states(tmp_path) == [9, 11] and len(list((tmp_path / "states").iterdir())) == 2


@pytest.mark.parametrize("files", [0, 1, 2])
def test_a_save_that_fails_half_way_is_no_state(tmp_path: Path, files: int, monkeypatch: pytest.MonkeyPatch) -> None:
    count = iter(range(100))

    def failing(*args) -> None:
        if next(count) == 3 + files:  # three files are the first state
            raise OSError("disk full")
        write_tensors(*args)

    monkeypatch.setattr("worldsim.training.states.write_tensors", failing)
    with pytest.raises(OSError, match="disk full"):
        run(tmp_path / "torn")
    assert states(tmp_path / "torn") == [3]
    monkeypatch.undo()
    run(tmp_path / "torn", resume=True)
    run(tmp_path / "whole")
    assert bits(tmp_path / "torn") == bits(tmp_path / "whole")


def test_a_run_killed_before_its_first_state_is_resumed_from_its_beginning(tmp_path: Path) -> None:
    undo = at_step(2, crash)
    with pytest.raises(RuntimeError):
        run(tmp_path / "torn")
    undo()
    assert not (tmp_path / "torn" / "states").exists()
    run(tmp_path / "torn", resume=True)
    run(tmp_path / "whole")
    assert bits(tmp_path / "torn") == bits(tmp_path / "whole")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_after_the_step_at_hand_and_returns(tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    undo = at_step(5, lambda: signal.raise_signal(number))
    fitted = run(tmp_path / "torn")
    undo()
    assert fitted.step == 5 and states(tmp_path / "torn") == [3, 5]
    assert signal.getsignal(number) is before
    run(tmp_path / "torn", resume=True)
    run(tmp_path / "whole")
    assert bits(tmp_path / "torn") == bits(tmp_path / "whole")


def test_a_second_interrupt_stops_at_once(tmp_path: Path) -> None:
    undo = at_step(5, lambda: [signal.raise_signal(signal.SIGINT) for _ in range(2)])
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    undo()
    assert states(tmp_path) == [3] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_budget_of_minutes_stops_the_run_wherever_it_is_and_it_can_be_resumed(tmp_path: Path) -> None:
    assert run(tmp_path / "torn", minutes=1e-9).step == 1
    assert run(tmp_path / "torn", minutes=1e-9, resume=True).step == 2
    assert states(tmp_path / "torn") == [1, 2]
    run(tmp_path / "torn", resume=True)
    run(tmp_path / "whole")
    assert bits(tmp_path / "torn") == bits(tmp_path / "whole")


def test_a_budget_counts_by_the_clock_that_is_given_over_all_pieces(tmp_path: Path) -> None:
    ticks = iter(range(100))
    fitted = fit(Regression(), batches, replace(CONFIG, minutes=2.5 / 60), tmp_path, clock=lambda: next(ticks))
    assert fitted.step == 3 and fitted.seconds == 3
    rest = replace(CONFIG, minutes=1.5 / 60)
    fitted = fit(Regression(), batches, rest, tmp_path, resume=True, clock=lambda: next(ticks))
    assert fitted.step == 5 and fitted.seconds == 5


def test_without_muon_adamw_trains_hidden_matrices_too(tmp_path: Path) -> None:
    rates = {"steps": 1, "warmup": 1, "cooldown": 0.0, "decay": 0.0, "muon_rate": 0.0, "adam_rate": 0.1}
    hidden = "blocks.0.weight"
    before = dict(Regression().named_parameters())[hidden]
    for muon in (True, False):
        network = Regression()
        run(tmp_path / str(muon), network=network, muon=muon, **rates)
        moved = (dict(network.named_parameters())[hidden] - before).abs()
        assert moved.max() == 0 if muon else moved.min() > 0.09, "AdamW's first step is its rate"


def test_a_finished_run_may_be_resumed_and_stays_as_it_is(tmp_path: Path) -> None:
    first = run(tmp_path)
    before = bits(tmp_path)
    again = run(tmp_path, resume=True)
    assert again.step == 11 and bits(tmp_path) == before
    assert all(torch.equal(tensor, again.average[name]) for name, tensor in first.average.items())


def test_a_run_is_neither_overwritten_nor_resumed_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no run to resume"):
        run(tmp_path / "new", resume=True)
    assert not (tmp_path / "new").exists()
    run(tmp_path / "old")
    before = bits(tmp_path / "old")
    with pytest.raises(TrainingError, match="already holds a run.*resume it"):
        run(tmp_path / "old")
    assert bits(tmp_path / "old") == before


def test_a_state_of_another_seed_or_network_is_refused(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(TrainingError, match="seed 0, got seed 1"):
        run(tmp_path, resume=True, seed=1)
    with pytest.raises(TrainingError, match=r"cannot be resumed .*must be \(4,\), got \(8,\)"):
        run(tmp_path, resume=True, network=Regression(4))


@pytest.mark.parametrize("name", ["state.json", "weights.safetensors", "average.safetensors", "optimisers.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_damaged_state_is_named_and_without_it_the_one_before_serves(tmp_path: Path, name: str, damage: str) -> None:
    run(tmp_path / "torn")
    run(tmp_path / "whole")
    newest = tmp_path / "torn" / "states" / "step-00000011"
    content = (newest / name).read_bytes()
    (newest / name).unlink() if damage == "missing" else (newest / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(TrainingError, match="step-00000011 cannot be resumed.*remove it"):
        run(tmp_path / "torn", resume=True)
    for path in newest.iterdir():
        path.unlink()
    newest.rmdir()
    run(tmp_path / "torn", resume=True)
    assert bits(tmp_path / "torn") == bits(tmp_path / "whole")

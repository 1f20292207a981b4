"""What is minimised: `TokenizerObjective` and `DynamicsObjective`.

Each is a module whose `forward(batch, generator)` gives (loss, logs), so one loop fits both. All randomness comes
from the generator that the loop seeds anew at each step. Where ranks share a batch, what is counted is counted over
all of them, so that the mean of their losses is the loss of the whole batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from worldsim.model.config import ConfigError, check_numbers
from worldsim.model.dynamics import Attend, Condition, Dynamics, Words
from worldsim.model.noise import mix, random_jumps, random_levels, sampling_levels, step_down, weight
from worldsim.model.tokenizer import Tokenizer
from worldsim.training.fading import fading, pale, toned
from worldsim.training.jumps import walk
from worldsim.training.parallel import drawn, mean, rank, ranks, total

__all__ = [
    "OWN",
    "PASSES",
    "DynamicsLossConfig",
    "DynamicsObjective",
    "LatentBatch",
    "TokenizerLossConfig",
    "TokenizerObjective",
    "symlog",
]

Logs = dict[str, torch.Tensor]
Past = tuple[torch.Tensor, torch.Tensor]  # given latents (B, T, C, h, w) and their levels (B, T)

EPSILON = 1e-2  # below any count that is not 0: what nobody counts divides nothing by something
OWN = 6  # most frames of a rollout that are the model's own
PASSES = (1, 2, 2, 4)  # of a rollout, one of these at random


def symlog(value: torch.Tensor) -> torch.Tensor:
    """sign(x)·log(1 + |x|): rewards of any scale (DreamerV3, arXiv 2301.04104)."""
    return value.sign() * value.abs().log1p()


@dataclass(frozen=True)
class TokenizerLossConfig:
    """Weights of the tokenizer's loss."""

    noise: float = 0.1
    """Spread of the noise added to latents of unit size: it fixes the rate."""
    absolute: float = 0.1
    """Weight of the absolute error, which keeps edges, beside the squared one."""
    unit: float = 0.01
    """Weight that holds the latents' size near one."""

    def __post_init__(self) -> None:
        check_numbers(self, 0, math.inf, "noise", "absolute", "unit")


class TokenizerObjective(nn.Module):
    """Reconstruction of frames through noisy latents.

    A batch is a tensor in [-1, 1]: frames (B, 3, H, W), or clips (B, T, 3, H, W) where the tokenizer has a time stride.
    """

    def __init__(self, tokenizer: Tokenizer, config: TokenizerLossConfig) -> None:
        super().__init__()
        self.tokenizer, self.config = tokenizer, config

    def forward(self, batch: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, Logs]:
        raw = self.tokenizer.raw(batch)
        noise = drawn(torch.randn, raw.shape, generator, raw.device)
        painted = self.tokenizer.paint(raw + self.config.noise * noise.to(raw.dtype)).float()
        squared, absolute = F.mse_loss(painted, batch), F.l1_loss(painted, batch)
        own = raw.float().square().mean()
        size = (own + (mean(own) - own.detach()) - 1).square()  # the value of all ranks, the gradient of this one
        loss = squared + self.config.absolute * absolute + self.config.unit * size
        psnr = -10 * torch.log10(mean(squared) / 4)  # the range [-1, 1] is 2 wide
        return loss, {"psnr": psnr, "latent size": size.detach()}


@dataclass
class LatentBatch:
    """A batch for the dynamics network.

    Attributes:
        latents: f32 (B, T, C, h, w).
        actions: f32 (B, T, A).
        events: f32 (B, T, E), the reward first.
        ended: f32 (B, T), 1 where the episode terminated with the frame.
        mask: f32 (B, T), 0 marks padding.
        words: the prompts.
        attend: how this batch looks.
        rare: bool (E,), which events are rare; None where nobody counted.
    """

    latents: torch.Tensor
    actions: torch.Tensor
    events: torch.Tensor
    ended: torch.Tensor
    mask: torch.Tensor
    words: Words
    attend: Attend = "past"
    rare: torch.Tensor | None = None

    @property
    def happened(self) -> torch.Tensor:
        """The rare events that happened, f32 (B, T, E): 1 where they did."""
        none = torch.zeros(self.events.shape[-1], dtype=torch.bool, device=self.events.device)
        return (self.events > 0) * (none if self.rare is None else self.rare).float()


@dataclass(frozen=True)
class DynamicsLossConfig:
    """Weights and shares of the dynamics loss."""

    pure: float = 0.25
    """Share of frames that start from pure noise, as in play."""
    context_noise: float = 0.3
    """Highest noise level of given frames; half of them are clean."""
    drown: float = 0.1
    """Share of rows whose given frames drown in noise of any level, so that prompts and actions have to speak."""
    fade: float = 0.1
    """Share of rows whose given frames have faded and drifted, as frames of one's own do after a while."""
    drop_actions: float = 0.1
    """Share of rows whose actions are hidden."""
    drop_text: float = 0.3
    """Share of rows whose prompts are hidden: play mostly has none."""
    rollout: float = 0.0
    """Share of batches whose given frames are, from some frame on, a rollout of the model's own."""
    jumps: float = 0.25
    """Share of rows that learn to jump: to take as one step what the model itself takes in shorter ones."""
    obey: float = 1.2
    """How strongly actions pull on jumps: guidance, learned once instead of being paid for in every pass of play."""
    first: float = 0.3
    """Weight of a clip's first frame, which nothing precedes, against the others."""
    change: float = 1.0
    """Weight of a frame with which another prompt begins, against the others: it alone has to be told by words."""
    rare: float = 1.0
    """Weight of a frame in which something rare happens, against the others: an event that fewer than one frame in a
    hundred of the recordings shows, such as a block that is placed. Live sources are not counted."""
    tell: float = 0.5
    """Share of such frames that are told what happens with them: so play can draw what was foretold. Not of frames of
    live sources."""
    events: float = 1.0
    """Weight of the event heads."""
    foretell: float = 1.0
    """Weight of the same heads where they read noisy frames: what is about to happen has to be known from the past and
    the action, before a frame can show it."""
    actions: float = 1.0
    """Weight of the action head, which guesses actions that are hidden."""

    def __post_init__(self) -> None:
        shares = "pure", "context_noise", "drown", "fade", "drop_actions", "drop_text", "rollout", "jumps", "tell"
        check_numbers(self, 0, 1, *shares)
        if self.tell == 1:
            raise ConfigError("DynamicsLossConfig.tell must be below 1, or nothing is left to be foretold, got 1")
        check_numbers(self, 0, math.inf, "first", "change", "rare", "events", "foretell", "actions", "obey")


class DynamicsObjective(nn.Module):
    """Clean latents, events, ends and hidden actions, predicted from noise and a given past; or from a noisy clip.

    Args:
        dynamics: the network.
        config: weights and shares.
        compiled: the latents' (h, w) for which the network is compiled; others run as they are. None: any.
    """

    def __init__(self, dynamics: Dynamics, config: DynamicsLossConfig, compiled: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.dynamics, self.config, self.compiled = dynamics, config, compiled
        self.tell = config.tell if dynamics.config.draws_events else 0.0

    def forward(self, batch: LatentBatch, generator: torch.Generator) -> tuple[torch.Tensor, Logs]:
        rare = self.compiled is not None and tuple(batch.latents.shape[3:]) != self.compiled
        with torch.compiler.set_stance("force_eager" if rare else "default"):
            return self._forward(batch, generator)

    def _forward(self, batch: LatentBatch, generator: torch.Generator) -> tuple[torch.Tensor, Logs]:
        rows, time = batch.mask.shape
        clean, config = batch.latents, self.config
        device = clean.device
        target = clean
        condition = self._condition(batch, generator)
        noise = drawn(torch.randn, clean.shape, generator, device)
        if batch.attend == "all":
            # Half of the batches of all-seeing rows know some frames exactly: the verbs give known frames.
            level = drawn(partial(random_levels, pure=0.2), (rows, time), generator, device)
            chance = drawn(torch.rand, (rows, time), generator, device)
            known = chance < drawn(torch.rand, (rows, 1), generator, device) - 0.5
            level = torch.where(known, 0.0, level)
            condition.span = torch.zeros_like(level)
            prediction = self.dynamics(mix(clean, noise, level), level, condition, attend="all")
        else:
            level = drawn(partial(random_levels, pure=config.pure), (rows, time), generator, device)
            past = self._past(batch, condition, generator)
            start, span = drawn(random_jumps, (rows, time), generator, device).unbind(-1)
            jumps = self._jumping(rows, generator, device)
            level = torch.where(jumps[:, None], start, level)
            condition.span = torch.where(jumps[:, None], span, 0.0)
            condition.events = self._told(batch, generator)
            noisy = mix(clean, noise, level)
            target = self._jump_targets(noisy, level, condition, past, jumps, clean)
            prediction = self.dynamics(noisy, level, condition, context=past)
        later = torch.arange(time, device=device) > 0
        share = batch.mask * torch.where(later, 1.0, config.first)
        share[:, 1:] *= torch.where(_changes(condition.words), config.change, 1.0)  # pyright: ignore[reportArgumentType]
        happens, untold = batch.happened.any(-1), torch.ones_like(share)
        share *= torch.where(happens, config.rare, 1.0)
        if condition.events is not None:  # such frames stand for those that are told, too, or they would seem rarer
            told = condition.events.any(-1)
            untold = torch.where(told, 0.0, torch.where(happens, 1 / (1 - self.tell), 1.0))
            share *= torch.where(told, 1.0, untold)
        hidden = ~condition.acted * batch.mask * later
        flowing = (condition.span == 0).float()
        pure = (level == 1.0) * flowing * batch.mask * later
        jumped = (1 - flowing) * batch.mask
        counts = total(torch.stack([part.sum() for part in (share, batch.mask, hidden, pure, jumped)]))
        any_hidden, any_jumped = bool(counts[2] > 0), bool(counts[4] > 0)
        shares, masks, hiddens, pures, leaps = counts.clamp(min=EPSILON) / ranks()
        error = (prediction.clean.float() - target).square().mean((2, 3, 4))  # (B, T)
        loss_clean = (weight(level) * error * share).sum() / shares
        loss_events = self._event_loss(prediction.events.float(), prediction.end.float(), batch) / masks
        missed = (prediction.actions.float() - batch.actions).square().mean(-1)
        loss_actions = (missed * hidden).sum() / hiddens
        logs = {
            "clean": loss_clean.detach(),
            "events": loss_events.detach(),
            f"{batch.attend}/from pure noise": ((error * pure).sum() / pures).detach(),
        }
        loss = loss_clean + config.events * loss_events + config.actions * loss_actions
        if prediction.foretold is not None:
            ahead = prediction.foretold.float()
            loss_foretold = self._event_loss(ahead[..., :-1], ahead[..., -1], batch, untold) / masks
            logs["foretold"] = loss_foretold.detach()
            loss = loss + config.foretell * loss_foretold
        if any_jumped:
            logs["jumps"] = ((error * jumped).sum() / leaps).detach()
        if any_hidden:
            logs["hidden actions"] = loss_actions.detach()
        return loss, logs

    def _condition(self, batch: LatentBatch, generator: torch.Generator) -> Condition:
        rows, time = batch.mask.shape
        device = batch.latents.device
        acted = drawn(torch.rand, (rows, 1), generator, device) >= self.config.drop_actions
        told = drawn(torch.rand, (rows, 1, 1), generator, device) >= self.config.drop_text
        words = Words(batch.words.numbers, batch.words.present, batch.words.seen & told)
        return Condition(batch.actions, acted.expand(rows, time), words)

    def _told(self, batch: LatentBatch, generator: torch.Generator) -> torch.Tensor:
        """What rare events frames are told of, f32 (B, T, E), in some of those with which they happen."""
        chance = drawn(torch.rand, tuple(batch.mask.shape), generator, batch.latents.device)
        return batch.happened * (chance < self.tell)[..., None]

    def _jumping(self, rows: int, generator: torch.Generator, device: torch.device) -> torch.Tensor:
        """Bool (B,): every so many rows learn to jump, counted over all ranks; a lone row does so now and then."""
        share, phase = self.config.jumps, float(torch.rand((), generator=generator))
        index = rank() * rows + torch.arange(rows, device=device)
        return ((index + 1) * share + phase).floor() > (index * share + phase).floor()

    @torch.no_grad()
    def _jump_targets(
        self, noisy: torch.Tensor, level: torch.Tensor, condition: Condition, past: Past, jumps: torch.Tensor,
        clean: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        """What rows that jump shall predict: what leads in one step to where `walk` leads in several; the clean latents
        in all other rows. (B, T, C, h, w).
        """
        if self.config.jumps == 0:
            return clean
        some = jumps.nonzero()[:, 0] if jumps.any() else jumps.new_zeros(1, dtype=torch.long)  # ranks go together
        shown = condition.take(some)
        start, span = level[some], condition.span[some]  # pyright: ignore[reportOptionalSubscript]
        span = torch.where(span > 0, span, start)
        at, context = noisy[some], (past[0][some], past[1][some])
        with torch.compiler.set_stance("force_eager"):  # few rows, not worth compiling
            end = walk(self.dynamics, at, start, span, shown, context, self.config.obey)
        ratio = ((start - span) / start)[:, :, None, None, None]
        target = clean.clone()
        target[some] = (end - ratio * at) / (1 - ratio)
        return torch.where(jumps[:, None, None, None, None], target, clean)

    def _past(self, batch: LatentBatch, condition: Condition, generator: torch.Generator) -> Past:
        """The given past, slightly noised, and in some batches a rollout of the model's own."""
        rows, time = batch.mask.shape
        given = batch.latents
        level = self.config.context_noise * drawn(torch.rand, (rows, time), generator, given.device)
        level = level * (drawn(torch.rand, (rows, time), generator, given.device) < 0.5)
        drowned = drawn(torch.rand, (rows, 1), generator, given.device) < self.config.drown
        depth = drawn(torch.rand, (rows, 1), generator, given.device)
        level = torch.where(drowned, depth.expand(-1, time), level)
        noise = drawn(torch.randn, given.shape, generator, given.device)
        if time > 1 and float(torch.rand((), generator=generator)) < self.config.rollout:
            given = self._roll_out(batch, noise, level, condition, generator)
        faded = drawn(torch.rand, (rows, 1), generator, given.device) < self.config.fade
        far, tone = (drawn(fading, (rows, time), generator, given.device) for _ in range(2))
        side = drawn(torch.rand, (rows, 1), generator, given.device).sub(0.5).sign()
        given = toned(pale(given, torch.where(faded, far, 0.0)), torch.where(faded, side * tone, 0.0))
        return mix(given, noise, level), level

    @torch.no_grad()
    def _roll_out(
        self, batch: LatentBatch, noise: torch.Tensor, level: torch.Tensor, condition: Condition,
        generator: torch.Generator,
    ) -> torch.Tensor:  # fmt: skip
        """The clip (B, T, C, h, w) as the model plays it: each row goes on by itself for its last few frames, told of
        what rare things happen with them.

        The targets stay true, for the actions are: so the network learns to find back from where its own errors have
        led it (corrective rollouts, BAgger, arXiv 2512.12080). Long rollouts would teach it to fade: what is true after
        many frames of its own cannot be known, and the squared error asks for the mean of it.
        """
        dynamics, (rows, time), clean = self.dynamics, level.shape, batch.latents
        device = clean.device
        begin = time - 1 - drawn(partial(torch.randint, min(OWN, time - 1)), (rows,), generator, device)
        levels = sampling_levels(PASSES[int(torch.randint(len(PASSES), (), generator=generator))])
        cache, happened = dynamics.new_cache(rows, *clean.shape[3:]), batch.happened * float(self.tell > 0)
        words, seen = dynamics.read(condition.words, rows, time)
        frames = []
        with torch.compiler.set_stance("force_eager"):  # shapes of their own, not worth compiling
            for t in range(time):
                now = Condition(condition.actions[:, t : t + 1], condition.acted[:, t : t + 1])
                read = words, seen[:, t : t + 1]
                frame = clean[:, t : t + 1]
                own = drawn(torch.randn, frame.shape, generator, device)
                if t >= time - OWN - 1 and t > 0:
                    for here, below in pairwise(levels):
                        at, lower = (torch.full((rows, 1), value, device=device) for value in (here, below))
                        jump = replace(now, span=at - lower, events=happened[:, t : t + 1])
                        own = step_down(own, dynamics.step(own, at, jump, cache, read).clean.float(), at, lower)
                    frame = torch.where((begin <= t)[:, None, None, None, None], own, frame)
                kept = mix(frame, noise[:, t : t + 1], level[:, t : t + 1])
                dynamics.step(kept, level[:, t : t + 1], now, cache, read)
                cache.advance(kept[:, 0])
                frames.append(frame)
        return torch.cat(frames, 1)

    def _event_loss(
        self, events: torch.Tensor, end: torch.Tensor, batch: LatentBatch, counts: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Error of symlog(reward), cross-entropy of each event and of the end; summed over frames, as much as each
        counts.

        The error is squared up to 1 and goes on straight from there: a rare -100 must not drown all the rest.
        """
        reward = 2 * F.huber_loss(events[..., 0], symlog(batch.events[..., 0]), reduction="none")
        happened = (batch.events[..., 1:] > 0).float()
        named = F.binary_cross_entropy_with_logits(events[..., 1:], happened, reduction="none")
        ended = F.binary_cross_entropy_with_logits(end, batch.ended, reduction="none")
        each = torch.cat([rearrange(reward, "b t -> b t 1"), named, rearrange(ended, "b t -> b t 1")], -1).mean(-1)
        return (each * (batch.mask if counts is None else batch.mask * counts)).sum()


def _changes(words: Words) -> torch.Tensor:
    """Which frames but the first are under another prompt than the one before, bool (B, T - 1)."""
    seen = words.seen
    return (seen[:, 1:] != seen[:, :-1]).any(-1)

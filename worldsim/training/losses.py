"""What is minimised: `TokenizerObjective` and `DynamicsObjective`.

Each is a module whose `forward(batch, generator)` gives (loss, logs), so one loop fits both. All randomness comes
from the generator that the loop seeds anew at each step. Where ranks share a batch, what is counted is counted over
all of them, so that the mean of their losses is the loss of the whole batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F

from worldsim.model.config import check_numbers
from worldsim.model.dynamics import Attend, Condition, Dynamics, Words
from worldsim.model.noise import mix, random_levels, weight
from worldsim.model.tokenizer import Tokenizer
from worldsim.training.parallel import drawn, mean, ranks, total

__all__ = [
    "DynamicsLossConfig",
    "DynamicsObjective",
    "LatentBatch",
    "TokenizerLossConfig",
    "TokenizerObjective",
    "symlog",
]

Logs = dict[str, torch.Tensor]

SECOND = (0.4, 0.8)  # levels at which the second of two passes of a rollout starts
EPSILON = 1e-2  # below any count that is not 0: what nobody counts divides nothing by something
OWN = 6  # most frames of a rollout that are the model's own
TWO_PASSES = 0.75  # share of rollouts played with two passes; the others take one


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
    """Reconstruction of frames through noisy latents. A batch is a tensor (B, 3, H, W) in [-1, 1]."""

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
    """

    latents: torch.Tensor
    actions: torch.Tensor
    events: torch.Tensor
    ended: torch.Tensor
    mask: torch.Tensor
    words: Words
    attend: Attend = "past"


@dataclass(frozen=True)
class DynamicsLossConfig:
    """Weights and shares of the dynamics loss."""

    pure: float = 0.4
    """Share of frames that start from pure noise, as in play."""
    context_noise: float = 0.3
    """Highest noise level of given frames; half of them are clean."""
    drown: float = 0.1
    """Share of rows whose given frames drown in noise of any level, so that prompts and actions have to speak."""
    drop_actions: float = 0.1
    """Share of rows whose actions are hidden."""
    drop_text: float = 0.3
    """Share of rows whose prompts are hidden: play mostly has none."""
    rollout: float = 0.0
    """Share of batches whose given frames are, from some frame on, a rollout of the model's own."""
    second: float = 0.5
    """Share of a rollout's frames that train the second of two passes, from the model's own first guess."""
    first: float = 0.3
    """Weight of a clip's first frame, which nothing precedes, against the others."""
    events: float = 1.0
    """Weight of the event heads."""
    actions: float = 1.0
    """Weight of the action head, which guesses actions that are hidden."""

    def __post_init__(self) -> None:
        check_numbers(self, 0, 1, "pure", "context_noise", "drop_actions", "drop_text", "rollout", "second", "drown")
        check_numbers(self, 0, math.inf, "first", "events", "actions")


@dataclass
class _Past:
    """The given past: latents (B, T, C, h, w) and levels (B, T); where it was played, the second pass's inputs too."""

    latents: torch.Tensor
    level: torch.Tensor
    guessed: torch.Tensor | None = None
    guessed_level: float = 0.0


class DynamicsObjective(nn.Module):
    """Clean latents, events, ends and hidden actions, predicted from noise and a given past; or from a noisy clip.

    Args:
        dynamics: the network.
        config: weights and shares.
        compiled: the latents' (h, w) for which the network is compiled; others run as they are. None: any.
    """

    def __init__(
        self, dynamics: Dynamics, config: DynamicsLossConfig, compiled: tuple[int, int] | None = None
    ) -> None:
        super().__init__()
        self.dynamics, self.config, self.compiled = dynamics, config, compiled

    def forward(self, batch: LatentBatch, generator: torch.Generator) -> tuple[torch.Tensor, Logs]:
        rare = self.compiled is not None and tuple(batch.latents.shape[3:]) != self.compiled
        with torch.compiler.set_stance("force_eager" if rare else "default"):
            return self._forward(batch, generator)

    def _forward(self, batch: LatentBatch, generator: torch.Generator) -> tuple[torch.Tensor, Logs]:
        rows, time = batch.mask.shape
        clean, config = batch.latents, self.config
        device = clean.device
        second = torch.zeros(rows, time, dtype=torch.bool, device=device)
        condition = self._condition(batch, generator)
        noise = drawn(torch.randn, clean.shape, generator, device)
        if batch.attend == "all":
            # Half of the batches of all-seeing rows know some frames exactly: the verbs give known frames.
            level = drawn(partial(random_levels, pure=0.2), (rows, time), generator, device)
            chance = drawn(torch.rand, (rows, time), generator, device)
            known = chance < drawn(torch.rand, (rows, 1), generator, device) - 0.5
            level = torch.where(known, 0.0, level)
            prediction = self.dynamics(mix(clean, noise, level), level, condition, attend="all")
        else:
            level = drawn(partial(random_levels, pure=config.pure), (rows, time), generator, device)
            past = self._past(batch, condition, generator)
            noisy = mix(clean, noise, level)
            if past.guessed is not None:
                second = drawn(torch.rand, (rows, time), generator, device) < config.second
                second[:, 0] = False  # nothing precedes a first frame, so nothing was played there
                noisy = torch.where(second[:, :, None, None, None], past.guessed, noisy)
                level = torch.where(second, past.guessed_level, level)
            prediction = self.dynamics(noisy, level, condition, context=(past.latents, past.level))
        later = torch.arange(time, device=device) > 0
        share = batch.mask * torch.where(later, 1.0, config.first)
        hidden = ~condition.acted * batch.mask * later
        pure = (level == 1.0) * batch.mask * later
        judged = second & (batch.mask > 0)
        counts = total(torch.stack([part.sum() for part in (share, batch.mask, hidden, pure, judged)]))
        any_hidden, any_judged = bool(counts[2] > 0), bool(counts[4] > 0)
        shares, masks, hiddens, pures, judges = counts.clamp(min=EPSILON) / ranks()
        error = (prediction.clean.float() - clean).square().mean((2, 3, 4))  # (B, T)
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
        if any_judged:
            logs["second pass"] = error[judged].detach().sum() / judges
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

    def _past(self, batch: LatentBatch, condition: Condition, generator: torch.Generator) -> _Past:
        """The given past, slightly noised, and in some batches a rollout of the model's own."""
        rows, time = batch.mask.shape
        given = batch.latents
        level = self.config.context_noise * drawn(torch.rand, (rows, time), generator, given.device)
        level = level * (drawn(torch.rand, (rows, time), generator, given.device) < 0.5)
        drowned = drawn(torch.rand, (rows, 1), generator, given.device) < self.config.drown
        depth = drawn(torch.rand, (rows, 1), generator, given.device)
        level = torch.where(drowned, depth.expand(-1, time), level)
        noise = drawn(torch.randn, given.shape, generator, given.device)
        if time == 1 or float(torch.rand((), generator=generator)) >= self.config.rollout:
            return _Past(mix(given, noise, level), level)
        lower = float(SECOND[0] + (SECOND[1] - SECOND[0]) * torch.rand((), generator=generator))
        given, guessed = self._roll_out(given, noise, level, condition, lower, generator)
        return _Past(mix(given, noise, level), level, guessed, lower)

    @torch.no_grad()
    def _roll_out(
        self, clean: torch.Tensor, noise: torch.Tensor, level: torch.Tensor, condition: Condition, lower: float,
        generator: torch.Generator,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """The clip as the model plays it: each row goes on by itself for its last few frames.

        The targets stay true, for the actions are: so the network learns to find back from where its own errors have
        led it (corrective rollouts, BAgger, arXiv 2512.12080). Long rollouts would teach it to fade: what is true after
        many frames of its own cannot be known, and the squared error asks for the mean of it. One or two passes per
        frame, as in quick play.

        Returns:
            The clip, and of each frame its first guess mixed with noise to the level `lower`: from there a second
            pass goes on. Both (B, T, C, h, w).
        """
        dynamics, (rows, time) = self.dynamics, level.shape
        device = clean.device
        begin = time - 1 - drawn(partial(torch.randint, min(OWN, time - 1)), (rows,), generator, device)
        two = bool(torch.rand((), generator=generator) < TWO_PASSES)
        cache = dynamics.new_cache(rows, *clean.shape[3:])
        words, seen = dynamics.read(condition.words, rows, time)
        full, part = torch.ones(rows, 1, device=device), torch.full((rows, 1), lower, device=device)
        frames, guesses = [], []
        with torch.compiler.set_stance("force_eager"):  # shapes of their own, not worth compiling
            for t in range(time):
                now = Condition(condition.actions[:, t : t + 1], condition.acted[:, t : t + 1])
                read = words, seen[:, t : t + 1]
                frame = clean[:, t : t + 1]
                guess = drawn(torch.randn, frame.shape, generator, device)
                if t > 0:
                    own = dynamics.step(guess, full, now, cache, read).clean.float()
                    guess = mix(own, guess, part)
                    if two:
                        own = dynamics.step(guess, part, now, cache, read).clean.float()
                    frame = torch.where((begin <= t)[:, None, None, None, None], own, frame)
                kept = mix(frame, noise[:, t : t + 1], level[:, t : t + 1])
                dynamics.step(kept, level[:, t : t + 1], now, cache, read)
                cache.advance(kept[:, 0])
                frames.append(frame)
                guesses.append(guess)
        return torch.cat(frames, 1), torch.cat(guesses, 1)

    def _event_loss(self, events: torch.Tensor, end: torch.Tensor, batch: LatentBatch) -> torch.Tensor:
        """Error of symlog(reward), cross-entropy of each event and of the end; summed over frames.

        The error is squared up to 1 and goes on straight from there: a rare -100 must not drown all the rest.
        """
        reward = 2 * F.huber_loss(events[..., 0], symlog(batch.events[..., 0]), reduction="none")
        happened = (batch.events[..., 1:] > 0).float()
        named = F.binary_cross_entropy_with_logits(events[..., 1:], happened, reduction="none")
        ended = F.binary_cross_entropy_with_logits(end, batch.ended, reduction="none")
        each = torch.cat([rearrange(reward, "b t -> b t 1"), named, rearrange(ended, "b t -> b t 1")], -1).mean(-1)
        return (each * batch.mask).sum()

"""The dynamics network: a diffusion transformer that predicts the clean latents of frames from noisy ones.

One set of weights serves three ways of looking: `attend="past"` (each frame sees itself and the past), `attend="all"`,
and play, where one frame at a time reads a `Cache`. Training for play shows each noisy frame the *given* past instead
of its noisy neighbours (`context=`), which is exactly what it meets in play, for every frame of a clip at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace

import torch
from einops import rearrange, repeat
from torch import nn

from worldsim.model.cache import Cache
from worldsim.model.conditions import Attend, Condition, Prediction, Words
from worldsim.model.config import ConfigError, check_whole
from worldsim.model.layers import (
    MLP,
    RMSNorm,
    SpaceAttention,
    TextAttention,
    TimeAttention,
    fourier,
    modulate,
    rotary_table,
)
from worldsim.model.noise import FINEST, SPANS
from worldsim.model.patches import patchify, space_coordinates, unpatchify
from worldsim.model.player import Player
from worldsim.model.text import Projection, TextConfig, TextEncoder

__all__ = ["Attend", "Condition", "Dynamics", "DynamicsConfig", "Prediction", "Words"]


@dataclass(frozen=True)
class DynamicsConfig:
    """Sizes of a `Dynamics` network."""

    channels: int = 8
    """Latent channels C of the tokenizer."""
    patch: int = 2
    """Side of a patch, in latent cells."""
    width: int = 256
    """Channels of a token."""
    depth: int = 8
    """Transformer blocks."""
    head_width: int = 64
    """Channels of an attention head."""
    time_every: int = 2
    """Every so many blocks one looks back in time."""
    time_groups: int = 2
    """Heads of keys and values in time attention: the size of the cache."""
    text_every: int = 4
    """Every so many blocks one reads the prompt."""
    hidden: int = 4
    """Width of the MLP, in widths of a token."""
    condition: int = 128
    """Channels of the per-frame condition (level and action)."""
    actions: int = 25
    """A, fields of an action vector."""
    events: int = 1
    """E, named events, the reward first."""
    window: int = 32
    """Frames of the past that a frame can see."""
    text: TextConfig = field(default_factory=TextConfig)
    words: int = 2
    """Words of the vocabulary."""
    draws_events: bool = True
    """Whether it can be told what happens with a frame, to draw it so."""

    def __post_init__(self) -> None:
        check_whole(self, 1, *(field.name for field in fields(self) if field.type == "int"))
        if self.head_width % 4:
            raise ConfigError(f"DynamicsConfig.head_width must be in steps of 4, got {self.head_width}")
        if self.width % self.head_width or self.width // self.head_width % self.time_groups:
            raise ConfigError(
                "DynamicsConfig.width must be heads x head_width, heads a multiple of time_groups, "
                f"got width {self.width}, head_width {self.head_width}, time_groups {self.time_groups}"
            )
        if self.time_every > self.depth:
            raise ConfigError(
                f"DynamicsConfig.time_every must be at most depth {self.depth}, or no block sees the past, "
                f"got {self.time_every}"
            )


class _Block(nn.Module):
    """Space attention, time attention and text attention where the block has them, MLP; AdaLN before each."""

    def __init__(self, config: DynamicsConfig, time: bool, text: bool) -> None:
        super().__init__()
        width = config.width
        self.space = SpaceAttention(width, config.head_width)
        self.time = TimeAttention(width, config.head_width, config.time_groups) if time else None
        self.text = TextAttention(width, config.head_width, config.text.width) if text else None
        self.text_norm = RMSNorm(width) if text else None
        self.mlp = MLP(width, config.hidden * width)
        self.norm = RMSNorm(width, gain=False)
        self.modulation = nn.Linear(config.condition, (9 if time else 6) * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        if self.text is not None:
            nn.init.zeros_(self.text.out.weight)

    def forward(
        self, x: torch.Tensor, condition: torch.Tensor, space: tuple[torch.Tensor, torch.Tensor],
        time: tuple[torch.Tensor, torch.Tensor], mask: torch.Tensor, words: torch.Tensor, seen: torch.Tensor,
        ring: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None,
    ) -> torch.Tensor:  # fmt: skip
        """x (B, T, N, D), condition (B, T, c); ring = (keys, values, slot) when a cache stands for the past."""
        parts = self.modulation(condition)[:, :, None].chunk(9 if self.time else 6, dim=-1)  # each (B, T, 1, D)
        shift, scale, gate = parts[:3]
        x = x + (1 + gate) * self.space(modulate(self.norm(x), shift, scale), space)
        if self.time is not None:
            shift, scale, gate = parts[6:]
            y = modulate(self.norm(x), shift, scale)
            y = self.time(y, time, mask) if ring is None else self.time.step(y, time, *ring, mask)
            x = x + (1 + gate) * y
        if self.text is not None and self.text_norm is not None:
            x = x + self.text(self.text_norm(x), words, seen)
        shift, scale, gate = parts[3:6]
        return x + (1 + gate) * self.mlp(modulate(self.norm(x), shift, scale))


class Dynamics(nn.Module):
    """Noisy frames, a level per frame and a `Condition` → `Prediction`."""

    def __init__(self, config: DynamicsConfig) -> None:
        super().__init__()
        self.config = config
        width, values = config.width, config.channels * config.patch**2
        self.embed = nn.Linear(2 * values, width)  # the frame, and the one before it, which it mostly resembles
        self.level_in = MLP(64, config.condition)
        self.level_out = nn.Linear(64, config.condition)
        self.spans = nn.Parameter(torch.zeros(len(SPANS), 64))
        self.action_in = nn.Linear(config.actions, config.condition)
        self.action_out = nn.Linear(config.condition, config.condition)
        self.no_action = nn.Parameter(0.02 * torch.randn(config.condition))
        self.event_in = nn.Linear(config.events, config.condition, bias=False) if config.draws_events else None
        self.text = Projection(config.text) if config.text.hidden else TextEncoder(config.text, config.words)
        self.no_text = nn.Parameter(0.02 * torch.randn(config.text.width))
        self.blocks = nn.ModuleList(
            _Block(config, time=i % config.time_every == config.time_every - 1, text=i % config.text_every == 1)
            for i in range(config.depth)
        )
        self.norm = RMSNorm(width, gain=False)
        self.modulation = nn.Linear(config.condition, 2 * width)
        self.out = nn.Linear(width, values)
        self.event_head = nn.Linear(width, config.events)
        self.end_head = nn.Linear(width, 1)
        self.action_head = nn.Linear(width, config.actions)
        for layer in (self.modulation, self.out, self.event_head, self.end_head, self.action_head):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        if self.event_in is not None:
            nn.init.zeros_(self.event_in.weight)
        pairs = config.head_width // 4  # half of the head's pairs turn with y, half with x
        space = math.pi * torch.logspace(-1, 3, pairs, base=2.0)
        self.space_frequencies: torch.Tensor
        self.time_frequencies: torch.Tensor
        self.register_buffer("space_frequencies", space.repeat(2, 1), persistent=False)
        self.player: Player | None = None
        turns = torch.logspace(0, -2, config.head_width // 2)[None]  # from one radian a frame to one in a hundred
        self.register_buffer("time_frequencies", turns, persistent=False)

    # -- conditions ----------------------------------------------------------------------------------------------

    def read(self, words: Words | None, batch: int, time: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Prompts → word vectors (B, 1 + P·L, text width) and seen bool (B, T, 1 + P·L); word 0 says "no more"."""
        device = self.no_text.device
        vectors = repeat(self.no_text, "d -> b 1 d", b=batch)
        seen = torch.ones(batch, time, 1, dtype=torch.bool, device=device)
        if words is None:
            return vectors, seen
        prompts, longest = words.present.shape[1:]
        read = self.text(words.numbers.flatten(0, 1), words.present.flatten(0, 1))
        read = rearrange(read, "(b p) l d -> b (p l) d", p=prompts)
        shown = words.seen[:, :, :, None] & words.present[:, None]  # (B, T, P, L)
        return torch.cat([vectors, read], 1), torch.cat([seen, shown.reshape(batch, time, prompts * longest)], 2)

    def frame_condition(self, level: torch.Tensor, condition: Condition) -> torch.Tensor:
        """(B, T, condition): level, span, action and known events of each frame, what modulates its tokens."""
        noise = self.level_in(fourier(level, 64))
        if condition.span is not None:
            noise = noise + self._jump(condition.span)
        noise = self.level_out(nn.functional.silu(noise))
        action = self.action_out(nn.functional.silu(self.action_in(condition.actions)))
        action = torch.where(condition.acted[..., None], action, self.no_action.to(action.dtype))
        if self.event_in is not None:  # asked in any case: in parallel training every weight has to have a part
            nothing = level.new_zeros(*level.shape, self.config.events)
            action = action + self.event_in(nothing if condition.events is None else condition.events)
        return nn.functional.silu(noise + action)

    def _jump(self, span: torch.Tensor) -> torch.Tensor:
        """Spans (B, T) → (B, T, 64): nothing up to `FINEST`; between two of `SPANS`, what lies between theirs."""
        place = torch.log2(span.clamp(min=FINEST) / FINEST)[..., None]  # 1 at the first of the spans, 2 at the second
        each = torch.arange(1, len(SPANS) + 1, device=span.device)
        return (1 - (place - each).abs()).clamp(min=0).to(self.spans.dtype) @ self.spans

    # -- the network ---------------------------------------------------------------------------------------------

    def _network(
        self, frames: torch.Tensor, before: torch.Tensor, level: torch.Tensor, condition: Condition,
        position: torch.Tensor, mask: torch.Tensor, words: torch.Tensor, seen: torch.Tensor, cache: Cache | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Frames and the frames before them (B, T, C, h, w) at positions (B, T) → clean latents and pooled features."""
        patch = self.config.patch
        grid = (frames.shape[1], frames.shape[3] // patch, frames.shape[4] // patch)
        tokens, _ = patchify(torch.cat([frames, before], dim=2), patch)
        x = self.embed(rearrange(tokens, "b (t n) d -> b t n d", t=grid[0]))  # (B, T, N, D)
        space = rotary_table(space_coordinates(*grid[1:]).to(x.device), self.space_frequencies)
        time = rotary_table(position[..., None], self.time_frequencies)
        per_frame = self.frame_condition(level, condition)
        layer = 0
        for block in self.blocks:
            ring = None
            if cache is not None and block.time is not None:  # pyright: ignore[reportAttributeAccessIssue]
                ring = (cache.keys[layer], cache.values[layer], cache.slot)
                layer += 1
            x = block(x, per_frame, space, time, mask, words, seen, ring)
        shift, scale = self.modulation(per_frame)[:, :, None].chunk(2, dim=-1)
        x = self.norm(x)
        clean = unpatchify(rearrange(self.out(modulate(x, shift, scale)), "b t n d -> b (t n) d"), grid, patch)
        return clean, x.mean(2)  # (B, T, C, h, w), (B, T, D)

    def forward(
        self, noisy: torch.Tensor, level: torch.Tensor, condition: Condition, *, attend: Attend = "past",
        context: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> Prediction:  # fmt: skip
        """Predict the clean latents of all frames of a clip.

        Args:
            noisy: (B, T, C, h, w).
            level: (B, T) in [0, 1], the noise level of each frame.
            condition: actions and prompts of the T frames.
            attend: whether a frame sees only itself and the past, or all frames.
            context: latents (B, T, C, h, w) and their levels (B, T). Given them, frame t of `noisy` sees frames
                0 … t-1 of the context instead of its noisy neighbours; `attend` must be "past". The events are then
                read from the context's frames, as given ones are, and foretold from the noisy ones.
        """
        batch, time = noisy.shape[:2]
        frame = torch.arange(time, device=noisy.device)
        ago = frame[:, None] - frame  # (T, T)
        past = (ago >= 0) & (ago <= self.config.window)
        before = torch.cat([torch.zeros_like(noisy[:, :1]), (noisy if context is None else context[0])[:, :-1]], 1)
        words, seen = self.read(condition.words, batch, time)
        if context is None:
            mask = past if attend == "past" else torch.ones_like(past)
            clean, pooled = self._network(
                noisy, before, level, condition, frame.expand(batch, -1), mask[None], words, seen, None
            )
        else:
            if attend != "past":
                raise ValueError(f'context goes with attend="past", got attend={attend!r}')
            itself = torch.eye(time, dtype=torch.bool, device=noisy.device)
            mask = torch.cat(
                [torch.cat([past, torch.zeros_like(past)], 1), torch.cat([past & ~itself, itself], 1)]
            )  # (2T, 2T): context frames first, then noisy frames
            span, events = (
                None if part is None else torch.cat([torch.zeros_like(part), part], 1)
                for part in (condition.span, condition.events)
            )
            both = Condition(
                condition.actions.repeat(1, 2, 1), condition.acted.repeat(1, 2), span=span, events=events
            )
            clean, pooled = self._network(
                torch.cat([context[0], noisy], 1), before.repeat(1, 2, 1, 1, 1), torch.cat([context[1], level], 1),
                both,
                frame.repeat(2).expand(batch, -1), mask[None], words, seen.repeat(1, 2, 1), None,
            )  # fmt: skip
            told = self._prediction(clean[:, time:], pooled[:, :time])
            heads = self.event_head, self.end_head
            return replace(told, foretold=torch.cat([head(pooled[:, time:]) for head in heads], -1))
        return self._prediction(clean, pooled)

    def step(
        self, noisy: torch.Tensor, level: torch.Tensor, condition: Condition, cache: Cache,
        read: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> Prediction:  # fmt: skip
        """One pass over the frame at hand of B worlds: noisy (B, 1, C, h, w), level (B, 1), T = 1 throughout.

        Its keys and values stay in the cache's open slot until the next pass; `cache.advance` keeps them.
        read: what `read(condition.words, B, 1)` returned, when the caller has it already.
        """
        words, seen = self.read(condition.words, len(noisy), 1) if read is None else read
        if self.player is not None:
            clean, said = self.player.step(noisy, level, condition, cache, (words, seen))
            events, end, actions = said.split([self.config.events, 1, self.config.actions], -1)
            return Prediction(clean, events, end[..., 0], actions)
        clean, pooled = self._network(
            noisy, cache.last[:, None], level, condition, cache.count[:, None], cache.seen, words, seen, cache
        )
        return self._prediction(clean, pooled)

    def prepare(self, half: bool = False) -> None:
        """Make `step` fast, for weights that stay as they are: it then gives no gradients. See `Player`."""
        self.player = Player(self, half)

    def _prediction(self, clean: torch.Tensor, pooled: torch.Tensor) -> Prediction:
        """Clean latents and pooled features (B, T, D) → what the network says."""
        return Prediction(clean, self.event_head(pooled), self.end_head(pooled)[..., 0], self.action_head(pooled))

    def new_cache(self, rows: int, height: int, width: int, shown: int = 0) -> Cache:
        """An empty cache for `rows` worlds whose latents are height × width, with `shown` frames for a refiner."""
        config, like = self.config, self.no_text
        patches = (height // config.patch) * (width // config.patch)
        shape = (rows, patches, config.time_groups, config.window + 1, config.head_width)
        layers = sum(block.time is not None for block in self.blocks)
        return Cache(
            keys=[like.new_zeros(shape) for _ in range(layers)],
            values=[like.new_zeros(shape) for _ in range(layers)],
            count=torch.zeros(rows, dtype=torch.int64, device=like.device),
            last=like.new_zeros(rows, config.channels, height, width),
            led=torch.full((rows, config.actions), torch.nan, device=like.device),
            shown=like.new_zeros(rows, shown, config.channels, height, width),
        )

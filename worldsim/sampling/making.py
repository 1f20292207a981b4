"""How clips are made: played frame by frame, or painted, and then shown.

`play` serves what only follows what is there; `before`, `bridge`, `ring`, `redraw` and `refill` what has to fit
something that is there already, or itself. All stays in latents until the end; only given frames are ever encoded.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from worldsim.clip import Clip, join, pixels_from_unit
from worldsim.model.noise import mix
from worldsim.sampling.alone import lone
from worldsim.sampling.canvas import Canvas, Painted, condition_of, paint
from worldsim.sampling.denoise import Preview, Watch
from worldsim.sampling.requests import Given, Request
from worldsim.sampling.timelines import Timelines, beside, moved, of_clip, part, prompts_at
from worldsim.sampling.world import Step

__all__ = ["before", "bridge", "play", "redraw", "refill", "ring"]

PASSES = 16  # denoising passes where all frames see each other
DRAWS = 4  # of noise, over which the mean frame under a text is taken
CHUNK = 64  # frames that are decoded at a time
VIVID = 8  # least passes of a frame that is played, by default: nobody waits for it, as somebody who plays does


def play(wish: Request, start: Given | None, line: Timelines, length: int, actions: np.ndarray | None) -> Clip:
    """`length` frames that follow each other through the ring cache, from noise or after given frames.

    The line counts rows from the first given frame; so do previews.
    """
    world, begin = wish.world, 0 if start is None else start.clip.length
    told, passes = wish.read(line), wish.passes or max(world.steps, VIVID)
    live = world.alike(wish.rows, size=wish.size, steps=passes, guidance=wish.guidance)
    made: list[Step] = []

    def watch(preview: Preview) -> object:
        if wish.watch is None:
            return None
        return wish.watch(replace(preview, first=begin + len(made), made=len(made), length=length))

    if start is None:
        made.append(live.reset(None, None, prompts_at(told, 0), wish.seeds, passes=wish.passes, watch=watch))
    else:
        prompts = prompts_at(wish.read(of_clip(start.clip)), begin - 1)
        live.reset(start.clip.frames, start.clip.actions if start.acted else None, prompts, wish.seeds)
    while len(made) < length:
        prompts = prompts_at(told, begin + len(made))
        if tuple(prompts) != live.prompts:
            live.set_prompt(prompts)
        led = None if actions is None else actions[:, len(made)]
        made.append(live.imagine(led, passes=wish.passes, watch=watch))
    frames, led, events, ended = (
        np.stack([getattr(step, name) for step in made], axis=1) for name in ("frames", "actions", "events", "ended")
    )
    return _assembled(wish, frames, led, events, ended, part(line, begin, begin + length))


def before(wish: Request, start: Given, line: Timelines, more: int, actions: np.ndarray | None) -> Clip:
    """The given clip and `more` new frames before it: window by window, each ending in latents that are there already.

    The line counts rows from the first new frame.
    """
    clip, room = start.clip, wish.world.card.window
    keep = max(1, room // 2)  # frames of a window that are there already
    known = wish.encode(clip.frames[:, :keep])
    led, acted = clip.actions[:, :keep], np.full(known.shape[:2], start.acted)
    acted[:, 0] = False  # what led into its first frame is no reset any more
    told = part(of_clip(clip), 0, keep)
    parts: list[Clip] = []
    left = more
    while left:
        new = min(left, max(1, room - known.shape[1]))
        noise = torch.cat([wish.noise(new), known], 1)
        fresh = np.zeros((wish.rows, new, led.shape[2]), np.float32)
        fresh_acted = np.full((wish.rows, new), actions is not None)
        if actions is not None:
            fresh = actions[:, left - new : left]
        here = part(line, left - new, left)
        told = beside(here, moved(told, new))
        canvas = Canvas(
            noise, torch.arange(noise.shape[1]).expand(wish.rows, -1) >= new,
            torch.from_numpy(np.concatenate([fresh, led], 1)),
            torch.from_numpy(np.concatenate([fresh_acted, acted], 1)), wish.read(told),
        )  # fmt: skip
        watch = _shifted(wish, slice(0, new), left - new, more - left, more)
        painted = _paint(wish, canvas, noise, watch)
        if not parts:
            clip = _led_into(clip, painted.actions[:, new])
        parts.insert(0, _clip(wish, _cut(painted, 0, new), here))
        known, led = painted.latents[:, :keep], painted.actions[:, :keep]
        acted, told = np.ones(known.shape[:2], np.bool_), part(told, 0, keep)
        left -= new
    parts[0].actions[:, 0] = 0  # now this is the reset
    return join(*parts, clip)


def bridge(
    wish: Request, one: Given, two: Given, line: Timelines, more: int, actions: np.ndarray | None
) -> tuple[Clip, Clip]:
    """`more` new frames from the end of one clip to the beginning of another; and the other, its first action imagined.

    The line counts rows from the beginning of the first clip; actions (B, more, A) lead to the new frames.
    """
    begin, keep = one.clip.length, max(1, wish.world.card.window // 2)
    tail, head = one.clip.slice(max(0, begin - keep), begin), two.clip.slice(0, min(two.clip.length, keep))
    first, then = tail.length, tail.length + more  # where the new frames begin, and where the other clip does
    noise = wish.noise(then + head.length)
    latents, known = noise.clone(), torch.ones(noise.shape[:2], dtype=torch.bool)
    latents[:, :first], latents[:, then:] = wish.encode(tail.frames), wish.encode(head.frames)
    known[:, first:then] = False
    acted = known.clone()
    acted[:, :first] &= one.acted
    acted[:, then:] &= two.acted
    acted[:, then] = False  # what leads into its first frame is no reset any more
    acted[:, first:then] = actions is not None
    led = np.zeros((wish.rows, more, tail.actions.shape[2]), np.float32) if actions is None else actions
    told = beside(of_clip(tail), moved(line, first - begin), moved(of_clip(head), then))
    every = torch.from_numpy(np.concatenate([tail.actions, led, head.actions], 1))
    canvas = Canvas(latents, known, every, acted, wish.read(told))
    painted = _paint(wish, canvas, noise, _shifted(wish, slice(first, then), begin, 0, more))
    new = _clip(wish, _cut(painted, first, then), part(line, begin, begin + more))
    return new, _led_into(two.clip, painted.actions[:, then])


def ring(wish: Request, line: Timelines, length: int, actions: np.ndarray | None) -> Clip:
    """A clip from noise whose first frame follows its last; action 0 leads from the last to the first."""
    noise = wish.noise(length)
    unknown = torch.zeros(noise.shape[:2], dtype=torch.bool)
    led = np.zeros((*noise.shape[:2], wish.world.card.action_spec.width), np.float32) if actions is None else actions
    acted = torch.full_like(unknown, actions is not None)
    canvas = Canvas(noise, unknown, torch.tensor(led), acted, wish.read(line))
    watch = _shifted(wish, slice(None), 0, 0, length)
    return _clip(wish, _paint(wish, canvas, noise, watch, around=True), line)


def redraw(wish: Request, start: Given, line: Timelines, strength: float, push: float = 0.0) -> Clip:
    """The whole clip from where noise of level `strength` hides it (SDEdit, arXiv 2108.01073), pushed before that."""
    latents = wish.encode(start.clip.frames)
    if push:
        latents = latents + push * _retold(wish, start, line)
    shape = latents.shape[:2]
    noise = mix(latents, wish.noise(shape[1]), torch.full(shape, strength, device=latents.device))
    canvas = Canvas(
        latents, torch.zeros(shape, dtype=torch.bool), torch.from_numpy(start.clip.actions),
        torch.full(shape, start.acted), wish.read(line),
    )  # fmt: skip
    watch = _shifted(wish, slice(None), 0, 0, shape[1])
    return _clip(wish, _paint(wish, canvas, noise, watch, level=strength), line)


@torch.no_grad()
def _retold(wish: Request, start: Given, line: Timelines) -> torch.Tensor:
    """What another text changes in a frame as such, whatever it shows: (B, T, C, h, 1), for rows of a picture.

    The mean frame under the text less that under the clip's own, as one pass from pure noise says them, without other
    frames: after the directions of words in arXiv 2108.00946. Rows alone count, for nothing shall change its place.
    """
    world, clip = wish.world, start.clip
    actions, acted = torch.from_numpy(clip.actions), torch.full((wish.rows, clip.length), start.acted)
    draws, total = wish.noise(DRAWS), torch.zeros(())
    for text, sign in ((line, 1), (of_clip(clip), -1)):
        condition = condition_of(world, actions, acted, wish.read(text))
        for draw in draws.split(1, dim=1):
            frames = lone(world.dynamics, draw.expand(-1, clip.length, -1, -1, -1), condition)
            total = total + sign * frames.mean(4, keepdim=True)
    return total / DRAWS


def refill(wish: Request, start: Given, line: Timelines, gone: np.ndarray, actions: np.ndarray | None) -> Clip:
    """The clip with the frames that `gone`, bool (B, T), marks made anew; of actions (B, T, A) theirs count."""
    clip = start.clip
    led = ~gone & start.acted  # an action that led into a lost frame is lost with it
    known, every = led, clip.actions
    if actions is not None:
        known, every = led | gone, np.where(gone[..., None], actions, clip.actions)
    canvas = Canvas(
        wish.encode(clip.frames), torch.from_numpy(~gone), torch.from_numpy(every), torch.from_numpy(known),
        wish.read(line),
    )  # fmt: skip
    watch = _shifted(wish, slice(None), 0, 0, clip.length)
    new = _clip(wish, _paint(wish, canvas, wish.noise(clip.length), watch), line)
    flags = {
        name: np.where(gone, getattr(new, name), getattr(clip, name)) for name in ("terminated", "truncated", "mask")
    }
    return replace(
        new, frames=np.where(gone[:, :, None, None, None], new.frames, clip.frames),
        events=np.where(led[..., None], clip.events, new.events), **flags,
    )  # fmt: skip


# -- what they share -------------------------------------------------------------------------------------------------


def _paint(
    wish: Request, canvas: Canvas, noise: torch.Tensor, watch: Watch | None, *, level: float = 1.0, around: bool = False
) -> Painted:
    return paint(
        wish.world, canvas, noise, passes=wish.passes or PASSES, start=level, ring=around, guidance=wish.guidance,
        watch=watch,
    )  # fmt: skip


def _shifted(wish: Request, fresh: slice, first: int, made: int, length: int) -> Watch | None:
    """The watcher, shown only the fresh frames of a canvas, which begin at row `first` of the clip."""
    watch = wish.watch
    if watch is None:
        return None
    return lambda preview: watch(
        replace(preview, latents=preview.latents[:, fresh], first=first, made=made, length=length)
    )


def _clip(wish: Request, painted: Painted, line: Timelines) -> Clip:
    """What was painted, as pixels."""
    with torch.no_grad():
        shown = [pixels_from_unit(wish.world.tokenizer.decode(some)) for some in painted.latents.split(CHUNK, dim=1)]
    return _assembled(wish, np.concatenate(shown, 1), painted.actions, painted.events, painted.ended, line)


def _assembled(
    wish: Request, frames: np.ndarray, actions: np.ndarray, events: np.ndarray, ended: np.ndarray, line: Timelines
) -> Clip:
    over = ended >= 0.5
    flags = over, np.zeros_like(over), np.ones_like(over)
    return Clip(frames, actions.astype(np.float32), events, *flags, line, wish.world.card.fps)


def _cut(painted: Painted, start: int, stop: int) -> Painted:
    rows = slice(start, stop)
    return Painted(painted.latents[:, rows], painted.actions[:, rows], painted.events[:, rows], painted.ended[:, rows])


def _led_into(clip: Clip, action: np.ndarray) -> Clip:
    """The clip with the action (B, A) that led into its first frame."""
    return replace(clip, actions=np.concatenate([action[:, None], clip.actions[:, 1:]], 1))

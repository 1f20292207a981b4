"""The verbs: generate, image, animate, extend, loop, connect, fill, edit, enhance.

Each is the one sampler with other known frames. What only follows is played frame by frame through the ring cache,
any number of frames; what has to fit something later is painted with all frames seeing each other. Given frames come
back to the byte. The same seeds give the same bytes, whatever the other rows of the batch hold. Beside them: `caption`
says what a clip shows, `best_of` keeps one of several tries, and `expand` lengthens short prompts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Unpack

import numpy as np
from torch.nn import functional as F

from worldsim.clip import Clip, Prompt, check_frames, join, pixels_from_unit, pixels_to_unit
from worldsim.model.language import Language, load_language
from worldsim.sampling import making
from worldsim.sampling.denoise import Cancelled, Guidance, Preview
from worldsim.sampling.expansion import Expansion, expand, expand_by
from worldsim.sampling.matching import Choice, Matcher, best_of
from worldsim.sampling.requests import Options, fitting_size, given, request, whole
from worldsim.sampling.timelines import Text, Timelines, VerbError, of_clip
from worldsim.sampling.world import World

__all__ = [
    "Cancelled", "Choice", "Expansion", "Guidance", "Matcher", "Options", "Preview", "Prompt", "VerbError", "animate",
    "best_of", "caption", "connect", "edit", "enhance", "expand", "expand_by", "extend", "fill", "generate", "image",
    "loop",
]  # fmt: skip


def generate(
    world: World, text: Text = "", *, frames: int = 64, size: tuple[int, int] | None = None,
    actions: np.ndarray | None = None, **options: Unpack[Options],
) -> Clip:  # fmt: skip
    """Clips from noise.

    Args:
        world: whose networks to use; its own state stays as it is.
        text: a prompt, a timeline of `Prompt`s, or one of either per row; "" for none.
        frames: T, at least 1.
        size: (H, W); the world's own by default, rounded with a warning to what divides into patches.
        actions: f32 (T, A) or (B, T, A), what the player does; row 0 is the reset, and ignored. Without them the
            network acts by itself as the text says, and the clip holds the actions that it imagined.
        options: see `Options`.

    Raises:
        VerbError, PromptError, ConfigError: a wish that cannot be fulfilled.
        Cancelled: `watch` returned False.
    """
    wish = request(world, options, size)
    length = whole("frames", frames)
    return making.play(wish, None, wish.timelines(text, 0, length), length, wish.actions(actions, length))


def image(world: World, text: Text = "", *, size: tuple[int, int] | None = None, **options: Unpack[Options]) -> Clip:
    """Pictures: clips of one frame. Arguments and errors as in `generate`."""
    return generate(world, text, frames=1, size=size, **options)


def animate(
    world: World, picture: np.ndarray, text: Text = "", *, frames: int = 32, actions: np.ndarray | None = None,
    **options: Unpack[Options],
) -> Clip:  # fmt: skip
    """Let a picture u8 (H, W, 3) move: clips of `frames` frames, of which it is the first.

    Actions are f32 (frames - 1, A), or (B, frames - 1, A). The rest is as in `generate`.
    """
    if not isinstance(picture, np.ndarray) or picture.ndim != 3:
        got = picture.shape if isinstance(picture, np.ndarray) else type(picture).__name__
        raise VerbError(f"a picture must be (H, W, 3) uint8, got {got}")
    more = whole("frames", frames, 2) - 1
    return extend(world, picture[None, None], text, frames=more, actions=actions, **options)


def extend(
    world: World, clip: Clip | np.ndarray, text: Text = "", *, frames: int = 32,
    direction: Literal["forward", "backward"] = "forward", actions: np.ndarray | None = None,
    **options: Unpack[Options],
) -> Clip:  # fmt: skip
    """The given clip with new frames after it, or before it.

    Args:
        clip: a `Clip`, whose actions count, or frames u8 (B, T, H, W, 3) alone. One is repeated for several seeds.
        text: for the new frames; the rows of `Prompt`s count from the first frame of the clip that comes out.
        frames: how many new ones.
        direction: where they go.
        actions: f32 (frames, A) or (B, frames, A) of the new frames.
        world, options: as in `generate`, and so are the errors.
    """
    if direction not in ("forward", "backward"):
        raise VerbError(f'direction must be "forward" or "backward", got {direction!r}')
    start = given(world, clip, options)
    wish = request(world, options, start.clip.frames.shape[2:4], start.clip.rows)
    more = whole("frames", frames)
    led = wish.actions(actions, more)
    if direction == "backward":
        return making.before(wish, start, wish.timelines(text, 0, more), more, led)
    begin = start.clip.length
    return join(start.clip, making.play(wish, start, wish.timelines(text, begin, begin + more), more, led))


def loop(
    world: World, clip: Clip | np.ndarray | None = None, text: Text = "", *, frames: int = 32,
    size: tuple[int, int] | None = None, actions: np.ndarray | None = None, **options: Unpack[Options],
) -> Clip:  # fmt: skip
    """A clip without end: its first frame follows its last.

    Without a given clip, `frames` frames from noise are painted on a ring, and action 0 leads from the last to the
    first. A given clip gets `frames` new ones, which lead from its end back to its beginning; what then leads into its
    first frame is imagined. Arguments and errors as in `extend`; `size` is for loops from noise.
    """
    more = whole("frames", frames, 2)
    if clip is not None:
        start = given(world, clip, options)
        wish = request(world, options, start.clip.frames.shape[2:4], start.clip.rows)
        begin, led = start.clip.length, wish.actions(actions, more)
        new, again = making.bridge(wish, start, start, wish.timelines(text, begin, begin + more), more, led)
        return join(replace(start.clip, actions=again.actions), new)
    wish = request(world, options, size)
    return making.ring(wish, wish.timelines(text, 0, more), more, wish.actions(actions, more))


def connect(
    world: World, first: Clip | np.ndarray, second: Clip | np.ndarray, text: Text = "", *, frames: int = 16,
    actions: np.ndarray | None = None, **options: Unpack[Options],
) -> Clip:  # fmt: skip
    """One clip of two: the first, `frames` new frames that lead over, the second.

    What leads into the first frame of the second is imagined. The rest is as in `extend`.
    """
    one, two = given(world, first, options, "first"), given(world, second, options, "second")
    shapes = [part.clip.frames.shape for part in (one, two)]
    if shapes[0][2:] != shapes[1][2:] or shapes[0][0] != shapes[1][0]:
        raise VerbError(f"clips to connect must have frames of one size, and as many rows, got {shapes}")
    wish = request(world, options, shapes[0][2:4], one.clip.rows)
    more, begin = whole("frames", frames), one.clip.length
    led = wish.actions(actions, more)
    return join(one.clip, *making.bridge(wish, one, two, wish.timelines(text, begin, begin + more), more, led))


def fill(
    world: World, clip: Clip | np.ndarray, missing: np.ndarray, text: Text = "", *, actions: np.ndarray | None = None,
    **options: Unpack[Options],
) -> Clip:  # fmt: skip
    """The clip with the frames drawn anew that `missing`, bool (T,) or (B, T), marks; all others stay.

    The text is for the whole clip. So are actions, f32 (T, A) or (B, T, A), of which those of missing frames count;
    frames that stay keep theirs. The rest is as in `extend`.
    """
    start = given(world, clip, options)
    rows, length = start.clip.frames.shape[:2]
    missing = np.asarray(missing)
    if missing.shape not in ((length,), (rows, length)) or missing.dtype != np.bool_:
        raise VerbError(f"missing must be ({length},) or ({rows}, {length}) bool, got {missing.shape} {missing.dtype}")
    gone = np.broadcast_to(missing, (rows, length))
    if not gone.any() or gone.all(axis=1).any():
        raise VerbError("missing must mark some frames, and leave one at least in each row; `generate` makes them all")
    wish = request(world, options, start.clip.frames.shape[2:4], rows)
    line = wish.timelines(text, 0, length) if text else of_clip(start.clip)
    return making.refill(wish, start, line, gone, wish.actions(actions, length))


def edit(
    world: World, clip: Clip | np.ndarray, text: Text, *, strength: float = 0.6, push: float = 1.0,
    **options: Unpack[Options],
) -> Clip:  # fmt: skip
    """The clip drawn anew under a new text, from where it is hidden by noise of level `strength` (SDEdit, arXiv
    2108.01073): near 0 only the push changes it, at 1 nothing but the actions is left.

    Before that its frames are pushed to where the text differs from the clip's own prompts (or from none) for a frame
    as such, `push` times as far: light and weather change while everything keeps its place. 0 leaves them as they are.
    The rest is as in `extend`.
    """
    if not isinstance(push, int | float) or not 0 <= push <= 100:
        raise VerbError(f"push must be a number in [0, 100], got {push!r}")
    start = given(world, clip, options)
    wish = request(world, options, start.clip.frames.shape[2:4], start.clip.rows)
    return making.redraw(wish, start, wish.timelines(text, 0, start.clip.length), _checked(strength), float(push))


def enhance(
    world: World, clip: Clip | np.ndarray, text: Text = "", *, strength: float = 0.25,
    size: tuple[int, int] | None = None, **options: Unpack[Options],
) -> Clip:  # fmt: skip
    """The clip as the model would have shown it: noise and smear go, as far as `strength` reaches.

    With a size, the frames are brought to it first, so that a small clip becomes a large one. The rest is as in `edit`.
    """
    if size is not None:
        clip = _resized(world, clip, size)
    start = given(world, clip, options)
    wish = request(world, options, start.clip.frames.shape[2:4], start.clip.rows)
    line = wish.timelines(text, 0, start.clip.length) if text else of_clip(start.clip)
    return making.redraw(wish, start, line, _checked(strength))


def caption(
    world: World, clip: Clip | np.ndarray, *, detail: Literal["short", "detailed"] = "short",
    language: Language | None = None,
) -> Timelines:  # fmt: skip
    """What clips show, in words: a timeline of `Prompt`s for each row, one for each 16 frames, as the verbs take text.

    Args:
        world: whose tokenizer reads the frames.
        clip: a `Clip`, or frames u8 (B, T, H, W, 3) alone.
        detail: "short" tells the scene, "detailed" also what is in it and what the player does.
        language: the captioner, of `load_language`; by default that of the checkpoint which the world came from.

    Raises:
        VerbError, ClipError: frames that cannot be read, or no captioner to be found.
        CheckpointError: the checkpoint has none.
    """
    if detail not in ("short", "detailed"):
        raise VerbError(f'detail must be "short" or "detailed", got {detail!r}')
    frames = clip.frames if isinstance(clip, Clip) else clip
    check_frames(frames)
    if language is None:
        if world.checkpoint is None:
            raise VerbError("this World was not loaded from a checkpoint, where a captioner would lie; give a language")
        language = load_language(world.checkpoint, world.tokenizer)
    matcher = Matcher(world.tokenizer, language)
    return [matcher.describe(row, detail)[0] for row in frames]


def _checked(strength: float) -> float:
    if not isinstance(strength, int | float) or not 0 < strength <= 1:
        raise VerbError(f"strength must be in (0, 1], got {strength!r}")
    return float(strength)


def _resized(world: World, clip: Clip | np.ndarray, size: tuple[int, int]) -> Clip | np.ndarray:
    """The clip with frames of another size, smoothly interpolated."""
    frames = clip.frames if isinstance(clip, Clip) else clip
    pixels = pixels_to_unit(frames)  # (B, T, 3, H, W)
    goal = fitting_size(world, size)
    flat = F.interpolate(pixels.flatten(0, 1), goal, mode="bicubic", antialias=True)
    frames = pixels_from_unit(flat.unflatten(0, pixels.shape[:2]))
    return replace(clip, frames=frames) if isinstance(clip, Clip) else frames

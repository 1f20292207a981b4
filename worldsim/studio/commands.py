"""The commands generate, image, animate, extend, loop, connect, fill, edit and enhance: options, and what they do.

Nothing is written before all of it is made, so Ctrl-C leaves no half film.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from tyro.conf import Positional, arg

from worldsim.clip import Clip
from worldsim.sampling import verbs
from worldsim.sampling.sizes import read_size
from worldsim.sampling.timelines import VerbError
from worldsim.sampling.world import World
from worldsim.studio.inputs import read_actions, read_frames, read_picture
from worldsim.studio.outputs import progress, write
from worldsim.studio.prompts import Worded, read_language, read_prompt

__all__ = [
    "Animate", "Connect", "Edit", "Enhance", "Extend", "Fill", "Generate", "Image", "Loop", "animate", "connect",
    "edit", "enhance", "extend", "fill", "generate", "image", "loop",
]  # fmt: skip

FILES = {  # what those want who give a file to a verb of texts
    "generate": "; worldsim extend goes on from a film, worldsim animate from a picture",
    "image": "; worldsim animate goes on from a picture",
    "loop": "; give a film to close to a loop by --clip",
}

Words = Annotated[str, Positional, arg(metavar="TEXT")]
Film = Annotated[Path, Positional, arg(metavar="FILM")]
Picture = Annotated[Path, Positional, arg(metavar="PICTURE")]


@dataclass(frozen=True, kw_only=True)
class _Verb:
    """What all verbs take."""

    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    seeds: tuple[int, ...] = ()
    """A clip for each; the same seed gives the same clip. By default 0, or 0, 1, … for the clips of a given file."""
    passes: int | None = None
    """Denoising passes; by default 8 a frame, 16 where all frames see each other."""
    guidance: float | None = None
    """How strongly the text pulls; 1 is as learned, above 1 exaggerates and doubles the passes. By default as the
    checkpoint's card says for first frames and changes of prompt, else 1."""
    action_guidance: float = 1.0
    """The same for the actions."""
    best_of: int = 1
    """Tries for each seed, of which the matcher keeps the one that fits the text best; it says what it found."""
    expand: bool = False
    """Add to the text what recorded captions say of a moment like it; the longer text is shown first."""
    expander: str = ""
    """A language model of yours to expand the text with: "module:function", or a command that reads the text and prints
    a longer one, which is used if it keeps every word."""
    captioner: Path | None = None
    """The language.safetensors to match and expand with; the checkpoint's own by default."""
    device: str = "cpu"
    """Where the networks run."""
    out: Path = Path("out/clip.mp4")
    """The film; a contact sheet (.png) and the clip to the byte (.safetensors) go beside it."""

    def __post_init__(self) -> None:
        if self.out.suffix not in ("", ".mp4", ".png", ".safetensors"):
            raise ValueError(f"--out must end in .mp4 for films or .png for pictures, got {str(self.out)!r}")


@dataclass(frozen=True, kw_only=True)
class Generate(_Verb):
    """A film from a text, from actions, from both or from neither."""

    text: Words = ""
    """What is to be seen, or "A TEXT | 32: ANOTHER FROM FRAME 32 ON"."""
    frames: int = 64
    """How many; the shipped world shows 10 a second."""
    size: str = ""
    """HEIGHTxWIDTH in pixels, as 96x160; the checkpoint's own by default."""
    actions: str = ""
    """What the player does, over and over: "forward*12 turn_left*4"; "0.5,1*12", all values of an action, where actions
    have no names; or a .npy file of the env's own actions. Without it the model acts by itself."""
    out: Path = Path("out/generate.mp4")
    """The film; a contact sheet (.png) and the clip to the byte (.safetensors) go beside it."""


@dataclass(frozen=True, kw_only=True)
class Image(_Verb):
    """A picture from a text."""

    text: Words = ""
    """What is to be seen."""
    size: str = ""
    """HEIGHTxWIDTH in pixels, as 96x160; the checkpoint's own by default."""
    out: Path = Path("out/image.png")
    """The picture; for several seeds each name ends in its seed."""


@dataclass(frozen=True, kw_only=True)
class Animate(_Verb):
    """Let a picture move: it is the first frame of the film."""

    picture: Picture
    """A png or any other picture."""
    text: Words = ""
    """What is to be seen."""
    frames: int = 32
    """Frames of the film, the picture among them."""
    size: str = ""
    """Size to bring the picture to."""
    actions: str = ""
    """What the player does: "forward*12 turn_left*4"; without it the model acts by itself."""
    out: Path = Path("out/animate.mp4")
    """The film; a contact sheet (.png) and the clip to the byte (.safetensors) go beside it."""


@dataclass(frozen=True, kw_only=True)
class Extend(_Verb):
    """Go on from a film, or show what was before it."""

    clip: Film
    """An mp4, or the .safetensors of an earlier verb, which holds its actions too."""
    text: Words = ""
    """What is to be seen in the new frames."""
    frames: int = 32
    """How many new ones."""
    backward: bool = False
    """New frames before the film instead of after it."""
    size: str = ""
    """Size to bring the film to."""
    actions: str = ""
    """What the player does in the new frames; without it the model acts by itself."""
    out: Path = Path("out/extend.mp4")
    """The film; a contact sheet (.png) and the clip to the byte (.safetensors) go beside it."""


@dataclass(frozen=True, kw_only=True)
class Loop(_Verb):
    """A film without end: from noise, or a given film with frames that lead from its end to its beginning."""

    text: Words = ""
    """What is to be seen."""
    clip: Path | None = None
    """A film to close to a loop."""
    frames: int = 32
    """Frames of the loop; with --clip, new ones."""
    size: str = ""
    """HEIGHTxWIDTH in pixels, as 96x160."""
    actions: str = ""
    """What the player does: "forward*12 turn_left*4"; with --clip, in the new frames."""
    out: Path = Path("out/loop.mp4")
    """The film; a contact sheet (.png) and the clip to the byte (.safetensors) go beside it."""


@dataclass(frozen=True, kw_only=True)
class Connect(_Verb):
    """Two films as one, with frames that lead from one to the other."""

    first: Film
    """An mp4, or the .safetensors of an earlier verb."""
    second: Film
    """Another."""
    text: Words = ""
    """What is to be seen between."""
    frames: int = 16
    """How many between."""
    size: str = ""
    """Size to bring both to."""
    actions: str = ""
    """What the player does between: "forward*12 turn_left*4"."""
    out: Path = Path("out/connect.mp4")
    """The film; a contact sheet (.png) and the clip to the byte (.safetensors) go beside it."""


@dataclass(frozen=True, kw_only=True)
class Fill(_Verb):
    """Make some frames of a film anew, so that they fit the others."""

    clip: Film
    """An mp4, or the .safetensors of an earlier verb."""
    text: Words = ""
    """What is to be seen."""
    start: int = 0
    """The first frame to make anew."""
    stop: int = 0
    """The frame after the last one to make anew."""
    every: int = 0
    """Instead: keep every so manyth frame, and make those between anew."""
    size: str = ""
    """Size to bring the film to."""
    actions: str = ""
    """What the player does in the frames made anew, one after another: "forward*12 turn_left*4"."""
    out: Path = Path("out/fill.mp4")
    """The film; a contact sheet (.png) and the clip to the byte (.safetensors) go beside it."""


@dataclass(frozen=True, kw_only=True)
class Edit(_Verb):
    """A film as it would be under another text."""

    clip: Film
    """An mp4, or the .safetensors of an earlier verb."""
    text: Words
    """What is to be seen."""
    strength: float = 0.6
    """0 … 1: how much may change."""
    push: float = 1.0
    """How far light and weather are first moved to what the text says; 0 leaves them to the strength."""
    size: str = ""
    """Size to bring the film to."""
    out: Path = Path("out/edit.mp4")
    """The film; a contact sheet (.png) and the clip to the byte (.safetensors) go beside it."""


@dataclass(frozen=True, kw_only=True)
class Enhance(_Verb):
    """A film without its noise and smear, and larger if so wished."""

    clip: Film
    """An mp4, or the .safetensors of an earlier verb."""
    text: Words = ""
    """What is to be seen."""
    strength: float = 0.25
    """0 … 1: how much may change."""
    size: str = ""
    """Size to bring the film to first."""
    out: Path = Path("out/enhance.mp4")
    """The film; a contact sheet (.png) and the clip to the byte (.safetensors) go beside it."""


def generate(options: Generate) -> list[Path]:
    """`worldsim generate`. Raises `VerbError`, `PromptError`, `CheckpointError`, as the others do."""
    with _making(options, "generate") as (world, make):
        actions = read_actions(options.actions, world.card.action_spec, options.frames)
        clip = make(verbs.generate, frames=options.frames, size=read_size(options.size), actions=actions)
    return _written(options, clip, world)


def image(options: Image) -> list[Path]:
    """`worldsim image`."""
    with _making(options, "image") as (world, make):
        clip = make(verbs.image, size=read_size(options.size))
    return _written(options, clip, world)


def animate(options: Animate) -> list[Path]:
    """`worldsim animate`. Raises also `VideoError`."""
    with _making(options, "animate") as (world, make):
        actions = read_actions(options.actions, world.card.action_spec, options.frames - 1)
        picture = read_picture(options.picture, world, read_size(options.size))
        clip = make(verbs.animate, picture, frames=options.frames, actions=actions, given=1)
    return _written(options, clip, world)


def extend(options: Extend) -> list[Path]:
    """`worldsim extend`. Raises also `VideoError`, `ClipError`, as all that read films do."""
    with _making(options, "extend") as (world, make):
        actions = read_actions(options.actions, world.card.action_spec, options.frames)
        start = read_frames(options.clip, world, read_size(options.size))
        direction, known = ("backward", 0) if options.backward else ("forward", _length(start))
        clip = make(verbs.extend, start, frames=options.frames, actions=actions, direction=direction, given=known)
    return _written(options, clip, world)


def loop(options: Loop) -> list[Path]:
    """`worldsim loop`."""
    with _making(options, "loop") as (world, make):
        size = read_size(options.size)
        actions = read_actions(options.actions, world.card.action_spec, options.frames)
        start = None if options.clip is None else read_frames(options.clip, world, size)
        known = 0 if start is None else _length(start)
        clip = make(verbs.loop, start, frames=options.frames, size=size, actions=actions, given=known)
    return _written(options, clip, world)


def connect(options: Connect) -> list[Path]:
    """`worldsim connect`."""
    with _making(options, "connect") as (world, make):
        size = read_size(options.size)
        actions = read_actions(options.actions, world.card.action_spec, options.frames)
        one, two = (read_frames(path, world, size) for path in (options.first, options.second))
        clip = make(verbs.connect, one, two, frames=options.frames, actions=actions, given=_length(one))
    return _written(options, clip, world)


def fill(options: Fill) -> list[Path]:
    """`worldsim fill`."""
    with _making(options, "fill") as (world, make):
        start = read_frames(options.clip, world, read_size(options.size))
        length = _length(start)
        rows = np.arange(length)
        missing = (rows % options.every != 0) if options.every else (rows >= options.start) & (rows < options.stop)
        if not missing.any() or missing.all():
            raise VerbError(
                f"say which of the {length} frames to make anew: --start {length // 3} --stop {2 * length // 3}, or "
                f"--every 4 to keep every fourth; got --start {options.start} --stop {options.stop} "
                f"--every {options.every}"
            )
        script = read_actions(options.actions, world.card.action_spec, int(missing.sum()))
        actions = None
        if script is not None:
            actions = np.zeros((length, script.shape[1]), np.float32)
            actions[missing] = script
        clip = make(verbs.fill, start, missing, actions=actions)
    return _written(options, clip, world)


def edit(options: Edit) -> list[Path]:
    """`worldsim edit`."""
    with _making(options, "edit") as (world, make):
        start = read_frames(options.clip, world, read_size(options.size))
        clip = make(verbs.edit, start, strength=options.strength, push=options.push)
    return _written(options, clip, world)


def enhance(options: Enhance) -> list[Path]:
    """`worldsim enhance`."""
    with _making(options, "enhance") as (world, make):
        start, size = read_frames(options.clip, world, None), read_size(options.size)
        clip = make(verbs.enhance, start, strength=options.strength, size=size)
    return _written(options, clip, world)


@contextmanager
def _making(options: Worded, name: str) -> Iterator[tuple[World, Callable[..., Clip]]]:
    """The world, and what makes a verb's clip as the options say, with a progress bar.

    What it makes is called with a verb and what the verb takes between the world and the text; the rest by keyword,
    and `given`: how many frames at the beginning are no new ones.
    """
    if _names_a_file(options.text):
        raise VerbError(f"a text says what is to be seen, and {options.text!r} is a file{FILES.get(name, '')}")
    world = World.from_pretrained(options.checkpoint, device=options.device)
    learned = options.best_of != 1 or (options.expand and not options.expander)  # who asks for the captioner's network
    language = read_language(options, world) if learned else None
    text = read_prompt(options, world, language)
    with progress(name) as watch:

        def make(verb: Callable[..., Clip], *before: Any, given: int = 0, **more: Any) -> Clip:
            done, seeds = count(), options.seeds or tuple(range(max(map(_rows, before), default=1)))

            def tried(seeds: Sequence[int]) -> Clip:
                return verb(
                    world, *before, text, seeds=seeds, passes=options.passes, guidance=options.guidance,
                    action_guidance=options.action_guidance,
                    watch=partial(watch, done=next(done), tries=options.best_of), **more,
                )  # fmt: skip

            if language is None or options.best_of == 1:
                return tried(seeds)
            matcher = verbs.Matcher(world.tokenizer, language)
            choice = verbs.best_of(options.best_of, tried, matcher, text, seeds, given)
            print(choice)
            return choice.clip

        yield world, make


def _length(start: Clip | np.ndarray) -> int:
    return start.length if isinstance(start, Clip) else start.shape[1]


def _rows(given: object) -> int:
    """The clips of what a verb is given: each wants a seed."""
    return given.rows if isinstance(given, Clip) else 1


def _names_a_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a name, or with signs that no name has
        return False


def _written(options: _Verb, clip: Clip, world: World) -> list[Path]:
    files = write(options.out, clip, world.card.action_spec, options.seeds or range(clip.rows))
    print("written:", ", ".join(map(str, files)))
    return files

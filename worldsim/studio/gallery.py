"""`worldsim gallery`: a page that shows every verb: what was given, what came out, prompt, seed and a figure of it.

All that it says is measured on the very clip that it shows, and nothing is chosen by what comes out: the stored starts
with most to see, the seeds as they come.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from worldsim.clip import Clip, Prompt
from worldsim.fidelity.probes.pixels import psnr, squared_error
from worldsim.fidelity.probes.verbs import neighbours
from worldsim.files import replacing_file
from worldsim.sampling import verbs
from worldsim.sampling.timelines import VerbError, prompts_at
from worldsim.sampling.world import World
from worldsim.studio.outputs import chosen_frames, headings, progress
from worldsim.video import BACKGROUND, contact_sheet, write_png

__all__ = ["EXHIBITS", "Gallery", "beside", "by_view", "gallery"]

SMEAR = 24.0  # grey levels of the noise that `enhance` has to take away


@dataclass(frozen=True)
class Gallery:
    """Make a page that shows every verb of a checkpoint."""

    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    seed: int = 1
    """Of every clip."""
    out: Path = Path("docs/gallery.md")
    """The page; its pictures go into images/gallery beside it."""


@dataclass(frozen=True)
class Shown:
    """One exhibit, all of it clips of one row.

    Attributes:
        call: what was called.
        made: what came out.
        given: inputs by name.
        figure: what was measured, in a sentence.
        begins: the frame of `made` that a given clip begins at, by its name; 0 where it is not named.
        columns: what stands above the frames that are shown, in place of their numbers and actions.
    """

    call: str
    made: Clip
    given: dict[str, Clip]
    figure: str
    begins: dict[str, int] = field(default_factory=dict)
    columns: tuple[str, ...] = ()


Make = Callable[[World, Clip, verbs.Options], Shown]


def gallery(options: Gallery) -> list[Path]:
    """Make the page and its pictures; nothing is written before all of it is made.

    Raises:
        CheckpointError: no such checkpoint.
        VerbError: it has no stored starts to show verbs on.
    """
    world = World.from_pretrained(options.checkpoint)
    if world.starts is None or world.starts.rows < 2:
        raise VerbError(f"checkpoint {world.card.name!r} has no stored starts to begin from; train it with some")
    starts, shown = by_view(world.starts), {}
    for name, (_, make) in EXHIBITS.items():
        with progress(f"gallery: {name}") as watch:
            shown[name] = make(world, starts, {"seeds": options.seed, "watch": watch})
    folder = options.out.parent / "images" / "gallery"
    files = [write_png(folder / f"{_slug(name)}.png", _picture(world, one)) for name, one in shown.items()]
    with replacing_file(options.out) as page:
        page.write_text(_page(options, world, shown))
    print("written:", ", ".join(map(str, [options.out, *files])))
    return [options.out, *files]


# -- exhibits --------------------------------------------------------------------------------------------------------


def _generate(world: World, starts: Clip, more: verbs.Options) -> Shown:
    made = verbs.generate(world, "a forest at noon", frames=48, **more)
    return Shown('generate(world, "a forest at noon", frames=48)', made, {}, _motion(made, starts))


def _wide(world: World, starts: Clip, more: verbs.Options) -> Shown:
    made = verbs.generate(world, "a desert in the morning", frames=24, size=(96, 160), **more)
    return Shown(
        'generate(world, "a desert in the morning", frames=24, size=(96, 160))', made, {}, _motion(made, starts)
    )


def _obeyed(world: World, starts: Clip, more: verbs.Options) -> Shown:
    spec = world.card.action_spec
    names = list(spec.meanings)
    wanted = [names.index(name) if name in names else 0 for name in ("forward", "turn_left", "turn_right")]
    actions = np.stack([spec.encode(number) for number in wanted for _ in range(12)])
    given = _start(starts, 0)
    made = verbs.extend(world, given, frames=36, actions=actions, **more)
    return Shown("extend(world, clip, frames=36, actions=…)", made, {"given": given}, _seam(made, given, True))


def _timeline(world: World, starts: Clip, more: verbs.Options) -> Shown:
    text = [Prompt("grassy plains at noon", 0, 24), Prompt("grassy plains at midnight", 24)]
    made = verbs.generate(world, text, frames=48, **more)
    day, night = (float(made.frames[0, part].mean()) for part in (slice(12, 24), slice(36, 48)))
    figure = f"Mean grey level {day:.0f} in frames 12 … 23, {night:.0f} in frames 36 … 47."
    return Shown("generate(world, [Prompt(…, 0, 24), Prompt(…, 24)], frames=48)", made, {}, figure)


def _image(world: World, starts: Clip, more: verbs.Options) -> Shown:
    made = verbs.image(world, "a snowy field in the evening", **{**more, "seeds": range(1, 9)})
    frames = made.frames.swapaxes(0, 1)  # beside each other, as if they were frames
    apart = [float(neighbours(frames[0, [a, b]])[0]) for a in range(8) for b in range(a)]
    figure = f"Seeds 1 … 8; any two are {np.mean(apart):.0f} grey levels apart (root mean square)."
    return Shown(
        'image(world, "a snowy field in the evening", seeds=[1, …, 8])',
        _still(made.take(np.array([0])), frames),
        {},
        figure,
        columns=tuple(f"seed {seed}" for seed in range(1, 9)),
    )


def _animate(world: World, starts: Clip, more: verbs.Options) -> Shown:
    given = _start(starts, 1).slice(0, 1)
    made = verbs.animate(world, given.frames[0, 0], _text(given), frames=32, **more)
    return Shown("animate(world, picture, text, frames=32)", made, {"given": given}, _motion(made, starts))


def _forward(world: World, starts: Clip, more: verbs.Options) -> Shown:
    given = _start(starts, 2)
    made = verbs.extend(world, given, _text(given), frames=32, **more)
    return Shown("extend(world, clip, text, frames=32)", made, {"given": given}, _seam(made, given, True))


def _backward(world: World, starts: Clip, more: verbs.Options) -> Shown:
    given = _start(starts, 2)
    made = verbs.extend(world, given, _text(given), frames=32, direction="backward", **more)
    call = 'extend(world, clip, text, frames=32, direction="backward")'
    begins = {"given": made.length - given.length}
    return Shown(call, made, {"given": given}, _seam(made, given, False), begins)


def _loop(world: World, starts: Clip, more: verbs.Options) -> Shown:
    made = verbs.loop(world, text="grassy plains at noon", frames=32, **more)
    seam = neighbours(made.frames[0, [-1, 0]])[0] / np.median(neighbours(made.frames[0]))
    figure = f"The seam is {seam:.2f} times the median step. {_motion(made, starts)}"
    return Shown('loop(world, text="grassy plains at noon", frames=32)', made, {}, figure)


def _connect(world: World, starts: Clip, more: verbs.Options) -> Shown:
    one, two = _start(starts, 0), _start(starts, 1)
    made = verbs.connect(world, one, two, frames=16, **more)
    given, begins = {"first": one, "second": two}, {"second": made.length - two.length}
    return Shown("connect(world, first, second, frames=16)", made, given, _jump(made, starts), begins)


def _fill(world: World, starts: Clip, more: verbs.Options) -> Shown:
    given = _start(starts, 3)
    missing = np.arange(given.length) % 4 != 0
    made = verbs.fill(world, given, missing, **more)
    holes = replace(given, frames=np.where(missing[None, :, None, None, None], 128, given.frames).astype(np.uint8))
    close = float(psnr(squared_error(made.frames[0, missing], given.frames[0, missing])).mean())
    figure = f"Every fourth frame is kept; those between are {close:.1f} dB from the true ones."
    return Shown("fill(world, clip, missing)", made, {"given": holes}, figure)


def _edit(world: World, starts: Clip, more: verbs.Options) -> Shown:
    given = _start(starts, 0)
    made = verbs.edit(world, given, "a desert at midnight", strength=0.7, **more)
    light = [float(one.frames.mean()) for one in (given, made)]
    figure = f"Mean grey level {light[0]:.0f} before, {light[1]:.0f} after."
    return Shown('edit(world, clip, "a desert at midnight", strength=0.7)', made, {"given": given}, figure)


def _enhance(world: World, starts: Clip, more: verbs.Options) -> Shown:
    true = _start(starts, 3)
    noise = np.random.default_rng(0).normal(0, SMEAR, true.frames.shape)
    bad = replace(true, frames=(true.frames + noise).round().clip(0, 255).astype(np.uint8))
    made = verbs.enhance(world, bad, **more)
    before, after = (float(psnr(squared_error(one.frames, true.frames)).mean()) for one in (bad, made))
    figure = f"Noise of {SMEAR:.0f} grey levels was added: {before:.1f} dB from truth before, {after:.1f} dB after."
    return Shown("enhance(world, clip)", made, {"given": bad}, figure)


EXHIBITS: dict[str, tuple[str, Make]] = {  # title -> what is to be seen, and who makes it
    "Generate": ("A film from a text alone. Nobody gives actions: the model acts by itself.", _generate),
    "Generate in another size": ("The same weights, 96×160.", _wide),
    "Actions obeyed": ("Forward, a turn to the left, a turn to the right, twelve frames each.", _obeyed),
    "A timeline of prompts": ("Noon for 24 frames, then midnight.", _timeline),
    "Image": ("Pictures from one text, a seed each.", _image),
    "Animate": ("The first frame is given.", _animate),
    "Extend forwards": ("The first frames are given, to the byte.", _forward),
    "Extend backwards": ("The last frames are given, to the byte.", _backward),
    "Loop": ("The first frame follows the last.", _loop),
    "Connect": ("Both ends are given; they are of different worlds.", _connect),
    "Fill": ("Every fourth frame is given.", _fill),
    "Edit": ("The same clip under another text.", _edit),
    "Enhance": ("A true clip with noise, and what the model makes of it.", _enhance),
}


# -- figures and the page --------------------------------------------------------------------------------------------


def by_view(starts: Clip) -> Clip:
    """Starts in another order: first those whose last frame has most edges. At a wall little can be seen of a verb."""
    last = starts.frames[:, -1].astype(float).mean(-1)
    edges = sum(np.abs(np.diff(last, axis=axis)).mean((1, 2)) for axis in (1, 2))
    return starts.take(np.argsort(-edges, kind="stable"))


def _start(starts: Clip, row: int) -> Clip:
    return starts.take(np.array([row % starts.rows]))


def _text(clip: Clip) -> str:
    return prompts_at(clip.text, 0)[0] if clip.text else ""


def _still(clip: Clip, frames: np.ndarray) -> Clip:
    """A clip of other frames u8 (1, T, H, W, 3), the rest repeated."""
    count = frames.shape[1]
    more = {name: np.repeat(array, count, 1) for name, array in clip._arrays().items()}
    return replace(clip, **{**more, "frames": frames}, text=[[Prompt(_text(clip))]])


def _motion(made: Clip, starts: Clip) -> str:
    share = neighbours(made.frames).mean() / neighbours(starts.frames).mean()
    return f"It moves {share:.2f} times as much as the true starts do."


def _seam(made: Clip, given: Clip, after: bool) -> str:
    place = given.length if after else made.length - given.length
    ratio = neighbours(made.frames[0, place - 1 : place + 1])[0] / np.median(neighbours(given.frames[0]))
    return f"The seam is {ratio:.2f} times the median step of the given frames."


def _jump(made: Clip, starts: Clip) -> str:
    ratio = neighbours(made.frames).max() / neighbours(starts.frames).max(1).mean()
    return f"The largest step is {ratio:.2f} times the largest of true starts, on average."


def _picture(world: World, shown: Shown) -> np.ndarray:
    """What was given above what came out, each frame below its number and action."""
    chosen = np.array(chosen_frames(shown.made.length))
    scale = max(1, 96 // shown.made.frames.shape[2])
    strips = [beside(clip, chosen - shown.begins.get(name, 0)) for name, clip in shown.given.items()]
    columns = shown.columns or headings(shown.made, world.card.action_spec, chosen.tolist(), scale)
    made = shown.made.frames[0, chosen]
    return contact_sheet([*strips, made], [*shown.given, "made"], columns, scale=scale)


def beside(clip: Clip, rows: np.ndarray) -> np.ndarray:
    """The frames of a clip at such rows, and nothing where it has none."""
    there = (rows >= 0) & (rows < clip.length)
    frames = clip.frames[0, np.where(there, rows, 0)]
    return np.where(there[:, None, None, None], frames, BACKGROUND).astype(np.uint8)


def _page(options: Gallery, world: World, shown: dict[str, Shown]) -> str:
    card = world.card
    lines = [
        "# Gallery", "",
        f"Every verb of [docs/verbs.md](verbs.md) on the weights of `{card.name}`, by one command; nothing is chosen "
        "by what comes out:",
        "", f"```sh\nworldsim gallery --checkpoint {options.checkpoint} --seed {options.seed}\n```", "",
        "Given clips are true ones that ship with the weights, those with most to see first. The words above the "
        "frames are actions: given ones, or those that the model imagined. Blur, melting and standing still are the "
        "model's own.",
        "",
    ]  # fmt: skip
    for name, one in shown.items():
        told = " → ".join(dict.fromkeys(prompt.text for line in one.made.text for prompt in line)) or "(none)"
        lines += [
            f"## {name}", "", f"{EXHIBITS[name][0]} {one.figure}", "",
            f"`verbs.{one.call}` · prompt: {told} · seed {options.seed}", "",
            f"![{name}](images/gallery/{_slug(name)}.png)", "",
        ]  # fmt: skip
    return "\n".join(lines)


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")

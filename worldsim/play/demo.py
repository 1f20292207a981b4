"""`worldsim demo`: a learned world beside the true one, from the same few frames on, under the same actions.

Writes a film and a film strip, truth above and learned below; needs neither display nor GPU. At a terminal with a
display it then opens the window. The worlds are new ones: a recording meets a given seed once in 2³¹ episodes.
"""

from __future__ import annotations

import copy
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from worldsim.actions import ActionSpec
from worldsim.play.games import PlayError, TrueGame
from worldsim.play.recording import write_film
from worldsim.play.run import Play, play
from worldsim.sampling.denoise import Guidance
from worldsim.sampling.world import World
from worldsim.video import contact_sheet, write_png

__all__ = ["Beside", "Demo", "beside_the_truth", "demo", "scripted_actions"]

SEEDS = (2**30 + 93, 2**30 + 84, 2**30 + 86)  # a village, snowy hills, a desert's shore; chosen by true frames alone
WALK_IN = (("forward", 4), ("turn_right", 2), ("forward", 3))  # leads to the frames that both worlds begin with
SCRIPT = (  # action and steps, over and over
    ("forward", 8), ("turn_left", 6), ("noop", 2), ("turn_right", 6), ("forward+jump", 8), ("sprint", 6),
    ("look_up", 3), ("noop", 2), ("look_down", 3), ("forward+turn_right", 8), ("jump", 4), ("right", 5),
    ("turn_left", 12), ("forward", 12), ("look_down", 3), ("attack", 6), ("look_up", 3), ("back", 5),
    ("turn_right", 12), ("forward+turn_left", 6),
)  # fmt: skip
COLUMNS = 13  # frames of the film strip


@dataclass(frozen=True)
class Demo:
    """Roll the learned world out beside the true one, and film it."""

    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    seeds: tuple[int, ...] = SEEDS
    """The true worlds to begin in, one beside the other."""
    steps: int = 120
    """Steps of the script."""
    passes: int = 4
    """Denoising passes per frame, as in `worldsim play`."""
    temperature: float = 1.0
    """Size of the noise that frames begin as, as in `worldsim play`."""
    action_guidance: float = 1.3
    """How strongly actions pull, as in `worldsim play`."""
    out: Path = Path("out")
    """Folder for demo.mp4 and demo.png."""
    window: bool = True
    """Then open the window, where there is a display and the output is a terminal."""

    def __post_init__(self) -> None:
        if not self.seeds or min(self.seeds) < 0:
            raise PlayError(f"--seeds must be one or more numbers of at least 0, got {self.seeds}")
        if min(self.steps, self.passes) < 1:
            raise PlayError(f"--steps and --passes must be at least 1, got {self.steps} and {self.passes}")


@dataclass(frozen=True)
class Beside:
    """B worlds twice under the same actions.

    Attributes:
        truth, learned: u8 (B, T, H, W, 3); the first `given` frames of both are the true ones.
        given: frames that the learned world began with.
        actions: what each of the T frames came by, in words.
        speed: frames per second of the learned worlds, all B of them together.
    """

    truth: np.ndarray
    learned: np.ndarray
    given: int
    actions: tuple[str, ...]
    speed: float


def demo(options: Demo) -> list[Path]:
    """Roll out, write the film and the strip, say what to do next, and open the window if it can be.

    Raises:
        CheckpointError: no such checkpoint.
        PlayError: its true world cannot be made.
    """
    world = World.from_pretrained(
        options.checkpoint, rows=len(options.seeds), steps=options.passes, temperature=options.temperature,
        guidance=Guidance(actions=options.action_guidance),
    )  # fmt: skip
    both = beside_the_truth(world, options.seeds, options.steps)
    fps, name = world.card.fps, world.card.name
    files = [
        write_film(options.out / "demo.mp4", film(both), fps),
        write_png(options.out / "demo.png", strip(both, name)),
    ]
    print(
        f"{name}: {options.steps} steps of {len(options.seeds)} worlds at {both.speed:.1f} frames/s on the CPU, "
        f"{both.speed / len(options.seeds):.1f} in each; it was learned at {fps:g}\n"
        f"written: {files[0]} and {files[1]}, truth above, learned below\n\n{_next_steps(options.checkpoint)}"
    )
    if options.window:
        _open_window(options)
    return files


def beside_the_truth(world: World, seeds: tuple[int, ...], steps: int) -> Beside:
    """Begin in true worlds, let the learned world have the first frames, and go on in both under one script.

    Args:
        world: as many rows as seeds.
        seeds: of the true worlds.
        steps: after the given frames.

    Raises:
        PlayError: the true env cannot be made or has other actions.
    """
    spec = world.card.action_spec
    meanings, vectors = scripted_actions(spec, WALK_IN, None)
    given = 1 + len(vectors)
    told, script = scripted_actions(spec, SCRIPT, steps)
    vectors = np.concatenate([np.zeros((1, spec.width), np.float32), vectors, script])  # (T, A), row 0 is the reset
    truth = np.stack([_true_frames(world, seed, vectors[1:]) for seed in seeds])
    every = np.repeat(vectors[None], len(seeds), axis=0)
    world.reset(truth[:, :given], every[:, :given], seeds=list(seeds))
    begun = time.perf_counter()
    imagined = [world.imagine(every[:, t]).frames for t in range(given, given + steps)]
    speed = steps * len(seeds) / (time.perf_counter() - begun)
    learned = np.concatenate([truth[:, :given], np.stack(imagined, axis=1)], axis=1)
    return Beside(truth, learned, given, ("reset", *meanings, *told), speed)


def scripted_actions(
    spec: ActionSpec, script: tuple[tuple[str, int], ...], steps: int | None
) -> tuple[tuple[str, ...], np.ndarray]:
    """What a script does in `steps` steps (once through by default), in words and as vectors f32 (steps, A).

    A world that lacks an action of the script gets random ones of its own, each held as long as the script says.
    """
    counts = [count for _, count in script]
    if spec.table is not None and {name for name, _ in script} <= set(spec.meanings):
        names = [name for name, _ in script]
        chosen = [spec.table[spec.meanings.index(name)] for name in names]
    else:
        space = copy.deepcopy(spec.space)
        space.seed(0)
        actions = [space.sample() for _ in script]
        names, chosen = [str(action) for action in actions], [spec.encode(action) for action in actions]
    order = np.repeat(np.arange(len(script)), counts)
    order = order if steps is None else np.resize(order, steps)
    return tuple(names[i] for i in order), np.stack([chosen[i] for i in order])


def film(both: Beside) -> np.ndarray:
    """A captioned film u8 (T, H', W', 3), the worlds side by side."""
    pictures = []
    for t, action in enumerate(both.actions):
        step = t - both.given + 1
        title = f"{action}   step {step}" if step > 0 else f"{action}   given to both"
        rows = [both.truth[:, t], both.learned[:, t]]
        pictures.append(contact_sheet(rows, ("true", "learned"), title=title, scale=4))
    sides = [max(one.shape[axis] for one in pictures) for axis in (0, 1)]  # a long title widens its sheet
    height, width = (side + side % 2 for side in sides)  # as films need
    pads = [((0, height - one.shape[0]), (0, width - one.shape[1]), (0, 0)) for one in pictures]
    return np.stack([np.pad(one, pad, mode="edge") for one, pad in zip(pictures, pads, strict=True)])


def strip(both: Beside, name: str, scale: int = 2) -> np.ndarray:
    """The film as one picture u8 (H', W', 3): for each world the truth, and the learned world below it."""
    last = len(both.actions) - 1
    columns = np.unique(np.linspace(both.given - 1, last, min(COLUMNS, last - both.given + 2)).round().astype(int))
    rows = [one[columns] for pair in zip(both.truth, both.learned, strict=True) for one in pair]
    labels = ("true", "learned") * len(both.truth)
    steps = [f"step {t - both.given + 1}" if t >= both.given else "last given" for t in columns]
    title = f"{name}: {both.given} frames given, then the learned world goes on by itself under the same actions"
    return contact_sheet(rows, labels, steps, title, scale)


def _true_frames(world: World, seed: int, vectors: np.ndarray) -> np.ndarray:
    """What the true world of a seed shows from its reset on: u8 (1 + len(vectors), H, W, 3)."""
    card = world.card
    game = TrueGame.from_card(card)
    try:
        if game.info.actions.names != card.action_spec.names or game.info.size != card.size:
            raise PlayError(
                f"checkpoint {card.name!r} was learned from frames {card.size} and {card.action_spec.width} action "
                f"fields, {card.env['id']} now has {game.info.size} and {game.info.actions.width}; use the version it "
                "was made with"
            )
        return np.stack([game.reset(seed).frame, *(game.step(vector).frame for vector in vectors)])
    finally:
        game.close()


def _open_window(options: Demo) -> None:
    """Play on by hand, if somebody is there to do so; a window that cannot be opened is said, and is no error."""
    if not sys.stdout.isatty():  # a window would wait for ever for somebody to close it
        print(f"\nno window, as the output is not a terminal; `{_play_command(options.checkpoint)}` opens one")
        return
    how = Play(
        checkpoint=options.checkpoint, passes=options.passes, temperature=options.temperature,
        action_guidance=options.action_guidance, out=options.out,
    )  # fmt: skip
    try:
        play(how)
    except PlayError as error:
        print(f"\nno window: {error}")


def _play_command(checkpoint: str) -> str:
    return "worldsim play" + ("" if checkpoint == Demo.checkpoint else f" --checkpoint {checkpoint}")


def _next_steps(checkpoint: str) -> str:
    given = "" if checkpoint == Demo.checkpoint else f" --checkpoint {checkpoint}"
    make = "" if checkpoint == Demo.checkpoint else f", checkpoint={checkpoint!r}"
    return "\n".join([
        "what next:",
        f"  {_play_command(checkpoint)}                          play in it, by hand or --headless",
        f"  gymnasium.make('worldsim/Learned-v0'{make})   the learned world as an env; make_vec for many",
        f"  worldsim eval{given}                          how true it is, on held-out worlds",
        "  worldsim record --env ID --steps N --out DIR   then: worldsim train tokenizer, worldsim train dynamics",
    ])  # fmt: skip

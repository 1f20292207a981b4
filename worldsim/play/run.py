"""`worldsim play`: from a checkpoint or an env id to a session, in a window or headless."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from worldsim.play.games import Game, LearnedGame, PlayError, TrueGame
from worldsim.play.headless import play_headless
from worldsim.play.session import Session
from worldsim.sampling.denoise import Guidance
from worldsim.sampling.sizes import at_size, read_size
from worldsim.sampling.world import World

__all__ = ["Play", "play"]


@dataclass(frozen=True)
class Play:
    """Play in the learned world, or in the true one that it was learned from."""

    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    world: Literal["learned", "true"] = "learned"
    """Where to begin; Tab switches."""
    env: str = ""
    """Play this Gymnasium env alone, without any checkpoint; "module:id" for a module that registers it."""
    prompt: str = ""
    """What the learned world begins under."""
    auto: str | None = None
    """Let the learned world act by itself under this prompt, "" for none, and show what it does; F2 switches it."""
    size: str = ""
    """HEIGHTxWIDTH in pixels, as 96x160, in steps of 16; the checkpoint's own by default. At another size, episodes
    without a prompt begin with frames of the true world, drawn at that size."""
    seed: int = 0
    """Decides the first episode."""
    passes: int = 4
    """Denoising passes per frame of the learned world; fewer are faster, and paler."""
    temperature: float = 1.0
    """Size of the noise that its frames begin as: at 1 they show one of the things that may come, near 0 their mean."""
    action_guidance: float = 1.3
    """How strongly keys pull on it: above 1 it turns and walks further, and each pass takes two."""
    device: str = "cpu"
    """Where the model runs."""
    headless: bool = False
    """Open no window; a scripted player plays, or the world itself with --auto; OUT/play.mp4 and OUT/play.png show
    it."""
    steps: int = 200
    """How long the scripted player plays."""
    out: Path = Path("out")
    """Where films and recordings go."""

    def __post_init__(self) -> None:
        if read_size(self.size) and self.env:
            raise PlayError(f"--size is of a learned world, and --env {self.env} is played without one; leave it out")
        if self.auto is not None and (self.env or self.world == "true"):
            raise PlayError("--auto needs the learned world: the true one does not act by itself")
        if self.auto and self.prompt and self.auto != self.prompt:
            raise PlayError(f"give one prompt, got --auto {self.auto!r} and --prompt {self.prompt!r}")


def play(config: Play) -> list[Path]:
    """Play until the player quits; returns the files written by a headless run.

    Raises:
        PlayError: no display, or an env that cannot be made or shown.
        CheckpointError, PromptError, WorldError.
    """
    if not config.headless:
        from worldsim.play.window import play_in_window, require_display

        require_display()  # before the model is loaded
        with closing(open_session(config)) as session:
            play_in_window(session)
        return []
    with closing(open_session(config)) as session:
        files, speed = play_headless(session, config.steps, config.out)
    print(f"{config.steps} steps at {speed:.1f} frames/s: {files[0]}, {files[1]}")
    return files


def open_session(config: Play) -> Session:
    """The worlds that a config asks for, loaded and begun."""
    games: dict[str, Game] = {}
    if config.env:
        games["true"] = TrueGame.open(config.env, {})
    else:
        own = World.from_pretrained(
            config.checkpoint, rows=1, steps=config.passes, device=config.device, temperature=config.temperature,
            guidance=Guidance(actions=config.action_guidance),
        )  # fmt: skip
        world = at_size(own, read_size(config.size))
        opening = None if world is own else partial(TrueGame.from_card, world.card)
        try:
            games["true"] = TrueGame.from_card(world.card)
        except PlayError as error:
            if config.world == "true":
                raise
            print(f"the learned world alone: {error}")
            opening = None
        games["learned"] = LearnedGame(world, opening)
    prompt, auto = config.auto or config.prompt, config.auto is not None
    return Session(games, "true" if config.env else config.world, config.seed, prompt, config.out, auto)

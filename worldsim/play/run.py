"""`worldsim play` and `worldsim serve`: from a checkpoint or an env id to a session in a window, a page, or neither."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from worldsim.play.games import Game, LearnedGame, PlayError, TrueGame
from worldsim.play.headless import play_headless
from worldsim.play.session import KEYS, Session
from worldsim.sampling.denoise import Guidance
from worldsim.sampling.sizes import at_size, read_size
from worldsim.sampling.world import World

__all__ = ["Play", "Scene", "Serve", "open_session", "open_world", "play", "serve"]

SHORTEST_TOKEN = 8  # letters
LONGEST_MESSAGE = 4096  # bytes that a page may send at once
LOCAL, EVERYWHERE = ("127.0.0.1", "localhost", "::1"), ("0.0.0.0", "::")
SAVING = 60  # seconds that players have to write what they record, when the server is stopped
PAGE_KEYS = {"help": "H", "record": "V"}  # browsers keep F1 and F5 for themselves


@dataclass(frozen=True)
class Scene:
    """Where to play, and how."""

    checkpoint: str = "overworld-small"
    """Name of a shipped checkpoint, or a folder."""
    world: Literal["learned", "true"] = "learned"
    """Where to begin; Tab switches."""
    env: str = ""
    """Play this Gymnasium env alone, without any checkpoint; "module:id" for a module that registers it."""
    prompt: str = ""
    """What the learned world begins under."""
    auto: str | None = None
    """Let the learned world act by itself under this prompt, "" for none, and show what it does."""
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
    out: Path = Path("out")
    """Where films and recordings go."""

    def __post_init__(self) -> None:
        if read_size(self.size) and self.env:
            raise PlayError(f"--size is of a learned world, and --env {self.env} is played without one; leave it out")
        if self.auto is not None and (self.env or self.world == "true"):
            raise PlayError("--auto needs the learned world: the true one does not act by itself")
        if self.auto and self.prompt and self.auto != self.prompt:
            raise PlayError(f"give one prompt, got --auto {self.auto!r} and --prompt {self.prompt!r}")


@dataclass(frozen=True)
class Play(Scene):
    """Play in the learned world, or in the true one that it was learned from."""

    headless: bool = False
    """Open no window; a scripted player plays, or the world itself with --auto; OUT/play.mp4 and OUT/play.png show
    it."""
    steps: int = 200
    """How long the scripted player plays."""


@dataclass(frozen=True)
class Serve(Scene):
    """Play in a web page: on this machine, or with --host 0.0.0.0 for whoever has the address that is printed."""

    host: str = "127.0.0.1"
    """The address to listen at; by default nobody else's machine gets in."""
    port: int = 8765
    """The port; 0 takes any free one."""
    token: str = ""
    """What the page's address has to end with; by default another one each time."""
    players: int = 2
    """Pages that may play at once, each in a world of its own; they take turns at the machine."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.port <= 65535:
            raise PlayError(f"--port must be in 0 … 65535, got {self.port}")
        if self.players < 1:
            raise PlayError(f"--players must be at least 1, got {self.players}")
        if self.token and not (self.token.isascii() and len(self.token) >= SHORTEST_TOKEN):
            raise PlayError(f"--token must be at least {SHORTEST_TOKEN} plain letters, or it is soon guessed")


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


def serve(config: Serve) -> None:
    """Serve the page until Ctrl+C.

    Raises:
        PlayError: without the packages that it needs, or where nobody can listen at this address.
        CheckpointError, PromptError, WorldError: what no page could be played with.
    """
    try:
        import uvicorn
        import websockets  # noqa: F401  (without it uvicorn serves the page, and no game)

        from worldsim.play.web import Site
    except ImportError as error:
        raise PlayError(f"the web page needs {error.name}: pip install 'worldsim[web]'") from error
    token = config.token or secrets.token_urlsafe(16)
    try:
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        listening = socket.create_server((config.host, config.port), family=family)
    except (OSError, OverflowError) as error:
        raise PlayError(f"cannot listen at {config.host}, port {config.port}: {error}") from error
    with listening:
        world = open_world(config)
        open_session(config, world).close()  # what is wrong with the options is told now, not to the first page
        here = "127.0.0.1" if config.host in EVERYWHERE else f"[{config.host}]" if ":" in config.host else config.host
        where = f":{listening.getsockname()[1]}/?token={quote(token)}"
        print(f"play at http://{here}{where}\nCtrl+C stops", flush=True)
        if config.host in EVERYWHERE:
            print(f"from other machines at http://{socket.gethostname()}{where}", flush=True)
        if config.host not in LOCAL:
            print("whoever has this address can play, and what is sent is not encrypted", flush=True)
        app = Site(lambda: open_session(config, world, PAGE_KEYS), token, config.players).app()
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", ws_max_size=LONGEST_MESSAGE, timeout_graceful_shutdown=SAVING)
        )
        server.run(sockets=[listening])


def open_world(config: Scene) -> World | None:
    """The learned world of a scene, at its size, or None where an env is played alone."""
    if config.env:
        return None
    own = World.from_pretrained(
        config.checkpoint, rows=1, steps=config.passes, device=config.device, temperature=config.temperature,
        guidance=Guidance(actions=config.action_guidance),
    )  # fmt: skip
    return at_size(own, read_size(config.size))


def open_session(config: Scene, world: World | None = None, named: Mapping[str, str] = KEYS) -> Session:
    """The worlds that a scene asks for, begun, the learned one like `world`, or else loaded; `named` as in `Session`.

    Raises:
        PlayError, CheckpointError, PromptError, WorldError.
    """
    games: dict[str, Game] = {}
    own = open_world(config) if world is None else world.alike(1)
    if own is None:
        games["true"] = TrueGame.open(config.env, {})
    else:
        resized = read_size(config.size) is not None and own.starts is None
        opening = partial(TrueGame.from_card, own.card) if resized else None
        try:
            games["true"] = TrueGame.from_card(own.card)
        except PlayError as error:
            if config.world == "true":
                raise
            print(f"the learned world alone: {error}")
            opening = None
        games["learned"] = LearnedGame(own, opening)
    prompt, auto = config.auto or config.prompt, config.auto is not None
    try:
        return Session(games, "true" if config.env else config.world, config.seed, prompt, config.out, auto, named)
    except BaseException:
        for game in games.values():
            game.close()
        raise

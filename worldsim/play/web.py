"""The web page on a `Session`: FastAPI serves one page, and a WebSocket takes its keys and sends it frames.

Each page that is open plays a session of its own. All that sessions do, from opening to closing, is done in one thread,
in turn: each step takes all cores, and pictures drawn with OpenGL belong to the thread that began. A page tells the
server which frames it has shown; where it falls behind or is hidden, its world waits. Whoever opens the page, or its
socket, has to know the token that the server prints; a socket that another site's page opens is refused besides.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
from fastapi import FastAPI, HTTPException, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, HTMLResponse

from worldsim.play.controls import KEYS
from worldsim.play.session import LONGEST_PROMPT, Session

__all__ = ["Message", "MessageError", "Site", "apply", "read_message", "state_of"]

_T = TypeVar("_T")
LOG = logging.getLogger("uvicorn.error")
PAGE = Path(__file__).with_name("page.html")
AHEAD = 2  # frames that may be on their way before the page has shown them
WAITING = 256  # messages of a page that are kept for the next step; older ones are dropped
FARTHEST = 10.0  # of the fastest turn, a motion of the mouse between two messages
COMMANDS: dict[str, Callable[[Session], None]] = {
    "switch": Session.switch, "reset": Session.reset, "auto": Session.toggle_auto, "record": Session.toggle_recording
}  # fmt: skip
REFUSED, FULL, BROKEN = 4403, 4429, 4500  # codes with which a socket is closed
LONGEST_REASON = 120  # bytes that may go with them
NO_TOKEN = "the address must end with ?token= and the token that `worldsim serve` printed"
HEADERS = {
    "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
}  # fmt: skip


class MessageError(ValueError):
    """What a page sent that is none of the messages that it may send."""


@dataclass(frozen=True)
class Message:
    """One of: a key went down or up, all keys went up, the mouse moved, a prompt, a command, or a frame was shown."""

    kind: str
    value: Any


def read_message(text: str) -> Message:
    """Read what a page sends, JSON of one field: {"down": "w"}, {"up": "w"}, {"look": [0.1, 0]},
    {"say": "night falls"}, {"do": "reset"}, {"shown": 12} or {"blur": true}.

    Raises:
        MessageError: anything else; it names what was expected.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"a message must be JSON, got {text[:40]!r}") from error
    if not isinstance(data, dict) or len(data) != 1:
        raise MessageError(f"a message must be an object with one field, got {text[:40]!r}")
    ((kind, value),) = data.items()
    match kind:
        case "down" | "up" if isinstance(value, str) and value in KEYS:
            return Message(kind, value)
        case "look" if isinstance(value, list) and len(value) == 2 and all(map(_is_turn, value)):
            return Message(kind, (float(value[0]), float(value[1])))
        case "say" if isinstance(value, str) and len(value) <= LONGEST_PROMPT:
            return Message(kind, value.strip())
        case "do" if isinstance(value, str) and value in COMMANDS:
            return Message(kind, value)
        case "shown" if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return Message(kind, value)
        case "blur" if value is True:
            return Message(kind, value)
    raise MessageError(
        f"expected down or up with a key, look with two numbers of at most {FARTHEST:g}, say with at most "
        f"{LONGEST_PROMPT} letters, do with one of {', '.join(COMMANDS)}, shown with a number, or blur with true, "
        f"got {text[:60]!r}"
    )


def _is_turn(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= FARTHEST


@dataclass(frozen=True)
class Site:
    """What the pages of a server share.

    Attributes:
        make: opens a session; called in a thread, for one page at a time.
        token: what the address has to end with.
        players: pages that may play at once; another one waits a while for a place, and is then told so.
        patience: seconds that it waits: a page that is loaded anew comes before its old place is free.
        turns: the one thread in which all sessions are.
        films: what players have recorded, by name.
    """

    make: Callable[[], Session]
    token: str
    players: int = 2
    patience: float = 10.0
    turns: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "session"))
    films: dict[str, Path] = field(default_factory=dict)

    def app(self) -> FastAPI:
        """The page, its socket, and the films that its players record."""
        @asynccontextmanager
        async def life(app: FastAPI) -> AsyncGenerator[None]:
            yield
            await asyncio.to_thread(self.turns.shutdown)  # what is recorded is written before the server ends

        app = FastAPI(title="worldsim", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)
        places = asyncio.Semaphore(self.players)

        @app.get("/")
        async def page(token: str = "") -> HTMLResponse:
            self._check(token)
            return HTMLResponse(PAGE.read_text(encoding="utf-8"), headers=HEADERS)

        @app.get("/film/{name}")
        async def film(name: str, token: str = "") -> FileResponse:
            self._check(token)
            if name not in self.films:
                raise HTTPException(404, f"no film {name!r} was recorded here")
            return FileResponse(self.films[name], media_type="video/mp4", filename=f"{name}.mp4")

        @app.websocket("/play")
        async def play(socket: WebSocket, token: str = "") -> None:
            await socket.accept()  # first, for a socket that is not there cannot be told why
            if not hmac.compare_digest(token.encode(), self.token.encode()):
                return await socket.close(REFUSED, NO_TOKEN)
            origin, host = socket.headers.get("origin"), socket.headers.get("host")
            if origin is not None and urlsplit(origin).netloc != host:  # browsers tell it, other programs need not
                return await socket.close(REFUSED, _short(f"only the page of {host} may play here, not of {origin}"))
            try:
                await asyncio.wait_for(places.acquire(), self.patience)
            except TimeoutError:
                return await socket.close(FULL, f"{self.players} of {self.players} players are here; try again later")
            try:
                await _Player(self, socket).play()
            finally:
                places.release()

        return app

    def _check(self, token: str) -> None:
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            raise HTTPException(403, NO_TOKEN)

    async def turn(self, do: Callable[..., _T], *given: Any) -> _T:
        """Do something in the sessions' thread, after whatever is to be done there first."""
        return await asyncio.get_running_loop().run_in_executor(self.turns, do, *given)


class _Player:
    """One page and its session."""

    def __init__(self, site: Site, socket: WebSocket) -> None:
        self.site, self.socket = site, socket
        self.inbox: deque[str] = deque(maxlen=WAITING)
        self.news = asyncio.Event()
        self.sent = self.shown = 0

    async def play(self) -> None:
        """Play until the page goes away, or nothing more can be played."""
        listener, session = asyncio.create_task(self._listen()), None
        try:
            session = await self.site.turn(self.site.make)
            await self._play(session, listener)
        except Exception as error:  # of whatever world: the page is told, and whoever runs the server
            LOG.exception("a game ended")
            with suppress(WebSocketDisconnect, RuntimeError):
                await self.socket.close(BROKEN, _short(f"the game ended: {error}"))
        finally:
            listener.cancel()
            if session is not None:
                await self.site.turn(_leave, session)

    async def _listen(self) -> None:
        try:
            async for text in self.socket.iter_text():
                self.inbox.append(text)
                self.news.set()
        except (WebSocketDisconnect, RuntimeError, KeyError):  # gone, or what it sent was no text
            pass
        finally:
            self.news.set()

    async def _play(self, session: Session, listener: asyncio.Task[None]) -> None:
        clock = asyncio.get_running_loop().time
        due = last = clock()
        rate = 0.0
        while not listener.done():
            asked = [one for one in map(self._read, self._waiting()) if one is not None]
            if self.sent - self.shown >= AHEAD and not asked:
                self.news.clear()
                await self.news.wait()
                last = clock()
                continue
            frame = await self.site.turn(self._step, session, asked, self.sent - self.shown < AHEAD)
            now = clock()
            if self.sent:
                rate += (0.1 if rate else 1.0) * (1 / max(now - last, 1e-3) - rate)
            last, self.sent = now, self.sent + 1
            try:
                await self.socket.send_text(json.dumps(state_of(session, self.sent, rate)))
                await self.socket.send_bytes(frame)
            except (WebSocketDisconnect, RuntimeError):  # it went away
                return
            beat = 1 / session.game.info.fps
            due = max(due + beat, now - beat)  # of what was late, a frame at most is made up for
            await asyncio.sleep(max(0.0, due - clock()))

    def _waiting(self) -> list[str]:
        return [self.inbox.popleft() for _ in range(len(self.inbox))]

    def _read(self, text: str) -> Message | MessageError | None:
        """A message, what is wrong with it, or None for one that only says what was shown."""
        try:
            message = read_message(text)
        except MessageError as error:
            return error
        if message.kind != "shown":
            return message
        self.shown = max(self.shown, min(message.value, self.sent))
        return None

    def _step(self, session: Session, asked: Sequence[Message | MessageError], go: bool) -> bytes:
        """Do what the page asked for and, where it keeps up, take a step; the frame's bytes."""
        for message in asked:
            try:
                if isinstance(message, MessageError):
                    raise message
                apply(session, message)
            except (ValueError, OSError) as error:  # a world that cannot be begun, a full disk
                session.message = str(error)
        if go:
            session.tick()
        if session.film is not None:
            self.site.films[session.film.parent.name] = session.film
        return np.ascontiguousarray(session.frame).tobytes()


def apply(session: Session, message: Message) -> None:
    """Let a session do what a page asked for."""
    match message.kind:
        case "down":
            session.held.add(message.value)
        case "up":
            session.release(message.value)
        case "look":
            session.look(*message.value)
        case "say":
            session.set_prompt(message.value)
        case "blur":
            session.release_all()
        case "do":
            COMMANDS[message.value](session)


def state_of(session: Session, number: int, rate: float) -> dict[str, Any]:
    """What a page shows beside the frame, as JSON; `number` counts frames, `rate` is in frames/s."""
    height, width = session.frame.shape[:2]
    return {
        "number": number, "height": height, "width": width, "shape": session.game.info.shown or (height, width),
        "world": session.world, "worlds": list(session.games), "action": session.action, "message": session.message,
        "prompt": session.prompt, "auto": session.auto, "recording": session.recording, "rate": round(rate, 1),
        "film": None if session.film is None else session.film.parent.name,
    }  # fmt: skip


def _short(reason: str) -> str:
    """As much of it as may go with the end of a socket."""
    return reason.encode()[:LONGEST_REASON].decode(errors="ignore")


def _leave(session: Session) -> None:
    """Write what is being recorded, and close."""
    with closing(session), suppress(OSError):
        session.quit()

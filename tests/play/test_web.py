"""The web page's server: keys in, frames out, to whoever knows the token; and the page itself, in a real Chromium."""

import base64
import itertools
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from fakes import CounterWorld
from tiny import save_tiny_checkpoint
from worldsim.cli import main
from worldsim.play.games import LearnedGame, PlayError, TrueGame
from worldsim.play.run import PAGE_KEYS, Serve, serve
from worldsim.play.session import Session
from worldsim_envs.learned import LearnedEnv

uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("fastapi")
client = pytest.importorskip("websockets.sync.client")
from websockets.exceptions import ConnectionClosed  # noqa: E402

from worldsim.play.web import AHEAD, COMMANDS, Message, MessageError, Site, read_message  # noqa: E402

TRUE_ID, TOKEN = "test/WebCounter-v0", "a-secret-token"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(autouse=True)
def counter_env():
    gym.register(TRUE_ID, entry_point=lambda **kwargs: LearnedEnv(CounterWorld(1, **kwargs)))
    yield
    del gym.registry[TRUE_ID]


@contextmanager
def served(folder: Path, players: int = 2, patience: float = 0.2) -> Iterator[str]:
    """A server of counters; the address without its scheme."""

    def make() -> Session:
        games = {"true": TrueGame.open(TRUE_ID, {}), "learned": LearnedGame(CounterWorld(1))}
        return Session(games, "learned", folder=folder, named=PAGE_KEYS)

    listening = socket.create_server(("127.0.0.1", 0))
    app = Site(make, TOKEN, players, patience).app()
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws_max_size=4096, timeout_graceful_shutdown=20))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
        assert not thread.is_alive(), "it ends"


class Page:
    """What a page does, without a browser."""

    def __init__(self, address: str, token: str = TOKEN, **kwargs: Any) -> None:
        self.opening = client.connect(f"ws://{address}/play?token={token}", **kwargs)

    def __enter__(self) -> "Page":
        self.socket = self.opening.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self.opening.__exit__(*details)

    def frame(self, *messages: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
        """Send messages, receive a frame, and say that it was shown."""
        for message in messages:
            self.socket.send(json.dumps(message))
        state = json.loads(self.socket.recv(10))
        pixels = np.frombuffer(self.socket.recv(10), np.uint8).reshape(state["height"], state["width"], 3)
        self.socket.send(json.dumps({"shown": state["number"]}))
        return state, pixels

    def until(
        self, wanted: Callable[[dict[str, Any], np.ndarray], bool], *messages: dict[str, Any]
    ) -> tuple[dict[str, Any], np.ndarray]:
        """The first frame that is as wanted; a few are on their way when a message is sent."""
        state, pixels = self.frame(*messages)
        for _ in range(30):
            if wanted(state, pixels):
                return state, pixels
            state, pixels = self.frame()
        raise AssertionError(f"not in thirty frames; the last: {state}")

    def reason(self) -> tuple[int, str]:
        """Why it was closed."""
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                self.socket.recv(10)
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code, closed.value.rcvd.reason


def get(address: str, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ('{"down": "left ctrl"}', "down", "left ctrl"),
        ('{"up": "w"}', "up", "w"),
        ('{"look": [0.5, -10]}', "look", (0.5, -10.0)),
        ('{"say": " night falls "}', "say", "night falls"),
        ('{"say": ""}', "say", ""),
        ('{"do": "reset"}', "do", "reset"),
        ('{"shown": 3}', "shown", 3),
        ('{"blur": true}', "blur", True),
    ],
)
def test_messages_are_read(text: str, kind: str, value: object) -> None:
    assert read_message(text) == Message(kind, value)


@pytest.mark.parametrize(
    "text",
    [
        "", "w", "[1]", "{}", '{"down": "w", "up": "w"}', '{"down": "escape"}', '{"down": 3}', '{"down": ["w"]}',
        '{"look": [1]}', '{"look": [11, 0]}', '{"look": [NaN, 0]}', '{"look": ["1", 0]}', '{"look": [true, 0]}',
        '{"say": 3}', json.dumps({"say": "x" * 201}), '{"do": "quit"}', '{"do": ["reset"]}', '{"shown": -1}',
        '{"shown": true}', '{"shown": 1.5}', '{"blur": false}', '{"other": 1}', "[" * 5000,
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MessageError, match="expected down or up|must be JSON|one field"):
        read_message(text)


def test_keys_act_and_both_worlds_are_shown(tmp_path: Path) -> None:
    with served(tmp_path) as address, Page(address) as page:
        state, pixels = page.frame()
        assert state["world"] == "learned" and state["worlds"] == ["true", "learned"]
        assert pixels[0, 0, 0] == 1 and state["number"] == 1, "the first step"
        state, pixels = page.until(lambda state, _: state["action"] == "forward", {"down": "w"})
        assert pixels[0, 1, 0] == 10
        page.until(lambda state, _: state["action"] == "nothing", {"up": "w"})
        page.until(lambda state, _: state["action"] == "forward", {"down": "w"})
        page.until(lambda state, _: state["action"] == "nothing", {"blur": True})
        state, _ = page.until(lambda state, _: state["world"] == "true", {"do": "switch"})
        assert state["message"] == "this is the true world"
        state, _ = page.until(lambda state, _: bool(state["message"]), {"say": "night falls"})
        assert "takes no prompts" in state["message"]
        page.until(lambda state, _: state["world"] == "learned", {"do": "switch"})
        state, pixels = page.until(lambda state, _: state["prompt"] == "rain", {"say": "rain"})
        assert pixels[0, 2, 0] == 4, "the world was told"
        page.until(lambda state, _: state["auto"], {"do": "auto"})
        numbers = [page.frame()[0]["number"] for _ in range(3)]
        assert [b - a for a, b in itertools.pairwise(numbers)] == [1, 1]


def test_the_world_waits_for_a_page_that_does_not_keep_up(tmp_path: Path) -> None:
    with served(tmp_path) as address, Page(address) as page:
        for _ in range(2 * AHEAD):
            page.socket.recv(10)  # frames that it does not say to have shown
        with pytest.raises(TimeoutError):
            page.socket.recv(0.5)
        page.socket.send('{"shown": 1}')
        assert json.loads(page.socket.recv(10))["number"] == AHEAD + 1


def test_what_is_no_message_is_told_and_the_game_goes_on(tmp_path: Path) -> None:
    with served(tmp_path) as address, Page(address) as page:
        page.frame()
        page.socket.send('{"down": "f13"}')
        state, _ = page.until(lambda state, _: "f13" in state["message"])
        assert "expected down or up with a key" in state["message"]
        page.until(lambda state, _: state["action"] == "forward", {"down": "w"})


def test_a_recording_is_a_film_at_the_server_and_one_to_fetch(tmp_path: Path) -> None:
    with served(tmp_path) as address:
        with Page(address) as page:
            page.until(lambda state, _: state["recording"], {"do": "record"})
            state, _ = page.until(lambda state, _: bool(state["film"]), {"do": "record"})
            name = state["film"]
            assert (tmp_path / name / "film.mp4").is_file()
            status, film = get(address, f"/film/{name}?token={TOKEN}")
            assert status == 200 and film == (tmp_path / name / "film.mp4").read_bytes()
            assert get(address, f"/film/{name}?token=wrong")[0] == 403
            for path in ("/film/play-999", "/film/..%2f..%2fetc%2fpasswd", "/film/%2fetc%2fpasswd"):
                assert get(address, f"{path}?token={TOKEN}")[0] == 404
            page.until(lambda state, _: state["recording"], {"do": "record"})
        deadline = time.monotonic() + 10
        while not (tmp_path / "play-002" / "film.mp4").is_file() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (tmp_path / "play-002" / "film.mp4").is_file(), "a page that goes away loses nothing"


def test_nobody_gets_in_without_the_token_or_from_another_site(tmp_path: Path) -> None:
    with served(tmp_path) as address:
        for path in ("/", "/?token=", "/?token=wrong", f"/?token={TOKEN}x"):
            status, answer = get(address, path)
            assert status == 403 and b"the address must end with ?token=" in answer
        status, page = get(address, f"/?token={TOKEN}")
        assert status == 200 and b"<canvas" in page and TOKEN.encode() not in page
        with Page(address, token="wrong") as other:
            code, reason = other.reason()
            assert code == 4403 and reason.startswith("the address must end with ?token=")
        with Page(address, origin="http://elsewhere.example") as other:
            assert other.reason() == (4403, f"only the page of {address} may play here, not of http://elsewhere.example")
        with Page(address, origin=f"http://{address}") as own:
            own.frame()


def test_only_so_many_play_at_once_each_in_a_world_of_their_own(tmp_path: Path) -> None:
    with served(tmp_path, players=2) as address, Page(address) as one, Page(address) as two:
        one.until(lambda state, _: state["action"] == "forward", {"down": "w"})
        assert two.frame()[0]["action"] == "nothing"
        with Page(address) as three:
            assert three.reason() == (4429, "2 of 2 players are here; try again later")


def test_a_page_that_is_loaded_anew_waits_for_its_place(tmp_path: Path) -> None:
    with served(tmp_path, players=1, patience=10) as address:
        for _ in range(4):
            with Page(address) as page:
                assert page.frame()[0]["number"] == 1


def test_two_recordings_at_once_are_two(tmp_path: Path) -> None:
    with served(tmp_path) as address, Page(address) as one, Page(address) as two:
        for page in (one, two):
            state, _ = page.until(lambda state, _: state["recording"], {"do": "record"})
            assert state["message"] == "recording; V stops"
        names = [page.until(lambda state, _: bool(state["film"]), {"do": "record"})[0]["film"] for page in (one, two)]
    assert sorted(names) == ["play-001", "play-002"]
    assert all((tmp_path / name / "film.mp4").is_file() for name in names)


def test_a_server_that_is_stopped_writes_what_is_recorded_first(tmp_path: Path) -> None:
    with served(tmp_path) as address:
        page = Page(address)
        page.__enter__().until(lambda state, _: state["recording"], {"do": "record"})
    assert (tmp_path / "play-001" / "film.mp4").is_file()


def test_a_world_that_fails_ends_its_game_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Session) -> None:
        raise RuntimeError("the world is out of memory")

    with served(tmp_path) as address:
        with Page(address) as page:
            page.frame()
            monkeypatch.setattr(Session, "tick", fails)
            assert page.reason() == (4500, "the game ended: the world is out of memory")
        monkeypatch.undo()
        with Page(address) as page:
            page.frame()


def test_what_fails_does_not_swallow_what_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Session) -> None:
        raise OSError("no space left on device")

    with served(tmp_path) as address, Page(address) as page:
        page.until(lambda state, _: state["action"] == "forward", {"down": "w"})
        monkeypatch.setitem(COMMANDS, "record", full)
        state, _ = page.until(lambda state, _: state["action"] == "nothing", {"do": "record"}, {"up": "w"})
        assert state["message"] == "no space left on device"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"port": 70000}, "--port must be"),
        ({"players": 0}, "--players must be"),
        ({"token": "short"}, "--token must be at least 8"),
        ({"world": "true", "auto": ""}, "--auto needs the learned world"),
    ],
)
def test_wrong_options_are_told_before_anything_is_loaded(change: dict[str, Any], told: str) -> None:
    with pytest.raises(PlayError, match=told):
        Serve(**change)


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PlayError, match="cannot listen at 127.0.0.1"):
        serve(Serve(port=taken.getsockname()[1]))


def test_the_command_says_where_to_play_and_needs_a_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--checkpoint", str(tmp_path / "none"), "--port", "0"])
    assert "no checkpoint" in capsys.readouterr().err
    folder = save_tiny_checkpoint(tmp_path / "tiny")
    command = [sys.executable, "-m", "worldsim.cli", "serve", "--checkpoint", str(folder), "--port", "0"]
    with subprocess.Popen([*command, "--passes", "1"], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            assert line.startswith("play at http://127.0.0.1:"), line
            address, token = line.split("http://")[1].strip().split("/?token=")
            assert len(token) >= 16
            with Page(address, token) as one, Page(address, token) as two:
                assert one.frame()[1].shape == two.frame()[1].shape == (64, 64, 3)
        finally:
            running.send_signal(signal.SIGINT)
            assert running.wait(30) == -signal.SIGINT or running.returncode in (0, 130)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_real_browser_shows_frames_and_sends_keys_and_words(tmp_path: Path) -> None:
    with served(tmp_path) as address, browser(tmp_path / "profile", f"http://{address}/?token={TOKEN}") as ask:
        until(lambda: int(ask("document.getElementById('view')?.dataset.number || 0")) > 2)
        assert "learned world" in ask("document.getElementById('where').textContent")
        press(ask, "keyDown", "w", "KeyW")
        until(lambda: ask("document.getElementById('action').textContent") == "forward")
        until(lambda: ask("pen.getImageData(1, 0, 1, 1).data[0]") == 10)  # where a counter's frame shows the action
        press(ask, "keyUp", "w", "KeyW")
        until(lambda: ask("document.getElementById('action').textContent") == "nothing")
        press(ask, "keyDown", "t", "KeyT")
        until(lambda: ask("document.activeElement.id") == "prompt")
        ask("(() => { at('prompt').value = 'night falls'; at('say').requestSubmit(); })()")
        until(lambda: "night falls" in ask("document.getElementById('told').textContent"))
        ask("document.querySelector('[data-do=switch]').click()")
        until(lambda: "true world" in ask("document.getElementById('where').textContent"))
        picture = Image.open(BytesIO(base64.b64decode(ask.command("Page.captureScreenshot")["data"])))
        assert picture.size[0] >= 600


def until(wanted: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not wanted():
        assert time.monotonic() < deadline, "nothing came in 20 s"
        time.sleep(0.05)


def press(ask: "Devtools", kind: str, key: str, code: str) -> None:
    ask.command("Input.dispatchKeyEvent", type=kind, key=key, code=code)


class Devtools:
    """A browser's page, by the protocol of its developer tools."""

    def __init__(self, socket: Any) -> None:
        self.socket, self.number = socket, 0

    def command(self, method: str, **given: Any) -> dict[str, Any]:
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": given}))
        while True:
            answer = json.loads(self.socket.recv(20))
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def __call__(self, expression: str) -> Any:
        """What a line of JavaScript gives."""
        found = self.command("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")


@contextmanager
def browser(profile: Path, page: str) -> Iterator[Devtools]:
    assert CHROMIUM is not None
    command = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=900,800",
        "--remote-debugging-port=0", "--remote-allow-origins=*", "--no-first-run", f"--user-data-dir={profile}", page,
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            port = profile / "DevToolsActivePort"
            until(lambda: port.is_file() and len(port.read_text().splitlines()) > 1)
            debugger = port.read_text().splitlines()[0]

            def pages() -> list[dict[str, str]]:
                with urllib.request.urlopen(f"http://127.0.0.1:{debugger}/json", timeout=10) as answer:
                    return [one for one in json.load(answer) if one["type"] == "page" and one["url"] == page]

            until(lambda: bool(pages()))
            with client.connect(pages()[0]["webSocketDebuggerUrl"], max_size=None) as tools:
                yield Devtools(tools)
        finally:
            running.terminate()
            with suppress(subprocess.TimeoutExpired):
                running.wait(10)
            running.kill()

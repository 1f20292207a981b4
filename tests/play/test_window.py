"""The window, on SDL's dummy driver, driven by posted events."""

from pathlib import Path

import numpy as np
import pytest

from fakes import CounterWorld
from worldsim.play.games import LearnedGame, PlayError
from worldsim.play.session import Session

pygame = pytest.importorskip("pygame")

from worldsim.play import window as room  # noqa: E402  (pygame first, with the dummy driver that conftest sets)


@pytest.fixture
def window(tmp_path: Path):
    session = Session({"learned": LearnedGame(CounterWorld(1))}, "learned", folder=tmp_path)
    yield room.Window(session)
    pygame.quit()


def post(kind: int, **attributes) -> None:
    pygame.event.post(pygame.event.Event(kind, **attributes))


def key(window, key: int, up: bool = False) -> None:
    post(pygame.KEYUP if up else pygame.KEYDOWN, key=key)
    window.turn()


def test_keys_reach_the_session_and_the_frame_fills_the_window(window) -> None:
    key(window, pygame.K_w)
    assert window.session.frame[0, 1, 0] == 10
    key(window, pygame.K_w, up=True)
    assert window.session.frame[0, 1, 0] == 0
    assert window.fps > 0
    height, width = window.session.frame.shape[:2]
    scale = window.screen.get_width() // width
    shown = pygame.surfarray.array3d(window.screen).swapaxes(0, 1)[scale // 2 :: scale, scale // 2 :: scale]
    lower = slice(height // 2, height)  # above it lies the HUD
    assert np.array_equal(shown[lower], window.session.frame[lower])


def test_a_long_message_is_shown_whole_within_the_window(window) -> None:
    drawn: list[str] = []
    window._text = lambda lines, place, font: drawn.extend(lines)
    words = [f"'word{number}'" for number in range(20)]
    window.session.message = f"the words {', '.join(words)} do not occur in what this checkpoint has read; left out"
    window.draw()
    assert " ".join(drawn).endswith(window.session.message)
    assert max(window.font.size(line)[0] for line in drawn) < window.screen.get_width() - 16


def test_the_mouse_attacks_only_once_it_is_caught_and_turns_the_camera(window) -> None:
    session = window.session
    post(pygame.MOUSEMOTION, rel=(5, 0), pos=(0, 0), buttons=(0, 0, 0))
    post(pygame.MOUSEBUTTONDOWN, button=1, pos=(0, 0))
    window.turn()
    assert not session.held
    post(pygame.MOUSEBUTTONDOWN, button=1, pos=(0, 0))
    window.turn()
    assert session.held == {"f"}
    moved = []
    session.look = lambda across, down: moved.append((across, down))
    post(pygame.MOUSEMOTION, rel=(5, -10), pos=(0, 0), buttons=(0, 0, 0))
    post(pygame.MOUSEBUTTONUP, button=1, pos=(0, 0))
    window.turn()
    assert moved == [(5 * room.MOUSE, -10 * room.MOUSE)] and not session.held


def test_losing_the_keyboard_releases_all_keys(window) -> None:
    key(window, pygame.K_w)
    post(pygame.WINDOWFOCUSLOST)
    window.turn()
    assert not window.session.held


def test_a_prompt_is_typed_into_the_window(window) -> None:
    key(window, pygame.K_t)
    post(pygame.TEXTINPUT, text="lake")
    window.turn()
    assert window.session.typing == "lake"
    key(window, pygame.K_RETURN)
    assert window.session.prompt == "lake"
    key(window, pygame.K_w)
    assert window.session.frame[0, :3, 0].tolist()[1:] == [10, 4]


def test_hud_help_and_box_are_drawn(window) -> None:
    window.turn()
    session = window.session

    def picture() -> np.ndarray:
        window.draw()
        return pygame.surfarray.array3d(window.screen)

    plain = picture()
    session.helping = True
    helping = picture()
    assert (helping != plain).mean() > 0.02
    session.helping, session.typing = False, "snow"
    assert (picture() != plain).any()
    session.typing, session.message = None, "something else to say"
    assert (picture() != plain).any()


def test_escape_and_the_closing_button_quit(window) -> None:
    key(window, pygame.K_ESCAPE)
    assert not window.session.running
    window.session.running = True
    post(pygame.QUIT)
    window.turn()
    assert not window.session.running


def test_the_loop_runs_until_the_player_quits(tmp_path: Path) -> None:
    session = Session({"learned": LearnedGame(CounterWorld(1, end_at=3))}, "learned", folder=tmp_path)
    session.toggle_recording()
    tick = session.tick
    session.tick = lambda: session.quit() if session.seed else tick()
    room.play_in_window(session)
    assert not pygame.display.get_init() and (tmp_path / "play-001" / "film.mp4").is_file()


def test_without_a_display_the_player_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(PlayError, match="--headless"):
        room.require_display()
    monkeypatch.setenv("DISPLAY", ":0")
    room.require_display()


@pytest.mark.parametrize("driver", ["offscreen", "dummy"])
def test_a_window_that_nobody_would_see_is_refused(
    driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session({"learned": LearnedGame(CounterWorld(1))}, "learned", folder=tmp_path)
    session.tick = session.quit  # so that this test ends either way
    monkeypatch.delenv("SDL_VIDEODRIVER")
    monkeypatch.setenv("DISPLAY", ":987")  # there, and out of reach
    monkeypatch.setattr(pygame.display, "init", lambda: None)
    monkeypatch.setattr(pygame.display, "get_driver", lambda: driver)
    with pytest.raises(PlayError, match=f"no display here.*--headless.*{driver}"):
        room.play_in_window(session)

"""The pygame window on a `Session`: it forwards events and draws frame, HUD, help and the prompt box."""

from __future__ import annotations

import os
import sys
import time
from textwrap import wrap

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # otherwise importing pygame prints

import numpy as np
import pygame

from worldsim.play.controls import HELP, MOUSE_BUTTONS
from worldsim.play.games import PlayError
from worldsim.play.session import Session

__all__ = ["Window", "play_in_window", "require_display"]

LONGEST_SIDE = 768  # pixels of the window, as far as whole enlargement allows
LETTER = 10  # pixels that a letter of a message takes at most, on average
MOUSE = 0.02  # of the fastest turn, per pixel of mouse motion
NO_DISPLAY = "there is no display here; `worldsim play --headless` plays by itself and writes a film"
INK, PAPER, ALARM = (255, 255, 255), (0, 0, 0, 150), (255, 80, 80)


def require_display() -> None:
    """Raise `PlayError` where no window can open: on Linux without an X11 or Wayland display."""
    chosen = os.environ.get("SDL_VIDEODRIVER") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not chosen:
        raise PlayError(NO_DISPLAY)


def play_in_window(session: Session) -> None:
    """Open a window and play until the player quits.

    Raises:
        PlayError: no window can be opened.
    """
    try:
        window = Window(session)
    except pygame.error as error:
        raise PlayError(f"no window could be opened ({error}); use `worldsim play --headless`") from error
    try:
        clock = pygame.time.Clock()
        while session.running:
            window.turn()
            clock.tick(session.game.info.fps)
    finally:
        if session.recording:
            session.toggle_recording()
        pygame.quit()


class Window:
    """An open window. `turn` handles what has happened, steps the session once and draws.

    Raises:
        PlayError: SDL found no display and would draw where nobody sees it, and nobody asked for that.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        pygame.display.init()
        driver = pygame.display.get_driver()
        if driver in ("offscreen", "dummy") and not os.environ.get("SDL_VIDEODRIVER"):
            pygame.quit()
            raise PlayError(f"{NO_DISPLAY} (SDL has only its {driver!r} driver)")
        pygame.font.init()
        height, width = session.game.info.shown or session.frame.shape[:2]
        longest = max(height, width)
        scale = LONGEST_SIDE // longest or LONGEST_SIDE / longest
        self.screen = pygame.display.set_mode((round(width * scale), round(height * scale)), pygame.RESIZABLE)
        pygame.display.set_caption("worldsim")
        self.font = pygame.font.Font(None, 22)
        self.fixed = pygame.font.SysFont("dejavusansmono,couriernew,monospace", 15)
        self.fps = 0.0
        self._grabbed = False
        self._last = time.perf_counter()
        pygame.key.stop_text_input()

    def turn(self) -> None:
        """One round of the game."""
        for event in pygame.event.get():
            self._handle(event)
        if not self.session.running:
            return
        self.session.tick()
        now = time.perf_counter()
        rate = 1.0 / max(now - self._last, 1e-6)
        self.fps = rate if self.fps == 0 else 0.9 * self.fps + 0.1 * rate
        self._last = now
        self.draw()

    def draw(self) -> None:
        """Show the session as it is now."""
        session = self.session
        picture = pygame.surfarray.make_surface(np.ascontiguousarray(session.frame.swapaxes(0, 1)))
        area = self.screen.get_rect()
        height, width = session.game.info.shown or session.frame.shape[:2]  # in the shape of the true world's pictures
        scale = min(area.width / width, area.height / height)
        size = (int(width * scale), int(height * scale))
        self.screen.fill((0, 0, 0))
        place = pygame.Rect((0, 0), size)
        place.center = area.center
        self.screen.blit(pygame.transform.scale(picture, size), place)
        lines = [f"{session.world} world   {self.fps:.0f} frames/s", session.action]
        if session.prompt:
            lines.append(f'"{session.prompt}"')
        if session.message:
            lines += wrap(session.message, max(20, area.width // LETTER))
        self._text(lines, (8, 8), self.font)
        if session.recording:
            pygame.draw.circle(self.screen, ALARM, (area.right - 18, 18), 7)
        if session.helping:
            self._text(HELP, (8, 120), self.fixed)
        if session.typing is not None:
            self._text([f"prompt: {session.typing}_"], (8, area.bottom - 40), self.font)
        pygame.display.flip()

    def _text(self, lines: tuple[str, ...] | list[str], place: tuple[int, int], font: pygame.font.Font) -> None:
        """Lines of text on a dark sheet."""
        drawn = [font.render(line, True, INK) for line in lines]
        height = font.get_linesize()
        sheet = pygame.Surface((max(line.get_width() for line in drawn) + 12, height * len(drawn) + 8), pygame.SRCALPHA)
        sheet.fill(PAPER)
        for row, line in enumerate(drawn):
            sheet.blit(line, (6, 4 + row * height))
        self.screen.blit(sheet, place)

    def _handle(self, event: pygame.event.Event) -> None:
        session = self.session
        match event.type:
            case pygame.QUIT:
                session.quit()
            case pygame.KEYDOWN:
                session.press(pygame.key.name(event.key))
                self._follow_typing()
            case pygame.KEYUP:
                session.release(pygame.key.name(event.key))
            case pygame.TEXTINPUT:
                session.write(event.text)
            case pygame.MOUSEBUTTONDOWN if not self._grabbed:
                self._grab(True)
            case pygame.MOUSEBUTTONDOWN if event.button in MOUSE_BUTTONS:
                session.press(MOUSE_BUTTONS[event.button])
            case pygame.MOUSEBUTTONUP if event.button in MOUSE_BUTTONS:
                session.release(MOUSE_BUTTONS[event.button])
            case pygame.MOUSEMOTION if self._grabbed:
                session.look(event.rel[0] * MOUSE, event.rel[1] * MOUSE)
            case pygame.WINDOWFOCUSLOST:
                session.release_all()
                self._grab(False)

    def _follow_typing(self) -> None:
        """Text input is on only while a prompt is typed, so that the key which opens the box does not write into it."""
        if self.session.typing is not None:
            pygame.key.start_text_input()
            self._grab(False)
        else:
            pygame.key.stop_text_input()

    def _grab(self, grab: bool) -> None:
        """Let the mouse turn the camera, or give it back."""
        self._grabbed = grab
        pygame.event.set_grab(grab)
        pygame.mouse.set_visible(not grab)

"""`Session`: the whole game loop without a window. Keys go in, frames and words come out.

It holds the worlds, the keys that are down, the prompt being typed and the recording. The window forwards events and
draws; the headless run and the tests press keys themselves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from worldsim.play.controls import Controls
from worldsim.play.games import Game, LearnedGame, PlayError, Shown
from worldsim.play.recording import Recording, free_folder

__all__ = ["Session"]

LONGEST_RECORDING = 18_000  # frames, half an hour at ten a second; a longer one is written and ends
KEYS = {"help": "F1", "record": "F5"}  # what these are called in the window
LONGEST_PROMPT = 200  # characters that the box takes; how many words a model reads it says itself


class Session:
    """A player in one of several worlds.

    Args:
        games: worlds by name, "true" and "learned" usually.
        world: the name of the one to begin in.
        seed: of the first episode; every reset takes the next one.
        prompt: what the learned world begins under.
        auto: whether the learned world acts by itself while the player does nothing.
        folder: where recordings go, each into a folder of its own.
        named: what the keys for help and for recording are called where this is played.

    Raises:
        PlayError: no such world.
        PromptError: the prompt is too long for the learned world.

    Attributes:
        frame: u8 (H, W, 3), what is shown now.
        action: what the player did last, in words.
        message: what the session has to say to the player.
        typing: the prompt being typed, or None.
        helping: whether the help is shown.
        running: False once the player has quit.
        film: what was recorded last, or None.
    """

    def __init__(
        self,
        games: dict[str, Game],
        world: str,
        seed: int = 0,
        prompt: str = "",
        folder: Path = Path("out"),
        auto: bool = False,
        named: Mapping[str, str] = KEYS,
    ) -> None:
        if world not in games:
            raise PlayError(f"world must be one of {', '.join(games)}, got {world!r}")
        self.games, self.world, self.seed, self.prompt, self.folder = games, world, seed, prompt, folder
        self.auto = auto
        self.controls = Controls(self.game.info.actions)
        self.held: set[str] = set()
        self.action = "nothing"
        self.named = named
        self.message = f"{named['help']} shows the keys"
        self.typing: str | None = None
        self.helping = False
        self.running = True
        self.film: Path | None = None
        self._look = np.zeros(2)
        self._recording: Recording | None = None
        learned = [game for game in games.values() if isinstance(game, LearnedGame)]
        for game in learned:  # a prompt that it cannot take is told before the first frame
            self.message = game.set_prompt(prompt) or self.message
        window = max([game.window for game in learned], default=1)
        self._past = {name: deque[tuple[Shown, np.ndarray]](maxlen=window) for name in games}
        self._begin(self.game.reset(seed, prompt))

    def close(self) -> None:
        """Close all worlds."""
        for game in self.games.values():
            game.close()

    @property
    def game(self) -> Game:
        """The world that is shown."""
        return self.games[self.world]

    @property
    def recording(self) -> bool:
        return self._recording is not None

    def tick(self) -> np.ndarray:
        """One step of the shown world under the keys held now. Returns the frame u8 (H, W, 3)."""
        if self._over:
            self.reset()
            self.message = "the episode ended; this is a new one"
            return self.frame
        look, self._look = self._look, np.zeros(2)
        held = () if self.typing is not None else self.held
        if self.auto and isinstance(self.game, LearnedGame) and not (held or look.any()):
            shown, vector = self.game.dream()
            self.action = f"by itself: {self.controls.describe(vector)}"
        else:
            vector = self.controls.vector(held, (look[0], look[1]))
            shown = self.game.step(vector)
            self.action = self.controls.describe(vector)
        self._past[self.world].append((shown, vector))
        if self._recording is not None:
            self._recording.add(vector, shown)
        self._show(shown)
        if self._recording is not None and self._recording.length >= LONGEST_RECORDING:
            self.toggle_recording()
            self.message += ", which was as long as a recording may be"
        return self.frame

    def press(self, key: str) -> None:
        """A key goes down. While a prompt is typed, keys edit it; else they steer or command."""
        if self.typing is not None:
            self._edit(key)
        elif key == "tab":
            self.switch()
        elif key == "t" or (key == "return" and not self.controls.acts_by("return")):
            self.typing = ""
        elif key == "r":
            self.reset()
        elif key == "f1":
            self.helping = not self.helping
        elif key == "f2":
            self.toggle_auto()
        elif key == "f5":
            self.toggle_recording()
        elif key == "escape":
            self.quit()
        else:
            self.held.add(key)

    def toggle_auto(self) -> None:
        """Let the learned world act by itself, or leave that to the player again."""
        self.auto = not self.auto
        able = isinstance(self.game, LearnedGame)
        self.message = "the player acts again" if not self.auto else "the world acts by itself; any key takes over"
        if self.auto and not able:
            self.message = "the learned world will act by itself; the true one cannot"

    def release(self, key: str) -> None:
        """A key goes up."""
        self.held.discard(key)

    def release_all(self) -> None:
        """All keys go up, as when the window loses the keyboard."""
        self.held.clear()

    def look(self, across: float, down: float) -> None:
        """The mouse moved; motions add up until the next tick. 1 is the fastest turn that an action can make."""
        self._look += across, down

    def write(self, text: str) -> None:
        """Text typed on the keyboard; it only goes into a prompt."""
        if self.typing is not None:
            self.typing = (self.typing + text)[:LONGEST_PROMPT]

    def switch(self) -> None:
        """Show the next world. The learned one goes on from what was last seen; the true one from where it stood."""
        names = list(self.games)
        if len(names) == 1:
            self.message = f"there is only the {self.world} world here"
            return
        seen = self._past[self.world]
        self.world = names[(names.index(self.world) + 1) % len(names)]
        game, past = self.game, self._past[self.world]
        if isinstance(game, LearnedGame):
            frames, vectors = np.stack([shown.frame for shown, _ in seen]), np.stack([act for _, act in seen])
            self._begin(game.go_on(frames, vectors, self.seed, self.prompt))
        elif past:
            shown = past[-1][0]
            self._show(shown)
            if self._recording is not None:
                self._recording.begin(self.world, game.info, shown)
        else:
            self._begin(game.reset(self.seed, self.prompt))
        self.message = f"this is the {self.world} world"

    def reset(self) -> None:
        """Begin the shown world anew, with the next seed."""
        self.seed += 1
        self.message = ""
        self._begin(self.game.reset(self.seed, self.prompt))

    def set_prompt(self, text: str) -> None:
        """Steer the shown world with text; what it cannot take, and words that it does not know, the message tells."""
        try:
            self.message = self.game.set_prompt(text)
        except ValueError as error:
            self.message = str(error)
        else:
            self.prompt = text

    def toggle_recording(self) -> None:
        """Start to record, or stop and write the film and the episodes."""
        if self._recording is None:
            self._recording = Recording(free_folder(self.folder))
            self._recording.begin(self.world, self.game.info, self._past[self.world][-1][0])
            self.message = f"recording; {self.named['record']} stops"
            return
        recording, self._recording = self._recording, None
        self.film = recording.save()[0]
        self.message = f"recorded into {recording.folder}"

    def quit(self) -> None:
        """Stop, and write what is being recorded."""
        if self._recording is not None:
            self.toggle_recording()
        self.running = False

    def _begin(self, shown: Shown) -> None:
        """Show the first frame of an episode."""
        past = self._past[self.world]
        past.clear()
        past.append((shown, np.zeros(self.game.info.actions.width, np.float32)))
        if self._recording is not None:
            self._recording.begin(self.world, self.game.info, shown)
        self._show(shown)

    def _show(self, shown: Shown) -> None:
        self.frame, self._over = shown.frame, shown.terminated or shown.truncated

    def _edit(self, key: str) -> None:
        """A key inside the prompt box."""
        assert self.typing is not None
        if key == "return":
            text, self.typing = self.typing.strip(), None
            self.set_prompt(text)
        elif key == "escape":
            self.typing = None
        elif key == "backspace":
            self.typing = self.typing[:-1]

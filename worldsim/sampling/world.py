"""`World`: B learned worlds that are rolled out together, frame by frame.

A frame is denoised in a few passes that read a frozen cache; one clean pass then writes it into the cache. Events are
foretold by the first of these passes, or read off by the clean one, which is all that given frames need. A frame for
which something rare is foretold is drawn again, told of it, so that what is said is shown. Rollouts stay in latents:
pixels are made for the caller and never read back. Each row has a random generator of its own, so rows do not depend on
each other.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch

from worldsim.clip import Clip, pixels_from_unit, pixels_to_unit
from worldsim.model.calibration import Calibration, read_calibration
from worldsim.model.card import WorldCard
from worldsim.model.checkpoint import CheckpointError, find, load
from worldsim.model.dynamics import Condition, Dynamics, Words
from worldsim.model.frozen import prompt_reader
from worldsim.model.habits import Habits, read_habits
from worldsim.model.noise import mix, sampling_levels
from worldsim.model.precision import has_bfloat16
from worldsim.model.prompts import heard, readable
from worldsim.model.refiner import Refiner, read_refiner
from worldsim.model.temperature import Temperature
from worldsim.model.tensors import network_fingerprint
from worldsim.model.text import PromptError
from worldsim.model.tokenizer import Tokenizer
from worldsim.sampling.alone import push
from worldsim.sampling.checks import check_actions, check_given, check_rows, check_size
from worldsim.sampling.denoise import Cancelled, Guidance, Looking, Watch, descend, guided
from worldsim.sampling.lanes import Lanes
from worldsim.sampling.layout import layout_noise
from worldsim.sampling.residual import Residual
from worldsim.sampling.steps import SURPRISES, Guesses, Snapshot, Step, WorldError, pulled, read_events

__all__ = ["SURPRISES", "Snapshot", "Step", "World", "WorldError", "read_events"]

FREE = 8  # passes where the network acts by itself: fewer show the mean of all it might do, which stands still
PULL = 2.0  # how strongly what is told pulls on the frame that is drawn again; 1 is the network's own answer
SURE = 0.5  # precision from which on an event is drawn wherever it counts as foretold
UNSEEN = ("name", "env", "fps", "shown", "training", "passes")  # of the card: what no frame depends on, or not alone


class World:
    """B learned worlds. Make one with `World.from_pretrained`; `reset` before the first `imagine`.

    Attributes:
        card: what the checkpoint is.
        tokenizer, dynamics: its networks; forks share them.
        starts: the start clips that came with it, or None.
        vocabulary: what reads its prompts: the words that it knows, or a text encoder of others.
        rows: B.
        steps: denoising passes per frame.
        guidance: how strongly prompts and actions pull on every frame; text that it leaves open as the card's `pull`
            says.
        temperature: size of the noise that frames begin as.
        window: on how many past frames a new one depends, and on no older one; None for all that the network remembers.
        cache: what the worlds remember of their past.
        calibration: from which probability on events count, and have their frame drawn again, as measured with these
            weights and this refiner, or None: from 0.5 on.
        habits: from which actions are drawn where nobody acts, or None: the network then acts by itself.
        checkpoint: the folder that it was loaded from, or None.
        refiner: gives frames that somebody's actions lead to the detail of those before them, in rows without a prompt,
            or None.
    """

    def __init__(
        self, card: WorldCard, tokenizer: Tokenizer, dynamics: Dynamics, starts: Clip | None, *, rows: int,
        steps: int | None = None, guidance: Guidance | None = None, temperature: Temperature | None = None,
        window: int | None = None, habits: Habits | None = None, refiner: Refiner | None = None,
    ) -> None:  # fmt: skip
        steps = card.passes if steps is None else steps
        if rows < 1 or steps < 1:
            raise WorldError(f"rows and steps must be at least 1, got rows={rows}, steps={steps}")
        if window is not None and not 1 <= window <= card.window:
            raise WorldError(f"window must be from 1 to {card.window}, what this network remembers, got {window}")
        self.temperature = temperature or card.temperature
        self.card, self.tokenizer, self.dynamics, self.starts = card, tokenizer, dynamics, starts
        self.rows, self.steps, self.guidance = rows, steps, guidance or Guidance()
        self.calibration: Calibration | None = None
        self.checkpoint: Path | None = None
        self.habits, self.refiner = habits, refiner
        self.window = window
        grid = tuple(side // tokenizer.stride for side in card.size)
        shown = 0 if refiner is None else refiner.config.past
        self.cache = dynamics.new_cache(rows, *grid, shown=shown)
        self._lanes = None if window is None else Lanes(
            dynamics.new_cache(rows * (window + 1), *grid, shown=shown), torch.zeros_like(self.cache.count), window
        )  # fmt: skip
        self.vocabulary = prompt_reader(card, str(self.cache.count.device))
        self._residual = Residual.none(rows, *card.size, self.cache.count.device)
        self._prompts = [""] * rows  # as given
        self._told = [""] * rows  # as read: without words that the network does not know
        self._fresh = [0] * rows  # frames for which a prompt is still new
        self._read = self._read_prompts()
        self._generators: list[torch.Generator | None] = [None] * rows

    @classmethod
    def from_pretrained(
        cls, checkpoint: str | Path = "overworld-small", *, rows: int = 1, steps: int | None = None,
        device: str = "cpu", half: bool | None = None, temperature: Temperature | float | None = None,
        guidance: Guidance | None = None, window: int | None = None, refine: bool = True,
    ) -> World:  # fmt: skip
        """Load a checkpoint by path, or by the name of one that ships, and make it ready to play.

        Args:
            checkpoint: folder or name.
            rows: B, worlds rolled out together.
            steps: denoising passes per frame; the card's by default.
            device: where the networks run.
            window: as above; each frame then costs a pass more for each of these.
            half: whether matrices are multiplied in bfloat16; by default where the device is faster at that.
            temperature, guidance: as above; the card's by default. A number is the usual size of the noise; the rest is
                the card's.
            refine: whether the checkpoint's refiner is used, where it has one; its calibration holds with it alone.

        Raises:
            CheckpointError: missing, damaged, or a tokenizer alone.
            EncoderError: the text encoder that it was trained with is not here.
            WorldError: rows or steps below 1, a window out of range, or a device that is not there.
            ConfigError: a temperature that is none.
        """
        try:
            place = torch.empty(0, device=device).device
        except (RuntimeError, AssertionError) as error:
            raise WorldError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error
        folder = find(checkpoint)
        card, tokenizer, dynamics, starts = load(folder)
        if dynamics is None:
            raise CheckpointError(f"{checkpoint} holds a tokenizer alone; train a dynamics network on it first")
        if temperature is not None and not isinstance(temperature, Temperature):
            temperature = replace(card.temperature, usual=temperature)  # which refuses what is no number
        tokenizer, dynamics = tokenizer.to(place).eval(), dynamics.to(place).eval()
        refiner = read_refiner(folder, dynamics) if refine else None
        refiner = refiner and refiner.to(place)
        half = has_bfloat16(place) if half is None else half
        tokenizer.prepare(half)
        dynamics.prepare(half)
        world = cls(
            card, tokenizer, dynamics, starts, rows=rows, steps=steps, guidance=guidance, temperature=temperature,
            window=window, habits=read_habits(folder, card.action_spec.width), refiner=refiner,
        )  # fmt: skip
        world.checkpoint = folder
        world.calibration = read_calibration(world.checkpoint, refine)
        return world

    def alike(
        self, rows: int, *, size: tuple[int, int] | None = None, steps: int | None = None,
        guidance: Guidance | None = None, temperature: Temperature | None = None,
    ) -> World:  # fmt: skip
        """A world of the same networks that has not begun; what is not named is as here.

        Args:
            rows: B.
            size: (H, W) of its frames, in steps of `grain`; stored starts of another size are left behind.
            steps, guidance, temperature: as above.

        Raises:
            WorldError: another size.
        """
        size = self.card.size if size is None else check_size(size, self.grain)
        card, starts = (self.card, self.starts) if size == self.card.size else (replace(self.card, size=size), None)
        twin = World(
            card, self.tokenizer, self.dynamics, starts, rows=rows,
            steps=steps or self.steps, guidance=guidance or self.guidance,
            temperature=temperature or self.temperature, window=self.window, habits=self.habits, refiner=self.refiner,
        )  # fmt: skip
        twin.calibration, twin.checkpoint = self.calibration, self.checkpoint
        return twin

    @property
    def grain(self) -> int:
        """The pixels that sides of frames come in steps of."""
        return self.tokenizer.stride * self.dynamics.config.patch

    @property
    def fingerprint(self) -> str:
        """A short hash of what decides how a rollout goes on: weights, habits, how it is played, and what of it the
        card says."""
        card = {key: value for key, value in self.card.to_json().items() if key not in UNSEEN}
        if not self.card.redraws:  # as before there were such
            del card["redraws"], card["dynamics"]["draws_events"]
        played = self.steps, self.temperature, self.guidance, self.window
        habits = "" if self.habits is None else self.habits.fingerprint
        used = (self.tokenizer, self.dynamics, *([] if self.refiner is None else [self.refiner]))
        networks = map(network_fingerprint, used)
        drawn = repr(self._thresholds().tolist()) if self.card.redraws else ""
        parts = json.dumps(card, sort_keys=True), repr(played), drawn, habits, *networks
        return blake2b("".join(parts).encode(), digest_size=8).hexdigest()

    # -- prompts -------------------------------------------------------------------------------------------------

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompt of each row, "" for none."""
        return tuple(self._prompts)

    def set_prompt(self, prompt: str | Sequence[str], rows: Sequence[int] | None = None) -> None:
        """From the next frame on, let rows (all by default) follow a prompt, or one each; the past stays as it is.

        Words that the checkpoint does not know are left out, with a warning. While a prompt is new it pulls more, as
        far as the card says; such frames take twice as long.

        Raises:
            PromptError: too long.
            WorldError: rows and prompts do not go together.
        """
        where = check_rows(rows, self.rows)
        texts = [prompt] * len(where) if isinstance(prompt, str) else list(prompt)
        if len(texts) != len(where):
            raise WorldError(f"expected a prompt, or one for each of {len(where)} rows, got {len(texts)}")
        for text in texts:
            self.check_prompt(text)
        told = {text: readable(text, self.vocabulary) for text in texts}
        for row, text in zip(where, texts, strict=True):
            if told[text] != self._told[row]:  # else a pull that goes on goes on
                self._fresh[row] = self.card.pull.frames if told[text] else 0
            self._prompts[row], self._told[row] = text, told[text]
        self._read = self._read_prompts()

    def check_prompt(self, text: str) -> None:
        """Raise `PromptError` for what is no text, or too long."""
        if not isinstance(text, str):
            raise PromptError(f"a prompt must be text, got {type(text).__name__}")
        self.vocabulary.encode(text, self.card.max_prompt_words)

    def _read_prompts(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The text encoder's output for the present prompts, computed once per change."""
        if not any(self._told):
            with torch.no_grad():
                return self.dynamics.read(None, self.rows, 1)
        longest = self.card.max_prompt_words  # always the same length, so that rows do not depend on each other
        numbers, present = (part[:, None] for part in self.vocabulary.table(self._told, longest))  # (B, 1, L)
        device = self.cache.count.device
        seen = torch.ones(self.rows, 1, 1, dtype=torch.bool, device=device)
        with torch.no_grad():
            return self.dynamics.read(Words(numbers.to(device), present.to(device), seen), self.rows, 1)

    # -- going on ------------------------------------------------------------------------------------------------

    def reset(
        self, frames: np.ndarray | None = None, actions: np.ndarray | None = None,
        prompts: Sequence[str] | None = None, seeds: Sequence[int] = (0,), rows: Sequence[int] | None = None, *,
        passes: int | None = None, watch: Watch | None = None,
    ) -> Step:  # fmt: skip
        """Start rows anew, from given frames, or else from noise under the prompt.

        Args:
            frames: u8 (R, T, H, W, 3) at the card's size; as many of the last ones as are remembered count.
            actions: f32 (R, T, A), row 0 led to the first frame (zeros for a reset); None where they are not known.
            prompts: one per row, "" for none; none by default.
            seeds: one per row, in [0, 2⁶³).
            rows: which rows, all by default; R is their number.
            passes: denoising passes of a frame from noise, which nothing precedes; by default as the card says.
            watch: as in `denoise`.

        Returns:
            The last given, or else the generated, frame of these rows.

        Raises:
            WorldError, ClipError, PromptError.
            Cancelled: `watch` returned False; the rows have to be reset again.
        """
        where = check_rows(rows, self.rows)
        if len(seeds) != len(where):
            raise WorldError(f"expected one seed for each of {len(where)} rows, got {len(seeds)}")
        if not all(isinstance(seed, int | np.integer) and 0 <= seed < 2**63 for seed in seeds):
            raise WorldError(f"seeds must be integers in [0, 2**63), got {list(seeds)}")
        if frames is not None:
            check_given(self.card, frames, actions, len(where))
        self.set_prompt(list(prompts) if prompts is not None else "", where)
        for row, seed in zip(where, seeds, strict=True):
            self._generators[row], self._fresh[row] = torch.Generator().manual_seed(int(seed)), 0
        index = torch.tensor(where, device=self.cache.count.device)
        self.cache.clear(index)
        if self._lanes is not None:
            self._lanes.clear(index)
        part = self if where == list(range(self.rows)) else self._part(where)
        if frames is None:
            still = np.zeros((len(where), self.card.action_spec.width), np.float32)
            part._residual = Residual.none(len(where), *self.card.size, index.device)
            step = part._advance(still, None, passes or max(self.steps, self.card.pull.passes), watch, opening=True)
        else:
            step = part._observe(frames, actions)
        if part is not self:
            self._residual = self._residual.put(index, part._residual)
        if part is not self and self._lanes is not None and part._lanes is not None:
            self._lanes.put(index, part._lanes)
            self.cache = self._lanes.seen
        elif part is not self:
            self.cache.put(index, part.cache)
        return step

    def observe(self, frames: np.ndarray, actions: np.ndarray | None) -> Step:
        """Append true frames u8 (B, T, H, W, 3), to which actions f32 (B, T, A) led, to the context of all rows.

        Actions that are not known are None.

        Raises:
            WorldError, ClipError.
        """
        self._check_started()
        check_given(self.card, frames, actions, self.rows)
        return self._observe(frames, actions)

    def imagine(
        self, actions: np.ndarray | None, *, passes: int | None = None, watch: Watch | None = None,
        pixels: bool = True, surprise: str = "",
    ) -> Step:  # fmt: skip
        """One frame on in all rows, under actions f32 (B, A) in [-1, 1]; under None the world acts by itself.

        Args:
            actions: as above.
            passes: denoising passes that make it, `steps` by default, or more where the network acts by itself.
            watch: called with a `Preview` after each denoising pass, but for those of a frame that is drawn again.
            pixels: without them the decoder rests, and the step's frames are (B, 0, 0, 3).
            surprise: which of `SURPRISES` to measure; it changes nothing else.

        Raises:
            WorldError: wrong shape, not finite, out of range, no reset before, or a surprise that is not known.
            Cancelled: `watch` returned False; no frame was added, and nothing was drawn.
        """
        self._check_started()
        if surprise and surprise not in SURPRISES:
            raise WorldError(f"surprise must be one of {', '.join(SURPRISES)}, or empty, got {surprise!r}")
        if actions is not None:
            check_actions(actions, (self.rows, self.card.action_spec.width))
            actions = np.asarray(actions, np.float32)
        elif passes is None and self.habits is None:
            passes = max(FREE, self.steps)
        if watch is None:
            return self._advance(actions, None, passes, watch, pixels, surprise)
        before = [generator and generator.get_state() for generator in self._generators]
        try:
            return self._advance(actions, None, passes, watch, pixels, surprise)
        except Cancelled:
            for generator, state in zip(self._generators, before, strict=True):
                if generator is not None and state is not None:
                    generator.set_state(state)
            raise

    def picture(self, latents: np.ndarray) -> np.ndarray:
        """Frames u8 (N, H, W, 3) of any latents f32 (N, C, h, w), through the decoder alone."""
        with torch.inference_mode():
            return pixels_from_unit(self._painted(latents)[:, None])[:, 0]

    def show(self, latents: np.ndarray) -> np.ndarray:
        """Frames u8 (B, H, W, 3) of the last step's latents f32 (B, C, h, w), as the step showed them.

        Where the picture has hardly changed since the last given frame, it has the detail that the tokenizer lost.
        """
        with torch.inference_mode():
            painted = self._residual.onto(self._painted(latents), self.tokenizer.stride, self.window)
            return pixels_from_unit(painted[:, None])[:, 0]

    def _painted(self, latents: np.ndarray) -> torch.Tensor:
        """Pixels (N, 3, H, W), about in [-1, 1], of latents f32 (N, C, h, w)."""
        given = torch.from_numpy(np.ascontiguousarray(latents, np.float32)).to(self.cache.last.device)
        return self.tokenizer.decode(given[:, None])[:, 0].float()

    def latents(self, frames: np.ndarray) -> np.ndarray:
        """Latents f32 (B, C, h, w) of frames u8 (B, H, W, 3), as a step has them. Raises `ClipError`."""
        with torch.inference_mode():
            given = pixels_to_unit(np.asarray(frames)[:, None]).to(self.cache.last.device)
            return self.tokenizer.encode(given)[:, 0].float().cpu().numpy()

    def _observe(self, frames: np.ndarray, actions: np.ndarray | None) -> Step:
        kept = self.window or self.card.window
        frames = frames[:, -kept:]
        led = [None] * frames.shape[1] if actions is None else actions[:, -kept:].swapaxes(0, 1)
        with torch.no_grad():
            given = pixels_to_unit(frames).to(self.cache.last.device)
            latents = self.tokenizer.encode(given)
            self._residual = Residual.of(given[:, -1], self.tokenizer.decode(latents[:, -1:])[:, 0].float())
        steps = [self._advance(each, latents[:, t : t + 1]) for t, each in enumerate(led)]
        return replace(steps[-1], frames=frames[:, -1].copy())

    @torch.inference_mode()
    def _advance(
        self, actions: np.ndarray | None, given: torch.Tensor | None, passes: int | None = None,
        watch: Watch | None = None, pixels: bool = True, surprise: str = "", opening: bool = False,
    ) -> Step:  # fmt: skip
        """One frame on: denoised, or given as latents (B, 1, C, h, w); then the clean pass, which keeps it."""
        dynamics, cache = self.dynamics, self.cache
        device, rows, width = cache.last.device, self.rows, self.card.action_spec.width
        driven = actions is not None
        if actions is None and given is None and self.habits is not None:
            actions = self.habits.draw(cache.led.cpu().numpy(), self._told, self._generators)
        acted = actions is not None
        led = (torch.tensor(np.asarray(actions, np.float32)) if acted else torch.zeros(rows, width)).to(device)
        condition = Condition(led[:, None], torch.full((rows, 1), acted, device=device))
        noise = self._noise(opening)
        passes = passes or self.steps
        levels = sampling_levels(passes, self.card.shift)
        begins = levels if opening else ()
        guidance = pulled(self.guidance, self.card.pull, self._told, self._fresh, begins, device)
        latents, guesses = given, Guesses(watch)
        look = Looking(dynamics, condition, levels, cache=cache, read=self._read)
        if latents is None:
            if self.card.pull.alone and guidance.rows is not None and not opening:
                said = self.card.pull.alone * push(dynamics, noise[:, :1], condition, self._read, cache.last)
                guidance = replace(guidance, push=torch.where(guidance.rows[:, None, None, None, None], said, 0.0))
            latents = descend(look, noise[:, :1], levels, guidance=guidance, watch=guesses)
            if acted and not opening:
                latents = self._redrawn(latents, look, noise[:, :1], guidance)
            self._fresh = [max(0, left - 1) for left in self._fresh]
            if driven and not opening:
                latents = self._refined(latents, led)
        foretold = look.said if self.card.foretells else None
        apart = torch.zeros_like(latents)
        if surprise == "seeds" and guesses.first is not None:
            level = torch.full((rows, 1), levels[0], device=device)
            mirrored = guided(look, -noise[:, :1], level, 0, guidance.at(levels[0]))
            apart = (mirrored - guesses.first) / 2
        level = torch.full((rows, 1), self.card.context_level, device=device)
        kept = mix(latents, noise[:, 1:], level)
        led = led if acted and not opening else torch.full_like(led, torch.nan)
        if self._lanes is None:
            prediction = dynamics.step(kept, level, condition, cache, self._read)
            cache.advance(kept[:, 0], led, latents[:, 0])
        else:
            prediction = self._lanes.write(dynamics, kept, level, condition, self._read, led, latents)
            self.cache = self._lanes.seen
        if surprise == "again":
            apart = prediction.clean - latents
        shown = latents[:, 0].float().cpu().numpy()
        if given is None:
            self._residual = self._residual.older()
        frames = self.show(shown) if pixels and given is None else np.empty((rows, 0, 0, 3), np.uint8)
        events, ended = read_events(foretold or prediction)
        if actions is None:
            actions = self.card.action_spec.nearest(prediction.actions[:, 0].float().cpu().numpy())
        far = apart.float().square().mean((1, 2, 3, 4)).sqrt().cpu().numpy()
        return Step(frames, events[:, 0], ended[:, 0], actions.copy(), shown, far)

    def _redrawn(
        self, latents: torch.Tensor, look: Looking, noise: torch.Tensor, guidance: Guidance
    ) -> torch.Tensor:
        """The frame (B, 1, C, h, w), where `look` foretold an event of the card's `redraws` drawn anew, from the same
        noise, and told of it; what that changes is exaggerated, as guidance does (the pass that was not told is there).
        """
        if not self.card.redraws or look.said is None:
            return latents
        happens = torch.from_numpy(read_events(look.said)[0][:, 0] >= self._thresholds()).to(latents.device)
        rows = happens.any(1).nonzero()[:, 0]
        if not len(rows):
            return latents
        assert look.cache is not None and look.read is not None
        told = replace(look.condition.take(rows), events=happens[rows, None].float())
        read = look.read[0][rows], look.read[1][rows]
        again = Looking(self.dynamics, told, look.levels, cache=look.cache.take(rows), read=read)
        drawn = descend(again, noise[rows], look.levels, guidance=guidance.take(rows))
        return latents.index_copy(0, rows, torch.lerp(latents[rows], drawn, PULL))

    def _thresholds(self) -> np.ndarray:
        """From which value on each column of the events has its frame drawn again, f64 (E,): infinity for those that
        never do, and at least 0.5 where what is told from the measured threshold on is mostly not so."""
        found, least = self.calibration or Calibration(), np.full(len(self.card.event_names), np.inf)
        for name in self.card.redraws:
            sure = name in found.events and found.events[name].precision >= SURE
            least[self.card.event_names.index(name)] = max(found.threshold(name), 0.0 if sure else SURE)
        return least

    def _refined(self, latents: torch.Tensor, led: torch.Tensor) -> torch.Tensor:
        """A finished frame (B, 1, C, h, w), which actions (B, A) led to, with the detail of the frames before it.

        Not where a prompt may ask for what those do not show, and not where they show little.
        """
        if self.refiner is None or all(self._told):
            return latents
        guess, shown = latents[:, 0], self.cache.shown
        untold = torch.tensor([not text for text in self._told], device=guess.device)
        share = (untold * self.temperature.clear(shown[:, 0]))[:, None, None, None]
        return torch.lerp(guess, self.refiner(guess, shown, led), share)[:, None]

    def _noise(self, opening: bool) -> torch.Tensor:
        """(B, 2, C, h, w): noise for the new frame and for keeping it, each row from its own generator.

        One seed opens with the same layout at every size; what follows, follows from that.
        """
        draw = layout_noise if opening else torch.randn
        channels, height, width = self.cache.last.shape[1:]
        rows = [draw((2, channels, height, width), generator=generator) for generator in self._generators]
        noise = torch.stack(rows).to(self.cache.last.device)
        age = self.cache.count if self._lanes is None else self._lanes.age
        noise[:, 0] *= self.temperature.after(self.cache.last, age)[:, None, None, None]
        return noise

    # -- branching -----------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Everything that later frames depend on. Raises `WorldError` before the first reset."""
        self._check_started()
        states = tuple(generator.get_state() for generator in self._generators if generator is not None)
        lanes = self._lanes and self._lanes.copy()
        return Snapshot(self.cache.copy(), self.prompts, tuple(self._fresh), states, self._residual, lanes)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot of this world, or of a fork of it. Raises `WorldError` when the rows differ."""
        if len(snapshot.prompts) != self.rows:
            raise WorldError(f"a snapshot of {self.rows} rows was expected, got {len(snapshot.prompts)} rows")
        caches = self.cache, snapshot.cache
        mine, theirs = ([tuple(part.shape) for part in (*cache.keys, cache.shown)] for cache in caches)
        if mine != theirs:
            raise WorldError(f"a snapshot of this world was expected, got one of a network with a cache of {theirs}")
        if (snapshot.lanes and snapshot.lanes.window) != self.window:
            raise WorldError(f"a snapshot of a world with a window of {self.window} was expected, got another")
        self.cache, self._lanes = snapshot.cache.copy(), snapshot.lanes and snapshot.lanes.copy()
        self._residual = snapshot.residual
        self._prompts = list(snapshot.prompts)
        self._told = [heard(prompt, self.vocabulary) for prompt in self._prompts]
        self._fresh = list(snapshot.fresh)
        self._read = self._read_prompts()
        self._generators = [torch.Generator() for _ in range(self.rows)]
        for generator, state in zip(self._generators, snapshot.randomness, strict=True):
            assert generator is not None
            generator.set_state(state)

    def fork(self) -> World:
        """A world that goes on from here by itself; the weights are shared."""
        twin = copy.copy(self)
        twin.restore(self.snapshot())
        return twin

    # -- checks --------------------------------------------------------------------------------------------------

    def _part(self, rows: list[int]) -> World:
        """Some of the rows as a world of their own, which uses the very generators of these rows."""
        twin = copy.copy(self)
        twin.rows = len(rows)
        index = torch.tensor(rows, device=self.cache.count.device)
        twin.cache, twin._lanes = self.cache.take(index), self._lanes and self._lanes.take(index)
        twin._residual = self._residual.take(index)
        twin._prompts = [self._prompts[row] for row in rows]
        twin._told = [self._told[row] for row in rows]
        twin._fresh = [self._fresh[row] for row in rows]
        twin._generators = [self._generators[row] for row in rows]
        twin._read = twin._read_prompts()
        return twin

    def _check_started(self) -> None:
        if any(generator is None for generator in self._generators):
            waiting = [row for row, generator in enumerate(self._generators) if generator is None]
            raise WorldError(f"rows {waiting} have not been reset; call reset first")

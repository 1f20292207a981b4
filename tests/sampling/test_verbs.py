"""The verbs: given frames come back to the byte, rows and seeds are their own, each verb sees what it should see."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import worldsim
from networks import EVENTS, SIZE, SPEC, WORDS, tiny_world
from worldsim.clip import Clip, Prompt, join, pixels_from_unit, pixels_to_unit
from worldsim.model.dynamics import Condition, Prediction
from worldsim.model.prompts import UnknownWords
from worldsim.model.temperature import Temperature
from worldsim.model.text import PromptError
from worldsim.sampling import canvas as canvases
from worldsim.sampling import making
from worldsim.sampling.canvas import Canvas, Painted
from worldsim.sampling.layout import layout_noise
from worldsim.sampling.making import VIVID
from worldsim.sampling.verbs import (
    Cancelled,
    Preview,
    VerbError,
    animate,
    connect,
    edit,
    enhance,
    extend,
    fill,
    generate,
    image,
    loop,
)
from worldsim.sampling.world import World

WIDTH = SPEC.width
COOL = {"temperature": Temperature(usual=0.1)}
FAST = {"passes": 2}  # enough to tell right from wrong


def a_clip(rows: int = 1, length: int = 6, seed: int = 0, size: tuple[int, int] = SIZE) -> Clip:
    """Smooth random frames with valid actions, named events and a prompt."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (rows, length, *size, 3), dtype=np.uint8)
    actions = SPEC.encode_batch(rng.integers(0, 5, rows * length)).reshape(rows, length, WIDTH)
    actions[:, 0] = 0
    events = rng.random((rows, length, len(EVENTS))).astype(np.float32)
    flags = np.zeros((rows, length), np.bool_)
    text = [[Prompt("snow on high hills", 0, length)] for _ in range(rows)]
    return Clip(frames, actions, events, flags, flags, ~flags, text, 10.0)


def valid(actions: np.ndarray) -> np.ndarray:
    """bool (...,): which vectors are exactly one of the five actions."""
    return (np.isin(actions, (0, 1)).all(-1)) & (actions.sum(-1) == 1)


def same(first: Clip, second: Clip) -> bool:
    return all(np.array_equal(first._arrays()[name], second._arrays()[name]) for name in first._arrays())


# Each makes clips of 2 rows from seeds; with those of row 0, what stays, and how long the clip is.
VERBS: dict[str, Callable[..., Clip]] = {
    "generate": lambda world, **more: generate(world, "a desert at night", frames=7, **more),
    "image": lambda world, **more: image(world, "snow", **more),
    "animate": lambda world, **more: animate(world, a_clip().frames[0, 0], "rain falls", frames=5, **more),
    "extend forward": lambda world, **more: extend(world, a_clip(), frames=5, **more),
    "extend backward": lambda world, **more: extend(world, a_clip(), frames=5, direction="backward", **more),
    "loop": lambda world, **more: loop(world, text="snow", frames=6, **more),
    "loop of a clip": lambda world, **more: loop(world, a_clip(), frames=3, **more),
    "connect": lambda world, **more: connect(world, a_clip(), a_clip(seed=1), frames=3, **more),
    "fill": lambda world, **more: fill(world, a_clip(), np.arange(6) % 3 == 1, **more),
    "edit": lambda world, **more: edit(world, a_clip(), "a desert at night", **more),
    "enhance": lambda world, **more: enhance(world, a_clip(), **more),
}
LENGTHS = dict(zip(VERBS, (7, 1, 5, 11, 11, 6, 9, 15, 6, 6, 6), strict=True))
KEPT = {  # rows of the clip that comes out, and the given frames that have to be there
    "animate": (slice(0, 1), slice(0, 1)), "extend forward": (slice(0, 6), slice(0, 6)),
    "extend backward": (slice(5, 11), slice(0, 6)), "loop of a clip": (slice(0, 6), slice(0, 6)),
    "connect": (slice(0, 6), slice(0, 6)), "fill": (slice(0, 6, 3), slice(0, 6, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", VERBS)
def test_same_seeds_give_the_same_bytes_beside_whatever_other_rows(name: str) -> None:
    verb, world = VERBS[name], tiny_world()
    clip = verb(world, seeds=(3, 4), **FAST)
    assert clip.frames.shape == (2, LENGTHS[name], *SIZE, 3) and len(clip.text) == 2 and clip.fps == 10
    assert same(clip, verb(tiny_world(), seeds=(3, 4), **FAST)), "again"
    other = verb(world, seeds=(3, 9), **FAST)
    row = np.array([0])
    assert same(clip.take(row), other.take(row)), "the other row has another seed"
    assert (clip.frames[1] != other.frames[1]).any() and (clip.frames[0] != clip.frames[1]).any()
    assert not world.cache.count.any() and world.prompts == ("",), "the world itself stays as it is"


@pytest.mark.parametrize("name", KEPT)
def test_given_frames_come_back_to_the_byte(name: str) -> None:
    rows, given = KEPT[name]
    clip = VERBS[name](tiny_world(), seeds=(3, 4), **FAST)
    assert all(np.array_equal(frames[rows], a_clip().frames[0, given]) for frames in clip.frames)
    if name == "connect":
        assert all(np.array_equal(frames[9:], a_clip(seed=1).frames[0]) for frames in clip.frames)


@pytest.mark.parametrize("name", VERBS)
def test_imagined_actions_are_valid_ones_and_events_probabilities(name: str) -> None:
    clip = VERBS[name](tiny_world(), seeds=(3, 4), **FAST)
    reset = ~np.arange(clip.length).astype(bool) if name in {"generate", "image", "animate", "extend forward",
                                                             "extend backward", "connect", "fill", "edit",
                                                             "enhance"} else np.zeros(clip.length, bool)  # fmt: skip
    assert valid(clip.actions[:, ~reset]).all() and not clip.actions[:, reset].any()
    assert ((clip.events[..., 1:] >= 0) & (clip.events[..., 1:] <= 1)).all() and clip.mask.all()


def test_a_played_clip_is_what_the_world_plays() -> None:
    world, start = tiny_world(2, VIVID), a_clip(2)
    actions = a_clip(2, 5, seed=7).actions
    clip = extend(world, start, frames=5, actions=actions, seeds=(1, 2))
    world.reset(start.frames, start.actions, ["snow on high hills"] * 2, (1, 2))
    world.set_prompt("")
    steps = [world.imagine(actions[:, t]) for t in range(5)]
    assert np.array_equal(clip.frames[:, 6:], np.stack([step.frames for step in steps], 1))
    assert np.array_equal(clip.events[:, 6:], np.stack([step.events for step in steps], 1))
    assert np.array_equal(clip.actions, np.concatenate([start.actions, actions], 1))
    assert clip.text[0] == [Prompt("snow on high hills", 0, 6)]


def test_an_extension_sees_the_given_frames_and_their_actions_through_the_cache() -> None:
    start = a_clip()
    inverted = np.where((np.arange(6) == 4)[:, None, None, None], 255 - start.frames, start.frames)
    changed = replace(start, frames=inverted)
    led = replace(start, actions=np.roll(start.actions, 1, axis=2))
    for direction in ("forward", "backward"):
        new = slice(6, 8) if direction == "forward" else slice(0, 2)
        plain, *others = (
            extend(tiny_world(), each, frames=2, direction=direction, **FAST).frames[:, new].astype(int)
            for each in (start, changed if direction == "forward" else replace(changed, frames=changed.frames[:, ::-1]),
                         led, start.frames)
        )  # fmt: skip
        assert all((plain != other).any() for other in others), direction


def test_without_actions_the_network_acts_by_itself_and_with_them_it_obeys() -> None:
    world = tiny_world()
    free, idle = generate(world, frames=5), generate(world, frames=5, actions=np.zeros((5, WIDTH), np.float32))
    assert (free.frames[:, 1] != idle.frames[:, 1]).any() and valid(free.actions[:, 1:]).all()
    assert not idle.actions.any()
    assert np.array_equal(free.frames[:, 0], idle.frames[:, 0]), "nobody acts in a reset"


def test_prompts_hold_in_their_own_interval_and_move_with_it() -> None:
    world = tiny_world()
    night = [Prompt("a desert at night", 0, 3), Prompt("snow", 3)]
    told, silent = generate(world, night, frames=6, **FAST), generate(world, night[:1], frames=6, **FAST)
    assert np.array_equal(told.frames[:, :3], silent.frames[:, :3]) and (told.frames[:, 3] != silent.frames[:, 3]).any()
    assert told.text == [[night[0], Prompt("snow", 3, 6)]]
    each = generate(world, ["snow", night], frames=6, seeds=(0, 1), **FAST)
    assert each.text == [[Prompt("snow", 0, 6)], told.text[0]]
    start = a_clip()
    assert extend(world, start, "rain falls", frames=2, **FAST).text[0][-1] == Prompt("rain falls", 6, 8)
    back = extend(world, start, "rain falls", frames=7, direction="backward", **FAST)
    assert back.text == [[Prompt("rain falls", 0, 7), Prompt("snow on high hills", 7, 13)]]
    bridge = connect(world, start, start, "rain falls", frames=3, **FAST).text[0]
    assert [(each.start, each.end) for each in bridge] == [(0, 6), (6, 9), (9, 15)]


def test_rows_with_other_timelines_leave_a_row_as_it_is() -> None:
    world = tiny_world()
    busy = [Prompt("snow", 0, 2), Prompt("rain falls", 2, 4), Prompt("a desert at night", 4)]
    for make in (generate, lambda *a, **k: loop(world, text=a[1], **k)):
        one, two = (make(world, ["snow", other], frames=5, seeds=(1, 2), **FAST) for other in ("snow", busy))
        assert np.array_equal(one.frames[0], two.frames[0]) and (one.frames[1] != two.frames[1]).any()


def test_a_loop_wraps_round_and_moves() -> None:
    clips = loop(tiny_world(), text="snow", frames=12, passes=6, seeds=range(16)).frames.astype(int)
    steps = np.abs(np.diff(clips, axis=1, append=clips[:, :1])).mean((2, 3, 4))  # (16, 12), the last is the seam
    assert (steps > 0.3).all() and steps[:, -1].mean() < 1.2 * steps.mean()


def test_backward_windows_meet_in_latents(monkeypatch: pytest.MonkeyPatch) -> None:
    world, encoded = tiny_world(), []
    encode = world.tokenizer.encode
    monkeypatch.setattr(world.tokenizer, "encode", lambda frames: (encoded.append(frames.shape[1]), encode(frames))[1])
    clip = extend(world, a_clip(), frames=9, direction="backward", **FAST)
    assert clip.length == 15 and encoded == [2], "only the given frames that fit half a window"
    assert valid(clip.actions[:, 1:]).all() and not clip.actions[:, 0].any()


def test_beginnings_differ_and_run_into_the_same_ending() -> None:
    clip = extend(tiny_world(), a_clip(), frames=4, direction="backward", seeds=range(4), **FAST)
    assert len({clip.frames[row, :4].tobytes() for row in range(4)}) == 4
    assert len({clip.frames[row, 4:].tobytes() for row in range(4)}) == 1


class Echo(torch.nn.Module):
    """A network that takes noise for the clean clip."""

    config = tiny_world().dynamics.config

    def forward(self, noisy: torch.Tensor, level: torch.Tensor, condition: Condition, *, attend: str) -> Prediction:
        end = noisy.mean((2, 3, 4))
        return Prediction(noisy, end[..., None].expand(-1, -1, len(EVENTS)), end, condition.actions)


def test_an_edit_starts_from_the_clip_hidden_as_far_as_its_strength_says() -> None:
    world, start = tiny_world(), a_clip()
    assert (edit(world, start, "rain falls", **FAST).frames != edit(world, start, "snow", **FAST).frames).any()
    world.dynamics = Echo()  # type: ignore[assignment]
    strengths = (1e-6, 0.1, 0.5, 1.0)
    found = [edit(world, start, "snow", strength=each, push=0).frames.astype(int) for each in strengths]
    with torch.no_grad():
        latents = world.tokenizer.encode(pixels_to_unit(start.frames))
        assert np.array_equal(found[0], pixels_from_unit(world.tokenizer.decode(latents)))
    away = [np.abs(each - found[0]).mean() for each in found[1:]]
    assert away == sorted(away) and away[0] > 0
    noise = layout_noise(tuple(latents.shape[1:]), torch.Generator().manual_seed(0))[None]  # type: ignore[arg-type]
    assert np.array_equal(found[-1], pixels_from_unit(world.tokenizer.decode(noise))), "nothing is left"


def test_an_edit_pushes_frames_to_what_words_change_and_moves_nothing() -> None:
    world, start = tiny_world(), a_clip(2)
    start.text[:] = [[Prompt("rain falls", 0, 3)], []]
    hidden = {"strength": 1e-6, **FAST}

    with torch.no_grad():
        given = world.tokenizer.encode(pixels_to_unit(start.frames))
    seen: list[torch.Tensor] = []

    def paint(painted: World, canvas: Canvas, *more: Any, **named: Any) -> Painted:
        seen.append(canvas.latents)
        return canvases.paint(painted, canvas, *more, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "paint", paint)
        for push in (1.0, 2.0, 0.0):
            edit(world, start, "snow", push=push, **hidden)
        edit(world, start, [[Prompt("rain falls", 0, 3)], ""], **hidden)
        edit(world, start.take(np.array([1])), "snow", seeds=[1], **hidden)
    once, twice = (each - given for each in seen[:2])
    assert torch.equal(seen[2], given) and torch.allclose(seen[3], given, atol=1e-5), "nothing is said anew"
    assert once.abs().max() > 1e-3 and torch.allclose(twice, 2 * once, atol=1e-5)
    assert torch.allclose(once, once[..., :1].expand_as(once), atol=1e-5), "all of a row of the picture alike"
    assert not torch.allclose(once[0, 0], once[0, 4], atol=1e-4), "its own prompt ended with the third frame"
    assert torch.allclose(seen[4], seen[0][1:], atol=1e-5), "alone as in a batch"


def test_enhancing_may_enlarge() -> None:
    clip = enhance(tiny_world(), a_clip(), size=(64, 96), **FAST)
    assert clip.frames.shape == (1, 6, 64, 96, 3)


@pytest.mark.parametrize("size", [(16, 16), (48, 32), (32, 80)])
def test_any_size_in_steps_of_a_patch_and_any_number_of_frames(size: tuple[int, int]) -> None:
    world = tiny_world()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert generate(world, frames=3, size=size, **FAST).frames.shape == (1, 3, *size, 3)
        assert loop(world, frames=5, size=size, **FAST).frames.shape == (1, 5, *size, 3)
        assert extend(world, a_clip(size=size), frames=1, **FAST).frames.shape == (1, 7, *size, 3)
    with pytest.warns(UserWarning, match=f"rounded to {size[0]}x{size[1]}"):
        assert image(world, size=(size[0] + 3, size[1] - 2), **FAST).frames.shape == (1, 1, *size, 3)


def test_unknown_words_are_named_and_left_out() -> None:
    world = tiny_world()
    with pytest.warns(UnknownWords, match="words 'Dragon', 'zebras' of the prompt do not occur"):
        odd = generate(world, "a Dragon, at night zebras!", frames=2, **FAST)
    assert odd.text == [[Prompt("a Dragon, at night zebras!", 0, 2)]], "the user's words stay as they are"
    comma = "," if "," in WORDS.words else ""
    assert same(odd, replace(generate(world, f"a{comma} at night", frames=2, **FAST), text=odd.text))
    with pytest.warns(UnknownWords, match="word 'Dragon' of the prompt does not"):
        loop(world, text="Dragon", frames=2, **FAST)


@pytest.mark.parametrize("name", VERBS)
def test_a_watcher_sees_every_pass_and_cancels_within_it(name: str) -> None:
    verb, previews = VERBS[name], []
    clip = verb(tiny_world(), seeds=(3, 4), watch=previews.append, **FAST)
    shares = [preview.share for preview in previews]
    assert shares == sorted(shares) and shares[-1] == 1 and len(set(shares)) == len(shares)
    places = [range(preview.first, preview.first + preview.latents.shape[1]) for preview in previews]
    assert all(place.start >= 0 and place.stop <= clip.length for place in places)
    if name == "extend backward":
        assert places[0].stop == 5 and places[-1].start == 0, "the nearest window first"
    count = []

    def stop(preview: Preview) -> bool:
        count.append(preview)
        return len(count) < 2

    with pytest.raises(Cancelled):
        verb(tiny_world(), seeds=(3, 4), watch=stop, **FAST)
    assert len(count) == 2


def test_what_is_filled_in_leaves_the_ends_and_the_padding_of_all_else() -> None:
    rows = np.arange(6)[None]
    clip = replace(a_clip(), terminated=rows == 5, truncated=rows == 4, mask=rows > 0)
    made = fill(tiny_world(), clip, np.arange(6) == 4, **FAST)
    assert made.terminated[0].tolist() == [False] * 5 + [True] and not made.truncated.any()
    assert made.mask[0].tolist() == [False] + [True] * 5


def test_guidance_of_one_changes_nothing_and_more_does() -> None:
    for verb in (VERBS["generate"], VERBS["edit"], VERBS["loop"]):
        plain = verb(tiny_world(), seeds=5, **FAST)
        assert same(plain, verb(tiny_world(), seeds=5, guidance=1.0, action_guidance=1.0, **FAST))
        assert (verb(tiny_world(), seeds=5, guidance=4.0, **FAST).frames != plain.frames).any()


def led(length: int, first: int = 1) -> np.ndarray:
    """Actions f32 (T, A), each of which says by its first field at which frame it is: first, first + 1, …"""
    actions = np.zeros((length, WIDTH), np.float32)
    actions[:, 0] = (first + np.arange(length)) / 32
    return actions


# Verbs whose frames all see each other, under actions; which action each frame is to be led to by (0: imagined), and
# whether the last frame is followed by the first.
UNDER: dict[str, tuple[Callable[..., Clip], list[int], bool]] = {
    "loop": (lambda world, **more: loop(world, frames=6, actions=led(6), **more), [1, 2, 3, 4, 5, 6], True),
    "loop of a clip": (
        lambda world, **more: loop(world, a_clip().frames, frames=3, actions=led(3), **more),
        [0, 0, 1, 2, 3, 0, 0], False,
    ),
    "connect": (
        lambda world, **more: connect(
            world, a_clip().frames, a_clip(seed=1).frames, frames=3, actions=led(3), **more
        ),
        [0, 0, 1, 2, 3, 0, 0], False,
    ),
    "fill": (
        lambda world, **more: fill(world, a_clip().frames, np.arange(6) % 3 == 1, actions=led(6), **more),
        [0, 2, 0, 0, 5, 0], False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", ["", "a desert at night"])
@pytest.mark.parametrize("name", UNDER)
def test_the_network_sees_each_action_at_its_frame_and_given_frames_stay(name: str, text: str) -> None:
    verb, expected, around = UNDER[name]
    world, seen, told = tiny_world(), set(), []

    def look(_: object, given: tuple[torch.Tensor, torch.Tensor, Condition]) -> None:
        condition = given[2]
        numbers = torch.where(condition.acted, (condition.actions[..., 0] * 32).round(), 0.0)[0].int().tolist()
        seen.add(tuple(numbers))
        told.append(condition.words is not None and bool(condition.words.seen.any()))

    world.dynamics.register_forward_pre_hook(look)
    clip = verb(world, text=text, **FAST)
    window = world.card.window
    ways = len(expected) if around else len(expected) - window + 1
    allowed = {tuple(expected[(start + t) % len(expected)] for t in range(window)) for start in range(ways)}
    assert seen <= allowed and {number for part in seen for number in part} == set(expected)
    assert any(told) == bool(text)
    kept_numbers = (clip.actions[0, :, 0] * 32).round()  # 0 and 32 are imagined ones
    assert [number for number in kept_numbers if 0 < number < 32] == [number for number in expected if number]
    if name != "loop":
        kept, given = KEPT[name]
        assert np.array_equal(clip.frames[0, kept], a_clip().frames[0, given])
    if name == "connect":
        assert np.array_equal(clip.frames[0, 9:], a_clip(seed=1).frames[0])


def test_given_clips_keep_their_own_actions_beside_those_of_new_frames() -> None:
    whole = connect(tiny_world(), a_clip(), a_clip(seed=1), frames=3, actions=led(3), **FAST)
    assert np.array_equal(whole.actions[:, :6], a_clip().actions)
    assert np.array_equal(whole.actions[:, 10:], a_clip(seed=1).actions[:, 1:]) and valid(whole.actions[:, 9]).all()
    filled = fill(tiny_world(), a_clip(), np.arange(6) == 4, actions=led(6), **FAST)
    assert np.array_equal(np.delete(filled.actions, 4, 1), np.delete(a_clip().actions, 4, 1))
    assert np.array_equal(filled.actions[0, 4], led(6)[4])


@pytest.mark.parametrize("name", UNDER)
def test_actions_change_what_is_painted_and_rows_may_have_their_own(name: str) -> None:
    missing = np.arange(6) % 3 == 1
    make: Callable[..., Clip] = {
        "loop": lambda **more: loop(tiny_world(), frames=6, **more),
        "loop of a clip": lambda **more: loop(tiny_world(), a_clip(), frames=6, **more),
        "connect": lambda **more: connect(tiny_world(), a_clip(), a_clip(seed=1), frames=6, **more),
        "fill": lambda **more: fill(tiny_world(), a_clip(), missing, **more),
    }[name]
    every = np.stack([SPEC.encode_batch(np.full(6, action)) for action in (1, 4)])
    none, one, both = (make(seeds=(3, 4), actions=each, **FAST).frames for each in (None, every[0], every))
    assert np.array_equal(one[0], both[0]) and (one[1] != both[1]).any() and (one[0] != none[0]).any()
    with pytest.raises(VerbError, match=r"actions must be \(6, 5\) or \(2, 6, 5\) float32"):
        make(seeds=(3, 4), actions=every[0, :5], **FAST)


def test_the_call_of_the_readme_is_the_call() -> None:
    clip = worldsim.verbs.generate(tiny_world(), "a desert at night", frames=3, size=(16, 32), seeds=[1, 2])
    assert isinstance(clip, worldsim.Clip) and clip.frames.shape == (2, 3, 16, 32, 3)
    assert set(worldsim.verbs.__all__) >= {name.split()[0] for name in VERBS}


def wrong(verb: Callable[[World, Clip], object]) -> Callable[[], object]:
    return lambda: verb(tiny_world(), a_clip())


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (wrong(lambda w, c: generate(w, frames=0)), "frames must be a whole number of at least 1, got 0"),
        (wrong(lambda w, c: loop(w, frames=1)), "at least 2, got 1"),
        (wrong(lambda w, c: generate(w, frames=2.5)), "2.5"),  # type: ignore[arg-type]
        (wrong(lambda w, c: generate(w, size=(0, 4))), "size must be (height, width)"),
        (wrong(lambda w, c: generate(w, seeds=[1, -2])), "seeds must be integers"),
        (wrong(lambda w, c: generate(w, seeds=[])), "seeds must be integers"),
        (wrong(lambda w, c: generate(w, passes=0)), "passes must be"),
        (wrong(lambda w, c: generate(w, pases=3)), "unknown options ['pases']"),  # type: ignore[call-arg]
        (wrong(lambda w, c: generate(w, ["a", "snow", "a"], seeds=[1, 2])), "each of 2 rows, got 3"),
        (wrong(lambda w, c: generate(w, [Prompt("snow", 4, 2)])), "0 <= start < end, got 4 … 2"),
        (wrong(lambda w, c: generate(w, actions=np.zeros((3, 5), np.float32))), "(64, 5) or (1, 64, 5)"),
        (wrong(lambda w, c: generate(w, frames=1, actions=np.full((1, 5), 2.0))), "in [-1, 1]"),
        (wrong(lambda w, c: animate(w, c.frames)), "a picture must be (H, W, 3)"),
        (wrong(lambda w, c: extend(w, a_clip(size=(32, 40)))), "steps of 16"),
        (wrong(lambda w, c: extend(w, a_clip(2), seeds=[1, 2, 3])), "2 clips are given"),
        (wrong(lambda w, c: extend(w, c, direction="up")), "direction must be"),  # type: ignore[arg-type]
        (wrong(lambda w, c: extend(w, replace(c, actions=c.actions[..., 1:]))), "5 action fields"),
        (wrong(lambda w, c: connect(w, c, a_clip(size=(32, 32)))), "frames of one size"),
        (wrong(lambda w, c: fill(w, c, np.ones(6, bool))), "leave one at least"),
        (wrong(lambda w, c: fill(w, c, np.ones(5, bool))), "(6,) or (1, 6) bool"),
        (wrong(lambda w, c: edit(w, c, "snow", strength=0)), "strength must be in (0, 1]"),
        (wrong(lambda w, c: edit(w, c, "snow", push=-1)), "push must be a number in [0, 100], got -1"),
    ],
)  # fmt: skip
def test_impossible_wishes_are_named(use: Callable[[], object], says: str) -> None:
    with pytest.raises(VerbError) as caught:
        use()
    assert says in str(caught.value), caught.value


def test_a_prompt_too_long_is_told_before_anything_is_drawn() -> None:
    with pytest.raises(PromptError, match="at most 8 words"):
        generate(tiny_world(), "snow " * 9, watch=lambda _: pytest.fail("drawn"))


def test_clips_join_with_their_prompts() -> None:
    one, two = a_clip(length=2), replace(a_clip(length=3), text=[[Prompt("rain falls", 1)]])
    whole = join(one, two, replace(two, text=[]), one)
    assert whole.length == 10 and same(whole.slice(2, 5), two)
    told = [(prompt.text, prompt.start, prompt.end) for prompt in whole.text[0]]
    assert told == [("snow on high hills", 0, 2), ("rain falls", 3, 5), ("snow on high hills", 8, 10)]
    assert join(one, one).text == [[Prompt("snow on high hills", 0, 4)]]
    with pytest.raises(worldsim.ClipError, match="must agree"):
        join(one, a_clip(length=2, size=(16, 16)))


def test_the_nearest_action_is_one_of_the_space() -> None:
    vectors = np.random.default_rng(0).uniform(-1, 1, (3, 4, WIDTH)).astype(np.float32)
    found = SPEC.nearest(vectors)
    assert valid(found).all() and np.array_equal(found.argmax(-1), vectors.argmax(-1))


@pytest.mark.parametrize("actions", [None, np.zeros((1, 4, WIDTH), np.float32)])
def test_clips_take_more_passes_than_a_quick_world_and_are_as_cool_as_it_is(actions: np.ndarray | None) -> None:
    def made(steps: int = 1, passes: int | None = None, **card: object) -> np.ndarray:
        more = {} if passes is None else {"passes": passes}
        return extend(tiny_world(1, steps, card=card), a_clip(), "snow", frames=4, actions=actions, **more).frames

    assert not np.array_equal(made(**COOL), made())
    assert np.array_equal(made(), made(passes=VIVID)) and not np.array_equal(made(), made(passes=2))
    assert np.array_equal(made(VIVID + 1), made(passes=VIVID + 1)), "a world that takes more keeps them"

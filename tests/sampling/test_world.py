"""`World`: the same seeds give the same frames, rows do not know of each other, and time travel is exact.

Tolerance between rows of a batch and single worlds, and between places in a batch: one grey level, because matrix
products of different sizes round differently. Measured over 16 steps: on one thread rows in other places differ in no
pixel, on two threads in one of 800,000; rows against single worlds in one of 300,000.
"""

import numpy as np
import pytest
import torch

from networks import SIZE, tiny_world
from rollouts import PROMPTS, ROWS, SEEDS, STEPS, TOLERANCE, actions, assert_same, frames_of, given, roll
from worldsim.model.refiner import Refiner, RefinerConfig
from worldsim.model.temperature import Temperature
from worldsim.sampling.denoise import Cancelled, Guidance
from worldsim.sampling.world import World, WorldError


def started(rows: int = ROWS, **kwargs) -> World:
    world = tiny_world(rows, **kwargs)
    world.reset(*given(rows), prompts=PROMPTS[:rows], seeds=SEEDS[:rows])
    return world


def test_a_rollout_shows_frames_that_move_and_events_in_their_ranges() -> None:
    steps = roll(started(), actions())
    frames = frames_of(steps)
    assert frames.shape == (STEPS, ROWS, *SIZE, 3) and steps[0].frames.dtype == np.uint8
    assert (np.abs(np.diff(frames, axis=0)).mean((2, 3, 4)) > 0.3).all(), "frozen frames would pass the tests below"
    for step in steps:
        assert step.events.shape == (ROWS, 3) and step.ended.shape == (ROWS,)
        assert ((step.events[:, 1:] > 0) & (step.events[:, 1:] < 1)).all()
        assert ((step.ended > 0) & (step.ended < 1)).all()


def test_two_worlds_with_the_same_seeds_show_the_same_and_other_seeds_show_something_else() -> None:
    first, second = (tiny_world(ROWS) for _ in range(2))
    starts = [world.reset(seeds=SEEDS, prompts=PROMPTS) for world in (first, second)]
    assert_same(starts[:1], starts[1:])
    mine = roll(first, actions())
    assert_same(mine, roll(second, actions()))
    second.reset(seeds=[*SEEDS[:3], 99], prompts=PROMPTS)
    other = roll(second, actions())
    assert_same(mine, other, [0, 1, 2])
    assert all((a.frames[3] != b.frames[3]).any() for a, b in zip(mine, other, strict=True))


def test_the_lower_the_temperature_the_less_do_frames_of_other_seeds_differ_but_not_first_frames() -> None:
    def apart(temperature: float) -> tuple[float, float]:
        world = tiny_world(2, temperature=Temperature(temperature))
        frames, led = (np.repeat(part[:1], 2, 0) for part in given(1))
        opening = world.reset(seeds=[0, 1]).latents
        world.reset(frames, led, seeds=[0, 1])
        later = world.imagine(actions()[0, :1].repeat(2, 0)).latents
        return tuple(float(np.abs(one - other).mean()) for one, other in (opening, later))  # type: ignore[return-value]

    (first, cold), (second, cool), (third, warm) = map(apart, (0.01, 0.5, 1.0))
    assert 0 < cold < 0.7 * cool and cool < warm
    assert first == second == third > 0


def test_old_worlds_may_have_more_noise_each_row_by_its_own_age() -> None:
    def latents(late: float) -> list[np.ndarray]:
        world = tiny_world(2, temperature=Temperature(0.5, 0.5, 9.0, late, late_from=5))
        world.reset(*given(1, 3), seeds=[0], rows=[0])
        world.reset(seeds=[1], rows=[1])  # has one frame, the other three
        return [world.imagine(led).latents for led in actions()[:5, :2]]

    same = [[bool(np.array_equal(a[row], b[row])) for row in (0, 1)] for a, b in zip(latents(0.5), latents(2.0))]  # noqa: B905
    assert same == [[True, True], [True, True], [False, True], [False, True], [False, False]]


def test_a_short_memory_makes_no_world_young() -> None:
    def last(late: float) -> np.ndarray:
        world = tiny_world(1, window=2, temperature=Temperature(0.5, 0.5, 9.0, late, late_from=5))
        world.reset(seeds=[0])
        return roll(world, actions(1)[:8])[-1].latents

    assert not np.array_equal(last(0.5), last(2.0))


def test_a_frame_that_was_cancelled_comes_as_if_nobody_had_asked_before() -> None:
    worlds = [tiny_world(2) for _ in range(2)]
    for world in worlds:
        world.reset(seeds=(1, 2))
    plan = actions(2)
    with pytest.raises(Cancelled):
        worlds[0].imagine(plan[0], watch=lambda preview: False)
    assert_same(roll(worlds[0], plan), roll(worlds[1], plan))


def test_a_checkpoint_says_in_how_many_passes_it_plays() -> None:
    few, many = (tiny_world(1, steps=None, card={"passes": passes}) for passes in (1, 3))
    assert (few.steps, many.steps, tiny_world(1, steps=2, card={"passes": 3}).steps) == (1, 3, 2)


def test_actions_act_from_the_frame_that_they_lead_to() -> None:
    plan, other = actions(), actions()
    other[5] *= -1
    mine, theirs = (frames_of(roll(started(), each)) for each in (plan, other))
    assert np.array_equal(mine[:5], theirs[:5]) and (mine[5] != theirs[5]).any((1, 2, 3)).all()


def test_a_restored_snapshot_and_a_fork_go_on_exactly_randomness_included() -> None:
    world = started()
    roll(world, actions(length=7))  # the ring has turned
    snapshot, fork = world.snapshot(), world.fork()
    first = roll(world, actions(seed=1))
    assert_same(first, roll(fork, actions(seed=1)))
    world.set_prompt("rain falls")
    world.restore(snapshot)
    assert world.prompts == PROMPTS
    again = roll(world, actions(seed=1))
    assert_same(first, again)
    fresh = tiny_world(ROWS)
    fresh.restore(snapshot)  # a world that was never reset takes it too
    assert_same(first, roll(fresh, actions(seed=1)))


def test_a_fork_goes_its_own_way() -> None:
    world = started()
    fork, untouched = world.fork(), world.fork()
    fork.set_prompt("rain falls")
    roll(fork, actions(seed=2))
    fork.reset(seeds=(1, 2, 3, 4))
    assert world.prompts == PROMPTS
    assert_same(roll(world, actions()), roll(untouched, actions()))


def test_a_prompt_is_what_is_read_of_it_before_a_fork_and_after() -> None:
    """Capitals and spaces say nothing: a prompt that was told already is not new again, and spaces alone are none."""
    worlds = [tiny_world(1) for _ in range(3)]
    for world, prompt in zip(worlds, ("A  Desert at NIGHT", "a desert at night", "a desert at night"), strict=True):
        world.reset(seeds=(1,))
        world.set_prompt(prompt)
    roll(worlds[0], actions(1))
    fork = worlds[0].fork()
    for world in (worlds[0], fork):
        world.set_prompt("a Desert at Night")
    assert fork._fresh == worlds[0]._fresh
    assert_same(roll(worlds[1], actions(1)), roll(worlds[2], actions(1)))
    blank, none = (tiny_world(1) for _ in range(2))
    for world, prompt in ((blank, "  "), (none, "")):
        world.reset(prompts=[prompt], seeds=(1,))
    assert_same(roll(blank, actions(1)), roll(none.fork(), actions(1)))


def test_rows_of_a_batch_are_as_single_worlds() -> None:
    frames, taken = given()
    plan = actions(length=16)
    batch = frames_of(roll(started(), plan))
    for row in range(ROWS):
        world = tiny_world(1)
        world.reset(frames[row : row + 1], taken[row : row + 1], PROMPTS[row : row + 1], SEEDS[row : row + 1])
        single = frames_of(roll(world, plan[:, row : row + 1]))[:, 0]
        assert np.abs(single - batch[:, row]).max() <= TOLERANCE


def test_rows_may_change_places() -> None:
    order = [2, 0, 3, 1]
    frames, taken = given()
    world = tiny_world(ROWS)
    world.reset(frames[order], taken[order], [PROMPTS[i] for i in order], [SEEDS[i] for i in order])
    moved = frames_of(roll(world, actions()[:, order]))
    assert np.abs(moved - frames_of(roll(started(), actions()))[:, order]).max() <= TOLERANCE


def test_the_reset_of_a_row_leaves_the_others_exactly_as_they_were() -> None:
    plain, world = started(), started()
    frames, taken = given(seed=5)

    def reset_one(t: int) -> None:
        if t == 6:
            step = world.reset(frames[1:2], taken[1:2], ["rain falls"], [77], rows=[1])
            assert step.frames.shape == (1, *SIZE, 3) and np.array_equal(step.frames[0], frames[1, -1])

    mine, theirs = roll(plain, actions()), roll(world, actions(), reset_one)
    assert_same(mine, theirs, [0, 2, 3])
    assert_same(mine[:6], theirs[:6])
    assert world.prompts == ("", "rain falls", "", "a desert at night")
    alone = tiny_world(1)
    alone.reset(frames[1:2], taken[1:2], ["rain falls"], [77])
    later = frames_of(roll(alone, actions()[6:, 1:2]))[:, 0]
    assert np.abs(later - frames_of(theirs)[6:, 1]).max() <= TOLERANCE, "nothing of the old episode is left"


def test_a_new_prompt_changes_only_later_frames_of_its_own_row() -> None:
    plain, world = started(), started()
    mine = roll(plain, actions())
    theirs = roll(world, actions(), lambda t: t == 6 and world.set_prompt("rain falls", [1]))
    assert_same(mine[:6], theirs[:6])
    assert_same(mine, theirs, [0, 2, 3])
    assert (frames_of(mine)[6, 1] != frames_of(theirs)[6, 1]).any()


def test_the_first_prompt_of_all_leaves_rows_without_one_as_they_were() -> None:
    worlds = [tiny_world(2) for _ in range(2)]
    for world in worlds:
        world.reset(seeds=(1, 2))
    worlds[1].set_prompt("snow", [1])
    first, second = (frames_of(roll(world, actions(2))) for world in worlds)
    assert np.array_equal(first[:, 0], second[:, 0]) and (first[:, 1] != second[:, 1]).any()


def test_memory_stays_constant() -> None:
    world = started(2)

    def shapes() -> list[tuple[int, ...]]:
        cache = world.cache
        return [tuple(tensor.shape) for tensor in (*cache.keys, *cache.values, cache.count, cache.last)]

    before, pointers = shapes(), [key.data_ptr() for key in world.cache.keys]
    roll(world, actions(2, 12))
    world.observe(*given(2, 9))
    assert shapes() == before and [key.data_ptr() for key in world.cache.keys] == pointers


def test_observed_frames_count_like_given_ones() -> None:
    frames, taken = given(2, 4)
    first, second = tiny_world(2), tiny_world(2)
    first.reset(frames, taken, seeds=(1, 2))
    second.reset(frames[:, :2], taken[:, :2], seeds=(1, 2))
    step = second.observe(frames[:, 2:], taken[:, 2:])
    assert np.array_equal(step.frames, frames[:, -1])
    assert np.abs(frames_of(roll(first, actions(2))) - frames_of(roll(second, actions(2)))).max() <= TOLERANCE


def test_only_the_last_window_of_given_frames_counts() -> None:
    frames, taken = given(1, 9)
    other = frames.copy()
    other[:, :5] = 0
    worlds = [tiny_world(1), tiny_world(1)]
    for world, each in zip(worlds, (frames, other), strict=True):
        world.reset(each, taken, seeds=(1,))
    assert_same(*(roll(world, actions(1, 3)) for world in worlds))


def test_rewards_of_any_size_and_probabilities_are_read_off_the_heads() -> None:
    world = tiny_world(1)
    with torch.no_grad():
        for head in (world.dynamics.event_head, world.dynamics.end_head):
            head.weight.zero_()
        world.dynamics.event_head.bias.copy_(torch.tensor([-np.log1p(250.0), 0.0, 100.0]))
        world.dynamics.end_head.bias.fill_(np.log(3.0))
    step = world.reset(seeds=(0,))
    assert step.events[0].tolist() == pytest.approx([-250.0, 0.5, 1.0], rel=1e-4)
    assert step.ended[0] == pytest.approx(0.75, rel=1e-4)


def windowed(window: int, frames: np.ndarray, rows: int = 2) -> World:
    """A world that has observed these frames (B, T, H, W, 3), one after the other."""
    world = tiny_world(rows, window=window)
    world.reset(frames[:, :1], given(rows, 1)[1], seeds=SEEDS[:rows])
    for t in range(1, frames.shape[1]):
        world.observe(frames[:, t : t + 1], actions(rows, 1, t).swapaxes(0, 1))
    return world


@pytest.mark.parametrize("window", [1, 2, 4])
@pytest.mark.parametrize("back", [1, 2, 3, 4, 5, 6])
def test_frames_beyond_the_window_do_not_count_at_all_and_those_within_do(window: int, back: int) -> None:
    frames = given(2, 9)[0]
    other = frames.copy()
    other[:, -back] = 255 - other[:, -back]
    mine, theirs = (windowed(window, each).imagine(actions(2, 1)[0]) for each in (frames, other))
    assert np.array_equal(mine.latents, theirs.latents) == (back > window)
    assert np.array_equal(mine.events, theirs.events) == (back > window)


def test_a_network_by_itself_remembers_more_than_its_window_in_deeper_layers() -> None:
    frames = given(2, 9)[0]
    other = frames.copy()
    other[:, -6] = 255 - other[:, -6]
    first, second = tiny_world(2), tiny_world(2)
    for world, each in ((first, frames), (second, other)):
        world.reset(each[:, :1], given(2, 1)[1], seeds=SEEDS[:2])
        for t in range(1, 9):
            world.observe(each[:, t : t + 1], actions(2, 1, t).swapaxes(0, 1))
    assert not np.array_equal(first.imagine(actions(2, 1)[0]).latents, second.imagine(actions(2, 1)[0]).latents)


def test_until_it_is_full_a_window_changes_nothing() -> None:
    plain, world = started(2), started(2, window=4)
    assert np.abs(frames_of(roll(plain, actions(2, 1))) - frames_of(roll(world, actions(2, 1)))).max() <= TOLERANCE
    assert np.abs(frames_of(roll(plain, actions(2, 9))) - frames_of(roll(world, actions(2, 9)))).max() > TOLERANCE


def test_a_world_with_a_window_forks_restores_and_resets_rows_as_any_other() -> None:
    world, plain = started(window=2), started(window=2)
    roll(world, actions(length=5))
    snapshot, fork = world.snapshot(), world.fork()
    first = roll(world, actions(seed=1))
    assert_same(first, roll(fork, actions(seed=1)))
    world.restore(snapshot)
    assert_same(first, roll(world, actions(seed=1)))
    frames, taken = given(seed=5)
    roll(plain, actions(length=5))
    plain.reset(frames[1:2], taken[1:2], ["rain falls"], [77], rows=[1])
    assert_same(first, roll(plain, actions(seed=1)), [0, 2, 3])
    alone = tiny_world(1, window=2)
    alone.reset(frames[1:2], taken[1:2], ["rain falls"], [77])
    after = frames_of(roll(alone, actions(seed=1)[:, 1:2]))[:, 0]
    plain.reset(frames[1:2], taken[1:2], ["rain falls"], [77], rows=[1])
    assert np.abs(after - frames_of(roll(plain, actions(seed=1)))[:, 1]).max() <= TOLERANCE


def test_windows_out_of_range_and_snapshots_of_another_window_are_refused() -> None:
    for window in (0, 5):
        with pytest.raises(WorldError, match="window must be from 1 to 4"):
            tiny_world(1, window=window)
    with pytest.raises(WorldError, match="window of 3"):
        started(window=3).restore(started().snapshot())
    assert tiny_world(1).fingerprint != tiny_world(1, window=2).fingerprint != tiny_world(1, window=3).fingerprint


def test_a_world_alike_shares_the_networks_and_has_not_begun() -> None:
    world = tiny_world(2, temperature=Temperature(0.3), guidance=Guidance(actions=2.0))
    twin = world.alike(3, size=(64, 48), steps=1)
    assert (twin.rows, twin.card.size, twin.steps, world.rows, world.card.size) == (3, (64, 48), 1, 2, SIZE)
    for name in ("tokenizer", "dynamics", "refiner", "temperature", "guidance", "habits"):
        assert getattr(twin, name) is getattr(world, name), name
    with pytest.raises(WorldError, match="have not been reset"):
        twin.imagine(actions(3, 1)[0])
    for wrong in ((40, 32), (0, 16), (32,), 32):
        with pytest.raises(WorldError, match=r"size must be \(height, width\) in steps of 16 pixels, got"):
            world.alike(1, size=wrong)  # type: ignore[arg-type]
    other = world.alike(2)
    for each in (world, other):
        each.reset(*given(2), seeds=SEEDS[:2])
    assert_same(roll(world, actions(2)), roll(other, actions(2)))


def test_a_refiner_has_the_last_word_on_frames_that_an_action_led_to_and_on_no_others() -> None:
    """It is given what the sampler made, the frames before it as they were shown, and the action."""
    asked = []

    class Minus(Refiner):
        def forward(self, guess: torch.Tensor, shown: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
            asked.append((shown.clone(), actions.clone()))
            return -guess

    config = RefinerConfig(channels=3, actions=5, past=2, width=8, depth=1)
    world, plain = tiny_world(2, refiner=Minus(config)), tiny_world(2, refiner=None)
    opened = [each.reset(seeds=SEEDS[:2]) for each in (world, plain)]
    assert np.array_equal(opened[0].latents, opened[1].latents) and not asked, "a frame from noise"
    opened = [each.reset(*given(2), seeds=SEEDS[:2]) for each in (world, plain)]
    assert np.array_equal(opened[0].latents, opened[1].latents) and not asked, "given frames"
    plan = actions(2, 2)
    first = [each.imagine(plan[0]).latents for each in (world, plain)]
    assert np.array_equal(first[0], -first[1])
    before = torch.from_numpy(np.stack([world.latents(given(2)[0][:, -1 - back]) for back in range(2)], 1))
    torch.testing.assert_close(asked[0][0], before)
    assert np.array_equal(asked[0][1].numpy(), plan[0])
    world.imagine(plan[1])
    torch.testing.assert_close(asked[1][0], torch.stack([torch.from_numpy(first[0]), before[:, 0]], 1))
    world.imagine(None)
    assert len(asked) == 2, "nobody acted"
    for each in (world, plain):
        each.reset(*given(2), prompts=["", "a desert at night"], seeds=SEEDS[:2])
    mine, theirs = (each.imagine(plan[0]).latents for each in (world, plain))
    assert np.array_equal(mine[0], -theirs[0]) and np.array_equal(mine[1], theirs[1]), "a row that has a prompt"

"""Stages of the voxel world: the same seed gives the same scene, and truth is told from all that is not."""

from contextlib import suppress

import gymnasium as gym
import numpy as np
import pytest

import worldsim
from worldsim_envs.voxel import answering
from worldsim_envs.voxel.answering import Answering
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.faults import faulty
from worldsim_envs.voxel.kinds import KIND_IDS
from worldsim_envs.voxel.language.asked import asked
from worldsim_envs.voxel.stages import STAGES, Fates, Scene, StageError
from worldsim_envs.voxel.stages.camera import DEPTH_STEPS, apart, view
from worldsim_envs.voxel.stages.fates import lasts

SEED = 2**30 + 2**28 + 31
assert worldsim.__version__


@pytest.fixture(scope="module")
def env() -> VoxelEnv:
    made = gym.make("worldsim/Voxel-v0", disable_env_checker=True, max_episode_steps=-1).unwrapped
    assert isinstance(made, VoxelEnv)
    return made


@pytest.mark.parametrize("name", STAGES)
def test_a_scene_starts_where_its_past_ends_and_truth_plays_it(env: VoxelEnv, name: str) -> None:
    scene = STAGES[name](env, SEED, 1)
    assert scene.frames.shape == (16, 64, 64, 3) and len(scene.actions) == 16
    np.testing.assert_array_equal(env.restore_state(scene.start), scene.frames[-1])
    for play in scene.plays[:1] if name == "altered" else scene.plays:
        first = env.restore_state(scene.start if play.start is None else play.start)
        np.testing.assert_array_equal(first, scene.frames[-1])
        np.testing.assert_array_equal(np.stack([env.step(act)[0] for act in play.actions]), play.frames)
        for question in play.questions:
            assert len(question.pictures) == len(question.answers) and question.pictures.shape[2] == len(question.looks)


def test_the_same_seed_gives_the_same_scene(env: VoxelEnv) -> None:
    one, two = (STAGES["absence"](env, SEED, 0) for _ in range(2))
    np.testing.assert_array_equal(one.plays[0].questions[1].pictures, two.plays[0].questions[1].pictures)
    np.testing.assert_array_equal(one.frames, two.frames)


@pytest.mark.parametrize("index", [0, 1, 3])
def test_forks_of_truth_go_their_own_ways_and_are_told_from_all_else(env: VoxelEnv, index: int) -> None:
    scene = STAGES["fates"](env, SEED, index, rollouts=3)
    (question,) = {id(play.questions[0]): play.questions[0] for play in scene.plays}.values()
    assert isinstance(question, Fates) and question.forks == 16 and 0 < question.chance < 1
    true = np.array([name.startswith("true") for name in question.answers])
    assert true[:16].all() and not true.all()
    away = np.linalg.norm(question.points[:, None] - question.points[None, :16], axis=-1).min(1)
    assert (away[~true] > 0.98).all() and (away[true] < 1.02).all()
    apart(question.pictures[[0, *np.flatnonzero(~true)]], ["true", *["other"] * int((~true).sum())], 10)
    if index < 3:  # a sky may last; animals do not all do the same
        assert len(np.unique(question.points[:16], axis=0)) > 4
        assert len({play.start.world.random.tobytes() for play in scene.plays}) == 3


def test_what_lasts_has_no_more_left_than_it_may() -> None:
    random = np.random.default_rng(0)
    left = np.array([lasts(random, (30, 120), 32) for _ in range(4000)])
    assert left.min() == 1 and left.max() <= 88
    # A rest of whole length T that has gone on for 32 ticks has T - 32 left at most, evenly: the mean of all such.
    whole = np.linspace(32, 120, 2000)
    assert left.mean() == pytest.approx(np.average((whole - 32) / 2, weights=whole - 32), rel=0.05)


def test_a_view_says_what_each_pixel_shows(env: VoxelEnv) -> None:
    for question in STAGES["faults"](env, SEED, 0).plays[0].questions:
        assert question.labels is not None
        before, after = question.labels[:, 0, 0]
        differ = (before != after).any(-1)
        changed = np.abs(question.pictures[0, 0, 0].astype(int) - question.pictures[1, 0, 0]).max(-1) > 60
        assert differ[changed].mean() > 0.5, question.name  # the rest are shadows and edges
    env.reset(seed=3)
    x, y, z = (float(v) for v in env.state.body[:3])
    env.teleport(x, y, z, 0.0, 20.0)
    env.spawn("cow", x, y + 3.0, z)
    env.draw()
    seen, drawn = view(env), env.view
    np.testing.assert_array_equal(seen[..., :3], env.picture())
    np.testing.assert_array_equal(seen[..., 3], drawn.seen)
    np.testing.assert_array_equal(seen[..., 5] > 0, drawn.entities > 0)
    assert KIND_IDS["cow"] in seen[..., 5]
    far = 2.0 ** (seen[..., 4] / DEPTH_STEPS) - 1.0
    np.testing.assert_allclose(far, np.minimum(drawn.depth, 48.0), rtol=0.03, atol=0.03)


def test_lessons_show_many_kinds_and_are_the_same_for_the_same_seed(env: VoxelEnv) -> None:
    one, two, other = (env.lesson(seed, 7) for seed in (SEED, SEED, SEED + 1))
    assert one.views.shape == (7, 2, 64, 64, 6) and one.moves.shape == (7, 4)
    np.testing.assert_array_equal(one.views, two.views)
    assert not np.array_equal(one.views, other.views)
    both = np.concatenate([one.views, other.views])
    assert len(np.unique(both[..., 3])) > 20 and (both[..., 5] > 0).any()
    resting = np.flatnonzero((one.moves == 0).all(1))
    assert all((one.views[i, 0] == one.views[i, 1]).all() for i in resting)
    assert (one.views[:, 0] != one.views[:, 1]).any()


@pytest.mark.parametrize("index", [0, 1])
def test_altered_truth_parts_from_truth_and_says_which_rule_does_not_hold(env: VoxelEnv, index: int) -> None:
    scene = STAGES["altered"](env, SEED, index)
    true, other = scene.plays
    assert other.name == ("gravity off", "blocks revert")[index] and other.actions == true.actions
    assert (true.frames[-1] != other.frames[-1]).any()


@pytest.mark.parametrize(("index", "times"), [(0, 1), (3, 1), (8, 4), (9, 4), (12, 8), (13, 8), (15, 8)])
def test_deeds_are_done_so_often_and_end_where_the_player_looked(env: VoxelEnv, index: int, times: int) -> None:
    scene = STAGES["deeds"](env, SEED, index)
    (play,) = scene.plays
    assert scene.facts["times"] == times and [q.kind for q in play.questions] == ["score", "beside"] * 4
    events = np.zeros(len(env.event_names))
    env.restore_state(scene.start)
    looked = env.state.body[6:8].copy()
    for act in play.actions:
        events += env.step(act)[4]["events"]
    done = {"mine": "mined_", "place": "placed", "paint": "painted"}[str(scene.facts["deed"])]
    told = [events[number] for number, name in enumerate(env.event_names) if name.startswith(done)]
    assert max(told) == times or sum(told) >= times
    np.testing.assert_allclose(env.state.body[6:8], looked, atol=1e-6)


def test_views_of_one_play_are_paired_where_they_show_the_same(env: VoxelEnv) -> None:
    (revisit, _) = STAGES["revisits"](env, SEED, 1).plays
    for warp in revisit.warps:
        one, other = (revisit.frames[step - 1].astype(int) for step in warp.steps)
        row, column, there, across = warp.pixels.T.astype(int)
        warped = np.abs(other[row, column] - one[there, across]).mean()
        assert 3 * warped < np.abs(other[row, column] - one[row, column]).mean() and len(row) >= 200


def test_what_happens_is_followed_frame_by_frame(env: VoxelEnv) -> None:
    (play,) = STAGES["dynamics"](env, SEED, 0).plays
    (track,) = play.tracks
    np.testing.assert_array_equal(track.pictures[1:, 0, 0], play.frames)
    assert (np.diff(track.points) <= 0).all() and track.points[0] > 3 > track.points[-1] == 0 and play.rests
    high = STAGES["dynamics"](env, SEED, 8)
    assert high.facts["setting"] == "height" and high.plays[0].tracks[0].points[0] > 5


@pytest.mark.parametrize("index", [1, 2, 3])  # one of each protocol
def test_herds_are_watched_as_long_as_is_asked(env: VoxelEnv, index: int) -> None:
    scene = STAGES["herds"](env, SEED, index, length=64)
    (play,) = scene.plays
    (question,) = play.questions
    assert len(play.frames) == len(play.actions) == 64 == scene.facts["frames"] and question.looks == (32, 64)
    if scene.facts["protocol"] == "slow pan":
        moved = np.abs(play.frames[[31, 63, 39]].astype(int) - scene.frames[-1]).mean((1, 2, 3))
        assert max(moved[:2]) < 1 < moved[2], "the view is the first one again at each look, and another between"
    with pytest.raises(StageError, match="multiple of 32"):
        STAGES["herds"](env, SEED, index, length=40)


def test_worlds_that_no_picture_tells_apart_are_refused() -> None:
    alike = np.zeros((2, 1, 1, 8, 8, 3), np.uint8)
    with pytest.raises(StageError, match="differ in 0 pixels"):
        apart(alike, ("one", "other"))
    apart(alike, ("same:1", "same:2"))


def test_stages_need_discrete_actions_and_the_picture_alone() -> None:
    with pytest.raises(StageError, match="discrete"):
        STAGES["pairs"](VoxelEnv(action_space="multidiscrete"), SEED, 0)


PROMPTS = (
    "grassy plains at noon with a pig on the left", "a savanna in the morning with a cow on the right",
    "a forest at midday in the rain with trees to the left", "a beach at noon with water on the right",
    "a forest at noon with two sheep ahead", "grassy plains at night with a chicken behind you", "a desert at dusk",
)  # fmt: skip


def first_that_fits(env: VoxelEnv, text: str) -> Scene:
    for seed in range(SEED, SEED + 11):
        with suppress(StageError):
            return STAGES["told"](env, seed, 0, text)
    return STAGES["told"](env, SEED + 11, 0, text)


@pytest.mark.parametrize("text", PROMPTS)
def test_a_scene_that_is_told_shows_what_the_prompt_says(env: VoxelEnv, text: str) -> None:
    wish = asked(text)
    scene = first_that_fits(env, text)
    env.restore_state(scene.start)
    told = asked(env.caption())
    assert told.biome == wish.biome and told.time == wish.time and told.weather == wish.weather
    columns = np.nonzero(env.shown_words() == wish.thing)[1]
    if wish.side in ("left", "right"):
        assert (columns.mean() < 32) == (wish.side == "left")
    if wish.side == "behind":
        assert not len(columns)
        for act in scene.plays[0].actions:
            env.step(act)
        assert (env.shown_words() == wish.thing).any()


def test_what_no_world_shows_is_not_staged(env: VoxelEnv) -> None:
    with pytest.raises(StageError, match="shows nothing like 'a desert at noon with ice on the left'"):
        STAGES["told"](env, SEED, 0, "a desert at noon with ice on the left")


def test_skies_follow_their_prompts_in_order(env: VoxelEnv) -> None:
    texts = (("grassy plains at midnight", "grassy plains at midnight in the rain"),
             ("grassy plains at noon in the rain", "grassy plains at midnight in the rain"))  # fmt: skip
    scene = STAGES["skies"](env, SEED, 0, texts, 6)
    night_first, rain_first = (play.frames.mean((1, 2, 3)) for play in scene.plays)
    assert night_first[0] < 0.7 * rain_first[0] and abs(night_first[-1] - rain_first[-1]) < 8
    np.testing.assert_array_equal(env.restore_state(scene.start), scene.frames[-1])


def test_glimpses_name_each_pixel_and_follow_from_the_seed(env: VoxelEnv) -> None:
    frames, words = env.glimpses(5, 30)
    assert frames.shape == (30, 64, 64, 3) and words.shape == (30, 64, 64)
    shown = set(np.unique(words).tolist())
    assert {"sky", "trees"} <= shown and {"pig", "sheep", "cow", "chicken"} & shown
    for one, other in zip((frames, words), env.glimpses(5, 30), strict=True):
        np.testing.assert_array_equal(one, other)


def test_truth_that_takes_prompts_begins_as_one_says_and_its_sky_follows_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = Answering()
    world.reset(seed=1, options={"prompt": "a forest at noon with trees on the left"})
    told = asked(world.caption())
    assert (told.biome, told.weather) == ("forest", "clear")
    columns = np.nonzero(world.shown_words() == "trees")[1]
    assert columns.mean() < 32
    world.set_prompt("a forest at midnight in the rain with trees on the left")
    world.step(0)
    told = asked(world.caption())
    assert told.weather == "rain" and told.time == asked("at midnight").time
    monkeypatch.setattr(answering, "WORLDS", 2)
    with pytest.raises(StageError, match="none of 2 worlds"):
        world.reset(seed=1, options={"prompt": "a desert at noon with ice on the left"})


def test_truth_that_mishears_puts_things_on_the_other_side() -> None:
    world = faulty("misheard")()
    world.reset(seed=1, options={"prompt": "grassy plains at noon with a cow on the left"})
    raw = world.unwrapped
    assert isinstance(raw, Answering)
    assert np.nonzero(raw.shown_words() == "cow")[1].mean() > 32

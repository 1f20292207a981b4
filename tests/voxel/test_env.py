"""The voxel world as a Gymnasium environment: spaces, checkers, words, and errors that say what to do."""

import re
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.utils.play import PlayableGame, play
from stable_baselines3.common.env_checker import check_env as check_for_sb3

import worldsim  # noqa: F401  registers the ids
from worldsim_envs.voxel import blocks, state
from worldsim_envs.voxel.actions import ACTION_SPACES
from worldsim_envs.voxel.branches import counterfactual
from worldsim_envs.voxel.checks import VoxelError
from worldsim_envs.voxel.controls import ACTION_NAMES
from worldsim_envs.voxel.env import VoxelEnv
from worldsim_envs.voxel.episodes import KeptWorlds
from worldsim_envs.voxel.language import vocabulary
from worldsim_envs.voxel.language.words import PLACES
from worldsim_envs.voxel.observations import OBSERVATIONS
from worldsim_envs.voxel.systems.weather import SKIES
from worldsim_envs.voxel.terrain import BIOMES, Terrain, generate

SMALL: dict[str, Any] = {"size": (36, 40), "world_size": (64, 64, 64)}


@pytest.fixture(scope="module")
def env() -> VoxelEnv:
    env = VoxelEnv(**SMALL)
    env.reset(seed=0)
    return env


@pytest.mark.parametrize("kind", ACTION_SPACES)
def test_checkers_have_nothing_to_say(kind: str) -> None:
    gym.register("test/Voxel-v0", VoxelEnv) if "test/Voxel-v0" not in gym.registry else None
    made = gym.make("test/Voxel-v0", action_space=kind, render_mode="rgb_array", **SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(made.unwrapped)
        if kind != "dict":  # stable-baselines3 has no dict actions
            check_for_sb3(made.unwrapped)


@pytest.mark.parametrize("size", [(16, 16), (64, 64), (33, 50), (90, 160)])
def test_frames_have_the_wished_size(size: tuple[int, int]) -> None:
    env = VoxelEnv(size=size, world_size=(64, 64, 64))
    frame, _ = env.reset(seed=0)
    assert frame.shape == (*size, 3) and frame.dtype == np.uint8
    assert env.step(0)[0].shape == (*size, 3)


def test_render_is_the_frame_or_a_larger_one() -> None:
    env = VoxelEnv(render_mode="rgb_array", **SMALL)
    frame, _ = env.reset(seed=0)
    np.testing.assert_array_equal(env.render(), frame)
    large = VoxelEnv(render_mode="rgb_array", render_size=(72, 80), **SMALL)
    np.testing.assert_array_equal(large.reset(seed=0)[0], frame)
    shown = large.render()
    assert shown is not None and shown.shape == (72, 80, 3)
    halved = shown.reshape(36, 2, 40, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved - frame).mean() < 6.0


def test_render_fps_is_that_of_the_frame_skip() -> None:
    assert [VoxelEnv(frame_skip=skip, **SMALL).metadata["render_fps"] for skip in (1, 2, 4)] == [20, 10, 5]


def test_three_action_spaces_lead_to_one_vector() -> None:
    discrete, multi, named = (VoxelEnv(action_space=kind, **SMALL) for kind in ACTION_SPACES)
    forward = discrete.action_vector(discrete.get_action_meanings().index("forward"))
    keys = np.zeros(25, np.int64)
    keys[ACTION_NAMES.index("forward")] = 1
    keys[[ACTION_NAMES.index("cameraX"), ACTION_NAMES.index("cameraY")]] = 5
    np.testing.assert_array_equal(multi.action_vector(keys), forward)
    held = {name: 0 for name in ACTION_NAMES if not name.startswith("camera")} | {"forward": 1}
    action = {**held, "camera": np.array([0.5, -0.75], np.float32)}
    vector = named.action_vector(action)
    assert vector[ACTION_NAMES.index("cameraX")] == -0.75 and vector[ACTION_NAMES.index("cameraY")] == 0.5
    assert vector.sum() == forward.sum() - 0.25


def test_discrete_table_has_the_field_order_of_vpt(env: VoxelEnv) -> None:
    assert env.action_names[:2] == ("inventory", "ESC") and env.action_names[-2:] == ("pickItem", "drop")
    assert env.action_vectors.shape == (env.action_space.n, 25) and env.action_vectors.dtype == np.float32  # type: ignore[attr-defined]
    assert not env.action_vectors[0].any()
    turn = env.action_vectors[env.get_action_meanings().index("turn_right")]
    assert turn[env.action_names.index("cameraX")] == np.float32(0.75)


def test_play_finds_its_keys(env: VoxelEnv) -> None:
    keys = env.get_keys_to_action()
    assert keys[("w",)] == env.get_action_meanings().index("forward")
    assert all(len(key) == 1 for combination in keys for key in combination)
    assert len(keys) == env.action_space.n - 1  # type: ignore[attr-defined]


def test_gymnasium_play_accepts_it(env: VoxelEnv) -> None:
    playable = VoxelEnv(render_mode="rgb_array", **SMALL)
    playable.reset(seed=0)
    codes = {tuple(sorted(map(ord, keys))): action for keys, action in playable.get_keys_to_action().items()}
    game = PlayableGame(playable, codes)
    assert {ord("w"), ord("j")} <= game.relevant_keys
    assert codes[ord("j"), ord("w")] == env.get_action_meanings().index("forward+turn_left")


def test_gymnasium_play_runs_it_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    import pygame

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    seen: list[tuple[int, float]] = []

    def noted(before: Any, after: Any, action: Any, reward: Any, terminated: bool, truncated: bool, info: Any) -> None:
        before = before[0] if isinstance(before, tuple) else before  # Gymnasium hands on what the reset returned
        seen.append((int(action), float(np.abs(after.astype(float) - before).mean())))
        key = {3: pygame.KEYDOWN, 6: pygame.KEYUP}.get(len(seen))
        if key:
            pygame.event.post(pygame.event.Event(key, key=ord("j")))
        if len(seen) == 10:
            pygame.event.post(pygame.event.Event(pygame.QUIT))

    made = gym.make("worldsim/Voxel-v0", render_mode="rgb_array", **SMALL)
    play(made, callback=noted, seed=0, fps=1000)
    turn = made.unwrapped.get_action_meanings().index("turn_left")  # type: ignore[attr-defined]
    turned = [change for action, change in seen if action == turn]
    assert 1 <= len(turned) < len(seen) and min(turned) > 1.0


def test_events_stand_in_every_info(env: VoxelEnv) -> None:
    assert env.reset(seed=1)[1]["events"].tolist() == [0.0] * len(env.event_names)
    events = env.step(0)[4]["events"]
    assert events.dtype == np.float32 and events.shape == (len(env.event_names),)
    assert len(set(env.event_names)) == len(env.event_names)


def test_captions_name_biome_time_and_deed() -> None:
    env = VoxelEnv(**SMALL)
    for biome in BIOMES[:5]:
        env.reset(seed=3, options={"biome": biome, "start_time": 0.75})
        env.step(env.get_action_meanings().index("forward"))
        place = PLACES[BIOMES[int(env.state.marks[state.BIOME])]][0][0]
        assert env.caption().startswith(f"{place} at midnight")
        assert env.caption("detailed").endswith(("the player walks forward", "the player swims forward"))
    with pytest.raises(VoxelError, match="detail must be one of"):
        env.caption("long")


def test_captions_of_play_use_known_words(env: VoxelEnv) -> None:
    words = set(vocabulary())
    env.reset(seed=5)
    texts = []
    for action in np.random.default_rng(0).integers(0, 26, 60):
        env.step(int(action))
        texts += [env.caption(detail) for detail in ("short", "detailed", "full")] + [env.story()]
    assert set(" ".join(texts).split()) <= words


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"size": (8, 64)}, ValueError, "size height must be in 16…2160, got 8"),
        ({"size": 64}, ValueError, "size must be (height, width)"),
        ({"size": (64.0, 64)}, TypeError, "size height must be an integer"),
        ({"biome": "moon"}, ValueError, "biome must be None or one of"),
        ({"action_space": "continuous"}, ValueError, "action_space must be one of"),
        ({"render_mode": "human"}, ValueError, 'render_mode must be None or "rgb_array"'),
        ({"start_time": 1.5}, ValueError, "start_time must be in [0, 1]"),
        ({"start_time": "noon"}, TypeError, "start_time must be None or a number"),
        ({"frame_skip": 0}, ValueError, "frame_skip must be in 1…100"),
        ({"world_size": (100, 64, 64)}, ValueError, "powers of two"),
        ({"task": "Fly"}, VoxelError, "task must be one of"),
        ({"observations": ("smell",)}, VoxelError, "observations must be different ones of"),
        ({"labels": "depth"}, VoxelError, "labels must be a list of some of"),
        ({"switches": {"gravity": False}}, ValueError, "switches must be among"),
        ({"items": {"cheese": 1}}, VoxelError, "items must be different ones of"),
        ({"items": ["torch"]}, TypeError, "items must map names to a number"),
        ({"switches": ["animals"]}, TypeError, "switches must map names to True or False"),
        ({"num_levels": -1}, VoxelError, "num_levels must be in 0"),
        ({"kept_worlds": 0}, VoxelError, "kept_worlds must be in 1"),
        ({"colour": 1}, TypeError, "colour"),
    ],
)
def test_wrong_settings_are_named(kwargs: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        VoxelEnv(**kwargs)


@pytest.mark.parametrize(
    ("action", "error"), [(26, ValueError), (-1, ValueError), (1.0, TypeError), ("up", TypeError), (True, TypeError),
                          (np.zeros(25), TypeError)]
)  # fmt: skip
def test_wrong_actions_change_nothing(env: VoxelEnv, action: Any, error: type[Exception]) -> None:
    env.reset(seed=2)
    before = env.state.clone()
    with pytest.raises(error, match="action must be"):
        env.step(action)
    assert env.state.equals(before)


def test_step_before_reset_says_so() -> None:
    with pytest.raises(gym.error.ResetNeeded, match=re.escape("call env.reset() first")):
        VoxelEnv(**SMALL).step(0)


def test_unknown_reset_options_are_refused(env: VoxelEnv) -> None:
    with pytest.raises(ValueError, match="got also \\['world'\\]"):
        env.reset(options={"world": 1})


def test_snapshot_of_another_size_is_refused(env: VoxelEnv) -> None:
    other = VoxelEnv(size=(36, 40), world_size=(128, 64, 64))
    other.reset(seed=0)
    with pytest.raises(ValueError, match="must hold a world of"):
        env.restore_state(other.clone_state())


def test_editor_puts_what_it_is_told(env: VoxelEnv) -> None:
    env.reset(seed=0)
    env.set_block(5, 6, 50, "lamp")
    env.set_time(0.75)
    env.teleport(-1.0, 65.0, 40.0, yaw=370, pitch=100)
    assert env.state.blocks[5, 6, 50] == blocks.BLOCK_IDS["lamp"]
    assert env.state.marks[state.CLOCK] == 9000
    assert env.state.body[[state.X, state.Y, state.YAW, state.PITCH]].tolist() == [63.0, 1.0, 10.0, 90.0]
    with pytest.raises(ValueError, match="block must be one of"):
        env.set_block(0, 0, 0, "cheese")


def test_all_that_can_be_observed_lies_in_its_space() -> None:
    env = VoxelEnv(observations=OBSERVATIONS, labels=OBSERVATIONS[1:], **SMALL)
    observation, info = env.reset(seed=0)
    assert list(observation) == list(OBSERVATIONS)
    for _ in range(3):
        assert env.observation_space.contains(observation)
        for key in OBSERVATIONS[1:]:
            np.testing.assert_array_equal(info[key], observation[key])
        observation, _, _, _, info = env.step(1)
    feet = observation["pose"][:3].astype(int)
    assert observation["voxels"][5, 5, 4] == env.state.blocks[feet[0], feet[1], feet[2] - 1]
    assert observation["inventory"][0, 1] == 64


def test_depth_is_the_distance_to_what_is_seen() -> None:
    env = VoxelEnv(observations=("depth", "block_ids"), hud=False, **SMALL)
    env.reset(seed=0)
    for x in range(20, 30):
        for y in range(20, 30):
            for z in range(50, 56):
                env.set_block(x, y, z, "air" if 50 < z < 55 and y < 26 else "brick")
    env.teleport(25.5, 22.5, 51, yaw=0, pitch=0)
    seen = env.step(0)[0]
    assert seen["depth"][18, 20] == pytest.approx(3.5, abs=0.02)  # to the wall at y = 26
    assert seen["block_ids"][18, 20] == blocks.BLOCK_IDS["brick"]


def test_train_and_test_levels_stay_apart() -> None:
    train, test = VoxelEnv(num_levels=1, start_level=5, **SMALL), VoxelEnv(num_levels=1, start_level=6, **SMALL)
    for seed in range(3):
        train.reset(seed=seed)
        test.reset(seed=seed)
        assert not np.array_equal(train.state.biomes, test.state.biomes)
    other = VoxelEnv(**SMALL)
    other.reset(options={"world_seed": 5})
    np.testing.assert_array_equal(train.state.biomes, other.state.biomes)


def test_as_many_worlds_are_kept_as_some_env_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counting(seed: int, size: tuple[int, int, int]) -> Terrain:
        made.append(seed)
        return generate(seed, size)

    monkeypatch.setattr("worldsim_envs.voxel.episodes.generate", counting)
    worlds = KeptWorlds()
    worlds.make_room(2)
    worlds.make_room(1)  # the largest number counts
    first, *_ = [worlds.world(seed, (64, 64, 48)) for seed in (1, 2, 1)]
    assert made == [1, 2] and worlds.world(1, (64, 64, 48)) is first
    worlds.world(3, (64, 64, 48))  # 2 was used longest ago
    worlds.world(1, (64, 64, 48))
    assert made == [1, 2, 3]
    worlds.world(2, (64, 64, 48))
    assert made == [1, 2, 3, 2]


def test_masks_leave_out_what_does_nothing(env: VoxelEnv) -> None:
    env.reset(seed=0)
    names = env.get_action_meanings()
    assert env.action_masks()[names.index("noop")] and not env.action_masks()[names.index("hotbar.1")]
    env.teleport(*env.state.body[:3], pitch=90)
    env.state.marks[state.GROUND] = 0
    masks = dict(zip(names, env.action_masks(), strict=True))
    assert not masks["look_down"] and masks["look_up"] and not masks["jump"] and masks["forward+jump"]
    multi = VoxelEnv(action_space="multidiscrete", **SMALL)
    multi.reset(seed=0)
    assert multi.action_masks().shape == (int(multi.action_space.nvec.sum()),)  # type: ignore[attr-defined]


def test_an_action_vector_is_the_callers_own(env: VoxelEnv) -> None:
    env.action_vector(1)[:] = 9.0
    assert env.action_vector(1).max() == 1.0


def test_a_fork_goes_on_exactly_and_alone(env: VoxelEnv) -> None:
    env.reset(seed=4)
    env.step(6)
    twin = env.fork()
    for action in (1, 14, 8, 15):
        np.testing.assert_array_equal(env.step(action)[0], twin.step(action)[0])
    assert env.state.equals(twin.state) and env.clone_state().action is not twin.clone_state().action
    twin.set_block(1, 1, 50, "brick")
    assert not env.state.equals(twin.state)


def test_counterfactual_branches_leave_one_state(env: VoxelEnv) -> None:
    env.reset(seed=4)
    before = env.clone_state()
    same, walk, edited = counterfactual(env, [[0, 0], [1, 1], [lambda env: env.set_time(0.75), 0, 0]])
    assert env.state.equals(before.world)
    np.testing.assert_array_equal(same.frames[0], walk.frames[0])
    assert same.frames.shape == (3, 36, 40, 3) and same.events.shape == (2, len(env.event_names))
    assert (walk.frames[2] != same.frames[2]).any() and edited.frames[0].mean() < same.frames[0].mean() - 20
    assert edited.end.world.marks[state.CLOCK] == 9000 + 4


def test_items_are_given_in_heaps_of_64(env: VoxelEnv) -> None:
    env.reset(seed=0)
    env.state.inventory[...] = 0
    env.give("dirt", 40)
    env.give("dirt", 40)
    assert env.state.inventory[:3, state.COUNT].tolist() == [64, 16, 0]
    with pytest.raises(VoxelError, match="no room for"):
        env.give("stone", 64 * 36)
    with pytest.raises(VoxelError, match="item must be one of"):
        env.give("cheese")


def test_creatures_are_spawned_until_there_is_no_row_left(env: VoxelEnv) -> None:
    env.reset(seed=0)
    x, y, z = env.state.body[:3]
    rows = {env.spawn("pig", x + 5, y, z) for _ in range(3)}
    assert len(rows) == 3
    with pytest.raises(VoxelError, match="kind must be one of"):
        env.spawn("dragon", 0, 0, 0)
    with pytest.raises(VoxelError, match="24 creatures at most"):
        for _ in range(49):
            env.spawn("pig", x + 5, y, z)


def test_the_weather_is_set(env: VoxelEnv) -> None:
    env.reset(seed=0)
    env.set_weather("snow")
    assert env.state.weather[state.SNOWFALL] == 1.0 and "snow" in env.caption()
    with pytest.raises(VoxelError, match="sky must be one of"):
        env.set_weather("frogs")


def test_a_quarter_of_episodes_begin_in_rain_snow_or_a_storm_that_goes_on_for_a_while() -> None:
    env = VoxelEnv(**SMALL)
    skies: dict[str, set[str]] = {biome: set() for biome in ("forest", "snow", "desert")}
    wet = 0
    for biome, seen in skies.items():
        for seed in range(40):
            env.reset(seed=seed, options={"world_seed": 3, "biome": biome})
            world = env.clone_state().world
            sky = SKIES[int(world.marks[state.SKY])]
            seen.add(sky)
            wet += sky != "clear"
            strengths = tuple(world.weather[[state.RAIN, state.SNOWFALL, state.THUNDER]])
            assert strengths == (sky in ("rain", "thunder"), sky == "snow", sky == "thunder"), "full at once"
            assert world.marks[state.SKY_TICKS] > 0
    assert skies == {"forest": {"clear", "rain", "thunder"}, "snow": {"clear", "snow"}, "desert": {"clear"}}
    assert 10 <= wet <= 32, "a quarter of 80"
    calm = VoxelEnv(**SMALL, switches={"weather": False}, biome="forest")
    for seed in range(20):
        calm.reset(seed=seed, options={"world_seed": 3})
        assert calm.clone_state().world.marks[state.SKY] == 0

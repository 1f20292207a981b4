from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import worldsim  # noqa: F401  registers the ids
from worldsim.data.episodes import Dataset
from worldsim.data.record import record
from worldsim_agents import explore
from worldsim_agents.explore.courses import COURSES, never, tally
from worldsim_agents.explore.shares import table
from worldsim_envs.voxel.language import EDITS

ID = "worldsim/Voxel-v0"
STEPS = 400


def play(
    policy: explore.Scripted, seed: int, steps: int = STEPS, env_id: str = ID
) -> tuple[list[str], np.ndarray]:
    """The names of the actions taken, and the pose (x, y, z, pitch) after each, (T, 4)."""
    env = gym.make(env_id, size=(16, 16), disable_env_checker=True)
    observation, _ = env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    policy.reset(env, rng)
    view = explore.View(env)
    names, poses = [], []
    for _ in range(steps):
        action = policy.act(env, observation, rng)
        assert env.action_space.contains(action)
        names.append(view.actions[action])
        observation, _, terminated, _, _ = env.step(action)
        poses.append([*view.eye, view.pitch])
        if terminated:
            break
    return names, np.array(poses)


@pytest.fixture(scope="module")
def mixed() -> list[tuple[list[str], np.ndarray]]:
    return [play(explore.mix(), seed) for seed in range(24)]


def test_the_mix_takes_every_action_in_a_useful_share(mixed) -> None:
    taken = [name for names, _ in mixed for name in names]
    meanings = gym.make(ID).unwrapped.get_action_meanings()  # pyright: ignore[reportAttributeAccessIssue]
    shares = {name: taken.count(name) / len(taken) for name in meanings}
    assert min(shares.values()) >= 0.005, shares
    assert 0.02 <= shares["noop"] <= 0.09
    assert max(shares.values()) <= 0.2, shares


def test_the_mix_looks_mostly_ahead_and_hardly_into_the_sky(mixed) -> None:
    pitch = np.concatenate([poses[:, 3] for _, poses in mixed])
    assert np.mean(np.abs(pitch) < 15.0) > 0.5
    assert np.mean(pitch < -35.0) < 0.02
    assert np.mean(pitch > 65.0) < 0.06


def test_the_mix_gets_about(mixed) -> None:
    ways = [np.abs(np.diff(poses[:, :2], axis=0)).clip(max=1.0).sum() for _, poses in mixed]
    assert np.median(ways) > 40.0


@pytest.mark.parametrize(
    ("policy", "action"),
    [
        (explore.explorer, "forward"), (explore.miner, "attack"), (explore.builder, "use"),
        (explore.gazer, "turn_left"), (explore.crafter, "craft"),
    ],
)
def test_each_policy_does_what_it_is_named_for(policy, action: str) -> None:
    names, _ = play(policy(), seed=3)
    assert sum(action in name for name in names) > 0.08 * len(names)


def test_a_gazer_stays_where_it_is() -> None:
    _, poses = play(explore.gazer(), seed=1, steps=100)
    assert np.abs(poses[:, :2] - poses[0, :2]).max() < 3.0


def test_a_miner_mines_and_a_builder_places(tmp_path: Path) -> None:
    events = {}
    for policy in ("miner", "builder"):
        record(ID, f"worldsim_agents.explore:{policy}", STEPS, tmp_path / policy, 0, env_kwargs={"size": (16, 16)})
        events[policy] = explore.shares(Dataset.open(tmp_path / policy)).events
    assert sum(share for name, share in events["miner"].items() if name.startswith("mined")) > 0.01
    assert events["builder"]["placed"] > 0.01


@pytest.mark.parametrize(
    ("policy", "events"),
    [
        ("fighter", ("hurt_animal",)), ("painter", ("painted",)),
        ("tinkerer", ("door_opened", "cake_eaten", "glass_shattered")),
    ],
)  # fmt: skip
def test_a_workshop_gives_rare_events_to_who_looks_for_them(
    policy: str, events: tuple[str, ...], tmp_path: Path
) -> None:
    record("worldsim/Workshop-v0", f"worldsim_agents.explore:{policy}", 1500, tmp_path, 0, episode_length=300,
           env_kwargs={"size": (16, 16)})  # fmt: skip
    found = explore.shares(Dataset.open(tmp_path)).events
    assert all(found[name] > 0 for name in events), found


def test_courses_name_policies_ids_and_settings_that_there_are() -> None:
    for course in COURSES.values():
        assert isinstance(getattr(explore, course.policy)(), explore.Scripted)
        gym.make(course.env_id, size=(16, 16), disable_env_checker=True, **course.kwargs).close()


def test_a_course_is_counted() -> None:
    found = tally(replace(COURSES["ores"], steps=60), worlds=1)
    assert found.steps == sum(found.actions.values()) == 60 and found.events["placed"] > 0
    assert "placed" not in never([found]) and "died" in never([found])


@pytest.mark.slow
def test_every_event_occurs_on_some_course() -> None:
    assert never(tally(course) for course in COURSES.values()) == []


def test_shares_are_shown_as_a_table(tmp_path: Path) -> None:
    record(ID, "worldsim_agents.explore:mix", 60, tmp_path, seed=0, env_kwargs={"size": (16, 16)})
    text = table(explore.shares(Dataset.open(tmp_path)))
    assert "forward" in text and "mined_grass" in text and "%" in text


def test_the_same_random_numbers_give_the_same_actions() -> None:
    assert play(explore.mix(), seed=5, steps=120)[0] == play(explore.mix(), seed=5, steps=120)[0]


def test_shares_of_actions_sum_to_one(tmp_path: Path) -> None:
    record(ID, "worldsim_agents.explore:mix", 60, tmp_path, seed=0, env_kwargs={"size": (16, 16)}, episode_length=31)
    shares = explore.shares(Dataset.open(tmp_path))
    assert sum(shares.actions.values()) == pytest.approx(1.0)
    assert set(shares.events) == set(Dataset.open(tmp_path).info.event_names)


def test_something_happens_with_every_caption_and_is_said(tmp_path: Path) -> None:
    """What the sentence says is so: of the weather the engine's own captions know."""
    folder = tmp_path / "told"
    size = {"size": (16, 16)}
    record(ID, "worldsim_agents.explore:eventful", 240, folder, seed=3, env_kwargs=size, episode_length=48)
    told, found = 0, 0
    for episode in map(Dataset.open(folder).read, range(5)):
        assert all(c.detailed.rsplit(" . ", 1)[-1] not in EDITS for c in episode.captions if c.start == 0)
        for caption in episode.captions:
            sentence = caption.detailed.rsplit(" . ", 1)[-1]
            if caption.start > 0:
                assert sentence in EDITS
                told += caption.short == sentence
                if sentence == "it starts to snow":
                    assert "it snows" in caption.detailed
                    found += 1
                if sentence in ("it stops raining", "it stops snowing", "the storm ends"):
                    assert not any(word in caption.detailed for word in ("it rains", "it snows", "rages"))
                    found += 1
    assert 0 < told < 10 and found

"""gymnasium's own recorder films the learned world and the true one."""

from pathlib import Path

import gymnasium as gym
import pytest
from gymnasium.wrappers import RecordVideo

import worldsim  # noqa: F401  registers the ids
from fakes import CounterWorld
from worldsim.video import read_mp4

TRUE = {"size": (48, 64), "world_size": (64, 64, 64)}


@pytest.mark.parametrize(
    ("name", "kwargs"), [("worldsim/Learned-v0", {"checkpoint": CounterWorld(1)}), ("worldsim/Voxel-v0", TRUE)]
)
def test_record_video_writes_a_film_of_every_frame(tmp_path: Path, name: str, kwargs: dict[str, object]) -> None:
    env = RecordVideo(gym.make(name, render_mode="rgb_array", **kwargs), str(tmp_path), disable_logger=True)
    env.reset(seed=0)
    for _ in range(7):
        env.step(env.action_space.sample())
    shown = env.render()
    env.close()
    (film,) = tmp_path.glob("*.mp4")
    frames, fps = read_mp4(film)
    assert len(frames) in (7, 8), "the encoder may round the last one away"
    assert fps == env.metadata["render_fps"]
    assert frames.shape[1:] == shown.shape

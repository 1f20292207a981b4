import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import counter
from worldsim.data.episodes import Dataset, DatasetError
from worldsim.data.frames import FrameError, resize
from worldsim.data.record import RecordError, record
from worldsim.data.rollout import Job, Recorder, default_policy
from worldsim.data.workers import WorkerError


class RoundRobin:
    """Takes the actions in turn: step t (from 1) is action t mod 5."""

    def reset(self, env, rng) -> None:
        self.steps = 0

    def act(self, env, observation, rng) -> int:
        self.steps += 1
        return self.steps % counter.ACTIONS


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_recorded_rows_line_up_frame_action_event_and_end(tmp_path: Path) -> None:
    record(counter.ID, RoundRobin, 130, tmp_path, seed=3, env_kwargs={"horizon": 50})
    dataset = Dataset.open(tmp_path)
    assert dataset.lengths.tolist() == [51, 51, 31]  # 50 + 50 + 30 steps, and a reset each
    for number in range(3):
        episode = dataset.read(number)
        t = np.arange(episode.length)
        assert counter.read_counts(episode.frames).tolist() == t.tolist()
        assert episode.actions[0].tolist() == [0] * counter.ACTIONS
        assert episode.actions[1:].argmax(axis=1).tolist() == (t[1:] % 5).tolist()
        assert counter.read_actions(episode.frames).tolist() == (t % 5).tolist()
        assert episode.events[:, 0].tolist() == t.tolist()
        assert episode.events[1:, 1].tolist() == (t[1:] % 2 == 0).tolist()
        assert episode.terminated.nonzero()[0].tolist() == ([50] if number < 2 else [])
        assert not episode.truncated.any()


def test_captions_cover_every_row_and_tell_of_their_own_interval(tmp_path: Path) -> None:
    record(counter.ID, "random", 49, tmp_path, seed=0, env_kwargs={"horizon": 49})
    captions = Dataset.open(tmp_path).read(0).captions
    assert [(c.start, c.end, c.short) for c in captions] == [
        (0, 16, "count 8"),
        (16, 32, "count 24"),
        (32, 48, "count 40"),
        (48, 50, "count 49"),
    ]
    assert captions[0].detailed == "the counter stands at 8"


def test_an_episode_is_cut_at_its_length_without_an_end_flag(tmp_path: Path) -> None:
    record(counter.ID, "random", 40, tmp_path, seed=0, episode_length=21)
    dataset = Dataset.open(tmp_path)
    assert dataset.lengths.tolist() == [21, 21]
    assert not dataset.read(0).terminated.any()
    assert dataset.info.event_names == ("reward", "even", "odd")
    assert dataset.info.fps == 5.0


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(tmp_path: Path) -> None:
    for name, seed, workers in (("one", 5, 1), ("again", 5, 1), ("two", 5, 2), ("other", 6, 1)):
        record(counter.ID, "random", 200, tmp_path / name, seed, workers, env_kwargs={"horizon": 30})
    assert tree(tmp_path / "one") == tree(tmp_path / "again") == tree(tmp_path / "two")
    assert tree(tmp_path / "one") != tree(tmp_path / "other")


def test_recording_again_into_the_folder_adds_new_episodes(tmp_path: Path) -> None:
    kwargs = {"size": (8, 16)}
    first = record(counter.ID, "random", 60, tmp_path, seed=0, episode_length=31, env_kwargs=kwargs)
    second = record(counter.ID, "random", 60, tmp_path, seed=0, episode_length=31, env_kwargs=kwargs)
    dataset = Dataset.open(tmp_path)
    assert [file.name for file in first + second] == [f"00000{i}.safetensors" for i in range(4)]
    assert len({entry.seed for entry in dataset.entries}) == 4
    with pytest.raises(DatasetError, match="cannot add episodes with env_kwargs"):
        record(counter.ID, "random", 60, tmp_path, seed=0, env_kwargs=kwargs | {"horizon": 5})


@pytest.mark.parametrize("kind", ["image", "gray", "gray1", "dict", "vector"])
def test_every_kind_of_picture_gives_the_same_frames(tmp_path: Path, kind: str) -> None:
    record(counter.ID, RoundRobin, 20, tmp_path, seed=0, env_kwargs={"kind": kind})
    frames = Dataset.open(tmp_path).read(0).frames
    assert counter.read_counts(frames).tolist() == list(range(21))
    assert counter.read_actions(frames).tolist() == [t % 5 for t in range(21)]


def test_the_picture_of_a_dict_with_several_is_chosen_by_key(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="choose one with image_key"):
        record(counter.ID, RoundRobin, 5, tmp_path / "a", seed=0, env_kwargs={"kind": "two"})
    record(counter.ID, RoundRobin, 5, tmp_path / "b", seed=0, env_kwargs={"kind": "two"}, image_key="right")
    assert counter.read_counts(Dataset.open(tmp_path / "b").read(0).frames).tolist() == list(range(6))


def test_frames_of_another_size_are_area_averages(tmp_path: Path) -> None:
    record(counter.ID, RoundRobin, 9, tmp_path, seed=0, size=(8, 4))
    dataset = Dataset.open(tmp_path)
    assert dataset.info.size == (8, 4)
    assert counter.read_counts(dataset.read(0).frames).tolist() == list(range(10))
    frames = np.random.default_rng(0).integers(0, 256, (2, 6, 9, 3)).astype(np.uint8)
    means = frames.reshape(2, 3, 2, 3, 3, 3).mean(axis=(2, 4))
    assert np.abs(resize(frames, (3, 3)) - means).max() <= 0.5001
    assert np.abs(resize(frames, (4, 5)).mean() - frames.mean()) < 1.0  # shares of pixels keep the mean


@pytest.mark.parametrize(
    ("arguments", "error", "pattern"),
    [
        ({"env_id": "NoSuchEnv-v0"}, RecordError, "cannot make the env 'NoSuchEnv-v0'"),
        ({"env_id": "nosuchmodule:X-v0"}, RecordError, "cannot make the env"),
        ({"env_kwargs": {"kind": "chw"}}, FrameError, "channels come last"),
        ({"env_kwargs": {"colour": 3}}, RecordError, "colour"),
        ({"env_kwargs": {"size": np.array([16, 16])}}, DatasetError, "env_kwargs must be what JSON can hold"),
        ({"image_key": "picture"}, FrameError, "needs a Dict observation"),
        ({"env_kwargs": {"kind": "dict"}, "image_key": "place"}, FrameError, "must be a picture"),
        ({"env_kwargs": {"kind": "dict"}, "image_key": "x"}, FrameError, "not in the observation"),
        ({"policy": "nosuchmodule:x"}, RecordError, "policy must be"),
        ({"policy": "wander"}, RecordError, "policy must be"),
        ({"policy": "counter:read_counts"}, RecordError, "policy"),
        ({"policy": object}, RecordError, r"a policy needs reset\(env, rng\)"),
        ({"steps": 0}, RecordError, "steps"),
        ({"workers": 0}, RecordError, "workers"),
        ({"episode_length": 1}, RecordError, "episode_length"),
        ({"size": (0, 8)}, RecordError, "size"),
    ],
)
def test_what_cannot_be_recorded_is_an_error_and_nothing_is_written(tmp_path: Path, arguments, error, pattern) -> None:
    call = {"env_id": counter.ID, "policy": "random", "steps": 10, "folder": tmp_path / "data", "seed": 0} | arguments
    with pytest.raises(error, match=pattern):
        record(**call)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("info", "got"),
    [({}, "got an info with nothing"), ({"event": 1}, "got an info with .'event'."),
     ({"events": np.zeros(3)}, r"got \(3,\)"), ({"events": 1.0}, r"got \(\)"),
     ({"events": {"even": 1}}, "got {'even'")],
)  # fmt: skip
def test_named_events_that_are_missing_or_misshapen_are_an_error(
    info: dict, got: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter.CounterEnv, "step", lambda self, _: (self._observation(), 0.0, False, False, info))
    recorder = Recorder.open(Job(counter.ID, episode_length=3))
    with pytest.raises(RecordError, match=rf"info\['events'\] of shape \(2,\).*{got}"):
        recorder.episode(0)


def test_who_acts_where_nobody_says_so() -> None:
    voxel, task = map(default_policy, ("worldsim/Voxel-v0", "worldsim/ChopTree-v0"))
    assert voxel == task == "worldsim_agents.explore:mix"
    assert default_policy("worldsim/Learned-ChopTree-v0") == default_policy("CartPole-v1") == "sticky"


def test_a_pipe_that_an_env_breaks_is_the_envs_error(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"counter\.py(.|\n)*BrokenPipeError: the game has gone at 7"):
        record(counter.ID, "random", 100, tmp_path, seed=0, workers=2, env_kwargs={"fail_at": 7, "pipe": True})


def test_an_error_in_a_worker_comes_out_with_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"counter\.py(.|\n)*the counter broke at 7"):
        record(counter.ID, "random", 100, tmp_path, seed=0, workers=2, env_kwargs={"fail_at": 7})


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_keeps_the_episodes_so_far(tmp_path: Path, workers: int) -> None:
    code = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from worldsim.data.record import record\n"
        "if __name__ == '__main__':\n"
        "    record('counter:Counter-v0', 'random', 10**7, sys.argv[1], 0, int(sys.argv[3]))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    tests = str(Path(counter.__file__).parent)
    child = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "data"), tests, str(workers)], stderr=subprocess.PIPE
    )
    index = tmp_path / "data" / "index.jsonl"
    while not (index.exists() and len(index.read_text().splitlines()) > 3):
        assert child.poll() is None, child.communicate()
    child.send_signal(subprocess.signal.SIGINT)  # pyright: ignore[reportAttributeAccessIssue]
    _, errors = child.communicate(timeout=30)
    assert b"KeyboardInterrupt" in errors
    dataset = Dataset.open(tmp_path / "data")
    assert len(dataset) > 3
    assert dataset.clip([(i, 0, 51) for i in range(len(dataset))]).mask.all()

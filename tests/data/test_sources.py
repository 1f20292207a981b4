import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import counter
from worldsim.data.batches import Bucket, batches
from worldsim.data.rollout import RecordError
from worldsim.data.sources import LiveSource
from worldsim.data.workers import WorkerError


def test_live_clips_line_up_like_recorded_ones_and_new_episodes_keep_coming() -> None:
    with LiveSource(counter.ID, "random", workers=2, env_kwargs={"horizon": 30}, capacity=6) as source:
        rng = np.random.default_rng(0)
        seen = set()
        for _ in range(20):
            clip = source.sample(rng, 4, 8, "detailed")
            counts, actions = counter.read_counts(clip.frames), counter.read_actions(clip.frames)
            for row, kept in enumerate(clip.mask):
                assert np.array_equal(np.diff(counts[row][kept]), np.ones(kept.sum() - 1))
                inside = kept & (counts[row] > 0)
                assert np.array_equal(clip.actions[row, inside].argmax(axis=-1), actions[row, inside])
            assert clip.text[0][0].text.startswith("the counter stands")
            assert len(source.episodes) <= 6
            seen |= {episode.seed for episode in source.episodes}
            time.sleep(0.01)
        assert len(seen) > 6
        assert next(batches([source], [Bucket(2, 5)], seed=0)).frames.shape == (2, 5, 16, 16, 3)


def test_a_live_env_that_fails_raises_with_its_traceback() -> None:
    with (
        LiveSource(counter.ID, "random", workers=1, env_kwargs={"fail_at": 3}) as source,
        pytest.raises(WorkerError, match="the counter broke at 3"),
    ):
        source.sample(np.random.default_rng(0), 1, 4)


def test_a_live_worker_that_is_killed_is_an_error_and_not_a_wait_without_end() -> None:
    with LiveSource(counter.ID, "random", workers=1) as source:
        rng = np.random.default_rng(0)
        source.sample(rng, 1, 4)
        pid = source._workers._processes[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match="env worker 0 ended by itself"):
            for _ in range(50):
                source.sample(rng, 1, 4)
                time.sleep(0.02)


def test_live_workers_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, time\n"
        "import numpy as np\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from worldsim.data.sources import LiveSource\n"
        "if __name__ == '__main__':\n"
        "    source = LiveSource('counter:Counter-v0', 'random', workers=2)\n"
        "    source.sample(np.random.default_rng(0), 1, 4)\n"
        "    print(*[process.pid for process in source._workers._processes], flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, str(script), str(Path(counter.__file__).parent)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    for _ in range(600):
        if not any(is_running(pid) for pid in workers):
            return
        time.sleep(0.05)
    raise AssertionError(f"workers {workers} outlive their parent")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.parametrize("name", ["capacity", "workers"])
def test_a_live_source_without_room_or_workers_is_an_error_before_any_process_starts(name: str) -> None:
    with pytest.raises(RecordError, match=f"must be at least 1, got .*{name}=0"):
        LiveSource(counter.ID, "random", **{name: 0})


def test_a_live_env_that_cannot_be_made_is_an_error_before_any_process_starts() -> None:
    with pytest.raises(RecordError, match="cannot make the env"):
        LiveSource("NoSuchEnv-v0", "random")

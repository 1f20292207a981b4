"""`record`: any Gymnasium env with pictures → a dataset of episodes on disk.

The same job and seed give the same bytes, with any number of workers: an episode depends on its number only, and
episodes are written in order by one process.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from worldsim.data.episodes import Episode, EpisodeWriter
from worldsim.data.rollout import Job, Policy, Recorder, RecordError
from worldsim.data.workers import EpisodeWorkers

__all__ = ["RecordError", "record"]


def record(
    env_id: str,
    policy: str | Callable[[], Policy],
    steps: int,
    folder: str | Path,
    seed: int,
    workers: int = 1,
    episode_length: int = 512,
    env_kwargs: dict[str, Any] | None = None,
    size: tuple[int, int] | Literal["fit"] | None = None,
    image_key: str | None = None,
) -> list[Path]:
    """Record `steps` env steps into a dataset folder, and return the files of the new episodes.

    A folder that holds such a dataset already gets more episodes. Ctrl-C keeps the episodes written so far.

    Args:
        env_id: a Gymnasium id, or "module:id". Its pictures are u8 (H, W, 3), (H, W, 1) or (H, W) observations, such
            an entry of a Dict observation, or what `render()` returns.
        policy: a function that makes a policy, "module:function" that names one, "random", or "sticky".
        steps: env steps; an episode has one row more than it has steps, its reset. The last episode is cut to fit.
        folder: where the dataset is, or is to be.
        seed: decides every episode, with its number.
        workers: processes; one means this process.
        episode_length: most rows of an episode.
        env_kwargs: keyword arguments for `gym.make`, and "wrappers"; see `worldsim.data.envs.make_env`.
        size: (H, W) to bring frames to; "fit": what networks take best; None keeps the env's own.
        image_key: which entry of a Dict observation is the picture, when it has several; "render": what it renders.

    Raises:
        RecordError, FrameError: an env or a policy that cannot be recorded.
        DatasetError: a folder that holds something else, or actions or events that are not finite.
        WorkerError: an env failed inside a worker.
    """
    if steps < 1 or workers < 1:
        raise RecordError(f"steps and workers must be at least 1, got steps={steps}, workers={workers}")
    job = Job(env_id, policy, episode_length, dict(env_kwargs or {}), seed, size, image_key)
    recorder = Recorder.open(job)
    try:
        writer = EpisodeWriter.open(folder, recorder.info())
        files = []
        with tqdm(total=steps, unit=" frames", desc=f"recording {env_id}", smoothing=0.1, mininterval=0.5) as bar:
            if workers == 1:
                episodes = _here(recorder, writer.count, steps, bar)
            else:
                episodes = _in_workers(job, writer.count, steps, workers, bar)
            left = steps
            with closing(episodes):
                for episode in episodes:
                    whole = episode.length <= left + 1
                    files.append(writer.add(episode if whole else episode.slice(0, left + 1), job.policy_name))
                    left -= episode.length - 1
    finally:
        recorder.close()
    return files


def _here(recorder: Recorder, first: int, steps: int, bar: tqdm[Any]) -> Generator[Episode]:
    """Episodes `first`, first + 1, … until they hold enough steps."""
    number = first
    while steps > 0:
        episode = recorder.episode(number, lambda: bar.update(bar.n < bar.total))  # the last one is cut to fit
        yield episode
        steps -= episode.length - 1
        number += 1


def _in_workers(job: Job, first: int, steps: int, workers: int, bar: tqdm[Any]) -> Generator[Episode]:
    """The same episodes as `_here`, in the same order, from processes.

    An episode is asked for only once those before it, were they as long as can be, would not hold enough steps.
    """
    pool = EpisodeWorkers(job, workers)
    longest = job.episode_length - 1
    asked = given = first  # numbers of the next episode to ask for, and to yield
    ahead = 2 * workers
    ready: dict[int, Episode] = {}
    try:
        while steps > 0:
            known = sum(episode.length - 1 for episode in ready.values())
            unknown = asked - given - len(ready)
            while asked - given < ahead and known + unknown * longest < steps:
                pool.request(asked)
                asked, unknown = asked + 1, unknown + 1
            ready.update(pool.receive(0.25))
            bar.update(min(pool.steps, int(bar.total)) - bar.n)
            while given in ready and steps > 0:
                episode = ready.pop(given)
                yield episode
                steps -= episode.length - 1
                given += 1
    finally:
        pool.close()

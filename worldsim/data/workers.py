"""Processes that make episodes of a `Job`: each has its own env, answers requests for numbered episodes in turn, and
dies with its parent. An error inside one comes out here, with its traceback.
"""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from worldsim.data.episodes import Episode
from worldsim.data.rollout import Job, Recorder

__all__ = ["EpisodeWorkers", "WorkerError"]


class WorkerError(RuntimeError):
    """A worker process failed; carries the traceback of its error."""


class EpisodeWorkers:
    """`workers` processes behind one pipe each. Episode n always comes from worker n mod workers.

    A worker holds one finished episode at most: its pipe lets it go on only when the parent reads.
    """

    def __init__(self, job: Job, workers: int) -> None:
        assert workers > 0, "whoever asks for workers has checked their number"
        context = multiprocessing.get_context("spawn")
        self._steps = context.Value("q", 0)
        self._pipes: list[Any] = []  # their type depends on the platform
        self._processes: list[BaseProcess] = []
        for _ in range(workers):
            mine, theirs = context.Pipe()
            process = context.Process(target=_work, args=(job, theirs, self._steps), daemon=True)
            process.start()
            theirs.close()  # so that the death of the worker closes the pipe
            self._pipes.append(mine)
            self._processes.append(process)

    @property
    def count(self) -> int:
        return len(self._pipes)

    @property
    def steps(self) -> int:
        """Env steps that all workers have made so far."""
        return self._steps.value

    def request(self, number: int) -> None:
        """Ask for episode `number`."""
        try:
            self._pipes[number % self.count].send(number)
        except OSError as error:
            raise self._death(number % self.count) from error

    def receive(self, seconds: float | None) -> list[tuple[int, Episode]]:
        """The (number, episode) pairs that are ready; waits up to `seconds` for the first, None without limit.

        Raises:
            WorkerError: a worker failed or was killed.
        """
        done = []
        for pipe in wait(self._pipes, seconds):
            worker = self._pipes.index(pipe)
            try:
                number, outcome = self._pipes[worker].recv()
            except (EOFError, OSError) as error:
                raise self._death(worker) from error
            if isinstance(outcome, str):
                raise WorkerError(f"an env worker failed in episode {number}:\n{outcome}")
            done.append((number, outcome))
        return done

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()
        for pipe in self._pipes:
            pipe.close()

    def _death(self, worker: int) -> WorkerError:
        process = self._processes[worker]
        process.join(timeout=1.0)
        return WorkerError(f"env worker {worker} ended by itself with exit code {process.exitcode}")


def _work(job: Job, pipe: Any, steps: Any) -> None:
    """The life of a worker: open the env, answer requests, and leave when the parent has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle

    def count() -> None:
        with steps.get_lock():
            steps.value += 1

    recorder: Recorder | None = None
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # of our own pipe: the parent has gone
        while True:
            number = pipe.recv()
            assert isinstance(number, int)
            try:
                recorder = recorder or Recorder.open(job)
                outcome: Episode | str = recorder.episode(number, count)
            except Exception:  # whatever an env raises, a broken pipe to its own game among it
                outcome = traceback.format_exc()
            pipe.send((number, outcome))

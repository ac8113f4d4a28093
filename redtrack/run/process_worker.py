"""A process of `processes`: takes tasks from the process that began it, and reports to that what becomes of each."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Any

from redtrack.device import DeviceGone
from redtrack.errors import RedtrackError
from redtrack.run.outcome import Outcome
from redtrack.run.plan import Plan, Task
from redtrack.run.progress import Working

__all__ = ["CANNOT", "ENDED", "MORE", "NOTHING_NOW", "PREPARING", "SAY", "STEP", "STOP", "Progress", "work"]

# What a process says: always a tuple that begins with one of these.
MORE, PREPARING, STEP, ENDED, SAY, CANNOT = "more", "preparing", "step", "ended", "say", "cannot"
# What it hears instead of a task.
NOTHING_NOW, STOP = "nothing now", "stop"

TELL_EVERY = 0.25  # seconds between two messages on the progress of one video


@dataclass(frozen=True)
class Progress:
    """How far a video is; a reporter takes it for the video."""

    path: Path
    frames: int
    expected_frames: int | None
    seconds: float
    faces: int


class _Pipe:
    """The connection to the process that began this one: where tasks come from, and a reporter that passes all on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = Lock()
        self._told: dict[Path, float] = {}
        self._first: Task | None = None
        self._stopped = False

    def tell(self, kind: str, *content: Any) -> None:
        """Sends a message, from whichever thread."""
        with self._sending:
            self._connection.send((kind, *content))

    def wait(self) -> bool:
        """Waits for a task; returns whether there is one: otherwise the run is over."""
        self._first = self._ask(wait=True)
        return self._first is not None

    def __iter__(self) -> _Pipe:
        return self

    def __next__(self) -> Task:
        """Returns the task that was waited for, or one more if there is one to spare."""
        task, self._first = self._first or self._ask(wait=False), None
        if task is None:
            raise StopIteration
        return task

    def stopping(self) -> bool:
        """Whether the other process asks for the end, or is gone."""
        other = parent_process()
        if self._connection.poll() and self._connection.recv() == STOP:
            self._stopped = True
        return self._stopped or (other is not None and not other.is_alive())

    def _ask(self, wait: bool) -> Task | None:
        if self._stopped:
            return None
        self.tell(MORE, wait)
        answer = self._connection.recv()
        if answer == STOP:
            self._stopped = True
        return answer if isinstance(answer, Task) else None

    # A reporter.
    def begin(self, videos: int, about: Mapping[str, Any] | None = None) -> None:
        """Nothing: the other process tells of it."""

    def preparing(self, what: str) -> None:
        """Passes on what is done before the first frame."""
        self.tell(PREPARING, what)

    def step(self, job: Working) -> None:
        """Tells how far a video is, now and then."""
        now = time.monotonic()
        if now - self._told.get(job.path, 0.0) >= TELL_EVERY:
            self._told[job.path] = now
            self.tell(STEP, Progress(job.path, job.frames, job.expected_frames, job.seconds, job.faces))

    def ended(self, outcome: Outcome) -> None:
        """Tells what became of a video."""
        self._told.pop(outcome.source, None)
        self.tell(ENDED, outcome)

    def say(self, text: str) -> None:
        """Passes on what the user should know."""
        self.tell(SAY, text)

    def close(self, status: int | None = None) -> None:
        """Nothing: the other process tells of it."""


def work(connection: Connection, plan: Plan, device: str) -> None:
    """Runs on a device, in a process of its own, until there are no more tasks. One that fails ends it."""
    pipe = _Pipe(connection)
    try:
        with closing(plan.worker(pipe, pipe.stopping)) as worker:
            while pipe.wait():
                for outcome in worker.outcomes(pipe):
                    pipe.ended(outcome)
    except DeviceGone as gone:  # another process may have more luck with the videos
        pipe.say(f"{device} failed: {gone}")
        sys.exit(1)
    except RedtrackError as error:
        pipe.tell(CANNOT, error)
    except (EOFError, ConnectionError):  # the other process is gone
        return
    finally:
        gc.freeze()  # it ends sooner, as in `redtrack.cli.main`

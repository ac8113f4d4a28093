"""A worker of a shared run: takes tasks from the run's head, or a cluster, and reports what becomes of each."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from redtrack.device import DeviceGone
from redtrack.errors import RedtrackError
from redtrack.inference.engine import Engine
from redtrack.inference.landmarker import Models
from redtrack.inference.tracker import Tracker
from redtrack.run.outcome import Outcome
from redtrack.run.progress import SilentReporter, Working
from redtrack.run.run import Batch
from redtrack.run.run_log import RunLog
from redtrack.run.shared import Plan, Task

__all__ = ["Progress", "Share", "about_of", "load", "work"]

# What a member says, always a tuple that begins with one of these, and what it hears.
READY, MORE, STEP, ENDED, SAY, USELESS = "ready", "more", "step", "ended", "say", "useless"
NOTHING_NOW = "nothing now"
STOP = "stop"

TELL_EVERY = 0.25  # seconds between two words on the progress of one video


@dataclass(frozen=True)
class Progress:
    """How far a video is; a reporter takes it for a job."""

    path: Path
    frames: int
    expected_frames: int | None
    seconds: float
    faces: int


class Share(Batch):
    """A batch whose videos come one by one while it runs, and whose outcomes go to the reporter alone."""

    def __init__(self, plan: Plan, models: Models, source: Iterator[Task], **how: Any) -> None:
        super().__init__([], plan.where, models, plan.options, batch=plan.resources.batch, **how)
        self._source = source

    def _trackers(self) -> Iterator[Tracker]:
        return _Trackers(self, self._source)

    def tracker(self, task: Task) -> Tracker:
        """Returns the video of a task."""
        return self._tracker(task.path, task.names)

    def _add(self, outcome: Outcome, log: RunLog) -> None:
        self.outcomes.append(outcome)
        self.reporter.ended(outcome)

    def _device_gone(self, gone: DeviceGone, engine: Engine, log: RunLog) -> None:
        """Ends the run without reporting the open videos, so that they are tried elsewhere."""
        raise gone


class _Trackers:
    """Videos for an engine. Unlike a generator, it may have more after it had none."""

    def __init__(self, share: Share, source: Iterator[Task]) -> None:
        self._share, self._source = share, source

    def __iter__(self) -> _Trackers:
        return self

    def __next__(self) -> Tracker:
        return self._share.tracker(next(self._source))


class _Line:
    """The connection to the crew's head: where tasks come from, and a reporter that passes everything on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._said: dict[Path, float] = {}
        self._first: Task | None = None
        self._stopped = False

    def tell(self, kind: str, *content: Any) -> None:
        """Sends a message."""
        self._connection.send((kind, *content))

    def wait(self) -> bool:
        """Waits for a task; returns whether there is one: otherwise the run is over."""
        self._first = self._ask(wait=True)
        return self._first is not None

    def __iter__(self) -> _Line:
        return self

    def __next__(self) -> Task:
        """Returns the task that was waited for, or one more if there is one to spare."""
        task, self._first = self._first or self._ask(wait=False), None
        if task is None:
            raise StopIteration
        return task

    def stopping(self) -> bool:
        """Whether the head asks for the end, or is gone."""
        head = parent_process()
        if self._connection.poll() and self._connection.recv() == STOP:
            self._stopped = True
        return self._stopped or (head is not None and not head.is_alive())

    def _ask(self, wait: bool) -> Task | None:
        if self._stopped:
            return None
        self.tell(MORE, wait)
        answer = self._connection.recv()
        if answer == STOP:
            self._stopped = True
        return answer if isinstance(answer, Task) else None

    # A reporter.
    def begin(self, videos: int) -> None:
        """Nothing: the head knows."""

    def step(self, job: Working) -> None:
        """Tells how far a video is, now and then."""
        now = time.monotonic()
        if now - self._said.get(job.path, 0.0) >= TELL_EVERY:
            self._said[job.path] = now
            self.tell(STEP, Progress(job.path, job.frames, job.expected_frames, job.seconds, job.faces))

    def ended(self, outcome: Outcome) -> None:
        """Tells what became of a video."""
        self._said.pop(outcome.source, None)
        self.tell(ENDED, outcome)

    def say(self, text: str) -> None:
        """Passes on what the user should know."""
        self.tell(SAY, text)

    def close(self) -> None:
        """Nothing: the head knows."""


def work(connection: Connection, plan: Plan, threads: int | None) -> None:
    """Runs in a process of its own until the head has no more tasks. threads: of the CPU that are this member's."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    line = _Line(connection)
    try:
        models = load(plan)
        line.tell(READY, about_of(plan, models))
        while line.wait():
            Share(plan, models, line, reporter=line, stopping=line.stopping).run()
    except DeviceGone as gone:  # another process may have more luck with the videos
        line.tell(SAY, f"{plan.resources.device} failed: {gone}")
        sys.exit(1)
    except RedtrackError as error:
        line.tell(USELESS, error)
    except (EOFError, ConnectionError):  # the head is gone
        return


def load(plan: Plan) -> Models:
    """Returns the networks on the member's device."""
    use = plan.resources
    return plan.load(plan.weights, use.device, plan.options, True, use.precision, use.decode)


def about_of(plan: Plan, models: Models) -> dict[str, Any]:
    """Returns what the run log keeps of a worker."""
    return Share(plan, models, iter(()), reporter=SilentReporter())._about()


def on_device(plan: Plan, device: str) -> Plan:
    """Returns the plan for a worker with this device."""
    return replace(plan, resources=replace(plan.resources, device=device))

"""A run on several devices, or in several processes on one: each takes the next video when it has room for one.

The largest videos go first, so that the devices end at about the same time. What a process says comes to this one,
which shows the progress and passes signals on. A process that dies costs at most the video that killed it: the videos
that it had open are tried once more, each alone in a new process, and what dies again has failed.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from redtrack.errors import RedtrackError
from redtrack.machine import cores
from redtrack.run.inline import Inline
from redtrack.run.outcome import FAILED, Outcome, stopped_outcome
from redtrack.run.plan import Plan, Task, largest_first
from redtrack.run.process_worker import CANNOT, ENDED, MORE, NOTHING_NOW, PREPARING, SAY, STEP, STOP, work
from redtrack.run.progress import Reporter
from redtrack.run.stop import BrokenOff

__all__ = ["Jobs", "Processes"]

LOOK_EVERY = 0.2  # seconds between two questions whether to stop
MOST_DEATHS = 3  # in a row, without a video ended in between, after which a device is given up
END_WITHIN = 10.0  # seconds that a process may take to end


@dataclass(eq=False)
class _Process:
    """A process at work on one device."""

    device: str
    process: SpawnProcess
    pipe: Connection
    deaths: int = 0  # of its predecessors, since a video ended on this device
    tasks: list[Task] = field(default_factory=list)
    waits: bool = False
    stopped: bool = False  # whether it was told to
    idle_since: float = field(
        default_factory=time.monotonic
    )  # when it was begun, last ended a video or was told to stop
    closed: bool = False

    @property
    def is_stuck(self) -> bool:
        """Whether it has nothing to do, was told to end, and does not."""
        return self.stopped and not self.tasks and time.monotonic() - self.idle_since > END_WITHIN

    def end(self, seconds: float) -> None:
        """Waits for its end so long, then sees to it."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class Processes:
    """Does tasks in a process for each of `devices`, of which several may be the same."""

    def __init__(self, plan: Plan, reporter: Reporter, devices: Sequence[str]) -> None:
        self._plan, self._reporter, self._devices = plan, reporter, devices
        self._stopping: Callable[[], bool] = lambda: False
        self._processes: list[_Process] = []
        self._pending: deque[Task] = deque()
        self._suspects: deque[Task] = deque()  # lost with a process, to be tried once more
        self._tried: set[Task] = set()  # all that ever were such
        self._ended: deque[Outcome] = deque()  # not yielded yet
        self._is_prepared = False

    def outcomes(self, tasks: Sequence[Task], stopping: Callable[[], bool]) -> Generator[Outcome, None, None]:
        """Yields what became of each video. Raises what a process raised that could not begin, such as DeviceError."""
        self._stopping = stopping
        self._pending.extend(largest_first(tasks))
        try:
            self._devices = self._devices[: len(self._pending)]
            for device in self._devices:
                self._processes.append(self._start(device))
            yield from self._work()
        except BrokenOff:
            self._kill()
            self._tell_stopped(task for process in self._processes for task in process.tasks)
        finally:
            self._kill()
        yield from self._told()

    def _work(self) -> Iterator[Outcome]:
        """Listens until all is done, or no process is left."""
        while any(not process.closed for process in self._processes):
            by_source: dict[Any, _Process] = {}
            for process in self._processes:
                if not process.closed:
                    by_source |= {process.pipe: process, process.process.sentinel: process}
            for source in wait(list(by_source), LOOK_EVERY):
                process = by_source[source]
                if process.closed:
                    continue
                if source is process.pipe:
                    self._listen(process)
                elif not process.pipe.poll():  # it has said all that it had to say
                    self._bury(process)
                yield from self._told()
            self._serve()
            for process in self._processes:
                if process.is_stuck and not process.closed:  # all that it had is done
                    process.end(0)
                    process.closed = True
        if not self._stopping():
            self._give_up()

    def _told(self) -> Iterator[Outcome]:
        while self._ended:
            yield self._ended.popleft()

    def _listen(self, process: _Process) -> None:
        try:
            kind, *content = process.pipe.recv()
        except (EOFError, OSError):
            return self._bury(process)
        handlers: dict[str, Callable[..., None]] = {
            MORE: lambda waits: self._asked(process, waits),
            PREPARING: self._prepare,
            STEP: self._reporter.step,
            ENDED: lambda outcome: self._end(process, outcome),
            SAY: self._reporter.say,
            CANNOT: _raise,
        }
        return handlers[kind](*content)

    def _prepare(self, what: str) -> None:
        """Says once what all processes do before their first frames."""
        if not self._is_prepared:
            self._is_prepared = True
            self._reporter.preparing(what)

    def _asked(self, process: _Process, waits: bool) -> None:
        """Answers a request for a task, or leaves it until there is one."""
        task = None if self._stopping() else self._next(process, waits)
        if task is not None:
            self._hand(process, task)
        elif waits:
            process.waits = True
        else:
            _send(process, NOTHING_NOW)

    def _next(self, process: _Process, waits: bool) -> Task | None:
        """Returns the task that the process is to have now.

        Suspects are given to a process that has nothing else to lose. A second video, which lets the first one's last
        windows share their calls, is given only while there are enough for all.
        """
        if any(task in self._tried for task in process.tasks):
            return None
        if self._suspects and not process.tasks:
            return self._suspects.popleft()
        if self._pending and (waits or len(self._pending) >= len(self._processes)):
            return self._pending.popleft()
        return None

    def _serve(self) -> None:
        """Answers those that wait, with a task or with the end; tells all of a stop."""
        if self._stopping():
            return self._stop(self._processes)
        for process in self._processes:
            task = self._next(process, waits=True) if process.waits else None
            if task is not None:
                self._hand(process, task)
        if not self._pending and not self._suspects and not any(process.tasks for process in self._processes):
            self._stop([process for process in self._processes if process.waits])
        return None

    def _hand(self, process: _Process, task: Task) -> None:
        process.waits = False
        process.tasks.append(task)
        _send(process, task)

    def _stop(self, processes: Sequence[_Process]) -> None:
        for process in processes:
            if not process.stopped:
                process.stopped, process.idle_since = True, time.monotonic()
                _send(process, STOP)

    def _end(self, process: _Process, outcome: Outcome) -> None:
        process.tasks = [task for task in process.tasks if task.path != outcome.source]
        process.deaths, process.idle_since = 0, time.monotonic()
        self._ended.append(outcome)

    def _bury(self, process: _Process) -> None:
        """Sees to what a process leaves behind, and to its successor where there is work."""
        process.end(END_WITHIN)
        process.closed, process.waits = True, False
        lost, process.tasks = process.tasks, []
        if not process.process.exitcode and not lost:
            return None
        if self._stopping():
            return self._tell_stopped(lost)
        how = _end_of(process.process)
        for task in lost:
            if task in self._tried:
                reason = f"made the process that worked on it end twice, the last time by {how}"
                self._ended.append(Outcome(task.path, FAILED, reason=reason))
            else:
                self._tried.add(task)
                self._suspects.append(task)
        tried = "; the videos that it had open are tried again, one by one" if lost else ""
        self._reporter.say(f"the process on {process.device} ended by {how}{tried}")
        if (self._pending or self._suspects) and process.deaths + 1 < MOST_DEATHS:
            self._processes[self._processes.index(process)] = self._start(process.device, process.deaths + 1)
        return None

    def _tell_stopped(self, tasks: Iterable[Task]) -> None:
        self._ended.extend(stopped_outcome(task.path) for task in tasks)

    def _give_up(self) -> None:
        for task in [*self._suspects, *self._pending]:
            self._ended.append(Outcome(task.path, FAILED, reason="no process was left to work on it"))

    def _start(self, device: str, deaths: int = 0) -> _Process:
        context = get_context("spawn")  # a forked process cannot use CUDA
        ours, theirs = context.Pipe()
        plan = self._plan.on(device, _threads(self._devices), len(self._devices))
        process = context.Process(target=work, args=(theirs, plan, device), name=f"redtrack {device}", daemon=True)
        with _signals_blocked():
            process.start()
        theirs.close()
        return _Process(device, process, ours, deaths)

    def _kill(self) -> None:
        """Ends the processes that are left. Those that were asked to have ended themselves."""
        for process in self._processes:
            if not process.closed:
                process.end(END_WITHIN if process.stopped and not process.tasks else 0)
                process.closed = True


class Jobs:
    """Does tasks in so many processes on the CPU; a single video in this one, which need not wait for a fresh one."""

    def __init__(self, plan: Plan, reporter: Reporter, count: int) -> None:
        self._plan, self._reporter, self._count = plan, reporter, count

    def outcomes(self, tasks: Sequence[Task], stopping: Callable[[], bool]) -> Generator[Outcome, None, None]:
        """Yields what became of each video."""
        if len(tasks) < 2:
            return Inline(self._plan.on("cpu", None, 1), self._reporter).outcomes(tasks, stopping)
        return Processes(self._plan, self._reporter, ["cpu"] * self._count).outcomes(tasks, stopping)


def _threads(devices: Sequence[str]) -> int | None:
    """Returns the CPU threads for each of several processes; None leaves what torch chooses."""
    if "OMP_NUM_THREADS" in os.environ or len(devices) == 1:
        return None
    return max(1, cores() // len(devices))


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Makes a process that is started here deaf to the terminal's signals: it hears of them from this one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # the first process started would start it, which lets the signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _send(process: _Process, what: Any) -> None:
    with suppress(OSError):  # it died; that is seen soon
        process.pipe.send(what)


def _end_of(process: SpawnProcess) -> str:
    status = process.exitcode or 0
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"


def _raise(error: RedtrackError) -> None:
    raise error

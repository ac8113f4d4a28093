"""One run on several devices: a process for each, which takes the next video when it has room for one.

The largest videos go first, so that the devices end at about the same time. What a process says comes to this one,
which keeps the run log, shows the progress, and passes signals on. A process that dies costs at most the video that
killed it: the videos that it had open are tried once more, each alone in a new process, and what dies again has failed.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from redtrack.errors import DeviceError, RedtrackError, UsageError
from redtrack.run.outcome import FAILED, Outcome
from redtrack.run.process_worker import ENDED, MORE, NOTHING_NOW, READY, SAY, STEP, STOP, USELESS, on_device, work
from redtrack.run.shared import SharedRun, Task
from redtrack.run.stop import BrokenOff

__all__ = ["Crew", "parse_devices"]

LOOK_EVERY = 0.2  # seconds between two questions whether to stop
LIVES = 3  # deaths in a row, without a video ended in between, after which a device is given up
LAST_WORDS = 10.0  # seconds that a process may take to end


@dataclass(eq=False)
class _Member:
    """A process at work on one device."""

    device: str
    process: SpawnProcess
    line: Connection
    deaths: int = 0  # of its forerunners, since a video ended on this device
    about: dict[str, Any] = field(default_factory=dict)
    tasks: list[Task] = field(default_factory=list)
    waits: bool = False
    stopped: bool = False  # whether it was told to
    closed: bool = False


class Crew(SharedRun):
    """A run on `devices`."""

    def __init__(self, *what: Any, devices: Sequence[str], **how: Any) -> None:
        super().__init__(*what, **how)
        self._devices = devices
        self._members: list[_Member] = []
        self._pending: deque[Task] = deque()
        self._suspects: deque[Task] = deque()  # lost with a process, to be tried once more
        self._tried: set[Task] = set()  # all that ever were such

    def run(self) -> list[Outcome]:
        """Returns what became of each input, in the order in which they ended.

        Raises what a process raised that could not begin, such as DeviceError.
        """
        self.tell_errors()
        self._pending.extend(self.tasks())
        try:
            for device in self._devices[: len(self._pending)]:
                self._members.append(self._start(device))
            self._work()
        except BrokenOff:
            self._kill()
            self.broken_off(task for member in self._members for task in member.tasks)
        finally:
            self._kill()
        return self.outcomes

    def _work(self) -> None:
        """Listens until all is done, or no process is left."""
        while any(not member.closed for member in self._members):
            by_source: dict[Any, _Member] = {}
            for member in self._members:
                if not member.closed:
                    by_source |= {member.line: member, member.process.sentinel: member}
            for source in wait(list(by_source), LOOK_EVERY):
                member = by_source[source]
                if member.closed:
                    continue
                if source is member.line:
                    self._listen(member)
                elif not member.line.poll():  # it has said all that it had to say
                    self._bury(member)
            self._serve()
        if not self.is_over():
            self._give_up()

    def _listen(self, member: _Member) -> None:
        try:
            kind, *content = member.line.recv()
        except (EOFError, OSError):
            return self._bury(member)
        handlers: dict[str, Callable[..., None]] = {
            READY: member.about.update,
            MORE: lambda waits: self._asked(member, waits),
            STEP: self.reporter.step,
            ENDED: lambda outcome: self._ended(member, outcome),
            SAY: self.reporter.say,
            USELESS: _raise,
        }
        return handlers[kind](*content)

    def _asked(self, member: _Member, waits: bool) -> None:
        """Answers a request for a task, or leaves it until there is one."""
        task = None if self.is_over() else self._next(member, waits)
        if task is not None:
            self._hand(member, task)
        elif waits:
            member.waits = True
        else:
            _send(member, NOTHING_NOW)

    def _next(self, member: _Member, waits: bool) -> Task | None:
        """Returns the task that the member is to have now.

        Suspects are given to a member that has nothing else to lose. A second video, which lets the first one's last
        windows share their calls, is given only while there are enough for all.
        """
        if any(task in self._tried for task in member.tasks):
            return None
        if self._suspects and not member.tasks:
            return self._suspects.popleft()
        if self._pending and (waits or len(self._pending) >= len(self._members)):
            return self._pending.popleft()
        return None

    def _serve(self) -> None:
        """Answers those that wait, with a task or with the end; tells all of a stop."""
        if self.is_over():
            return self._stop(self._members)
        for member in self._members:
            task = self._next(member, waits=True) if member.waits else None
            if task is not None:
                self._hand(member, task)
        if not self._pending and not self._suspects and not any(member.tasks for member in self._members):
            self._stop([member for member in self._members if member.waits])
        return None

    def _hand(self, member: _Member, task: Task) -> None:
        member.waits = False
        member.tasks.append(task)
        _send(member, task)

    def _stop(self, members: Sequence[_Member]) -> None:
        for member in members:
            if not member.stopped:
                member.stopped = True
                _send(member, STOP)

    def _ended(self, member: _Member, outcome: Outcome) -> None:
        member.tasks = [task for task in member.tasks if task.path != outcome.source]
        member.deaths = 0
        self.add(outcome, member.about)

    def _bury(self, member: _Member) -> None:
        """Sees to what a process leaves behind, and to its successor where there is work."""
        member.process.join(LAST_WORDS)
        member.closed, member.waits = True, False
        lost, member.tasks = member.tasks, []
        if not member.process.exitcode and not lost:
            return None
        if self.is_over():
            return self.broken_off(lost)
        how = _end_of(member.process)
        for task in lost:
            if task in self._tried:
                reason = f"made the process that worked on it end twice, the last time by {how}"
                self.add(Outcome(task.path, FAILED, reason=reason), member.about)
            else:
                self._tried.add(task)
                self._suspects.append(task)
        tried = "; the videos that it had open are tried again, one by one" if lost else ""
        self.reporter.say(f"the process on {member.device} ended by {how}{tried}")
        if (self._pending or self._suspects) and member.deaths + 1 < LIVES:
            self._members[self._members.index(member)] = self._start(member.device, member.deaths + 1)
        return None

    def _give_up(self) -> None:
        for task in [*self._suspects, *self._pending]:
            self.add(Outcome(task.path, FAILED, reason="no process was left to work on it"))

    def _start(self, device: str, deaths: int = 0) -> _Member:
        context = get_context("spawn")  # a forked process cannot use CUDA
        ours, theirs = context.Pipe()
        plan, threads = on_device(self.plan, device), _threads(device, self._devices)
        process = context.Process(target=work, args=(theirs, plan, threads), name=f"redtrack {device}", daemon=True)
        with _signals_blocked():
            process.start()
        theirs.close()
        return _Member(device, process, ours, deaths)

    def _kill(self) -> None:
        """Ends the processes that are left. Those that were asked to have ended themselves."""
        for member in self._members:
            if not member.closed:
                member.process.join(0 if member.tasks else LAST_WORDS)
                member.process.kill()
                member.process.join()
                member.closed = True


def parse_devices(text: str) -> list[str]:
    """Returns the devices of a list: `0,1` are GPUs, and `cpu,cpu` two processes on the CPU; `all` is every GPU.

    Raises UsageError for what is none.
    """
    if text == "all":
        import torch

        if not torch.cuda.is_available():
            raise DeviceError("no CUDA device can be used here", remedy="use --devices cpu,cpu, or --device cpu")
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    names = [f"cuda:{name}" if name.strip().isdecimal() else name.strip() for name in text.split(",")]
    for name in names:
        if name != "cpu" and not name.removeprefix("cuda:").isdecimal():
            raise UsageError(f"{name!r} is no device", remedy="use numbers of GPUs, such as 0,1, or cpu,cpu, or all")
    return names


def _threads(device: str, devices: Sequence[str]) -> int | None:
    """Returns the CPU threads for each of several processes; None leaves what torch chooses."""
    if "OMP_NUM_THREADS" in os.environ or len(devices) == 1:
        return None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // len(devices))


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Makes a process that is started here deaf to the terminal's signals: it hears of them from this one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _send(member: _Member, what: Any) -> None:
    with suppress(OSError):  # it died; that is seen soon
        member.line.send(what)


def _end_of(process: SpawnProcess) -> str:
    status = process.exitcode or 0
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"


def _raise(error: RedtrackError) -> None:
    raise error

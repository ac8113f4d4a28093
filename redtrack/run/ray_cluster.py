"""A run on a Ray cluster: a task for each video, tried again elsewhere when its worker or its machine is lost.

Every machine has to have redtrack and Ray, and to see the videos and the output folder under the same paths. A video
that was lost with its worker goes on from what lies in the output folder.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from redtrack.device import DeviceGone
from redtrack.errors import RedtrackError, UsageError
from redtrack.run.annotation import Annotation
from redtrack.run.outcome import BUSY, FAILED, SKIPPED, Outcome, stopped_outcome
from redtrack.run.plan import Task, largest_first
from redtrack.run.progress import Reporter, SilentReporter
from redtrack.run.stop import BrokenOff, StopSignals

__all__ = ["RayCluster"]

LOCAL = "local"
RETRIES = 3  # of a task whose worker was lost
AT_ONCE = 1000  # tasks that the cluster knows of
LOOK_EVERY = 0.5  # seconds between two questions whether to stop
LOCKED_FOR = 30.0  # seconds that a worker that is as good as dead may keep its video's lock


@dataclass(frozen=True)
class _Told:
    """What a task says: what became of its video, and to the user; or why no video can be done."""

    outcome: Outcome | None
    said: tuple[str, ...] = ()
    error: RedtrackError | None = None


class RayCluster:
    """Does tasks on the cluster at `address`, as `ray.init` takes it, or on one of this machine alone for `local`.

    gpus: share of a GPU that a task takes; None is one where the cluster has any.
    """

    def __init__(self, plan: Annotation, reporter: Reporter, address: str, gpus: float | None = None) -> None:
        self._plan, self._reporter = plan, reporter
        self._address, self._gpus = address, gpus
        self._stopping: Callable[[], bool] = lambda: False

    def outcomes(self, tasks: Sequence[Task], stopping: Callable[[], bool]) -> Generator[Outcome, None, None]:
        """Yields what became of each video; raises UsageError without Ray."""
        ray = _import_ray()
        self._stopping = stopping
        waiting = iter(largest_first(tasks))
        running: dict[Any, Task] = {}
        self._reporter.preparing("connecting to the Ray cluster")
        with _connected(ray, self._address):
            try:
                remote = self._remote(ray)
                plan = ray.put(_absolute(self._plan))
                while self._submit(remote, plan, waiting, running):
                    yield from self._landed(ray, running)
                for ref in running:
                    ray.cancel(ref)
                while running:
                    yield from self._landed(ray, running)
            except BrokenOff:
                yield from [stopped_outcome(task.path) for task in running.values()]

    def _remote(self, ray: Any) -> Any:
        """Returns the function that runs on the cluster, with what it asks for."""
        gpus = self._gpus
        if gpus is None:
            gpus = 1.0 if ray.cluster_resources().get("GPU", 0) >= 1 else 0.0
        return ray.remote(max_retries=RETRIES, num_cpus=1, num_gpus=gpus)(_annotate_one)

    def _submit(self, remote: Any, plan: Any, tasks: Iterator[Task], running: dict[Any, Task]) -> bool:
        """Hands out what there is room for; returns whether anything is still to be waited for."""
        while not self._stopping() and len(running) < AT_ONCE and (task := next(tasks, None)) is not None:
            running[remote.remote(plan, replace(task, path=task.path.absolute()))] = task
        return bool(running) and not self._stopping()

    def _landed(self, ray: Any, running: dict[Any, Task]) -> Iterator[Outcome]:
        """Waits a while for tasks to end; yields what became of them."""
        for done in ray.wait(list(running), timeout=LOOK_EVERY)[0]:
            yield self._outcome(ray, done, running.pop(done))

    def _outcome(self, ray: Any, done: Any, task: Task) -> Outcome:
        """Returns what became of a task; raises the error for which no video can be done."""
        try:
            told = ray.get(done)
        except ray.exceptions.TaskCancelledError:
            return stopped_outcome(task.path)
        except ray.exceptions.RayTaskError as error:  # a fault of redtrack's own
            self._reporter.say(str(error))
            return Outcome(task.path, FAILED, reason="met a fault of redtrack's own; please report it")
        except ray.exceptions.RayError as error:
            reason = f"lost its worker {RETRIES + 1} times, the last time with {type(error).__name__}"
            return Outcome(task.path, FAILED, reason=reason)
        for text in told.said:
            self._reporter.say(text)
        if told.error is not None:
            raise told.error
        return replace(told.outcome, source=task.path)


def _absolute(plan: Annotation) -> Annotation:
    """Returns the plan for workers that run in a folder of their own."""
    where = replace(plan.where, folder=plan.where.folder.absolute())
    networks = plan.networks
    boxes, detector = (path and path.absolute() for path in (plan.options.boxes, plan.options.detector))
    weights = networks.weights
    if weights is not None and os.path.exists(weights):  # otherwise it is the name of a network that ships
        weights = os.path.abspath(weights)
    options = replace(plan.options, boxes=boxes, detector=detector)
    return replace(plan, where=where, networks=replace(networks, weights=weights, options=options))


def _annotate_one(plan: Annotation, task: Task) -> _Told:
    """Runs on the cluster: one video, in a process that keeps its networks for the next."""
    said: list[str] = []
    try:
        worker = _kept_worker(plan)
        with worker.serving(said) as stop:
            return _Told(worker.outcome(task, stop), tuple(said))
    except DeviceGone:
        os._exit(1)  # a lost worker: the video is tried again in another
    except RedtrackError as error:
        return _Told(None, tuple(said), error)
    except BaseException:
        _kept.clear()  # it may have been left in the middle of a step
        raise


class _KeptWorker(SilentReporter):
    """A worker that is kept from one task of the cluster to the next, and what it reports to."""

    def __init__(self, plan: Annotation) -> None:
        super().__init__()
        self.plan = plan
        self._said: list[str] = []
        self._stop: Callable[[], bool] = lambda: False
        self._worker = plan.worker(self, lambda: self._stop())  # noqa: PLW0108 - it changes

    def say(self, text: str) -> None:
        self._said.append(text)

    @contextmanager
    def serving(self, said: list[str]) -> Iterator[Callable[[], bool]]:
        """Keeps what the user should know in `said`; gives what tells whether the task is to stop."""
        self._said = said
        with _stop_signals(self.say) as self._stop:
            try:
                yield self._stop
            finally:
                self._worker.close()

    def outcome(self, task: Task, stop: Callable[[], bool]) -> Outcome:
        """Does the task; waits for a worker that was lost just now to let go of the video."""
        until = time.monotonic() + LOCKED_FOR
        while True:
            outcome = next(iter(list(self._worker.outcomes(iter([task])))), stopped_outcome(task.path))
            is_locked = outcome.state == SKIPPED and outcome.reason == BUSY
            if not is_locked or stop() or time.monotonic() > until:
                return outcome
            time.sleep(1.0)


_kept: list[_KeptWorker] = []


def _kept_worker(plan: Annotation) -> _KeptWorker:
    """Returns the worker of the task before, where its plan is the same, or a new one."""
    if not _kept or _kept[0].plan != plan:
        _kept[:] = [_KeptWorker(plan)]
    return _kept[0]


@contextmanager
def _stop_signals(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """Gives what tells whether the task is to stop: Ray interrupts the main thread of one that is cancelled."""
    stop = StopSignals(say)
    try:
        stop.__enter__()
    except ValueError:  # not the main thread: the task goes on to its end
        yield lambda: False
        return
    try:
        yield stop
    finally:
        stop.__exit__(None, None, None)


def _import_ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise UsageError("Ray is not installed here", remedy='pip install "redtrack[ray]"') from error
    return ray


@contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    """Connects to a cluster, or starts one on this machine, for as long as the block runs."""
    if address != LOCAL:
        _check(address)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    how: dict[str, Any] = {"include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address=address, logging_level="warning", log_to_driver=False, configure_logging=True, **how)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise _no_cluster(address, error) from error
    with suppress(ValueError):
        for number, handler in handlers.items():  # Ray puts its own in their place
            signal.signal(number, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _check(address: str) -> None:
    """Raises UsageError where nobody listens at host:port: Ray itself takes a minute to say so."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> UsageError:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    remedy = "give host:port as `ray start` printed it, auto, or local"
    return UsageError(f"no Ray cluster at {address!r} ({first})", remedy=remedy)

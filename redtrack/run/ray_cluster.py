"""One run on a Ray cluster: a task for each video, tried again elsewhere when its worker or its machine is lost.

Every machine has to have redtrack and Ray, and to see the videos and the output folder under the same paths. A video
that was lost with its worker goes on from what lies in the output folder.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from redtrack.device import DeviceGone
from redtrack.errors import RedtrackError, UsageError
from redtrack.inference.landmarker import Models
from redtrack.run.outcome import FAILED, SKIPPED, Outcome
from redtrack.run.process_worker import Share, about_of, load
from redtrack.run.progress import SilentReporter
from redtrack.run.shared import Plan, SharedRun, Task
from redtrack.run.stop import BrokenOff, StopSignals

__all__ = ["RayRun"]

LOCAL = "local"
RETRIES = 3  # of a task whose worker was lost
AT_ONCE = 1000  # tasks that the cluster knows of
LOOK_EVERY = 0.5  # seconds between two questions whether to stop
LOCKED_FOR = 30.0  # seconds that a worker that is as good as dead may keep its video's lock


@dataclass(frozen=True)
class _Told:
    """What a task says: what became of its video, of the worker, and to the user; or why no video can be done."""

    outcome: Outcome | None
    about: dict[str, Any]
    said: tuple[str, ...] = ()
    error: RedtrackError | None = None


class RayRun(SharedRun):
    """A run on the cluster at `address`, as `ray.init` takes it, or on one of this machine alone for `local`.

    gpus: share of a GPU that a task takes; None is one where the cluster has any.
    """

    def __init__(self, *what: Any, address: str, gpus: float | None = None, **how: Any) -> None:
        super().__init__(*what, **how)
        self._address, self._gpus = address, gpus

    def run(self) -> list[Outcome]:
        """Returns what became of each input, in the order in which they ended; raises UsageError without Ray."""
        ray = _import_ray()
        self.tell_errors()
        tasks = iter(self.tasks())
        running: dict[Any, Task] = {}
        with _connected(ray, self._address):
            try:
                remote = self._remote(ray)
                plan = ray.put(_absolute(self.plan))
                while self._submit(remote, plan, tasks, running):
                    for done in ray.wait(list(running), timeout=LOOK_EVERY)[0]:
                        self._take(ray, done, running.pop(done))
                self._cancel(ray, running)
            except BrokenOff:
                self.broken_off(running.values())
        return self.outcomes

    def _remote(self, ray: Any) -> Any:
        """Returns the function that runs on the cluster, with what it asks for."""
        gpus = self._gpus
        if gpus is None:
            gpus = 1.0 if ray.cluster_resources().get("GPU", 0) >= 1 else 0.0
        return ray.remote(max_retries=RETRIES, num_cpus=1, num_gpus=gpus)(_annotate_one)

    def _submit(self, remote: Any, plan: Any, tasks: Iterator[Task], running: dict[Any, Task]) -> bool:
        """Hands out what there is room for; returns whether anything is still to be waited for."""
        while not self.is_over() and len(running) < AT_ONCE and (task := next(tasks, None)) is not None:
            running[remote.remote(plan, replace(task, path=task.path.absolute()))] = task
        return bool(running) and not self.is_over()

    def _take(self, ray: Any, done: Any, task: Task) -> None:
        """Takes what became of a task."""
        try:
            told = ray.get(done)
        except ray.exceptions.TaskCancelledError:
            return self.broken_off([task])
        except ray.exceptions.RayTaskError as error:  # a fault of redtrack's own
            self.reporter.say(str(error))
            return self.add(Outcome(task.path, FAILED, reason="met a fault of redtrack's own; please report it"))
        except ray.exceptions.RayError as error:
            reason = f"lost its worker {RETRIES + 1} times, the last time with {type(error).__name__}"
            return self.add(Outcome(task.path, FAILED, reason=reason))
        for text in told.said:
            self.reporter.say(text)
        if told.error is not None:
            raise told.error
        return self.add(replace(told.outcome, source=task.path), told.about)

    def _cancel(self, ray: Any, running: dict[Any, Task]) -> None:
        """Stops what is under way, and waits until it has."""
        for ref in running:
            ray.cancel(ref)
        while running:
            for done in ray.wait(list(running), timeout=LOOK_EVERY)[0]:
                self._take(ray, done, running.pop(done))


def _absolute(plan: Plan) -> Plan:
    """Returns the plan for workers that run in a folder of their own."""
    where = replace(plan.where, folder=plan.where.folder.absolute())
    boxes, detector = (path and path.absolute() for path in (plan.options.boxes, plan.options.detector))
    options = replace(plan.options, boxes=boxes, detector=detector)
    weights = plan.weights
    if weights is not None and os.path.exists(weights):  # otherwise it is the name of a network that ships
        weights = os.path.abspath(weights)
    return replace(plan, where=where, options=options, weights=weights)


def _annotate_one(plan: Plan, task: Task) -> _Told:
    """Runs on the cluster: one video, in a process that keeps its networks for the next."""
    reporter = _Listener()
    try:
        models, about = _loaded(plan)
        with _stopping(reporter) as stop:
            outcome = _run(plan, models, task, reporter, stop)
    except DeviceGone:
        os._exit(1)  # a lost worker: the video is tried again in another
    except RedtrackError as error:
        return _Told(None, {}, tuple(reporter.said), error)
    return _Told(outcome, about, tuple(reporter.said))


def _run(plan: Plan, models: Models, task: Task, reporter: _Listener, stop: Any) -> Outcome:
    """Does the task; waits for a worker that was lost just now to let go of the video."""
    until = time.monotonic() + LOCKED_FOR
    while True:
        (outcome,) = Share(plan, models, iter([task]), reporter=reporter, stopping=stop).run()
        locked = outcome.state == SKIPPED and outcome.reason is not None
        if not locked or stop() or time.monotonic() > until:
            return outcome
        time.sleep(1.0)


_kept: dict[Any, tuple[Models, dict[str, Any]]] = {}


def _loaded(plan: Plan) -> tuple[Models, dict[str, Any]]:
    """Returns the networks, from the task before where they are the same, and what the log says of them."""
    key = plan.weights, plan.resources, plan.options, plan.load.__qualname__
    if key not in _kept:
        _kept.clear()
        models = load(plan)
        _kept[key] = models, about_of(plan, models)
    return _kept[key]


class _Listener(SilentReporter):
    """Keeps what the user should know."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@contextmanager
def _stopping(reporter: SilentReporter) -> Iterator[Any]:
    """Gives what tells whether the task is to stop: Ray interrupts the main thread of one that is cancelled."""
    stop = StopSignals(reporter.say)
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

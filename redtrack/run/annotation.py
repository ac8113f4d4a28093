"""The plan of a run that annotates videos, and its worker: tasks in, outcomes out.

Results that are there already are skipped without loading the networks, or torch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redtrack.collector import without_collections
from redtrack.errors import Bug, RedtrackError, as_bug
from redtrack.inference.options import Options
from redtrack.run.export import Where
from redtrack.run.networks import Networks
from redtrack.run.outcome import Outcome
from redtrack.run.output import Output
from redtrack.run.plan import Task, never
from redtrack.run.progress import Reporter

if TYPE_CHECKING:
    from redtrack.inference.engine import Engine
    from redtrack.inference.landmarker import Landmarker
    from redtrack.inference.profile import Profile
    from redtrack.inference.tracker import Tracker

__all__ = ["Annotation"]


@dataclass(frozen=True)
class Annotation:
    """A `Plan`: where results go, and which networks find the points."""

    where: Where
    networks: Networks

    @property
    def folder(self) -> Path:
        """Where results go."""
        return self.where.folder

    @property
    def options(self) -> Options:
        """The options that the points depend on."""
        return self.networks.options

    def made_with(self) -> dict[str, Any]:
        """Returns the digests and options that results are made with; raises WeightsError and UsageError."""
        return {**self.networks.identity(), "options": self.options.to_dict()}

    def about(self) -> dict[str, Any]:
        """Returns what the run log keeps of every video."""
        import redtrack

        return {**self.made_with(), "version": redtrack.__version__}

    def on(self, device: str, threads: int | None, sharers: int) -> Annotation:
        """Returns the plan for one of several workers."""
        return replace(self, networks=self.networks.on(device, threads, sharers))

    def worker(
        self, reporter: Reporter, stopping: Callable[[], bool] = never, profile: Profile | None = None
    ) -> _Annotator:
        """Returns a worker; `profile` is told where the time goes."""
        return _Annotator(self, reporter, stopping, profile)


class _Annotator:
    """Does tasks with the networks of the plan, and keeps these from one call of `outcomes` to the next.

    When an exception leaves `outcomes`, `break_off` ends the videos that are open. `close` has to be called in the end.
    """

    def __init__(
        self, plan: Annotation, reporter: Reporter, stopping: Callable[[], bool], profile: Profile | None
    ) -> None:
        self._plan, self._reporter = plan, reporter
        self._stopping, self._profile = stopping, profile
        self._made_with = plan.made_with()
        self._models: Landmarker | None = None
        self._engine: Engine | None = None
        self._about: dict[str, Any] = {}  # what the run log keeps of this process, once the networks are loaded
        self._open: list[Output] = []
        self._outputs: dict[Tracker, Output] = {}

    def outcomes(self, tasks: Iterator[Task]) -> Iterator[Outcome]:
        """Yields what becomes of each task, until there is none now; `tasks` may have more later.

        Raises DeviceGone where the device failed, WeightsError and DeviceError where the networks cannot be loaded.
        """
        while (output := (yield from self._without_networks(tasks))) is not None:
            self._load()
            assert self._engine is not None, "no networks"
            for tracker in self._engine.run(_Trackers(self, output, tasks)):
                yield self._ended(self._outputs.pop(tracker), tracker.seconds)

    def break_off(self) -> Iterator[Outcome]:
        """Ends the open videos where they are, be it in the middle of a step; yields what becomes of them."""
        if self._engine is not None:
            for tracker in self._engine.break_off():
                yield self._ended(self._outputs.pop(tracker), tracker.seconds)
        for output in list(self._open):  # claimed, but not begun
            output.stopped()
            yield self._ended(output)

    def close(self) -> None:
        """Lets go of the videos that are open, wherever they are: the next run goes on from the disk."""
        for output in self._open:
            output.unlock()

    def output(self, task: Task) -> Output:
        """Returns the output of a task that is begun now."""
        output = Output(task, self._plan.where, self._made_with)
        self._open.append(output)
        return output

    def tracker(self, output: Output) -> Tracker:
        """Returns the tracker whose rows go to an output."""
        from redtrack.inference.tracker import Tracker

        assert self._models is not None, "no networks"
        tracker = Tracker(output.task.path, self._models, self._plan.options, output, self._reporter.step)
        self._outputs[tracker] = output
        return tracker

    def _without_networks(self, tasks: Iterator[Task]) -> Generator[Outcome, None, Output | None]:
        """Yields the outcomes of tasks that need no networks; returns the output of the first that needs them."""
        while not self._stopping() and (task := next(tasks, None)) is not None:
            output = self.output(task)
            try:
                if output.claim():
                    return output
            except RedtrackError as error:
                output.failed(error)
            except Exception as error:
                output.failed(as_bug(error))
            yield self._ended(output)
        return None

    def _load(self) -> None:
        """Loads the networks, unless they are there."""
        if self._models is not None:
            return
        self._reporter.preparing("loading the networks")
        if sys.platform != "win32":  # where videos are decoded in this process
            from redtrack.video.decoder_process import prepare

            prepare()  # it starts while the libraries load
        with without_collections():
            import torch

            from redtrack.inference.engine import Engine

            self._models = models = self._plan.networks.load()
        version = str(torch.__version__)  # of torch's own class, which whoever hears of a video would have to load
        self._about = {**models.about, "device": str(models.device), "torch": version}
        batch, say = self._plan.networks.resources.batch, self._reporter.say
        self._engine = Engine(models, self._plan.options, batch, self._stopping, tell=say, profile=self._profile)
        self._engine.share_memory(self._plan.networks.sharers)

    def _ended(self, output: Output, seconds: float = 0.0) -> Outcome:
        """Returns what became of a video; shows the traceback of a fault of redtrack's own."""
        self._open.remove(output)
        if isinstance(output.error, Bug):
            self._reporter.say(output.error.details)
        return output.outcome(seconds, self._about)


class _Trackers:
    """Trackers for an engine: of an output that is claimed, and of further tasks.

    Unlike a generator, it may have more after it had none.
    """

    def __init__(self, worker: _Annotator, first: Output, tasks: Iterator[Task]) -> None:
        self._worker, self._first, self._tasks = worker, first, tasks
        self._has_begun = False

    def __iter__(self) -> _Trackers:
        return self

    def __next__(self) -> Tracker:
        if not self._has_begun:
            self._has_begun = True
            return self._worker.tracker(self._first)
        return self._worker.tracker(self._worker.output(next(self._tasks)))

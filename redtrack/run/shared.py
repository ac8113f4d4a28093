"""A run whose videos are worked on elsewhere: in processes of this machine (`crew`) or on a cluster (`cluster`).

Both share what is here: the tasks, which are all that a worker gets, and one list of outcomes and one run log, kept by
the process that the user started.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redtrack.errors import OutputError, RedtrackError
from redtrack.inference.options import Options, Resources
from redtrack.run.export import Where
from redtrack.run.names import Names, name_outputs
from redtrack.run.outcome import FAILED, PARTIAL, Outcome, sentence
from redtrack.run.progress import Reporter
from redtrack.run.run_log import RunLog

if TYPE_CHECKING:
    from redtrack.inference.landmarker import Models

__all__ = ["Load", "Plan", "SharedRun", "Task"]

Load = Callable[..., "Models"]
"""`models.load_models`, or what takes its place; it has to be found by its name in another process."""


@dataclass(frozen=True)
class Task:
    """One video: its path, the names that its result may have (`outputs.name_outputs`), its size in bytes."""

    path: Path
    names: Names
    size: int


@dataclass(frozen=True)
class Plan:
    """What every worker does with its tasks. `resources.device` is each worker's own."""

    where: Where
    options: Options
    weights: str | None
    resources: Resources
    load: Load


@dataclass
class SharedRun:
    """A run over `found`, as `Batch` is one. Subclasses say how the tasks get done."""

    found: Sequence[Path | RedtrackError]
    plan: Plan
    reporter: Reporter
    fail_fast: bool = False
    stopping: Callable[[], bool] = lambda: False
    names: Mapping[Path, Names] | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    _run: str = field(default_factory=lambda: os.urandom(6).hex(), init=False)

    @property
    def not_begun(self) -> int:
        """How many inputs were not looked at, because the run was stopped."""
        return len(self.found) - len(self.outcomes)

    def run(self) -> list[Outcome]:
        """Returns what became of each input, in the order in which they ended."""
        raise NotImplementedError

    def tasks(self) -> list[Task]:
        """Returns the videos, the largest first: what is left for the end is then small, and no worker waits long."""
        paths = [path for path in self.found if isinstance(path, Path)]
        names = self.names or dict(zip(paths, name_outputs(paths), strict=True))
        return sorted((Task(path, names[path], _size(path)) for path in paths), key=lambda task: -task.size)

    def tell_errors(self) -> None:
        """Reports the arguments that stand for no video."""
        for error in self.found:
            if isinstance(error, RedtrackError):
                self.add(Outcome(error.path or Path(), FAILED, reason=sentence(error, error.path)))

    def add(self, outcome: Outcome, about: Mapping[str, Any] | None = None) -> None:
        """Takes an outcome; `about` is what the run log keeps of the worker."""
        self.outcomes.append(outcome)
        self.reporter.ended(outcome)
        try:
            RunLog(self.plan.where.folder, {**(about or self.about()), "run": self._run}).add(outcome)
        except OutputError as error:  # on a full disk: what became of the video is still reported
            self.reporter.say(str(error))

    def about(self) -> dict[str, Any]:
        """Returns what the run log keeps where there is no worker."""
        import redtrack

        return {"options": self.plan.options.to_dict(), "version": redtrack.__version__}

    def is_over(self) -> bool:
        """Whether no further video is to be begun."""
        return self.stopping() or (self.fail_fast and not all(outcome.good for outcome in self.outcomes))

    def broken_off(self, tasks: Iterable[Task]) -> None:
        """Reports the videos that a stop left unfinished."""
        for task in tasks:
            reason = "stopped before its end; the same command goes on from there"
            self.add(Outcome(task.path, PARTIAL, reason=reason))


def _size(path: Path) -> int:
    """Returns the file's size, 0 where there is none: what is wrong with it is said when it is opened."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0

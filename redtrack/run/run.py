"""Many videos, one run: each ends done, partial, failed or skipped, and none stops the others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from redtrack.errors import OutputError
from redtrack.run.outcome import Outcome
from redtrack.run.plan import Plan, Task
from redtrack.run.progress import Reporter
from redtrack.run.run_log import RunLog

__all__ = ["Executor", "Run"]


class Executor(Protocol):
    """What gets tasks done: in this process (`inline`), in several (`processes`), or on a cluster (`ray_cluster`)."""

    def outcomes(self, tasks: Sequence[Task], stopping: Callable[[], bool]) -> Generator[Outcome, None, None]:
        """Yields what became of each video, in the order in which they end.

        No video is begun once `stopping` says so; those under way are stopped soon, and are told as partial. Raises a
        RedtrackError where no video can be done.
        """


@dataclass
class Run:
    """A run over `tasks`, as `make_tasks` gives them. It alone keeps the log and tells the reporter of outcomes.

    `stopping` is asked between steps whether to stop; `fail_fast` stops at the first video that fails or is partial.
    `remark` is told and logged: what the user may not know of the inputs. `outcomes` grows as videos end.
    """

    tasks: Sequence[Task | Outcome]
    plan: Plan
    reporter: Reporter
    fail_fast: bool = False
    stopping: Callable[[], bool] = lambda: False
    remark: str | None = None
    outcomes: list[Outcome] = field(default_factory=list, init=False)
    _has_failed: bool = field(default=False, init=False)

    def run(self, executor: Executor) -> list[Outcome]:
        """Returns what became of each input, in the order in which they ended."""
        log = RunLog(self.plan.folder, self.plan.about())
        if self.remark is not None:
            self.reporter.say(self.remark)
            self._log(partial(log.remark, self.remark))
        for outcome in self.tasks:
            if isinstance(outcome, Outcome):
                self._add(outcome, log)
        tasks = [task for task in self.tasks if isinstance(task, Task)]
        with closing(executor.outcomes(tasks, self.is_over)) as outcomes:
            for outcome in outcomes:
                self._add(outcome, log)
        return self.outcomes

    @property
    def not_begun(self) -> int:
        """How many inputs were not looked at, because the run was stopped."""
        return len(self.tasks) - len(self.outcomes)

    @property
    def is_good(self) -> bool:
        """Whether every input was done or skipped."""
        return not self.not_begun and not self._has_failed

    def is_over(self) -> bool:
        """Whether no further video is to be begun."""
        return self.stopping() or (self.fail_fast and self._has_failed)

    def _add(self, outcome: Outcome, log: RunLog) -> None:
        self.outcomes.append(replace(outcome, worker={}))  # which is for the log, and in every outcome
        self._has_failed |= not outcome.good
        self.reporter.ended(outcome)
        self._log(partial(log.add, outcome))

    def _log(self, entry: Callable[[], None]) -> None:
        try:
            entry()
        except OutputError as error:  # on a full disk: what became of the video is still reported
            self.reporter.say(str(error))

"""A plan whose processes do nothing, and take their time to end."""

from __future__ import annotations

import atexit
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redtrack.run.outcome import DONE, Outcome
from redtrack.run.plan import Task


class Worker:
    """Ends each task at once."""

    def outcomes(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        for task in tasks:
            yield Outcome(task.path, DONE)

    def close(self) -> None:
        """Has nothing to let go of."""

    def break_off(self) -> Iterator[Outcome]:
        return iter(())


@dataclass(frozen=True)
class Lingering:
    """What `run.processes` asks a plan for. seconds: for which a process stays after its last task."""

    seconds: float
    folder: Path = Path()

    def about(self) -> dict[str, Any]:
        return {}

    def on(self, device: str, threads: int | None, sharers: int) -> Lingering:
        return self

    def worker(self, *_: Any, **__: Any) -> Worker:
        atexit.register(time.sleep, self.seconds)
        return Worker()

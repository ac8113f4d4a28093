"""A run in this process alone."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from redtrack.device import DeviceGone
from redtrack.errors import DeviceError
from redtrack.inference.profile import Profile
from redtrack.run.outcome import Outcome
from redtrack.run.plan import Plan, Task
from redtrack.run.progress import Reporter
from redtrack.run.stop import BrokenOff

__all__ = ["Inline"]


class Inline:
    """Does the tasks in their order. `profile` is told where the time goes."""

    def __init__(self, plan: Plan, reporter: Reporter, profile: Profile | None = None) -> None:
        self._plan, self._reporter, self._profile = plan, reporter, profile

    def outcomes(self, tasks: Sequence[Task], stopping: Callable[[], bool]) -> Generator[Outcome, None, None]:
        """Yields what became of each video. A device that fails ends the run: raises DeviceError."""
        worker = self._plan.worker(self._reporter, stopping, self._profile)
        try:
            yield from worker.outcomes(iter(tasks))
        except BrokenOff:
            yield from worker.break_off()
        except DeviceGone as gone:
            yield from worker.break_off()
            raise DeviceError(f"the device failed ({gone})", remedy="give the same command again to go on") from gone
        finally:  # after a second interrupt nothing is waited for
            worker.close()

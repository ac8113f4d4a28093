"""What a run is to do: the tasks, and what every kind of run has: a plan, and workers that follow it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from redtrack.errors import RedtrackError
from redtrack.run.names import Names, name_in_tree, name_outputs
from redtrack.run.outcome import Outcome, duplicate_outcome, failed_outcome
from redtrack.run.progress import Reporter
from redtrack.run.shard import Shard

if TYPE_CHECKING:
    from redtrack.inference.profile import Profile

__all__ = ["Plan", "Task", "Worker", "largest_first", "make_tasks", "never"]


def never() -> bool:
    """Returns that no run is to stop."""
    return False


@dataclass(frozen=True)
class Task:
    """One video: its path, and the names that its result may have, as `name_outputs` gives them."""

    path: Path
    names: Names


class Worker(Protocol):
    """One process at work."""

    def outcomes(self, tasks: Iterator[Task]) -> Iterator[Outcome]:
        """Yields what becomes of each task, until there is none now; `tasks` may have more later.

        Raises DeviceGone where the device failed, another RedtrackError where no video can be done.
        """

    def break_off(self) -> Iterator[Outcome]:
        """Ends the open videos where they are, be it in the middle of a step; yields what becomes of them."""

    def close(self) -> None:
        """Lets go of the videos that are open, wherever they are."""


class Plan(Protocol):
    """What every worker of a run does with its tasks. Can be sent to another process."""

    @property
    def folder(self) -> Path:
        """Where results go."""

    def about(self) -> dict[str, Any]:
        """Returns what the run log keeps of every video, as JSON values: `options` and `version`, and more."""

    def on(self, device: str, threads: int | None, sharers: int) -> Plan:
        """Returns the plan for one of so many workers, with this device and so many CPU threads, None for any."""

    def worker(self, reporter: Reporter, stopping: Callable[[], bool] = ..., profile: Profile | None = None) -> Worker:
        """Returns a worker. `stopping` is asked between steps; `profile` is told where the networks' time goes."""


def make_tasks(
    found: Sequence[Path | RedtrackError],
    shard: Shard | None = None,
    duplicates: Mapping[Path, Path] | None = None,
    roots: Mapping[Path, Path] | None = None,
) -> list[Task | Outcome]:
    """Returns a task for each video of the shard, and an outcome for each input that stands for none.

    duplicates: other names of videos, as `Inputs` has them. roots: where results keep the folders of their videos, the
    folders that these begin at. The names of the results are those of a run over all that was found, so that the runs
    of all shards agree on them.
    """
    paths = [each for each in found if isinstance(each, Path)]
    named = name_outputs(paths) if roots is None else name_in_tree(paths, roots)
    names = dict(zip(paths, named, strict=True))
    chosen = found if shard is None else shard.of(found)
    tasks: list[Task | Outcome] = []
    for each in chosen:
        tasks.append(Task(each, names[each]) if isinstance(each, Path) else failed_outcome(each))
    others = (duplicates or {}).items()
    return tasks + [duplicate_outcome(path, first) for path, first in others if shard is None or shard.has(path)]


def largest_first(tasks: Sequence[Task]) -> list[Task]:
    """Returns the tasks by the size of their files: what is left for the end is small, and no worker waits long."""
    return sorted(tasks, key=lambda task: -_size(task.path))


def _size(path: Path) -> int:
    """Returns the file's size in bytes, 0 where there is none: what is wrong with it is said when it is opened."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0

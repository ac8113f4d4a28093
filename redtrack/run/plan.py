"""What a run is to do: the tasks, and the plan that every worker follows. Both can be sent to another process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from redtrack.errors import RedtrackError
from redtrack.inference.options import Options
from redtrack.run.export import Where
from redtrack.run.names import Names, name_in_tree, name_outputs
from redtrack.run.networks import Networks
from redtrack.run.outcome import Outcome, duplicate_outcome, failed_outcome
from redtrack.run.shard import Shard

__all__ = ["Plan", "Task", "largest_first", "make_tasks"]


@dataclass(frozen=True)
class Task:
    """One video: its path, and the names that its result may have, as `name_outputs` gives them."""

    path: Path
    names: Names


@dataclass(frozen=True)
class Plan:
    """What every worker does with its tasks: where results go, and which networks find the points."""

    where: Where
    networks: Networks

    @property
    def options(self) -> Options:
        """The options that the points depend on."""
        return self.networks.options


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

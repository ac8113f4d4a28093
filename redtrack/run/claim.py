"""Which name a video's result gets. Nothing is decided before the name's lock is held.

Other runs may use the same output folder at the same time, with the same video or with another one of the same stem. A
name whose lock another video has is left to it, and this video takes its next name; a video that another process is at
work on is left to that process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from redtrack.errors import FormatError
from redtrack.run.folder import prepare_parent
from redtrack.run.lock import Lock
from redtrack.run.plan import Task
from redtrack.run.result import is_of, resolved

__all__ = ["Results", "claim", "foreseen"]

LET_GO_AFTER = 5.0  # seconds within which another video lets go of a name whose result it finds not to be its own


class Results(Protocol):
    """Where results of one kind lie."""

    @property
    def folder(self) -> Path:
        """The output folder."""

    def path(self, name: str) -> Path:
        """Returns where the result of this name lies."""

    def info(self, path: Path) -> dict[str, Any] | None:
        """Returns `source` and `source_digest` of the result there, None where there is none.

        Raises FormatError where a file that is not ours has the name.
        """


def claim(task: Task, digest: str, where: Results) -> tuple[Path, Lock] | None:
    """Returns the path of the result and its lock, which is held; None where another process works on the video.

    digest: the video's. Raises FormatError where a file that is not ours has the name, OutputError where nothing can
    be written.
    """
    owner = {"source": resolved(task.path), "source_digest": digest}
    for name, has_to_be_mine in _candidates(task, digest, where):
        path = where.path(name)
        prepare_parent(path, where.folder)
        lock = Lock(path, owner)
        holder = _holder(lock, has_to_be_mine)
        if holder is not None:
            if not holder or is_of(holder, task.path, digest):  # one that does not say may be at work on this video
                return None
            continue
        try:
            info = where.info(path)
        except BaseException:
            lock.release()
            raise
        is_mine = info is not None and is_of(info, task.path, digest)
        if is_mine or not (has_to_be_mine or info) or (name == task.names[-1] and not has_to_be_mine):
            return path, lock
        lock.release()
    return None


def foreseen(task: Task, digest: str, where: Results) -> Path:
    """Returns the path that `claim` would choose if no other run was going on; writes nothing.

    Raises FormatError where a file that is not ours has the name.
    """
    for name, has_to_be_mine in _candidates(task, digest, where):
        if has_to_be_mine or where.info(where.path(name)) is None:
            return where.path(name)
    return where.path(task.names[-1])


def _candidates(task: Task, digest: str, where: Results) -> Iterator[tuple[str, bool]]:
    """Yields names in the order in which they are to be tried, and whether only a result of this video counts there."""
    for name in task.names:
        try:
            info = where.info(where.path(name))
        except FormatError:
            continue
        if info is not None and is_of(info, task.path, digest):
            yield name, True
    yield task.names[0], False
    if len(task.names) > 1:
        yield task.names[-1], False


def _holder(lock: Lock, is_mine: bool) -> dict[str, Any] | None:
    """Takes the lock and returns None, or returns what is said of the video that another process holds it for.

    A name that is this video's is only looked at by others, who let go of it soon.
    """
    until = time.monotonic() + (LET_GO_AFTER if is_mine else 0.0)
    while not lock.take():
        holder = lock.holder()
        if holder is not None and time.monotonic() >= until:
            return holder
        time.sleep(0.05)
    return None

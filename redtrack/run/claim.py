"""Which name a video's result gets. Nothing is decided before the name's lock is held.

Other runs may use the same output folder at the same time, with the same video or with another one of the same stem. A
name whose lock another video has is left to it, and this video takes its next name; a video that another process is at
work on is left to that process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from redtrack.errors import FormatError
from redtrack.run.export import Where
from redtrack.run.folder import prepare_parent
from redtrack.run.lock import Lock
from redtrack.run.plan import Task
from redtrack.run.result import is_of, resolved, stored_info, unfinished_info

__all__ = ["claim", "foreseen"]

LET_GO_AFTER = 5.0  # seconds within which another video lets go of a name whose result it finds not to be its own


def claim(task: Task, digest: str, where: Where) -> tuple[Path, Lock] | None:
    """Returns the path of the result and its lock, which is held; None where another process works on the video.

    digest: the video's. Raises FormatError where a file that is not ours has the name, OutputError where nothing can
    be written.
    """
    owner = {"source": resolved(task.path), "source_digest": digest}
    for name, has_to_be_mine in _candidates(task, digest, where):
        path = where.path(name)
        prepare_parent(path, where.folder)
        lock = Lock(path, owner)
        if not _take(lock, has_to_be_mine):
            if _is_same(lock, task.path, digest):
                return None
            continue
        try:
            info = _stored(path, where)
        except BaseException:
            lock.release()
            raise
        is_mine = info is not None and is_of(info, task.path, digest)
        if is_mine or not (has_to_be_mine or info) or (name == task.names[-1] and not has_to_be_mine):
            return path, lock
        lock.release()
    return None


def foreseen(task: Task, digest: str, where: Where) -> Path:
    """Returns the path that `claim` would choose if no other run was going on; writes nothing.

    Raises FormatError where a file that is not ours has the name.
    """
    for name, has_to_be_mine in _candidates(task, digest, where):
        if has_to_be_mine or _stored(where.path(name), where) is None:
            return where.path(name)
    return where.path(task.names[-1])


def _candidates(task: Task, digest: str, where: Where) -> Iterator[tuple[str, bool]]:
    """Yields names in the order in which they are to be tried, and whether only a result of this video counts there."""
    for name in task.names:
        try:
            info = _stored(where.path(name), where)
        except FormatError:
            continue
        if info is not None and is_of(info, task.path, digest):
            yield name, True
    yield task.names[0], False
    if len(task.names) > 1:
        yield task.names[-1], False


def _take(lock: Lock, is_mine: bool) -> bool:
    """Takes the lock. A name that is this video's is only looked at by others, who let go of it soon."""
    until = time.monotonic() + (LET_GO_AFTER if is_mine else 0.0)
    while not lock.take():
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)
    return True


def _is_same(lock: Lock, path: Path, digest: str) -> bool:
    """Returns whether another process holds the lock for this video, as far as it says."""
    holder = lock.holder()
    return not holder or is_of(holder, path, digest)


def _stored(path: Path, where: Where) -> dict[str, Any] | None:
    """Returns the info of a result of this name, be it finished or not."""
    try:
        return stored_info(path) or unfinished_info(path)
    except FormatError:
        if where.overwrite:
            return None
        raise

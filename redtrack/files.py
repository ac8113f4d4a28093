"""Files below a folder, in an order that is the same everywhere; whether two names are of one file; partial files."""

from __future__ import annotations

import glob
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from redtrack.errors import RedtrackError, VideoError

if sys.platform != "win32":
    import fcntl

__all__ = ["Partial", "file_identity", "files_below", "is_same_file"]

_FLAGS = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def files_below(folder: Path) -> Iterator[Path | RedtrackError]:
    """Yields the files below a folder, sorted, and an error for each folder that cannot be read.

    Links are followed, but no folder is entered twice; hidden files and folders are left out.
    """
    entered: set[str] = set()
    errors: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=errors.append, followlinks=True):
        real = os.path.realpath(place)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(files) if not name.startswith("."))
    for error in errors:
        reason = (error.strerror or "unknown reason").lower()
        yield VideoError(f"is a folder that cannot be read: {reason}", error.filename, "check its permissions")


def file_identity(path: Path) -> tuple[int, int] | str:
    """Returns what all names of one file have in common: device and inode, or the real path where there is no inode.

    Network drives may report inode 0 for every file.
    """
    try:
        status = os.stat(path)
        return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)
    except (OSError, ValueError):
        return os.path.abspath(path)


def is_same_file(a: Path, b: Path) -> bool:
    """Returns whether two names are of one file that exists."""
    return a.exists() and b.exists() and file_identity(a) == file_identity(b)


class Partial:
    """A new hidden file beside `final`, `.NAME.XXXXXXXX.partial.mp4` for NAME.mp4: each writer of `final` has its own.

    What killed writers of `final` left is removed: a writer holds a lock on its file, which the system releases when
    the process ends, however it ends. Windows does not remove a file that anyone has open. Raises OSError where the
    file cannot be made.
    """

    def __init__(self, final: Path) -> None:
        self._final = final
        self._held: int | None = None
        _sweep(final)
        while True:
            self.path = final.with_name(f".{final.stem}.{secrets.token_hex(4)}.partial{final.suffix}")
            self._held = os.open(self.path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
            if self._hold():
                return
            self._let_go()  # another writer swept it between the making and the lock

    def finish(self) -> None:
        """Gives the file its final name; raises OSError."""
        os.replace(self.path, self._final)
        self._let_go()

    def discard(self) -> None:
        """Removes the file, unless it is finished."""
        self._let_go()
        self.path.unlink(missing_ok=True)

    def _hold(self) -> bool:
        """Locks the file for as long as it is open; returns whether it still has its name."""
        assert self._held is not None
        if sys.platform == "win32":
            self._let_go()  # an open file could not be renamed
            return True
        with suppress(OSError):  # a file system without locks: nobody can sweep there
            fcntl.flock(self._held, fcntl.LOCK_EX)
        return self.path.exists()

    def _let_go(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None


def _sweep(final: Path) -> None:
    """Removes what writers of `final` left that live no more."""
    for path in final.parent.glob(f".{glob.escape(final.stem)}.{'[0-9a-f]' * 8}.partial{final.suffix}"):
        with suppress(OSError):  # it is in use, or gone already
            if sys.platform == "win32":
                path.unlink()
                continue
            file = os.open(path, _FLAGS)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(file)

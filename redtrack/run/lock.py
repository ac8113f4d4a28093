"""A lock for each result, so that two processes with one output folder share the work instead of spoiling it.

The system releases the lock when the process ends, however it ends. Where a file system knows no locks (or the system,
as Windows), every video is simply taken.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from types import TracebackType

from redtrack.errors import OutputError

if sys.platform != "win32":
    import fcntl

__all__ = ["Lock"]

class Lock:
    """The right to write one result: `taken` after `take()` says whether it was free."""

    def __init__(self, result: Path) -> None:
        self._path = result.with_name(f".{result.name}.lock")
        self._result = result
        self._file: int | None = None

    def take(self) -> bool:
        """Returns whether the lock could be had; raises OutputError where its file cannot be made."""
        assert self._file is None, f"{self._path} is locked already"
        if sys.platform == "win32":
            return True
        while True:
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise OutputError(f"cannot be written: {reason}", self._result) from error
            if not self._lock():
                self._close()
                return False
            if self._is_current():
                return True
            self._close()  # its last owner removed it just before

    def release(self) -> None:
        """Gives the lock back."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            self._close()

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.release()

    def _lock(self) -> bool:
        assert self._file is not None and sys.platform != "win32"
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
        return True

    def _is_current(self) -> bool:
        """Returns whether the locked file is the one that has the name."""
        assert self._file is not None
        try:
            return os.path.samestat(os.fstat(self._file), os.stat(self._path))
        except FileNotFoundError:
            return False

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

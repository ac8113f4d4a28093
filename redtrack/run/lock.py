"""A lock for each result, so that two processes with one output folder share the work instead of spoiling it.

The system releases the lock when the process ends, however it ends. The lock's file says for which video it is held.
Where a file system knows no locks (or the system, as Windows), every lock can be had.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from redtrack.errors import OutputError

if sys.platform != "win32":
    import fcntl

__all__ = ["Lock"]

OWNER_AFTER = 1.0  # seconds within which a process that has taken a lock has written whom it is for
_LONGEST_OWNER = 1 << 16  # bytes


class Lock:
    """The right to write one result. `owner` is what others are told about the video that it is held for."""

    def __init__(self, result: Path, owner: Mapping[str, Any] | None = None) -> None:
        self._path = result.with_name(f".{result.name}.lock")
        self._result = result
        self._owner = owner or {}
        self._file: int | None = None

    def take(self) -> bool:
        """Returns whether the lock could be had; raises OutputError where its file cannot be made."""
        assert self._file is None, f"{self._path} is locked already"
        if sys.platform == "win32":
            return True
        while True:
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | _SAFELY, 0o666)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise OutputError(f"cannot be written: {reason}", self._result) from error
            if not self._lock():
                self._close()
                return False
            if self._is_current():
                self._sign()
                return True
            self._close()  # its last owner removed it just before

    def holder(self) -> dict[str, Any] | None:
        """Returns what is said of the video that another process holds the lock for.

        It is empty where that process does not say, and None where the lock is gone meanwhile.
        """
        until = time.monotonic() + OWNER_AFTER
        while time.monotonic() < until:
            try:
                file = os.open(self._path, os.O_RDONLY | _SAFELY)
            except OSError:
                return None
            try:
                owner = json.loads(os.read(file, _LONGEST_OWNER))
                if isinstance(owner, dict):
                    return owner
            except (OSError, ValueError, RecursionError):  # not written yet
                time.sleep(0.02)
            finally:
                os.close(file)
        return {}

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

    def _sign(self) -> None:
        """Writes whom the lock is for; on a full disk it is held all the same."""
        assert self._file is not None
        try:
            os.truncate(self._file, 0)
            if self._owner:
                os.write(self._file, json.dumps(self._owner).encode("ascii"))
        except OSError:
            return

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


_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
"""No link is followed, and a pipe of that name is not waited for."""

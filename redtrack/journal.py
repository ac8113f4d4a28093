"""Files that only grow: a line of JSON for each entry, which survives a kill and two writers at once."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from redtrack.errors import OutputError

__all__ = ["append_entries"]

# A link of that name is not followed out of the folder.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


def append_entries(path: Path, entries: Iterable[Mapping[str, Any]], sync: bool = False) -> None:
    """Appends a line for each entry, all in a single write, so that the lines of two processes do not mix.

    The lines start on a line of their own, even where a kill or a full disk cut the one before short. `sync` waits
    until they are on the disk. Raises OutputError where they cannot be written.
    """
    lines = "".join(json.dumps(entry, default=str) + "\n" for entry in entries).encode("ascii")
    try:
        file = os.open(path, _FLAGS, 0o666)
        try:
            _append(file, lines)
            if sync:
                os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise OutputError(f"cannot be written: {(error.strerror or str(error)).lower()}", path) from error


def _append(file: int, lines: bytes) -> None:
    end = os.lseek(file, 0, os.SEEK_END)
    if end:
        os.lseek(file, end - 1, os.SEEK_SET)
        lines = lines if os.read(file, 1) == b"\n" else b"\n" + lines
    if os.write(file, lines) < len(lines):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

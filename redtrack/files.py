"""Files below a folder, in an order that is the same everywhere, and whether two names are of one file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from redtrack.errors import RedtrackError, VideoError

__all__ = ["file_identity", "files_below", "is_same_file"]


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

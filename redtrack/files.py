"""Files below a folder, in an order that is the same everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from redtrack.errors import RedtrackError, VideoError

__all__ = ["files_below"]


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

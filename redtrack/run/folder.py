"""The output folder, before anything is written into it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from redtrack.errors import OutputError, UsageError

__all__ = ["prepare_folder", "prepare_parent"]


def prepare_folder(folder: Path) -> None:
    """Makes the output folder; raises UsageError where it is no folder, OutputError where it cannot be written into."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError as error:
        raise UsageError("is a file, not a folder", folder, "choose another -o") from error
    except NotADirectoryError as error:
        raise UsageError("lies below a file, not a folder", folder, "choose another -o") from error
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise OutputError(f"cannot be written to: {reason}", folder, "choose another -o") from error


def prepare_parent(path: Path, folder: Path) -> None:
    """Makes the folders between the output folder and a result; raises OutputError where one is a link or no folder."""
    place = folder
    for part in path.parent.relative_to(folder).parts:
        place = place / part
        if place.is_symlink():
            raise OutputError("is a link, which is not written through", place, "remove it or choose another -o")
        try:
            place.mkdir(exist_ok=True)
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            raise OutputError(f"cannot be made: {reason}", place, "choose another -o") from error

"""The output folder, before anything is written into it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from redtrack.errors import OutputError

__all__ = ["prepare_folder"]


def prepare_folder(folder: Path) -> None:
    """Makes the output folder; raises OutputError where nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError as error:
        raise OutputError("is a file, not a folder", folder, "choose another -o") from error
    except NotADirectoryError as error:
        raise OutputError("lies below a file, not a folder", folder, "choose another -o") from error
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise OutputError(f"cannot be written to: {reason}", folder, "choose another -o") from error

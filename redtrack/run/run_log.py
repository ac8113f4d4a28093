"""`run.jsonl` in the output folder: one line of JSON for every video that a run dealt with, appended as it ends.

Keys: `time` (ISO 8601, UTC), `run` (one id for all lines of a run), `source`, `output`, `state` (done, partial, failed,
skipped), `reason`, `frames`, `damaged`, `faces`, `rows`, `seconds`, `weights`, `weights_digest`, `detector`,
`detector_digest`, `device`, `options`, `version` and `torch`.
"""

from __future__ import annotations

import errno
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redtrack.errors import OutputError
from redtrack.run.outcome import Outcome

__all__ = ["NAME", "RunLog"]

NAME = "run.jsonl"
# A link of that name is not followed out of the folder.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class RunLog:
    """Appends outcomes, each line in a single write, so that the lines of two processes do not mix.

    `about` is added to every line. Raises OutputError where the log cannot be written.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self._path = folder / NAME
        self._about = {"run": uuid.uuid4().hex[:12], **about}

    def add(self, outcome: Outcome) -> None:
        """Appends one line."""
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "source": _text(outcome.source),
            "output": None if outcome.output is None else _text(outcome.output),
            "state": outcome.state,
            "reason": outcome.reason,
            **asdict(outcome.counts),
            "seconds": round(outcome.seconds, 3),
            **self._about,
        }
        line = json.dumps(entry, default=str) + "\n"
        try:
            file = os.open(self._path, _FLAGS, 0o666)
            try:
                _append(file, line.encode("ascii"))
            finally:
                os.close(file)
        except OSError as error:
            raise OutputError(f"cannot be written: {(error.strerror or str(error)).lower()}", self._path) from error


def _append(file: int, line: bytes) -> None:
    """Writes a line, on a line of its own even where a full disk cut the one before it short."""
    end = os.lseek(file, 0, os.SEEK_END)
    if end:
        os.lseek(file, end - 1, os.SEEK_SET)
        line = line if os.read(file, 1) == b"\n" else b"\n" + line
    if os.write(file, line) < len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _text(path: Path) -> str:
    """Returns the whole path, bytes that are not UTF-8 escaped as JSON does with `ensure_ascii`."""
    return os.path.abspath(path)

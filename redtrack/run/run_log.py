"""`run.jsonl` in the output folder: one line of JSON for every video that a run dealt with, appended as it ends.

Keys: `time` (ISO 8601, UTC), `run` (one id for all lines of a run), `source`, `output`, `state` (done, partial, failed,
skipped), `reason`, `frames`, `damaged`, `faces`, `rows`, `seconds`, `weights`, `weights_digest`, `detector`,
`detector_digest`, `device`, `precision`, `options`, `version` and `torch`. The line of a skipped video ends with
`reason`; the line of a video that no network looked at lacks `device`, `precision` and `torch`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redtrack.journal import append_entries
from redtrack.run.outcome import SKIPPED, Outcome

__all__ = ["NAME", "RunLog"]

NAME = "run.jsonl"


class RunLog:
    """Appends outcomes; `about` is added to the line of every video that was worked on.

    Raises OutputError where the log cannot be written.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self._path = folder / NAME
        self._run = uuid.uuid4().hex[:12]
        self._about = dict(about)

    def add(self, outcome: Outcome) -> None:
        """Appends one line."""
        entry = {
            "time": _now(),
            "run": self._run,
            "source": _text(outcome.source),
            "output": None if outcome.output is None else _text(outcome.output),
            "state": outcome.state,
            "reason": outcome.reason,
        }
        if outcome.state != SKIPPED:  # of what is skipped there is a line at every run, so it is a short one
            made = {**asdict(outcome.counts), "seconds": round(outcome.seconds, 3)}
            entry = {**entry, **made, **self._about, **outcome.worker}
        append_entries(self._path, [entry])

    def remark(self, text: str) -> None:
        """Appends a line that is about no video: its `state` is "remark", its `source` the output folder."""
        source = _text(self._path.parent)
        entry = {"time": _now(), "run": self._run, "source": source, "state": "remark", "reason": text}
        append_entries(self._path, [entry])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _text(path: Path) -> str:
    """Returns the whole path, bytes that are not UTF-8 escaped as JSON does with `ensure_ascii`."""
    return os.path.abspath(path)

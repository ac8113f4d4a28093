"""What became of each input of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redtrack.errors import RedtrackError, printable
from redtrack.run.result import Counts

__all__ = [
    "BUSY",
    "DONE",
    "FAILED",
    "PARTIAL",
    "SKIPPED",
    "STATES",
    "STOPPED",
    "Outcome",
    "duplicate_outcome",
    "failed_outcome",
    "sentence",
    "stopped_outcome",
]

DONE, PARTIAL, FAILED, SKIPPED = STATES = ("done", "partial", "failed", "skipped")
STOPPED = "stopped before its end; the same command finishes it"
BUSY = "another process is at work on it"


@dataclass(frozen=True)
class Outcome:
    """One input: its state, where its result is, why it is not done, how much the result holds, how long it took.

    done: the result is whole; a `reason` then says why it may hold less than expected. partial: it goes as far as
    `counts` says, for the `reason`. failed: there is nothing of use, for the `reason`. skipped: it was whole before, or
    another process is working on it. `worker` is what the run log keeps of the process that worked on it.
    """

    source: Path
    state: str
    output: Path | None = None
    reason: str | None = None
    counts: Counts = Counts()
    seconds: float = 0.0
    worker: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def good(self) -> bool:
        """Whether the video is done or skipped."""
        return self.state in (DONE, SKIPPED)


def sentence(error: RedtrackError, path: Path | None = None) -> str:
    """Returns what an error says, without its path where that is `path`."""
    if error.path is None or error.path != path:
        return str(error)
    return printable(f"{error.message}; {error.remedy}" if error.remedy else error.message)


def failed_outcome(error: RedtrackError) -> Outcome:
    """Returns the outcome of an input that stands for no video."""
    return Outcome(error.path or Path(), FAILED, reason=sentence(error, error.path))


def duplicate_outcome(source: Path, first: Path) -> Outcome:
    """Returns the outcome of a second name of a video that is done under its first one."""
    return Outcome(source, SKIPPED, reason=f"same file as {printable(first)}")


def stopped_outcome(source: Path) -> Outcome:
    """Returns the outcome of a video that a stop left unfinished in another process."""
    return Outcome(source, PARTIAL, reason=STOPPED)

"""What became of each input of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from redtrack.annotate.result import Counts
from redtrack.errors import RedtrackError

__all__ = ["DONE", "FAILED", "PARTIAL", "SKIPPED", "STATES", "Outcome", "sentence"]

DONE, PARTIAL, FAILED, SKIPPED = STATES = ("done", "partial", "failed", "skipped")


@dataclass(frozen=True)
class Outcome:
    """One input: its state, where its result is, why it is not done, how much the result holds, how long it took.

    done: whole; a `reason` is then why it may hold less than was meant. partial: as far as `counts` tell, for the
    `reason`. failed: nothing of use, for the `reason`. skipped: whole since an earlier run, or another one is at it.
    """

    source: Path
    state: str
    output: Path | None = None
    reason: str | None = None
    counts: Counts = Counts()
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether there is nothing to complain of."""
        return self.state in (DONE, SKIPPED)


def sentence(error: RedtrackError, path: Path | None = None) -> str:
    """Returns what an error says, without the path where it is this one."""
    if error.path is None or error.path != path:
        return str(error)
    return f"{error.message}; {error.remedy}" if error.remedy else error.message

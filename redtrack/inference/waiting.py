"""Windows that wait for the network: those that are whole, and looks at single frames that only say where to crop."""

from __future__ import annotations

from typing import Generic, TypeVar

from redtrack.inference.windows import Window

__all__ = ["Waiting"]

Job = TypeVar("Job")


class Waiting(Generic[Job]):
    """A queue of windows, each with the job that it belongs to."""

    def __init__(self) -> None:
        self._pairs: list[tuple[Job, Window]] = []

    def __bool__(self) -> bool:
        return bool(self._pairs)

    @property
    def peeks(self) -> int:
        """How many looks at single frames wait."""
        return sum(window.peek for _, window in self._pairs)

    @property
    def windows(self) -> int:
        """How many windows wait."""
        return len(self._pairs) - self.peeks

    def add(self, pairs: list[tuple[Job, Window]]) -> None:
        """Takes more, which come last."""
        self._pairs += pairs

    def put_back(self, pairs: list[tuple[Job, Window]]) -> None:
        """Takes back what was taken off, which comes first."""
        self._pairs = pairs + self._pairs

    def take(self, windows: int, enough: int, peeks: int) -> list[tuple[Job, Window]]:
        """Takes off what one call of the network is to look at, of what has waited longest.

        That is up to `peeks` looks at single frames where `enough` of them wait, for windows depend on these; else up
        to `windows` windows; else whatever there is.
        """
        peek = self.peeks >= enough or (self.windows < windows and bool(self.peeks))
        alike = [pair for pair in self._pairs if pair[1].peek == peek]
        taken, left = (alike[:peeks], alike[peeks:]) if peek else (alike[:windows], alike[windows:])
        self._pairs = left + [pair for pair in self._pairs if pair[1].peek != peek]
        return taken

    def forget(self, job: Job) -> None:
        """Drops what is a job's."""
        self._pairs = [pair for pair in self._pairs if pair[0] is not job]

    def clear(self) -> None:
        """Drops everything."""
        self._pairs = []

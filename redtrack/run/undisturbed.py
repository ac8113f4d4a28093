"""A reporter that never stops a run: the run goes on when its terminal is closed, or stderr's disk is full."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redtrack.run.outcome import Outcome
from redtrack.run.progress import Reporter, Working

__all__ = ["Undisturbed"]


class Undisturbed:
    """Passes what happens on to `reporter`, until its stream is gone; results and their log are not affected."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._is_heard = True

    def begin(self, videos: int) -> None:
        """The run has begun."""
        self._tell(self._reporter.begin, videos)

    def step(self, job: Working) -> None:
        """Some more frames of a video were decoded."""
        self._tell(self._reporter.step, job)

    def ended(self, outcome: Outcome) -> None:
        """A video has ended."""
        self._tell(self._reporter.ended, outcome)

    def say(self, text: str) -> None:
        """Something that the user should know."""
        self._tell(self._reporter.say, text)

    def close(self) -> None:
        """The run is over."""
        self._tell(self._reporter.close)

    def _tell(self, way: Callable[..., None], *what: Any) -> None:
        if self._is_heard:
            try:
                way(*what)
            except OSError:
                self._is_heard = False

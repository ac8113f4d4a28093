"""Where a video's rows go, as a `Tracker` sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from redtrack.errors import RedtrackError
from redtrack.tracks import Tracks

if TYPE_CHECKING:
    from redtrack.video import DecodeReport

__all__ = ["Destination", "Sink"]


class Sink(Protocol):
    """Where a video's rows go, stretch after stretch; `frames` were there before."""

    frames: int

    def append(self, chunk: Tracks) -> None:
        """Takes the next frames."""

    def flush(self) -> None:
        """Makes sure that what was taken is kept."""


class Destination(Protocol):
    """Who wants a video's rows: a result file, or memory. What a method raises ends the video, as its own faults do."""

    def claim(self) -> bool:
        """Returns whether the rows are wanted; is asked before the video is opened."""
        ...

    def open(self, info: dict[str, Any]) -> Sink:
        """Returns where the rows go; info is what a result says of its origin, `Tracks.info`."""
        ...

    def complete(self, report: DecodeReport, remark: str | None, cuts: list[int]) -> None:
        """The sink has all rows; remark is what the user may not know, cuts are the frames where a shot begins."""

    def stopped(self) -> None:
        """The run was stopped; the sink has the rows that are final."""

    def failed(self, error: RedtrackError) -> None:
        """The video has ended early."""

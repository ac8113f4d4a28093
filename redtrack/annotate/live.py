"""The live display of a terminal: a bar for all videos, and one for each that is being worked on."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from redtrack.annotate.outcome import DONE, FAILED, PARTIAL, SKIPPED, Outcome
from redtrack.annotate.progress import Working, describe, pace
from redtrack.errors import printable

__all__ = ["LiveReporter"]


class LiveReporter:
    """Bars on stderr; videos that end leave a line above them."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._all: TaskID | None = None
        self._tasks: dict[Path, TaskID] = {}

    def begin(self, videos: int) -> None:
        """Shows the bar of the whole run."""
        self._progress.start()
        if videos > 1:
            self._all = self._progress.add_task("videos", total=videos, pace="")

    def step(self, job: Working) -> None:
        """Moves a video's bar."""
        if job.path not in self._tasks:
            name = Text(printable(job.path.name)).plain.replace("[", "\\[")
            self._tasks[job.path] = self._progress.add_task(name, total=job.expected_frames, pace="")
        rate = pace(job).split(", ")[1]
        self._progress.update(self._tasks[job.path], completed=job.frames, pace=rate)

    def ended(self, outcome: Outcome) -> None:
        """Takes a video's bar away and leaves a line."""
        task = self._tasks.pop(outcome.source, None)
        if task is not None:
            self._progress.remove_task(task)
        if self._all is not None:
            self._progress.advance(self._all)
        self._console.print(Text(describe(outcome), style=_STYLE[outcome.state]))

    def say(self, text: str) -> None:
        """Leaves a line."""
        self._console.print(Text(text, style="yellow"))

    def close(self) -> None:
        """Takes the bars away."""
        self._progress.stop()


_STYLE = {DONE: "", FAILED: "red", PARTIAL: "yellow", SKIPPED: "dim"}

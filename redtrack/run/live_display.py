"""The live display of a terminal: a line for the whole run, and one for each video that is being worked on.

It is drawn by the thread that reports, and by no other: a line that is printed while another thread draws is lost.

    2 of 5 videos   ━━━━━━━━━╸━━━━━━   48 %  31 frames/s            2 min left
    live_d12.mp4    ━━━━━╸━━━━━━━━━━   25 %  25 frames/s  1 face      12 s left
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from redtrack.errors import printable
from redtrack.run.outcome import DONE, FAILED, PARTIAL, SKIPPED, Outcome
from redtrack.run.progress import Working, describe, duration, faces_of

__all__ = ["LiveReporter"]

_DRAW_EVERY = 0.2  # seconds between two drawings
_FIGURES = 46  # columns that the figures take at most
_FEWEST_FRAMES = 20  # before a speed is told


class LiveReporter:
    """Lines on stderr that change; videos that end leave one above them."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or Console(stderr=True)
        room = max(self._console.width - _FIGURES, 20)
        self._progress = Progress(
            TextColumn("{task.description}", table_column=_column(max_width=room * 3 // 5)),
            BarColumn(bar_width=min(room * 2 // 5, 40)),
            *(TextColumn(f"{{task.fields[{name}]}}", justify="right", table_column=_column()) for name in _FIELDS),
            console=self._console,
            transient=True,
            auto_refresh=False,
        )
        self._clock, self._began = clock, clock()
        self._drawn = -_DRAW_EVERY
        self._preparing: TaskID | None = None
        self._all: TaskID | None = None
        self._tasks: dict[Path, TaskID] = {}
        self._jobs: dict[Path, Working] = {}
        self._videos = self._ended = 0
        self._worked = 0.0  # videos that took work, in this run
        self._frames = 0

    def begin(self, videos: int, about: Mapping[str, Any] | None = None) -> None:
        """Shows the line of the whole run."""
        self._videos, self._began = videos, self._clock()
        self._progress.start()
        if videos > 1:
            self._all = self._progress.add_task("", total=videos, **_NOTHING)
            self._show_all()
        self._draw()

    def preparing(self, what: str) -> None:
        """Shows what is done before the first frame."""
        self._prepared()
        self._preparing = self._progress.add_task(what, total=None, **_NOTHING)
        self._draw()

    def step(self, job: Working) -> None:
        """Moves a video's line."""
        self._prepared()
        if job.path not in self._tasks:
            name = Text(printable(job.path.name)).plain.replace("[", "\\[")
            self._tasks[job.path] = self._progress.add_task(name, total=job.expected_frames, **_NOTHING)
        self._jobs[job.path] = job
        expected, rate = job.expected_frames, job.frames / job.seconds if job.seconds else 0.0
        known = bool(expected and rate and job.frames >= _FEWEST_FRAMES)
        left = duration(max((expected or 0) - job.frames, 0) / rate) if known else ""
        self._progress.update(
            self._tasks[job.path],
            completed=job.frames,
            done=f"{100 * min(job.frames / expected, 1):.0f} %" if expected else f"{job.frames} frames",
            pace=f"{rate:.0f} frames/s" if rate else "",
            faces=faces_of(job),
            left=f"{left} left" if left else "",
        )
        self._show_all()
        if self._clock() - self._drawn >= _DRAW_EVERY:
            self._draw()

    def ended(self, outcome: Outcome) -> None:
        """Takes a video's line away and leaves what became of it."""
        task = self._tasks.pop(outcome.source, None)
        self._jobs.pop(outcome.source, None)
        if task is not None:
            self._progress.remove_task(task)
        self._ended += 1
        if outcome.counts.frames and outcome.state != SKIPPED:
            self._worked += 1
            self._frames += outcome.counts.frames
        self._show_all()
        self._console.print(Text(describe(outcome), style=_STYLE[outcome.state]))

    def say(self, text: str) -> None:
        """Leaves a line; the lines that change are drawn again below it."""
        self._console.print(Text(text, style="yellow"))

    def close(self, status: int | None = None) -> None:
        """Takes the lines away."""
        self._progress.stop()

    def _prepared(self) -> None:
        if self._preparing is not None:
            self._progress.remove_task(self._preparing)
            self._preparing = None

    def _draw(self) -> None:
        self._drawn = self._clock()
        self._progress.refresh()

    def _show_all(self) -> None:
        """Moves the line of the whole run: a video that is half done counts half."""
        if self._all is None:
            return
        begun = sum(min(job.frames / job.expected_frames, 1) for job in self._jobs.values() if job.expected_frames)
        seconds = self._clock() - self._began
        worked, still = self._worked + begun, self._videos - self._ended - begun
        frames = self._frames + sum(job.frames for job in self._jobs.values())
        self._progress.update(
            self._all,
            description=f"{self._ended} of {self._videos} videos",
            completed=self._ended + begun,
            done=f"{100 * (self._ended + begun) / self._videos:.0f} %",
            pace=f"{frames / seconds:.0f} frames/s" if frames and seconds > 0 else "",
            left=f"{duration(seconds * still / worked)} left" if worked > 0 and seconds > 0 else "",
        )


def _column(max_width: int | None = None) -> Column:
    return Column(no_wrap=True, overflow="ellipsis", max_width=max_width)


_FIELDS = ("done", "pace", "faces", "left")
_NOTHING: dict[str, Any] = dict.fromkeys(_FIELDS, "")
_STYLE = {DONE: "", FAILED: "red", PARTIAL: "yellow", SKIPPED: "dim"}

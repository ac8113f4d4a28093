"""How a run tells of itself while it runs, on stderr: a live display, lines, JSON lines, or nothing."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Protocol

from redtrack.errors import UsageError, printable
from redtrack.run.outcome import Outcome

__all__ = ["STYLES", "JsonReporter", "PlainReporter", "Reporter", "SilentReporter", "Working", "make_reporter"]

STYLES = ("rich", "plain", "json", "none")


class Working(Protocol):
    """An open video as a reporter sees it: a `Tracker`, or what a worker tells of one."""

    path: Path

    @property
    def frames(self) -> int: ...
    @property
    def expected_frames(self) -> int | None: ...
    @property
    def seconds(self) -> float: ...
    @property
    def faces(self) -> int: ...


class Reporter(Protocol):
    """Hears what happens in a run."""

    def begin(self, videos: int) -> None:
        """The run has begun."""

    def step(self, job: Working) -> None:
        """Some more frames of a video were decoded."""

    def ended(self, outcome: Outcome) -> None:
        """A video has ended."""

    def say(self, text: str) -> None:
        """Something that the user should know."""

    def close(self) -> None:
        """The run is over."""


class SilentReporter:
    """Says nothing but what the user should know."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr

    def begin(self, videos: int) -> None:
        """Nothing."""

    def step(self, job: Working) -> None:
        """Nothing."""

    def ended(self, outcome: Outcome) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing."""


class PlainReporter(SilentReporter):
    """A line for every video that ends, and one now and then for a long one."""

    EVERY = 15.0  # seconds between two lines of one video

    def __init__(self, stream: IO[str] | None = None) -> None:
        super().__init__(stream)
        self._videos = self._done = 0
        self._said: dict[Path, float] = {}

    def begin(self, videos: int) -> None:
        self._videos = videos

    def step(self, job: Working) -> None:
        if job.seconds - self._said.get(job.path, 0.0) >= self.EVERY:
            self._said[job.path] = job.seconds
            self.say(f"{'':{self._width()}} {printable(job.path)}: {pace(job)}")

    def ended(self, outcome: Outcome) -> None:
        self._done += 1
        self._said.pop(outcome.source, None)
        self.say(f"[{self._done}/{self._videos}]".rjust(self._width()) + f" {describe(outcome)}")

    def _width(self) -> int:
        return 2 * len(str(self._videos)) + 3


class JsonReporter(SilentReporter):
    """A JSON object a line: `event` is begin, frames (at most one a second for a video), ended, message or end."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        super().__init__(stream)
        self._said: dict[Path, float] = {}

    def begin(self, videos: int) -> None:
        self._put("begin", videos=videos)

    def step(self, job: Working) -> None:
        now = time.monotonic()
        if now - self._said.get(job.path, 0.0) >= 1.0:
            self._said[job.path] = now
            how = {"frames": job.frames, "expected": job.expected_frames, "faces": job.faces}
            self._put("frames", source=job.path, **how, seconds=round(job.seconds, 3))

    def ended(self, outcome: Outcome) -> None:
        self._said.pop(outcome.source, None)
        values = {**asdict(outcome), **asdict(outcome.counts), "seconds": round(outcome.seconds, 3)}
        del values["counts"]
        self._put("ended", **values)

    def say(self, text: str) -> None:
        self._put("message", text=text)

    def close(self) -> None:
        self._put("end")

    def _put(self, event: str, **values: Any) -> None:
        line = json.dumps({"event": event, **values}, default=os.fspath)
        print(line, file=self._stream, flush=True)


def make_reporter(style: str | None) -> Reporter:
    """Returns the reporter of a style; where none is asked for, the live display on a terminal, lines elsewhere."""
    style = style or ("rich" if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else "plain")
    if style == "rich":
        from redtrack.run.live_display import LiveReporter

        return LiveReporter()
    kinds = {"plain": PlainReporter, "json": JsonReporter, "none": SilentReporter}
    if style not in kinds:
        raise UsageError(f"no progress display {style!r}", remedy=f"use {', '.join(STYLES)}")
    return kinds[style]()


def describe(outcome: Outcome) -> str:
    """Returns one line that says how a video went."""
    counts = outcome.counts
    parts = [f"{number} {what}{'' if number == 1 else 's'}" for number, what in
             ((counts.frames, "frame"), (counts.faces, "face"))]  # fmt: skip
    if counts.damaged:
        parts.append(f"{counts.damaged} damaged")
    parts.append(f"{outcome.seconds:.1f} s")
    told = [outcome.reason or "", ", ".join(parts) if counts.frames else ""]
    return f"{outcome.state:<7} {printable(outcome.source)}: {'; '.join(text for text in told if text)}"


def pace(job: Working) -> str:
    """Returns how far a video is, how fast it goes, and how long it still takes."""
    rate = job.frames / job.seconds if job.seconds else 0.0
    expected = job.expected_frames
    text = f"{job.frames} frames" if expected is None else f"{job.frames} of about {expected} frames"
    text += f", {rate:.0f} frames/s, {faces_of(job)}"
    if expected and rate and expected > job.frames:
        text += f", {duration((expected - job.frames) / rate)} left"
    return text


def faces_of(job: Working) -> str:
    """Returns how many faces were followed so far."""
    return f"{job.faces} face{'' if job.faces == 1 else 's'}"


def duration(seconds: float) -> str:
    """Returns a time in words: 12 s, 3 min, 2 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

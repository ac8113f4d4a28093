"""How a run tells of itself while it runs, on stderr: lines, JSON lines, or nothing; `live_display` has the fourth."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Protocol

from redtrack.errors import printable
from redtrack.run.outcome import STATES, Outcome

__all__ = ["JsonReporter", "PlainReporter", "Reporter", "SilentReporter", "UnfailingReporter", "Working"]


class Working(Protocol):
    """A video under way, as a reporter sees it: `inference.tracker.Tracker`, or what another process says of one."""

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

    def begin(self, videos: int, about: Mapping[str, Any] | None = None) -> None:
        """The run has begun. about: what it is to do, as JSON values."""

    def preparing(self, what: str) -> None:
        """No frame is decoded yet, because of this."""

    def step(self, job: Working) -> None:
        """Some more frames of a video were decoded."""

    def ended(self, outcome: Outcome) -> None:
        """A video has ended."""

    def say(self, text: str) -> None:
        """Something that the user should know."""

    def close(self, status: int | None = None) -> None:
        """The run is over. status: the exit status of the command, None where that is not known."""


class SilentReporter:
    """Says nothing but what the user should know."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr

    def begin(self, videos: int, about: Mapping[str, Any] | None = None) -> None:
        """Nothing."""

    def preparing(self, what: str) -> None:
        """Nothing."""

    def step(self, job: Working) -> None:
        """Nothing."""

    def ended(self, outcome: Outcome) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def close(self, status: int | None = None) -> None:
        """Nothing."""


class PlainReporter(SilentReporter):
    """A line for every video that ends, and one now and then for a long one."""

    EVERY = 15.0  # seconds between two lines of one video

    def __init__(self, stream: IO[str] | None = None) -> None:
        super().__init__(stream)
        self._videos = self._done = 0
        self._said: dict[Path, float] = {}

    def begin(self, videos: int, about: Mapping[str, Any] | None = None) -> None:
        self._videos = videos

    def preparing(self, what: str) -> None:
        self.say(f"{'':{self._width()}} {what}")

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
    """A JSON object a line, as docs/progress.md specifies them: begin, frames, ended, message and end."""

    EVERY = 1.0  # seconds between two lines of one video

    def __init__(self, stream: IO[str] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._clock = clock
        self._began = clock()
        self._videos = 0
        self._totals = dict.fromkeys(STATES, 0)
        self._said: dict[Path, float] = {}

    def begin(self, videos: int, about: Mapping[str, Any] | None = None) -> None:
        self._began, self._videos = self._clock(), videos
        self._put("begin", videos=videos, **(about or {}))

    def step(self, job: Working) -> None:
        now = self._clock()
        if now - self._said.get(job.path, -self.EVERY) >= self.EVERY:
            self._said[job.path] = now
            how = {"frames": job.frames, "expected": job.expected_frames, "faces": job.faces}
            self._put("frames", source=job.path, **how, seconds=round(job.seconds, 3))

    def ended(self, outcome: Outcome) -> None:
        self._said.pop(outcome.source, None)
        self._totals[outcome.state] += 1
        how = {name: getattr(outcome, name) for name in ("source", "state", "output", "reason")}
        self._put("ended", **how, seconds=round(outcome.seconds, 3), **asdict(outcome.counts))

    def say(self, text: str) -> None:
        self._put("message", text=text)

    def close(self, status: int | None = None) -> None:
        not_begun = self._videos - sum(self._totals.values())
        totals = {"videos": self._videos, **self._totals, "not_begun": not_begun}
        self._put("end", totals=totals, status=status, seconds=round(self._clock() - self._began, 3))

    def _put(self, event: str, **values: Any) -> None:
        line = json.dumps({"event": event, **values}, default=os.fspath)
        print(line, file=self._stream, flush=True)


class UnfailingReporter:
    """Passes events on to `reporter` until its stream is gone: a closed terminal or a full disk never stops a run."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._is_heard = True

    def begin(self, videos: int, about: Mapping[str, Any] | None = None) -> None:
        """The run has begun."""
        self._tell(lambda: self._reporter.begin(videos, about))

    def preparing(self, what: str) -> None:
        """No frame is decoded yet, because of this."""
        self._tell(lambda: self._reporter.preparing(what))

    def step(self, job: Working) -> None:
        """Some more frames of a video were decoded."""
        self._tell(lambda: self._reporter.step(job))

    def ended(self, outcome: Outcome) -> None:
        """A video has ended."""
        self._tell(lambda: self._reporter.ended(outcome))

    def say(self, text: str) -> None:
        """Something that the user should know."""
        self._tell(lambda: self._reporter.say(text))

    def close(self, status: int | None = None) -> None:
        """The run is over."""
        self._tell(lambda: self._reporter.close(status))

    def _tell(self, event: Callable[[], None]) -> None:
        if self._is_heard:
            try:
                event()
            except OSError:
                self._is_heard = False


def describe(outcome: Outcome) -> str:
    """Returns one line that says how a video went."""
    counts = outcome.counts
    parts = [f"{number} {what}{'' if number == 1 else 's'}" for number, what in
             ((counts.frames, "frame"), (counts.faces, "face"))]  # fmt: skip
    if counts.damaged:
        parts.append(f"{counts.damaged} damaged")
    parts.append(f"{outcome.seconds:.1f} s")
    told = [printable(outcome.reason or ""), ", ".join(parts) if counts.frames else ""]
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

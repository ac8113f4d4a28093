"""What a run tells of itself while it runs."""

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from redtrack.annotate.live import LiveReporter
from redtrack.annotate.outcome import Outcome
from redtrack.annotate.progress import (
    JsonReporter,
    PlainReporter,
    SilentReporter,
    describe,
    duration,
    expected_frames,
    make_reporter,
    pace,
)
from redtrack.annotate.result import Counts
from redtrack.errors import UsageError


def job(frames: int = 50, expected: int | None = 200, seconds: float = 20.0, path: str = "a.mp4") -> Any:
    return SimpleNamespace(path=Path(path), frames=frames, expected_frames=expected, seconds=seconds)


DONE = Outcome(Path("a.mp4"), "done", Path("out/a.h5"), None, Counts(472, 3, 1, 470), 9.87)


def test_line_of_a_video_says_how_much_it_holds() -> None:
    assert describe(DONE) == "done    a.mp4: 472 frames, 1 face, 3 damaged, 9.9 s"


def test_line_of_a_failure_says_why() -> None:
    assert describe(Outcome(Path("b\n.mp4"), "failed", reason="is empty")) == "failed  b\\n.mp4: is empty"


def test_plain_reporter_counts_the_videos_and_speaks_of_long_ones_now_and_then() -> None:
    stream = io.StringIO()
    reporter = PlainReporter(stream)
    reporter.begin(12)
    for seconds in (1.0, 16.0, 17.0, 32.0):
        reporter.step(job(seconds=seconds))
    reporter.ended(DONE)
    reporter.say("hm")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4 and lines[0].endswith("a.mp4: 50 of about 200 frames, 3 frames/s, 48 s left")
    assert lines[2].startswith(" [1/12] done") and lines[3] == "hm"


def test_json_reporter_writes_an_object_a_line() -> None:
    stream = io.StringIO()
    reporter = JsonReporter(stream)
    reporter.begin(1)
    reporter.step(job())
    reporter.step(job())
    reporter.ended(DONE)
    reporter.say("hm")
    reporter.close()
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["begin", "frames", "ended", "message", "end"]
    assert events[1]["frames"] == 50 and events[1]["expected"] == 200
    assert events[2]["source"] == "a.mp4" and events[2]["rows"] == 470


def test_silent_reporter_says_only_what_one_should_know() -> None:
    stream = io.StringIO()
    reporter = SilentReporter(stream)
    reporter.begin(1)
    reporter.step(job())
    reporter.ended(DONE)
    reporter.say("hm")
    reporter.close()
    assert stream.getvalue() == "hm\n"


def test_live_reporter_shows_a_bar_and_leaves_a_line() -> None:
    stream = io.StringIO()
    reporter = LiveReporter(Console(file=stream, force_terminal=True, width=120))
    reporter.begin(2)
    reporter.step(job(path="odd [red]name.mp4"))
    reporter.step(job(frames=100, path="odd [red]name.mp4", expected=None))
    reporter.ended(Outcome(Path("odd [red]name.mp4"), "failed", reason="[b]is empty"))
    reporter.say("[i]hm")
    reporter.close()
    text = stream.getvalue()
    assert "odd [red]name.mp4: [b]is empty" in text and "[i]hm" in text


def test_style_is_chosen_by_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal, kind in ((True, LiveReporter), (False, PlainReporter)):
        monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda t=terminal: t, write=len, flush=len))
        assert type(make_reporter(None)) is kind
    with pytest.raises(UsageError, match="loud"):
        make_reporter("loud")


def test_pace_without_a_known_length_tells_no_time_left() -> None:
    assert pace(job(expected=None)) == "50 frames, 2 frames/s"
    assert "left" not in pace(job(frames=250))


@pytest.mark.parametrize(("seconds", "text"), [(4.2, "4 s"), (89, "89 s"), (150, "2 min"), (7500, "2 h 5 min")])
def test_duration_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("known", "seconds", "rate", "end", "frames"),
    [(100, 4.0, 25, None, 100), (None, 4.0, 25, None, 100), (None, None, 25, None, None), (100, 4.0, 25, 1.0, 25)],
)
def test_expected_frames_come_from_the_header(
    known: int | None, seconds: float | None, rate: int, end: float | None, frames: int | None
) -> None:
    video: Any = SimpleNamespace(expected_frames=known, duration=seconds, average_rate=rate)
    assert expected_frames(video, end) == frames

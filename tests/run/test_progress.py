"""What a run tells of itself while it runs."""

import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from annotating import ONE, clip_of
from rich.console import Console

import redtrack
from redtrack.run.live_display import LiveReporter
from redtrack.run.outcome import Outcome
from redtrack.run.progress import (
    JsonReporter,
    PlainReporter,
    SilentReporter,
    UnfailingReporter,
    describe,
    duration,
    pace,
)
from redtrack.run.result import Counts


def job(frames: int = 50, expected: int | None = 200, seconds: float = 20.0, path: str = "a.mp4") -> Any:
    return SimpleNamespace(path=Path(path), frames=frames, expected_frames=expected, seconds=seconds, faces=1)


DONE = Outcome(Path("a.mp4"), "done", Path("out/a.h5"), None, Counts(472, 3, 1, 470), 9.87)


def test_line_of_a_video_says_how_much_it_holds() -> None:
    assert describe(DONE) == "done    a.mp4: 472 frames, 1 face, 3 damaged, 9.9 s"


def test_one_frame_is_one_frame() -> None:
    one = Outcome(Path("a.png"), "done", Path("out/a.h5"), None, Counts(1, 0, 2, 2), 0.11)
    assert describe(one) == "done    a.png: 1 frame, 2 faces, 0.1 s"


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
    assert len(lines) == 4 and lines[0].endswith("a.mp4: 50 of about 200 frames, 3 frames/s, 1 face, 48 s left")
    assert lines[2].startswith(" [1/12] done") and lines[3] == "hm"


def test_json_reporter_writes_an_object_a_line() -> None:
    """The events and their keys are those of docs/progress.md."""
    stream, now = io.StringIO(), [0.0]
    reporter = JsonReporter(stream, clock=lambda: now[0])
    reporter.begin(3, {"version": "1.2", "options": {"window": 10}})
    reporter.step(job())
    reporter.step(job())
    reporter.ended(DONE)
    reporter.ended(Outcome(Path("b.mp4"), "failed", reason="is empty"))
    reporter.say("hm")
    now[0] = 9.5
    reporter.close(143)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["begin", "frames", "ended", "ended", "message", "end"]
    assert events[0] == {"event": "begin", "videos": 3, "version": "1.2", "options": {"window": 10}}
    assert (events[1]["frames"], events[1]["expected"], events[1]["faces"]) == (50, 200, 1)
    assert events[2]["source"] == "a.mp4" and events[2]["rows"] == 470
    totals = {"videos": 3, "done": 1, "partial": 0, "failed": 1, "skipped": 0, "not_begun": 1}
    assert events[-1] == {"event": "end", "totals": totals, "status": 143, "seconds": 9.5}
    page = (Path(__file__).parents[2] / "docs" / "progress.md").read_text("utf-8")
    for event in events:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{event['event']}` |")]
        assert all(f"`{key}`" in row for key in event if key != "event"), event


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


@pytest.mark.parametrize("width", [60, 80, 160])
def test_live_lines_tell_all_and_fit_the_terminal(width: int) -> None:
    """A line of the run and one a video: share, speed, faces, time left; a long name is cut, never a figure."""
    now = [0.0]
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, height=30)
    reporter = LiveReporter(console, clock=lambda: now[0])
    reporter.begin(4)
    now[0] = 10.0
    reporter.ended(DONE)  # 472 frames in 10 s
    reporter.step(job(path="short.mp4", seconds=2.0))
    reporter.step(job(path="a_very_long_name_of_a_recording_of_the_second_session_of_tuesday.mp4", seconds=2.0))
    stream.seek(0)
    stream.truncate()
    reporter._progress.refresh()
    reporter.close()
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()).splitlines()]
    assert max(map(len, lines)) <= width
    whole, first, second = (next(line for line in lines if line.startswith(name)) for name in ("1 of", "short", "a_ve"))
    assert "38 %" in whole and "57 frames/s" in whole and "17 s left" in whole  # 1.5 of 4 videos in 10 s
    for line in (first, second):
        assert all(words in line for words in ("25 %", "25 frames/s", "1 face", "6 s left"))
    assert ("…" in second) == (width < 160)


def test_live_lines_of_one_video_have_no_sum() -> None:
    """One video is its own run; videos that are skipped do not make the rest look fast."""
    stream = io.StringIO()
    now = [0.0]
    reporter = LiveReporter(Console(file=stream, force_terminal=True, width=80), clock=lambda: now[0])
    reporter.begin(1)
    reporter.step(job())
    reporter.close()
    assert "videos" not in stream.getvalue()
    stream = io.StringIO()
    reporter = LiveReporter(Console(file=stream, force_terminal=True, width=80), clock=lambda: now[0])
    reporter.begin(3)
    now[0] = 5.0
    reporter.ended(Outcome(Path("a.mp4"), "skipped", Path("out/a.h5"), None, Counts(472, 0, 1, 470)))
    reporter.close()
    assert "left" not in stream.getvalue() and "1 of 3 videos" in stream.getvalue()


def test_pace_without_a_known_length_tells_no_time_left() -> None:
    assert pace(job(expected=None)) == "50 frames, 2 frames/s, 1 face"
    assert "left" not in pace(job(frames=250))


@pytest.mark.parametrize(("seconds", "text"), [(4.2, "4 s"), (89, "89 s"), (150, "2 min"), (7500, "2 h 5 min")])
def test_duration_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class Closing(SilentReporter):
    """Can tell one thing, then its terminal is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def say(self, text: str) -> None:
        if self.told:
            raise OSError(errno.EIO, "Input/output error")
        self.told.append(text)


def test_events_are_passed_on_until_the_stream_is_gone() -> None:
    reporter = Closing()
    unfailing = UnfailingReporter(reporter)
    for text in ("one", "two", "three"):
        unfailing.say(text)
    unfailing.begin(1)
    unfailing.ended(DONE)
    unfailing.close()
    assert reporter.told == ["one"]


def test_run_whose_stderr_is_closed_does_its_work(tmp_path: Path) -> None:
    clip_of(tmp_path / "a.mkv", (ONE,), 21)
    main = Path(__file__).parents[1] / "support" / "annotating_main.py"
    call = [sys.executable, str(main), "annotate", str(tmp_path / "a.mkv"), "-o", str(tmp_path / "out"), "--progress"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(main.parent), str(main.parents[2])])}
    process = subprocess.Popen([*call, "plain"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.close()
    process.wait(timeout=120)
    assert redtrack.load(tmp_path / "out" / "a.h5").frames == 21

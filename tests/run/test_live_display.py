"""The live display on a real terminal: no line of a result is lost, however fast the results come."""

from __future__ import annotations

import re
import sys

import pytest
from pseudo_terminal import shown

SCRIPT = """
import sys, threading
from pathlib import Path
from types import SimpleNamespace
from redtrack.run.live_display import LiveReporter
from redtrack.run.outcome import Outcome
from redtrack.run.result import Counts
videos = int(sys.argv[1])
busy = threading.Thread(target=lambda: [sum(range(2000)) for _ in range(20_000)], daemon=True)
busy.start()
reporter = LiveReporter()
reporter.begin(videos)
reporter.preparing("loading the networks")
for number in range(videos):
    path = Path(f"video{number:05}.mp4")
    for frames in (10, 20):
        reporter.step(SimpleNamespace(path=path, frames=frames, expected_frames=30, seconds=0.1 * frames, faces=1))
    if number % 7 == 0:
        reporter.say(f"remark {number:05}")
    reporter.ended(Outcome(path, "done", Path("out"), None, Counts(30, 0, 1, 30), 3.0))
reporter.close()
"""


def screen(text: str) -> list[str]:
    """Returns the lines that are left on an endless screen: carriage returns, line feeds, cursor up, line erased."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
        if part == "\r":
            column = 0
        elif part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part.endswith("A") and part.startswith("\x1b"):
            row -= int(part[2:-1] or 1)
            assert row >= 0, "above the first line"
        elif part.endswith("K") and part.startswith("\x1b"):
            lines[row] = "" if part[2:-1] == "2" else lines[row][:column]
        elif not part.startswith("\x1b"):
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + len(part) :]
            column += len(part)
    return lines


@pytest.mark.parametrize("videos", [300, pytest.param(3000, marks=pytest.mark.slow)])
def test_no_line_is_lost_under_load(videos: int) -> None:
    """Every result and every remark is on the screen once at the end, and no line that changes is left there."""
    lines = screen(shown([sys.executable, "-c", SCRIPT, str(videos)]))
    done = [line for line in lines if line.startswith("done ")]
    assert [line.split()[1] for line in done] == [f"video{number:05}.mp4:" for number in range(videos)]
    remarks = [line for line in lines if line.startswith("remark")]
    assert [int(line.split()[1]) for line in remarks] == list(range(0, videos, 7))
    assert not [line for line in lines if "frames/s" in line or "loading" in line]


def test_something_is_shown_before_the_networks_are_there() -> None:
    """What is prepared is drawn at once, and not only when the first frames come."""
    script = SCRIPT.partition("for number")[0] + "\nimport os\nsys.stderr.flush()\nos._exit(0)\n"
    text = shown([sys.executable, "-c", script, "5"])
    assert "0 of 5 videos" in text and "loading the networks" in text

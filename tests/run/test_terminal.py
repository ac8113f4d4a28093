"""What the commands print fits the screen that they are shown on, and is whole where it goes to a file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import videos
from drawn_tracks import face, tracks_of
from pseudo_terminal import shown, surroundings

NAME = "a_recording_of_the_second_session_of_tuesday_with_a_long_name_of_its_own"
LONG = f"some/folder/{NAME}.h5"

COMMANDS = [
    ["info", LONG],
    ["info", "clip.mp4", "none.mp4"],
    ["review", LONG, "a.h5"],
    ["verify", "--quick", LONG, "a.h5"],
    ["evaluate", "a.h5", "b.csv", "truth.h5"],
    ["evaluate", "a.h5", *(f"{k}.h5" for k in range(8)), "truth.h5"],
    ["evaluate", LONG, "truth.h5", "--norm", "pupils", "--by-video"],
    ["convert", LONG, "clip.mp4", "--to", "csv", "-o", "out"],
    ["annotate", "none.mp4", "notes.txt", "-o", "out"],
    ["render", "clip.mp4", LONG, "-o", "out.mp4"],
    ["convert", "--help"],
]
"""Among them files that are missing, or of another kind, so that messages are long."""

SCRIPT = """
import sys
from redtrack.cli import cli
for command in {commands}:
    print("##", command[0], flush=True)
    try:
        cli.main(command, prog_name="redtrack")
    except SystemExit as end:
        sys.stdout.flush(), sys.stderr.flush()
        assert end.code in (0, 1), (command, end.code)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tracks, a clip, and a text that is no video."""
    root = tmp_path_factory.mktemp("terminal")
    (root / "some" / "folder").mkdir(parents=True)
    videos.clip(root / "clip.mp4", 3)
    (root / "notes.txt").write_text("hello")
    rng = np.random.default_rng(0)
    points = np.stack([face(100 + k, 60, 80) for k in range(60)])
    for name in (LONG, "a.h5", "b.csv", "truth.h5", *(f"{k}.h5" for k in range(8))):
        doubts = {"scores": rng.uniform(0.5, 1, (60, 68)), "disagreement": rng.gamma(1, 0.3, (60, 68))}
        about = {"source": f"/data/videos/{NAME}.mp4", "source_digest": "0123456789abcdef" * 4}
        tracks_of(points + rng.normal(0, 1, points.shape), info=about, **doubts).save(root / name)
    return root


def call() -> list[str]:
    return [sys.executable, "-c", SCRIPT.format(commands=COMMANDS)]


def screen(folder: Path, columns: int) -> list[str]:
    """Returns the lines that the commands write to a terminal of so many columns."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown(call(), columns, folder))
    assert "Traceback" not in text, text
    return re.split(r"[\r\n]+", text)


@pytest.mark.parametrize("columns", [80, 160])
def test_every_line_fits_the_terminal(folder: Path, columns: int) -> None:
    """No line is wider than the screen, so that the terminal breaks none, and all commands have spoken."""
    lines = screen(folder, columns)
    assert [line for line in lines if len(line) > columns] == []
    assert sum(line.startswith("##") for line in lines) == len(COMMANDS)
    assert any(line.startswith("mean error") for line in lines)
    assert "recording" in "".join(lines)  # a name that is folded is still there
    assert NAME in re.sub(r"\s", "", "".join(lines))


def test_a_file_gets_a_line_a_row(folder: Path) -> None:
    """Piped, nothing is folded or coloured: each video, span and message is one line with its whole path."""
    done = subprocess.run(call(), cwd=folder, env=surroundings(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("bad  ") and LONG in line]
    assert [line for line in done.stdout.splitlines() if "disagreement" in line and line.endswith(f"{NAME}.h5")]
    assert [line for line in done.stdout.splitlines() if "0.h5" in line and "7.h5" in line]
    assert "Error: clip.mp4: is a video, not tracks; run `redtrack annotate` on it first" in done.stderr

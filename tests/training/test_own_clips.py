"""The guide "Your own clips" of docs/training.md is run as printed, on drawn clips and with tiny settings."""

import re
import shlex
from pathlib import Path

import numpy as np
import videos
from click.testing import CliRunner
from drawn_tracks import face

from redtrack.cli import cli
from redtrack.formats.pts import write_points
from redtrack.training.landmarks import stages

DOCS = Path(__file__).parents[2] / "docs" / "training.md"
TINY = {"image": ["--batch", "2"], "video": ["--batch", "1", "--frames", "3"]}


def guide() -> list[list[str]]:
    """The commands of the guide's first block, as words."""
    part = DOCS.read_text(encoding="utf-8").partition("## Your own clips")[2]
    block = re.search(r"^```sh\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    assert block is not None
    return [shlex.split(line)[1:] for line in block.group(1).splitlines()]


def tiny(words: list[str]) -> list[str]:
    """The same command with one step in place of minutes."""
    if words[0] != "train":
        return words
    at = words.index("--minutes")
    return [*words[:at], *words[at + 2 :], "--steps", "1", *TINY[words[1]]]


def draw_clips(folder: Path, count: int = 5, frames: int = 6) -> None:
    """Clips whose labelled face drifts."""
    for k in range(count):
        annot = folder / f"clip{k}" / "annot"
        annot.mkdir(parents=True)
        videos.clip(folder / f"clip{k}" / "vid.mp4", frames)
        for frame in range(frames):
            write_points(face(30 + 2 * k + frame / 2, 20, 60), annot / f"{frame + 1:06d}.pts")


def test_the_guide_runs_and_says_the_error_before_and_after(tmp_path, monkeypatch):
    """From labelled clips over both stages to points of a video; one clip is held out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stages, "TRIALS", 1)
    draw_clips(tmp_path / "my_clips")
    videos.clip(tmp_path / "clip.mp4", 5)
    said = []
    for words in guide():
        done = CliRunner().invoke(cli, tiny(words))
        assert done.exit_code == 0, (done.output, done.exception)
        said.append(done.stderr)
    for stage in said[:2]:
        assert "held out: 6 faces" in stage and "read: 24 faces" in stage
    errors = re.search(r"error after: ([\d.]+) % of the eye distance; before ([\d.]+)", said[0])
    assert errors and np.isfinite([float(x) for x in errors.groups()]).all()
    assert "occluded error" in said[1] and "4 clips and 1 held out" in said[1]
    assert (tmp_path / "out" / "clip.h5").stat().st_size > 0

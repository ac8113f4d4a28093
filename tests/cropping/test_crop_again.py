"""`redtrack crop` over what earlier runs, stopped runs, other runs and other people have left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cropping_command import crop, record
from filmed_faces import filmed

import redtrack
from redtrack.cropping import save
from redtrack.cropping.crops import Crop, crops_along
from redtrack.cropping.plan import CropPlan
from redtrack.cropping.save import CropOptions
from redtrack.errors import VideoError
from redtrack.run.inline import Inline
from redtrack.run.outcome import PARTIAL
from redtrack.run.plan import make_tasks
from redtrack.run.progress import SilentReporter
from redtrack.run.run import Run
from redtrack.video import Video


def test_the_same_command_does_only_what_is_missing(film: Path, tmp_path: Path) -> None:
    """Skipped where all is there; done again with other options, other tracks, without a file, or when told to."""
    arguments = (film, tmp_path / "tracks" / "film.h5", "-o", tmp_path / "out")
    clip = tmp_path / "out" / "film.openface.face0.mp4"
    assert " done" in crop(*arguments).stdout
    assert "1 skipped" in crop(*arguments).stdout
    assert "1 done" in crop(*arguments, "--overwrite").stdout
    assert "1 done" in crop(*arguments, "--size", 96).stdout and Video(clip).info.width == 96
    clip.unlink()
    assert "1 done" in crop(*arguments, "--size", 96).stdout and clip.exists()
    tracks = redtrack.load(tmp_path / "tracks" / "film.h5")
    replace(tracks, points=tracks.points + 1).save(tmp_path / "tracks" / "film.h5")
    assert "1 done" in crop(*arguments, "--size", 96).stdout


def test_crops_of_another_video_of_the_same_name_are_left(film: Path, tmp_path: Path) -> None:
    """They keep their name, the second video's get one of their own, and both are found again."""
    (tmp_path / "more").mkdir()
    filmed(tmp_path / "more" / "film.mp4", 5).save(tmp_path / "more.h5")
    for state in ("done", "skipped"):
        for video, tracks in ((film, tmp_path / "tracks"), (tmp_path / "more" / "film.mp4", tmp_path / "more.h5")):
            assert f"1 {state}" in crop(video, tracks, "-o", tmp_path / "out", "--format", "npy").stdout
    assert len(np.load(tmp_path / "out" / "film.openface.face0.npy")) == 12
    assert len(list((tmp_path / "out").glob("*.npy"))) == 2


def test_runs_at_once_over_videos_of_one_name_lose_nothing(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is at work, another video of that name gets a name of its own, and the same video is left to it."""
    (tmp_path / "more").mkdir()
    filmed(tmp_path / "more" / "film.mp4", 5).save(tmp_path / "more.h5")
    arguments = (film, tmp_path / "tracks", "-o", tmp_path / "out", "--format", "npy")
    more = (tmp_path / "more" / "film.mp4", tmp_path / "more.h5", *arguments[2:])
    told: list[str] = []

    def interrupted(*how: Any) -> Iterator[Crop]:
        monkeypatch.undo()
        told.extend(crop(*each).stdout for each in (more, arguments))
        yield from crops_along(*how)

    monkeypatch.setattr(save, "crops_along", interrupted)
    assert "1 done" in crop(*arguments).stdout
    assert "1 done" in told[0] and "another process is at work on it" in told[1]
    assert len(np.load(tmp_path / "out" / "film.openface.face0.npy")) == 12
    assert sorted(len(np.load(path)) for path in (tmp_path / "out").glob("*.npy")) == [5, 12]
    assert all("1 skipped" in crop(*each).stdout for each in (more, arguments))


@pytest.mark.parametrize(
    ("name", "told"),
    [("film.openface.face0.mp4", "no crop that redtrack recorded"), ("film.openface.json", "no record of crops")],
)
def test_what_redtrack_did_not_write_is_not_replaced(film: Path, tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    assert told in crop(film, tmp_path / "tracks" / "film.h5", "-o", tmp_path / "out", status=1).stdout
    assert (tmp_path / "out" / name).read_text() == "mine"


@pytest.mark.parametrize("format", ["mp4", "png", "npy"])
def test_a_stop_leaves_nothing_half_done(film: Path, tmp_path: Path, format: str) -> None:
    """The video is partial, the next is not begun, and the same command does both."""
    (tmp_path / "out").mkdir()
    asked: list[int] = []

    def stopping() -> bool:
        asked.append(1)
        return len(asked) > 5

    plan = CropPlan(tmp_path / "tracks", tmp_path / "out", CropOptions(format=format))
    run = Run(make_tasks([film, tmp_path / "next.mp4"]), plan, SilentReporter(), stopping=stopping)
    run.run(Inline(plan, SilentReporter()))
    assert [outcome.state for outcome in run.outcomes] == [PARTIAL] and run.not_begun == 1 and not run.is_good
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["run.jsonl"]


SIGNALLED = """
import os, sys
from redtrack.cli import main
from redtrack.cropping import save

def signalled(*how, whole=save.crops_along, number=int(sys.argv.pop(1))):
    for count, crop in enumerate(whole(*how)):
        if count == 10:
            os.kill(os.getpid(), number)
        yield crop

save.crops_along = signalled
main()
"""


@pytest.mark.parametrize(
    ("number", "format"),
    [(signal.SIGINT, "mp4"), (signal.SIGKILL, "mp4"), (signal.SIGKILL, "png"), (signal.SIGKILL, "npy")],
)
def test_the_same_command_goes_well_after_one_that_was_ended_between_two_faces(
    film: Path, pair: Path, tmp_path: Path, number: signal.Signals, format: str
) -> None:
    """One face's file is finished when the signal comes; the next run makes both, and leaves nothing else there."""
    arguments = ["crop", str(film), str(pair), "-o", str(tmp_path / "out"), "--format", format]
    environment = os.environ | {"PYTHONPATH": str(Path(redtrack.__file__).parents[1])}
    command = [sys.executable, "-c", SIGNALLED, str(int(number)), *arguments]
    ended = subprocess.run(command, env=environment, timeout=300, check=False)
    assert ended.returncode == (130 if number == signal.SIGINT else -number)
    if number == signal.SIGINT:
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["run.jsonl"]
    assert "1 done" in crop(*arguments[1:]).stdout
    clips = record(tmp_path / "out", "film.openface")["clips"]
    assert sorted(len(clip["frames"]) for clip in clips) == [4, 12]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {*(clip["file"] for clip in clips), "film.openface.json", "run.jsonl"}


def test_a_failure_over_earlier_crops_makes_them_undone(
    film: Path, pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier command makes its crops again, although the failure came when others stood in place of some."""

    def broken(*how: Any) -> Iterator[Crop]:
        yield from list(crops_along(*how))[:10]
        raise VideoError("is torn", film)

    arguments = (film, pair, "-o", tmp_path / "out")
    crop(*arguments)
    with monkeypatch.context() as patch:
        patch.setattr(save, "crops_along", broken)
        assert "is torn" in crop(*arguments, "--size", 96, status=1).stdout
    assert "1 done" in crop(*arguments).stdout
    assert {Video(path).info.width for path in (tmp_path / "out").glob("*.mp4")} == {112}

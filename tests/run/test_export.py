"""An export is of the result that lies beside it, whatever clocks say and whenever a run was killed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from annotating import ONE, clip_of
from running import run

import redtrack
from redtrack.formats import pts
from redtrack.run.export import export_path

FORMATS = ("csv", "pts")


class Killed(BaseException):
    """Takes the place of SIGKILL."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip_of(tmp_path_factory.mktemp("clips") / "a.mkv", (ONE,), 21)


def frames(out: Path) -> list[int]:
    """Rows of the native result, the CSV and the folder of .pts files."""
    return [len(redtrack.load(out / name)) for name in ("a.h5", "a.csv", "a")]


@pytest.mark.parametrize("hours", [1, -1])
def test_clock_that_jumped_does_not_keep_an_old_export(clip: Path, tmp_path: Path, hours: int) -> None:
    """Exports whose times lie an hour ahead of those of a later result are written again."""
    run([clip], tmp_path, formats=FORMATS)
    then = time.time() + 3600 * hours
    for path in (tmp_path / "a.csv", tmp_path / "a", tmp_path / "a" / "annot.json"):
        os.utime(path, (then, then))
    run([clip], tmp_path, formats=FORMATS, end=0.5)
    assert frames(tmp_path) == [frames(tmp_path)[0]] * 3 and frames(tmp_path)[0] < 21
    run([clip], tmp_path, end=0.2)  # without the exports, which are told to be old by the next run that wants them
    run([clip], tmp_path, formats=FORMATS, end=0.2)
    assert frames(tmp_path) == [frames(tmp_path)[0]] * 3


def test_export_of_a_result_that_is_skipped_is_left_alone(clip: Path, tmp_path: Path) -> None:
    run([clip], tmp_path, formats=FORMATS)
    before = [path.stat().st_ino for path in (tmp_path / "a.csv", tmp_path / "a" / "annot")]
    assert run([clip], tmp_path, formats=FORMATS)["a.mkv"].state == "skipped"
    assert before == [path.stat().st_ino for path in (tmp_path / "a.csv", tmp_path / "a" / "annot")]


@pytest.mark.parametrize("renames", range(5))
def test_kill_while_points_are_replaced_leaves_nothing_stale(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    """Wherever it comes, the next run with the same options has the new points, and no temporary folder is left."""
    run([clip], tmp_path, formats=FORMATS)
    replace, done = os.replace, [0]

    def killing(source: Any, target: Any) -> None:
        if "a.part" in str(source) + str(target):
            if done[0] == renames:
                raise Killed
            done[0] += 1
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(pts.os, "replace", killing)
        patch.setattr(pts.shutil, "rmtree", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            run([clip], tmp_path, formats=FORMATS, end=0.5)
    assert (tmp_path / "a.part").exists()
    for lock in tmp_path.glob(".*.lock"):
        lock.unlink()
    run([clip], tmp_path, formats=FORMATS, end=0.5)
    assert frames(tmp_path) == [frames(tmp_path)[0]] * 3 and frames(tmp_path)[0] < 21
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", "a.csv", "a", "run.jsonl"}


def test_folder_of_ones_own_is_not_taken_for_a_temporary_one(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "a.part").mkdir()
    (tmp_path / "a.part" / "thesis.txt").write_text("precious")
    outcome = run([clip], tmp_path, formats=FORMATS)["a.mkv"]
    assert outcome.state == "failed" and "in the way" in (outcome.reason or "")
    assert (tmp_path / "a.part" / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize("name", ["a.csv.part", "a.part", "a", "a.csv"])
def test_link_in_the_output_folder_is_not_written_through(clip: Path, tmp_path: Path, name: str) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "file").write_text("precious")
    out.mkdir()
    (out / name).symlink_to(tmp_path / "file" if "csv" in name else elsewhere)
    run([clip], out, formats=FORMATS)
    assert (tmp_path / "file").read_text() == "precious" and not list(elsewhere.iterdir())


@pytest.mark.parametrize("name", ["a.h5.part", "a.h5", "a.csv.part", "a.part", "run.jsonl", ".a.h5.lock"])
def test_pipe_in_the_output_folder_does_not_hold_up_the_run(clip: Path, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    assert run([clip], tmp_path, formats=FORMATS)["a.mkv"].state in ("done", "failed")


STEMS = ["clip.part.mp4", "clip.mp4", "clip.h5.mp4", "clip.csv.mp4", "clip.mkv", "clip"]


def test_results_of_stems_with_endings_do_not_collide(clip: Path, tmp_path: Path) -> None:
    """Not even where the output folder is the videos' own; the same command again has nothing to do."""
    for number, name in enumerate(STEMS):
        (tmp_path / name).write_bytes(clip.read_bytes() + bytes(number))
    videos = [tmp_path / name for name in STEMS]
    outcomes = run(videos, tmp_path, formats=FORMATS)
    assert {name: outcome.state for name, outcome in outcomes.items()} == dict.fromkeys(STEMS, "done")
    for outcome in outcomes.values():
        assert outcome.output is not None and outcome.source.is_file()
        for path in (outcome.output, *(export_path(outcome.output, name) for name in FORMATS)):
            assert len(redtrack.load(path)) == 21, path
    assert {outcome.state for outcome in run(videos, tmp_path, formats=FORMATS).values()} == {"skipped"}


def test_export_of_an_earlier_result_that_is_not_written_again_is_told(clip: Path, tmp_path: Path) -> None:
    """Once the result is made anew, and when it is skipped; a table of somebody else is none of it."""
    (tmp_path / "b.csv").write_text("time,what is said\n")
    run([clip], tmp_path, formats=FORMATS)
    for _ in range(2):
        outcome = run([clip], tmp_path, formats=("pts",), end=0.5)["a.mkv"]
        assert outcome.good and outcome.reason == "a.csv is of an earlier result; give --format csv"
    assert run([clip], tmp_path, formats=FORMATS, end=0.5)["a.mkv"].reason is None
    twin = clip_of(tmp_path / "b.mkv", (ONE,), 12)
    assert run([twin], tmp_path)["b.mkv"].reason is None

"""What lies in the output folder already is resumed, replaced or left alone, as it should be."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from annotating import square_models
from run_folders import files, states
from running import run

import redtrack
from redtrack.run.lock import Lock


def test_links_in_the_output_folder_are_not_written_through(clips: Path, out: Path, tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5.part", "run.jsonl"):
        (tmp_path / f"mine-{name}").write_text("precious")
        os.symlink(tmp_path / f"mine-{name}", out / name)
    outcomes = run([clips], out)
    assert {path.read_text() for path in tmp_path.glob("mine-*")} == {"precious"}
    assert states(outcomes) == {"a.mkv": "done", "b.mkv": "failed"} and not (out / "a.h5").is_symlink()


def test_further_formats_lie_beside_and_are_made_from_what_is_done(clips: Path, out: Path) -> None:
    run([clips / "b.mkv"], out)
    models = square_models()
    assert states(run([clips / "b.mkv"], out, models, formats=("csv", "pts"))) == {"b.mkv": "skipped"}
    assert models.calls == [] and files(out) == {"b.h5", "b.csv", "b", "run.jsonl"}
    native, text = redtrack.load(out / "b.h5"), redtrack.load(out / "b.csv")
    assert np.abs(native.points - text.points).max() < 0.001
    assert (out / "b" / "annot" / "000001.pts").exists()


def test_further_format_that_is_older_than_its_result_is_written_again(clips: Path, out: Path) -> None:
    run([clips / "a.mkv"], out, formats=("csv",))
    old = (out / "a.csv").read_text()
    run([clips / "a.mkv"], out, start=1.0)
    assert (out / "a.csv").read_text() == old
    run([clips / "a.mkv"], out, start=1.0, formats=("csv",))
    assert (out / "a.csv").read_text() != old


def test_two_videos_of_one_stem_have_two_results(clips: Path, out: Path, tmp_path: Path) -> None:
    for name, source in (("x", "a.mkv"), ("y", "b.mkv")):
        (tmp_path / name).mkdir()
        shutil.copy(clips / source, tmp_path / name / "vid.mkv")
    run([tmp_path / "x", tmp_path / "y"], out)
    assert redtrack.load(out / "x-vid.h5").frames == 57 and redtrack.load(out / "y-vid.h5").frames == 33


def test_result_of_another_run_with_the_same_stem_is_not_replaced(clips: Path, out: Path, tmp_path: Path) -> None:
    for name, source in (("x", "a.mkv"), ("y", "b.mkv")):
        (tmp_path / name).mkdir()
        shutil.copy(clips / source, tmp_path / name / "vid.mkv")
        run([tmp_path / name], out)
    assert redtrack.load(out / "vid.h5").frames == 57
    (other,) = files(out) - {"vid.h5", "run.jsonl"}
    assert redtrack.load(out / other).frames == 33
    models = square_models()
    run([tmp_path / "x", tmp_path / "y"], out, models)
    assert models.calls == [], "the same names in every later run, together or alone"


def test_video_that_was_moved_keeps_its_result(clips: Path, out: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old" / "a.mkv", tmp_path / "new" / "a.mkv"
    old.parent.mkdir()
    new.parent.mkdir()
    shutil.copy(clips / "a.mkv", old)
    run([old], out)
    old.rename(new)
    assert states(run([new], out)) == {"a.mkv": "skipped"}


def test_video_that_another_process_works_on_is_left_to_it(clips: Path, out: Path) -> None:
    with Lock(out / "a.h5") as lock:
        lock.take()
        outcomes = run([clips], out)
    assert states(outcomes) == {"a.mkv": "skipped", "b.mkv": "done"}
    assert "another process" in (outcomes["a.mkv"].reason or "")


def test_foreign_file_in_the_way_is_not_replaced_unless_told(clips: Path, out: Path) -> None:
    import h5py

    with h5py.File(out / "a.h5", "w") as file:
        file["thesis"] = [1, 2, 3]
    outcome = run([clips / "a.mkv"], out)["a.mkv"]
    assert outcome.state == "failed" and "not one of redtrack's" in (outcome.reason or "")
    assert states(run([clips / "a.mkv"], out, overwrite=True)) == {"a.mkv": "done"}


def test_foreign_table_in_the_way_is_not_replaced_unless_told(clips: Path, out: Path) -> None:
    (out / "a.csv").write_text("time,what is said\n0.5,hello\n")
    os.utime(out / "a.csv", (0, 0))
    outcome = run([clips / "a.mkv"], out, formats=("csv",))["a.mkv"]
    assert outcome.state == "failed" and "did not write" in (outcome.reason or "")
    assert "hello" in (out / "a.csv").read_text()
    assert states(run([clips / "a.mkv"], out, formats=("csv",), overwrite=True)) == {"a.mkv": "done"}


@pytest.mark.parametrize(
    "name", ["-o.mkv", "a b.mkv", "new\nline.mkv", "näme.mkv", "...mkv", "%s.mkv", os.fsdecode(b"\xff.mkv")]
)
def test_any_file_name_gives_a_result_inside_the_folder(clips: Path, out: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(clips / "b.mkv", tmp_path / "in" / name)
    outcome = run([tmp_path / "in" / name], out, formats=("csv", "pts"))[name]
    assert outcome.state == "done", outcome.reason
    assert outcome.output is not None and outcome.output.parent == out and len(files(out)) == 4
    assert redtrack.load(outcome.output).frames == 33

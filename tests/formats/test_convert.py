"""`redtrack convert`: any format to any other, file by file."""

import csv
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result
from drawn_tracks import face, tracks_of
from random_tracks import random_tracks

import redtrack
from redtrack import formats
from redtrack.cli import cli
from redtrack.formats.pts import write_points
from redtrack.measures import measures
from redtrack.pose import openface_pose
from redtrack.run.export import Where, export
from redtrack.tracks import Tracks


@pytest.fixture
def tracks() -> Tracks:
    return random_tracks()


def convert(*arguments: object, status: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["convert", *map(str, arguments)])
    assert done.exit_code == status, (done.output, done.exception)
    return done


@pytest.mark.parametrize("format", ["csv", "pts", "sleap", "deeplabcut", "coco"])
def test_there_and_back_again(tracks: Tracks, tmp_path: Path, format: str) -> None:
    tracks.save(tmp_path / "clip.h5")
    first = convert(tmp_path / "clip.h5", "--to", format, "-o", tmp_path / "there").stdout.strip()
    second = convert(first, "--to", "hdf5", "-o", tmp_path / "back").stdout.strip()
    assert Path(second) == tmp_path / "back" / "clip.h5"
    back = redtrack.load(second)
    assert np.abs(back.points - tracks.points).max() <= 0.001
    assert np.array_equal(back.frame, tracks.frame) and np.array_equal(back.face, tracks.face)


def test_origin_of_pixels_is_an_option(tracks: Tracks, tmp_path: Path) -> None:
    tracks.save(tmp_path / "clip.h5")
    for origin in ("0", "1"):
        convert(tmp_path / "clip.h5", "--to", "pts", "-o", tmp_path / origin, "--pts-origin", origin)
    zero, one = (next((tmp_path / o / "clip").glob("annot*/*.pts")).read_text().split() for o in ("0", "1"))
    assert float(one[5]) - float(zero[5]) == pytest.approx(1, abs=0.002)


def test_origin_of_points_that_are_read(tmp_path: Path) -> None:
    """Other tools' .pts files count from 1 unless the option says 0; our own say it themselves."""
    write_points(face(), tmp_path / "theirs.pts", origin=0)
    found = {}
    for origin in ("0", "1"):
        arguments = (tmp_path / "theirs.pts", "--to", "csv", "-o", tmp_path / origin, "--pts-origin", origin)
        found[origin] = redtrack.load(convert(*arguments).stdout.strip()).points[0]
    assert np.abs(found["0"] - face()).max() < 0.001 and np.abs(found["1"] + 1 - face()).max() < 0.001
    tracks_of(face()[None]).save(tmp_path / "own", "pts", origin=0)
    own = redtrack.load(convert(tmp_path / "own", "--to", "hdf5", "-o", tmp_path / "back").stdout.strip())
    assert np.abs(own.points[0] - face()).max() < 0.001


def test_measures_and_pose_are_columns(tracks: Tracks, tmp_path: Path) -> None:
    """`--with` adds the measures of `redtrack plot` and OpenFace's pose to CSV, and is refused for other formats."""
    tracks.save(tmp_path / "clip.h5")
    result = convert(tmp_path / "clip.h5", "--to", "csv", "--with", "measures", "--with", "pose", "-o", tmp_path / "o")
    with open(result.stdout.strip(), newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["success"] == "1"]
    for name, values in measures(tracks.points).items():
        found = [float(line[name] or "nan") for line in lines]
        assert np.allclose(found, values, rtol=0, atol=1e-3, equal_nan=True), name
    found = [float(line["pose_Rx"] or "nan") for line in lines]
    assert np.allclose(openface_pose(tracks.points)[:, 0], found, rtol=0, atol=1e-3, equal_nan=True)
    for option in ("measures", "pose"):
        refused = convert(tmp_path / "clip.h5", "--to", "pts", "--with", option, "-o", tmp_path / "p", status=2)
        assert f"--with {option} is for --to csv" in refused.stderr
    assert not (tmp_path / "p").exists()


def test_folder_of_points_is_named_for_its_video(tracks: Tracks, tmp_path: Path) -> None:
    tracks.save(tmp_path / "001", "pts")
    assert convert(tmp_path / "001" / "annot", "--to", "csv", "-o", tmp_path / "out").stdout.strip().endswith("001.csv")


def test_folder_of_points_keeps_what_follows_a_dot_in_its_name(
    tracks: Tracks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the videos anna.01 and anna.02 do not replace each other; `..` is the folder that it stands for."""
    for name in ("anna.01", "anna.02"):
        tracks.save(tmp_path / name, "pts")
        convert(tmp_path / name, "--to", "csv", "-o", tmp_path / "out")
    monkeypatch.chdir(tmp_path / "anna.01" / "annot")
    convert("..", "--to", "coco", "-o", tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"anna.01.csv", "anna.02.csv", "anna.01.coco.json"}


def test_bad_file_is_named_and_the_others_are_done(tracks: Tracks, tmp_path: Path) -> None:
    tracks.save(tmp_path / "clip.h5")
    (tmp_path / "bad.h5").write_bytes(b"nothing")
    done = convert(tmp_path / "bad.h5", tmp_path / "clip.h5", "--to", "csv", "-o", tmp_path / "out", status=1)
    assert done.stderr.startswith("Error: ") and "bad.h5" in done.stderr
    assert done.stdout == f"{tmp_path / 'out' / 'clip.csv'}\n"


def test_two_files_of_one_stem_have_two_results(tracks: Tracks, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        tracks.save(tmp_path / name / "clip.h5")
    done = convert(tmp_path / "a" / "clip.h5", tmp_path / "b" / "clip.h5", "--to", "csv", "-o", tmp_path / "out")
    assert [Path(line).name for line in done.stdout.splitlines()] == ["a-clip.csv", "b-clip.csv"]


def test_file_is_not_written_over_itself(tracks: Tracks, tmp_path: Path) -> None:
    tracks.save(tmp_path / "clip.h5")
    done = convert(tmp_path / "clip.h5", "--to", "hdf5", "-o", tmp_path, status=1)
    assert "over itself" in done.stderr and redtrack.load(tmp_path / "clip.h5").same_as(tracks)


def test_what_annotate_wrote_is_not_replaced_by_a_format_that_holds_less(tracks: Tracks, tmp_path: Path) -> None:
    made = replace(tracks, info={"source": "clip.mp4", "source_digest": "1"})
    made.save(tmp_path / "clip.h5")
    lesser = convert(tmp_path / "clip.h5", "--to", "csv", "-o", tmp_path).stdout.strip()
    done = convert(lesser, "--to", "hdf5", "-o", tmp_path, status=1)
    assert "csv cannot hold" in done.stderr and redtrack.load(tmp_path / "clip.h5").same_as(made)


@pytest.mark.parametrize("format", ["csv", "pts"])
def test_an_export_of_annotate_is_not_replaced(tracks: Tracks, tmp_path: Path, format: str) -> None:
    """It may have other columns, and the next run would write it anew; what convert wrote itself is replaced."""
    tracks.save(tmp_path / "clip.h5")
    export(tmp_path / "clip.h5", Where(tmp_path, [format]))
    done = convert(tmp_path / "clip.h5", "--to", format, "-o", tmp_path, status=1)
    assert "is what annotate wrote of clip.h5" in done.stderr and "choose another -o" in done.stderr
    for _ in range(2):
        convert(tmp_path / "clip.h5", "--to", format, "-o", tmp_path / "mine")


def test_another_programs_hdf5_is_not_replaced(tracks: Tracks, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    tracks.save(tmp_path / "there" / "clip.h5")
    with h5py.File(tmp_path / "clip.h5", "w") as file:
        file["theirs"] = 1
    convert(tmp_path / "there" / "clip.h5", "--to", "hdf5", "-o", tmp_path, status=1)
    with h5py.File(tmp_path / "clip.h5") as file:
        assert list(file) == ["theirs"]


def test_unknown_format_is_wrong_usage(tmp_path: Path) -> None:
    assert "gif" in convert("a.h5", "--to", "gif", "-o", tmp_path, status=2).stderr


def test_what_is_lacking_is_told(tmp_path: Path) -> None:
    """Faces that lack points are counted, missing times and sizes named; --fps gives times."""
    points = np.ones((2, 68, 2))
    points[1, 5] = np.nan
    tracks = Tracks.from_rows([0, 1], [0, 0], points, [0, 1], info={"times_known": False})
    tracks.save(tmp_path / "a.h5")
    done = CliRunner().invoke(cli, ["convert", str(tmp_path / "a.h5"), "--to", "coco", "-o", str(tmp_path / "o")])
    assert done.exit_code == 0
    for words in ("1 of 2 faces lack points", "holds no times: give --fps", "does not tell the size of its pictures"):
        assert words in done.stderr
    done = CliRunner().invoke(
        cli, ["convert", str(tmp_path / "a.h5"), "--to", "csv", "--fps", "25", "-o", str(tmp_path / "o")]
    )
    assert "times" not in done.stderr and formats.read(tmp_path / "o/a.csv").times.tolist() == [0, 0.04]


def test_many_videos_are_one_table(tmp_path: Path) -> None:
    """A name that ends in .parquet takes all files, less those that cannot be read."""
    pytest.importorskip("pyarrow")
    from redtrack.formats.parquet import read_parquet

    for folder, seed in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        random_tracks(frames=5, seed=seed).save(tmp_path / folder / "clip.h5")
    (tmp_path / "bad.h5").write_text("junk")
    files = [str(tmp_path / name) for name in ("a/clip.h5", "bad.h5", "b/clip.h5")]
    out = tmp_path / "run.parquet"
    done = CliRunner().invoke(cli, ["convert", *files, "--to", "parquet", "-o", str(out)])
    assert done.exit_code == 1 and "bad.h5" in done.stderr and str(out) in done.stdout
    names = ["a-clip", "b-clip"]
    assert all(len(read_parquet(out, video=name)) for name in names), done.output

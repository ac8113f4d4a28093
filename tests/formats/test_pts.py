"""300-VW `.pts`: pixels from 1, one file a face a frame, read however it was written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from random_tracks import random_tracks

from redtrack.errors import FormatError, OutputError
from redtrack.formats.pts import read_points, read_pts, write_points, write_pts
from redtrack.tracks import Tracks

POINTS = np.random.default_rng(0).normal(200, 90, (68, 2)).round(3)


def as_menpo_writes(points: np.ndarray) -> str:
    """Returns the text that menpo's exporter makes of points counted from 0: it adds 1."""
    lines = "\n".join(f"{x + 1} {y + 1}" for x, y in points)
    return f"version: 1\nn_points: {len(points)}\n{{\n{lines}\n}}"


def as_menpo_reads(path: Path) -> np.ndarray:
    """Returns the points (n, 2) that menpo's importer takes from a file: the first two words of each line, less 1.

    Its lines end where a brace is the first word; an empty line is an error to it.
    """
    lines = iter([line.split() for line in path.read_text().split("\n")[:-1]])
    while next(lines)[0] != "{":
        pass
    return np.array([[float(words[0]), float(words[1])] for words in lines if words[0] != "}"]) - 1


def test_menpo_reads_what_we_write(tmp_path: Path) -> None:
    """By menpo's rule our file holds our points, with the origin that is the default and with no other."""
    write_points(POINTS, tmp_path / "a.pts")
    assert np.abs(as_menpo_reads(tmp_path / "a.pts") - POINTS).max() < 1e-9
    write_points(POINTS, tmp_path / "b.pts", origin=0)
    assert np.abs(as_menpo_reads(tmp_path / "b.pts") - POINTS + 1).max() < 1e-9


def test_round_trip(tmp_path: Path) -> None:
    """Points come back within 0.001 px; frames, ids and times as they were, also of frames without a face."""
    tracks = random_tracks(frames=30, seen=0.4)
    write_pts(tracks, tmp_path / "x")
    back = read_pts(tmp_path / "x")
    assert np.abs(back.points - tracks.points).max() < 0.001
    assert np.abs(back.times - tracks.times).max() < 1e-6
    assert (back.frame == tracks.frame).all() and (back.face == tracks.face).all()
    assert np.isnan(back.scores).all()


def test_layout_is_300_vws(tmp_path: Path) -> None:
    """The first frame is 000001.pts of `annot`; further faces lie beside it, and no file means no face."""
    points = np.stack([POINTS, POINTS + 1])
    write_pts(Tracks.from_rows([0, 2], [0, 11], points, [0, 0.04, 0.08]), tmp_path / "x")
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["x/annot.json", "x/annot/000001.pts", "x/annot_face11/000003.pts"]
    first, second, third, *rest = (tmp_path / "x/annot/000001.pts").read_text().splitlines()
    assert (first, second, third, rest[-1], len(rest)) == ("version: 1", "n_points: 68", "{", "}", 69)
    assert [float(value) for value in rest[0].split()] == pytest.approx(POINTS[0] + 1, abs=1e-9)


def test_pixels_count_from_one(tmp_path: Path) -> None:
    """A file as menpo writes it reads one pixel less than its numbers, unless told that it counts from 0."""
    path = tmp_path / "a.pts"
    path.write_text(as_menpo_writes(POINTS))
    assert np.abs(read_points(path) - POINTS).max() < 1e-4
    assert np.abs(read_points(path, origin=0) - POINTS - 1).max() < 1e-4


@pytest.mark.parametrize("origin", [0, 1])
def test_origin_is_recorded(tmp_path: Path, origin: int) -> None:
    """A folder says what its pixels count from, and is read by that; what it says can be overruled."""
    tracks = Tracks.from_rows([0], [0], POINTS[None], [0])
    write_pts(tracks, tmp_path / "x", origin=origin)
    assert np.abs(read_points(tmp_path / "x/annot/000001.pts", origin) - POINTS).max() < 1e-4
    assert np.abs(read_pts(tmp_path / "x").points - POINTS).max() < 1e-3
    assert np.abs(read_pts(tmp_path / "x/annot").points - POINTS).max() < 1e-3
    assert np.abs(read_pts(tmp_path / "x", origin=1 - origin).points - POINTS).max() > 0.9
    assert read_pts(tmp_path / "x").info == {"pts_origin": origin}


BODY = "".join(f"{x:.6f} {y:.6f}  \n" for x, y in POINTS + 1)


@pytest.mark.parametrize(
    "text",
    [
        f"version: 1\nn_points:  68\n{{\n{BODY}}}\n",
        f"version: 1.0\nn_points: 68 \n{{ \n{BODY}}}",
        f"version: 1\r\nn_points: 68\r\n{{\r\n{BODY}}}\r\n".replace(" \n", " \r\n"),
        f"n_points:68\n{{\n{BODY}}}\n\n\n",
        f"{{\n{BODY}}}",
        BODY,
        BODY.replace(" ", " , ", 1).strip(),
        BODY.replace("  \n", "\n").replace(" ", " , "),
        f"\ufeffversion: 1\nn_points: 68\n{{\n{BODY}}}\n",
    ],
)
def test_any_spelling_is_read(tmp_path: Path, text: str) -> None:
    """Two spaces, 1.0, carriage returns, trailing blanks, six decimals, no final newline, commas, no header."""
    path = tmp_path / "a.pts"
    path.write_bytes(text.encode())
    assert np.abs(read_points(path) - POINTS).max() < 1e-4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"version: 1\nn_points: 69\n{{\n{BODY}}}", "cut off: it holds 68 points"),
        (f"version: 1\nn_points: 68\n{{\n{BODY}", "cut off"),
        ("n_points: 68\n{\n}", "pairs of finite numbers"),
        ("", "pairs of finite numbers"),
        ("1 2 3", "pairs of finite numbers"),
        ("1 nan", "pairs of finite numbers"),
        ("1 inf", "pairs of finite numbers"),
        ("1 1e30", "pairs of finite numbers"),
        ("version: 1\nn_points: 1\n{\none two\n}", "words where points should be"),
        ("\0\0", "words where"),
    ],
)
def test_spoiled_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """Cut off, empty, odd, infinite or worded: one sentence that names the file."""
    path = tmp_path / "a.pts"
    path.write_text(text)
    with pytest.raises(FormatError, match=f"a.pts: .*{words}"):
        read_points(path)


def test_large_file_is_refused_unread(tmp_path: Path) -> None:
    """A gigabyte under the name of a few points is not read."""
    with open(tmp_path / "a.pts", "wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(FormatError, match="too large"):
        read_points(tmp_path / "a.pts")


def test_pipe_is_refused(tmp_path: Path) -> None:
    """A named pipe would wait for ever; it is not opened."""
    os.mkfifo(tmp_path / "a.pts")
    with pytest.raises(FormatError, match="not a file"):
        read_points(tmp_path / "a.pts")


def test_foreign_folder(tmp_path: Path) -> None:
    """Somebody else's numbered files, other names among them, are frames of one face, one a second."""
    folder = tmp_path / "001" / "annot"
    folder.mkdir(parents=True)
    for number in (2, 5):
        write_points(POINTS, folder / f"{number:06d}.pts")
    (folder / "notes.txt").touch()
    for path in (folder, folder.parent):
        back = read_pts(path)
        assert back.frame.tolist() == [1, 4] and back.frames == 5 and back.faces == [0]
        assert back.info == {"times_known": False, "pts_origin": 1}


def test_single_file_is_a_video_of_one_frame(tmp_path: Path) -> None:
    """One `.pts` file reads as tracks."""
    write_points(POINTS, tmp_path / "face.pts")
    back = read_pts(tmp_path / "face.pts")
    assert (back.frames, back.faces) == (1, [0]) and np.abs(back.points[0] - POINTS).max() < 1e-3


def test_folders_that_are_refused(tmp_path: Path) -> None:
    """No points, the wrong number of points, or a number that is no frame: the file is named."""
    folder = tmp_path / "annot"
    folder.mkdir()
    with pytest.raises(FormatError, match="holds no .pts files"):
        read_pts(folder)
    (folder / "one.h5").touch()
    with pytest.raises(FormatError, match="holds no .pts files; name the files in it one by one"):
        read_pts(folder)
    write_points(POINTS[:51], folder / "000001.pts")
    with pytest.raises(FormatError, match="000001.pts: holds 51 points, not 68"):
        read_pts(folder)
    for name in ("999999999.pts",):
        (folder / "000001.pts").rename(folder / name) if (folder / "000001.pts").exists() else None
        write_points(POINTS, folder / name)
        with pytest.raises(FormatError, match=f"{name}: is numbered outside"):
            read_pts(folder)
        (folder / name).unlink()


@pytest.mark.parametrize(
    "record",
    [
        "{",
        "[]",
        '{"format": "other"}',
        '{"format": "redtrack pts", "origin": "one", "times": []}',
        '{"format": "redtrack pts", "origin": 1, "times": 5}',
        '{"format": "redtrack pts", "origin": 1, "times": [[]]}',
        '{"format": "redtrack pts", "origin": 1, "times": [Infinity]}',
        '{"format": "redtrack pts", "origin": 1, "times": [2, 1]}',
        "[" * 100_000,
    ],
)
def test_spoiled_record_is_refused(tmp_path: Path, record: str) -> None:
    """An `annot.json` that is not what we write is told, not guessed at."""
    write_pts(Tracks.from_rows([0], [0], POINTS[None], [0]), tmp_path / "x")
    (tmp_path / "x" / "annot.json").write_text(record)
    with pytest.raises(FormatError):
        read_pts(tmp_path / "x")


def test_writing_again_leaves_nothing_of_before(tmp_path: Path) -> None:
    """Faces and frames of an earlier run go; what else lies in the folder stays."""
    write_pts(random_tracks(frames=9, faces=4), tmp_path / "x")
    (tmp_path / "x" / "vid.avi").write_text("video")
    write_pts(Tracks.from_rows([0], [0], POINTS[None], [0]), tmp_path / "x")
    left = sorted(path.name for path in (tmp_path / "x").rglob("*"))
    assert left == ["000001.pts", "annot", "annot.json", "vid.avi"]
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_labels_of_others_are_not_overwritten(tmp_path: Path) -> None:
    """A folder of points that we did not write is left alone, and so is a file of that name."""
    (tmp_path / "001" / "annot").mkdir(parents=True)
    write_points(POINTS, tmp_path / "001" / "annot" / "000001.pts")
    (tmp_path / "file").touch()
    tracks = Tracks.from_rows([0], [0], POINTS[None] + 9, [0])
    with pytest.raises(OutputError, match="already holds points that redtrack did not write; move them away"):
        write_pts(tracks, tmp_path / "001")
    with pytest.raises(OutputError, match="a file of that name is in the way"):
        write_pts(tracks, tmp_path / "file")
    assert np.abs(read_points(tmp_path / "001" / "annot" / "000001.pts") - POINTS).max() < 1e-3


def test_link_is_not_followed_out_of_the_folder(tmp_path: Path) -> None:
    """A link in the place of `annot` is replaced; what it pointed to is untouched."""
    write_pts(random_tracks(frames=3), tmp_path / "x")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "000001.pts").write_text("keep")
    os.rename(tmp_path / "x" / "annot", tmp_path / "old")
    (tmp_path / "x" / "annot").symlink_to(tmp_path / "precious")
    write_pts(random_tracks(frames=3), tmp_path / "x")
    assert (tmp_path / "precious" / "000001.pts").read_text() == "keep"
    assert not (tmp_path / "x" / "annot").is_symlink()


def test_failure_leaves_the_old_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in the middle leaves what was there before, and no temporary folder."""
    write_pts(Tracks.from_rows([0], [0], POINTS[None], [0]), tmp_path / "x")
    before = json.loads((tmp_path / "x" / "annot.json").read_text())

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("redtrack.formats.pts.write_points", fail)
    with pytest.raises(OutputError, match="x: cannot be written: no space left on device"):
        write_pts(random_tracks(), tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert json.loads((tmp_path / "x" / "annot.json").read_text()) == before


@pytest.mark.parametrize(
    ("names", "frames"),
    [
        (["000000.pts", "000001.pts"], [0, 1]),
        (["image_0001.pts", "image_0003.PTS"], [0, 2]),
        (["anna.pts", "ben.pts"], [0, 1]),
        (["a1.pts", "b1.pts"], [0, 1]),
    ],
)
def test_names_of_others(tmp_path: Path, names: list[str], frames: list[int]) -> None:
    """A frame is the number that ends a name, from 1 or from 0; where that tells nothing, the place of the name."""
    for name in names:
        write_points(POINTS, tmp_path / name)
    assert read_pts(tmp_path).frame.tolist() == frames


def test_partly_labelled_faces_are_kept(tmp_path: Path) -> None:
    """An unknown point is `nan nan`, which other readers take for numbers; a face without any point is none."""
    points = np.stack([POINTS, POINTS]).astype(np.float32)
    points[0, 5] = np.nan
    tracks = Tracks.from_rows([0, 1], [0, 0], points, [0, 1])
    write_pts(tracks, tmp_path / "clip")
    back = read_pts(tmp_path / "clip")
    assert back.partial.tolist() == [True, False] and np.isnan(back.points[0, 5]).all()
    (tmp_path / "clip/annot/000003.pts").write_text("nan nan\n" * 68)
    assert read_pts(tmp_path / "clip").frame.tolist() == [0, 1]

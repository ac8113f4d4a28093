"""DeepLabCut's CSV: three header lines for one face, four for more."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from random_tracks import random_tracks

from redtrack.errors import FormatError
from redtrack.formats.deeplabcut import read_deeplabcut, write_deeplabcut
from redtrack.points import NAMES
from redtrack.tracks import Tracks


def test_round_trip(tmp_path: Path) -> None:
    """Points within 0.001 px, scores within 0.001, frames and ids as they were; times are not held."""
    tracks = random_tracks(frames=50, seen=0.4).select(random_tracks(frames=50, seen=0.4).face != 1)
    write_deeplabcut(tracks, tmp_path / "x.csv")
    back = read_deeplabcut(tmp_path / "x.csv")
    assert np.abs(back.points - tracks.points).max() < 0.001 and np.abs(back.scores - tracks.scores).max() < 0.001
    assert (back.frame == tracks.frame).all() and back.faces == [0, 2] and back.frames == 50
    assert back.info == {"times_known": False}


def test_one_face_has_three_header_lines(tmp_path: Path) -> None:
    """The file of a single face is that of a project of one animal; an unknown likelihood is NaN."""
    write_deeplabcut(Tracks.from_rows([1], [0], np.full((1, 68, 2), 1.5), [0, 1]), tmp_path / "x.csv")
    scorer, parts, coords, absent, present = csv.reader((tmp_path / "x.csv").read_text().splitlines())
    assert (scorer[:2], parts[:2], coords[:4]) == (
        ["scorer", "redtrack"],
        ["bodyparts", "jaw_0"],
        ["coords", "x", "y", "likelihood"],
    )
    assert absent == ["0", *["NaN"] * 204] and present == ["1", *["1.500", "1.500", "NaN"] * 68]
    assert np.isnan(read_deeplabcut(tmp_path / "x.csv").scores).all()


def test_several_faces_are_individuals(tmp_path: Path) -> None:
    """More than one face is a project of several animals."""
    write_deeplabcut(random_tracks(frames=2), tmp_path / "x.csv")
    lines = (tmp_path / "x.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["scorer", "individuals", "bodyparts", "coords", "0", "1"]
    assert lines[1].split(",")[1:206] == ["face_0"] * 204 + ["face_1"]


def foreign(path: Path, parts: list[str], coords: str, *rows: str) -> Path:
    """Writes a table of one animal with parts and coords as given."""
    axes = coords.split()
    head = [
        ["scorer"] + ["DLC_resnet50"] * len(parts) * len(axes),
        ["bodyparts"] + [part for part in parts for _ in axes],
        ["coords"] + axes * len(parts),
    ]
    path.write_text("\n".join([",".join(line) for line in head] + list(rows)) + "\n")
    return path


def test_without_likelihood_and_in_another_order(tmp_path: Path) -> None:
    """Labels have no likelihood; parts under our names are put in our order."""
    parts = list(reversed(NAMES))
    row = "7," + ",".join(f"{i},{i + 0.5}" for i in range(68))
    back = read_deeplabcut(foreign(tmp_path / "x.csv", parts, "x y", row))
    assert back.frame.tolist() == [7] and back.points[0, 0].tolist() == [67, 67.5] and np.isnan(back.scores).all()


def test_partly_labelled_faces_are_kept(tmp_path: Path) -> None:
    """A part that a face lacks is an unknown point; a face without any part is none."""
    rows = ["0" + ",1,2,0.5" * 68, "1" + ",1,2,0.5" * 67 + ",,,", "2" + ",,," * 68]
    back = read_deeplabcut(foreign(tmp_path / "x.csv", [f"p{i}" for i in range(68)], "x y likelihood", *rows))
    assert (back.partial.tolist(), back.frames) == ([False, True], 3)
    assert np.isnan(back.points[1, 67]).all() and (back.points[1, :67] == [1, 2]).all()
    write_deeplabcut(back, tmp_path / "y.csv")
    assert read_deeplabcut(tmp_path / "y.csv").same_as(back)


def test_a_likelihood_above_one_is_one(tmp_path: Path) -> None:
    """Peaks of confidence maps may be a little above 1."""
    back = read_deeplabcut(
        foreign(tmp_path / "x.csv", [f"p{i}" for i in range(68)], "x y likelihood", "0" + ",1,2,1.03" * 68)
    )
    assert (back.scores == 1).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "does not begin with"),
        ("scorer,a\nscorer,a\n", "does not begin with"),
        ("scorer,a\nbodyparts,a,b\ncoords,x\n", "header lines of different length"),
        ("scorer,a\ncoords,x\n", "header lines of different length"),
        ("scorer,a,a\nbodyparts,nose,nose\ncoords,x,y\n", "'face_0' has 1 body parts with x and y, not 68"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, text: str, words: str) -> None:
    """Headers that are not DeepLabCut's, or of an animal, have their sentence."""
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(FormatError, match=words):
        read_deeplabcut(tmp_path / "x.csv")


@pytest.mark.parametrize("cell", ["a.png", "-1", "1e12", "0.5", ""])
def test_frames_must_be_numbers(tmp_path: Path, cell: str) -> None:
    """The first column counts frames; names of pictures, halves and absurd numbers are refused."""
    path = foreign(tmp_path / "x.csv", [f"p{i}" for i in range(68)], "x y", cell + ",1,2" * 68)
    with pytest.raises(FormatError, match="not a table of numbers|'frame' is"):
        read_deeplabcut(path)

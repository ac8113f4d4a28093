"""OpenFace's CSV: written as its readers expect, and read as other programs and older versions write it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_tracks import face
from random_tracks import random_tracks

from redtrack import formats
from redtrack.errors import FormatError
from redtrack.formats.openface_csv import read_csv, write_csv
from redtrack.measures import MEASURES, measures
from redtrack.pose import OPENFACE_PLACE, OPENFACE_POSE, openface_pose
from redtrack.tracks import Tracks

AXES = [f"{axis}_{i}" for axis in "xy" for i in range(68)]


def table(path: Path, columns: str, *rows: str, after: str = "") -> Path:
    """Writes a CSV with the given first columns, then 136 points that are all 5, then something else."""
    head = f"{columns},{','.join(AXES)}{',' + after if after else ''}"
    path.write_text("\n".join([head, *(f"{row}{',5.5' * 136}{',?' if after else ''}" for row in rows)]) + "\n")
    return path


def test_round_trip(tmp_path: Path) -> None:
    """Points come back within 0.001 px; frames, ids and times as they were, also of frames without a face."""
    tracks = random_tracks(frames=60, seen=0.4)
    assert len(set(tracks.frame)) < tracks.frames
    write_csv(tracks, tmp_path / "x.csv")
    back = read_csv(tmp_path / "x.csv")
    assert np.abs(back.points - tracks.points).max() < 0.001
    assert np.abs(back.times - tracks.times).max() < 1e-6
    assert (back.frame == tracks.frame).all() and (back.face == tracks.face).all()
    assert np.abs(back.scores - tracks.scores.mean(axis=1, keepdims=True)).max() < 0.001
    assert np.isnan(back.disagreement).all()


def test_columns_are_openfaces(tmp_path: Path) -> None:
    """The header, frames from 1, six decimals of time, three of pixels; a frame without a face has empty cells."""
    tracks = Tracks.from_rows([1], [2], np.full((1, 68, 2), 12.3456), [0, 1 / 30], scores=np.full((1, 68), 0.25))
    write_csv(tracks, tmp_path / "x.csv")
    head, absent, seen = csv.reader((tmp_path / "x.csv").read_text().splitlines())
    assert head == ["frame", "face_id", "timestamp", "confidence", "success", *AXES]
    assert absent == ["1", "-1", "0.000000", "0.000", "0", *[""] * 136]
    assert seen == ["2", "2", "0.033333", "0.250", "1", *["12.346"] * 136]


def test_opens_as_py_feat_opens_openfaces_files(tmp_path: Path) -> None:
    """py-feat's `read_openface` reads the table, strips the names of blanks, and asks for columns by their names.

    Those that it asks for where features are named, and those that it calls landmarks, pose and time, are there once
    and hold numbers.
    """
    pandas = pytest.importorskip("pandas")
    tracks = random_tracks(frames=20, seen=0.4)
    write_csv(tracks, tmp_path / "x.csv", pose=True)
    table = pandas.read_csv(tmp_path / "x.csv", sep=",")
    table.columns = table.columns.str.strip(" ")
    wanted = ["frame", "timestamp", "confidence", "success", "pose_Rx", "pose_Ry", "pose_Rz", *AXES]
    found = table[wanted]
    assert len(set(table.columns)) == len(table.columns) and all(kind.kind in "if" for kind in found.dtypes)
    faces = found[found["success"] == 1]
    assert np.abs(faces[AXES].to_numpy() - tracks.points.swapaxes(1, 2).reshape(len(tracks), -1)).max() < 0.001


@pytest.mark.parametrize("tracks", [Tracks.empty(), Tracks.empty([0, 0.5, 0.7])])
def test_no_faces(tmp_path: Path, tracks: Tracks) -> None:
    """A video without faces keeps its times."""
    write_csv(tracks, tmp_path / "x.csv")
    assert read_csv(tmp_path / "x.csv").same_as(tracks)


def test_unknown_confidence_stays_unknown(tmp_path: Path) -> None:
    """Scores that nobody gave are NaN, which every reader takes for a number, and read as unknown."""
    write_csv(Tracks.from_rows([0], [0], np.ones((1, 68, 2)), [0]), tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text().splitlines()[1].startswith("1,0,0.000000,NaN,1,1.000,")
    assert np.isnan(read_csv(tmp_path / "x.csv").scores).all()


def test_a_time_that_is_known_of_one_frame_alone_is_no_clock(tmp_path: Path) -> None:
    """Where fewer than two of several frames have a time, a frame counts as one second, and the info says so."""
    tracks = read_csv(table(tmp_path / "x.csv", "frame,timestamp", "1,nan", "3,0.5"))
    assert tracks.times.tolist() == [0, 1, 2] and tracks.info["times_known"] is False
    assert read_csv(table(tmp_path / "y.csv", "frame,timestamp", "1,0.5")).times.tolist() == [0.5]


def test_measures_follow(tmp_path: Path) -> None:
    """With `measures`, their columns come after the points, and the file reads as before."""
    tracks = random_tracks(frames=9)
    write_csv(tracks, tmp_path / "x.csv", measures=True)
    with open(tmp_path / "x.csv", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["success"] == "1"]
    assert list(lines[0])[-len(MEASURES) :] == list(MEASURES)
    for name, values in measures(tracks.points).items():
        found = [float(line[name] or "nan") for line in lines]
        assert np.allclose(found, values, rtol=0, atol=1e-4, equal_nan=True)
    assert read_csv(tmp_path / "x.csv").faces == tracks.faces


def test_pose_stands_where_openface_has_it(tmp_path: Path) -> None:
    """With `pose`, place and rotations come before the points, in mm and radians; a frame without a face has none.

    With `points3d`, the points in the camera's mm come behind those in the picture, around the head's place.
    """
    tracks = random_tracks(frames=9, seen=0.3)
    tracks = replace(tracks, points=np.stack([face(x, 30, 90) for x in range(len(tracks))]).astype(np.float32))
    write_csv(tracks, tmp_path / "x.csv", pose=True, measures=True, points3d=True)
    with open(tmp_path / "x.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0])[5:12] == [*OPENFACE_PLACE, *OPENFACE_POSE, "x_0"] and list(lines[0])[-1] == "pitch"
    seen = [[float(line[name]) for name in OPENFACE_POSE] for line in lines if line["success"] == "1"]
    assert np.abs(seen - openface_pose(tracks.points)).max() < 1e-4
    assert list(lines[0])[147:351] == [f"{axis}_{i}" for axis in "XYZ" for i in range(68)]
    for axis in "XYZ":
        away = [abs(float(line[f"{axis}_27"]) - float(line[f"pose_T{axis.lower()}"])) for line in lines if line["X_27"]]
        assert away and max(away) < 40  # the bridge of the nose
    names = (*OPENFACE_PLACE, *OPENFACE_POSE, *MEASURES, "X_0")
    assert {line[name] for line in lines if line["success"] == "0" for name in names} == {""}
    assert read_csv(tmp_path / "x.csv").faces == tracks.faces


def test_points_in_space_are_not_points_in_the_picture(tmp_path: Path) -> None:
    """OpenFace's X_0 and so on are millimetres: beside x_0 they are passed over, alone they are no landmarks."""
    both = ",".join(["1,0", *["5"] * 136, *["700"] * 136])
    names = ",".join([*AXES, *(name.upper() for name in AXES)])
    for head in (f"frame,face_id,{names}", f"Frame,Face_id,{names}"):
        (tmp_path / "x.csv").write_text(f"{head}\n{both}\n")
        assert (read_csv(tmp_path / "x.csv").points == 5).all()
    table(tmp_path / "x.csv", "frame,face_id", "1,0")
    (tmp_path / "x.csv").write_text((tmp_path / "x.csv").read_text().replace("x_", "X_").replace("y_", "Y_"))
    with pytest.raises(FormatError, match="no column 'x_0'"):
        read_csv(tmp_path / "x.csv")


def test_openface_as_it_writes(tmp_path: Path) -> None:
    """Spaces in the header, more columns, lines of failure with old points: what OpenFace 2 leaves on a disk."""
    columns = "frame, face_id, timestamp, confidence, success, gaze_0_x"
    path = table(tmp_path / "x.csv", columns, "1, 0, 0.000, 0.98, 1, -0.1", "2, 0, 0.033, 0.02, 0, 0", after=" AU45_c")
    path.write_text(path.read_text().replace(",?", ", 0.5").replace(",x_", ", x_").replace(",5.5", ", 5.5"))
    back = read_csv(path)
    assert (back.frames, len(back), back.times.tolist()) == (2, 1, [0, 0.033])
    assert back.scores[0, 0] == np.float32(0.98) and (back.points == 5.5).all()


def test_frames_without_lines_get_times(tmp_path: Path) -> None:
    """Times of frames that have no line lie evenly between their neighbours, and go on before and after."""
    path = table(tmp_path / "x.csv", "frame,face_id,timestamp", "3,0,2.0", "5,1,3.0", "5,0,3.0")
    back = read_csv(path)
    assert back.times.tolist() == [1.0, 1.5, 2.0, 2.5, 3.0]
    assert back.frame.tolist() == [2, 4, 4] and back.face.tolist() == [0, 0, 1]


def test_py_feats_names(tmp_path: Path) -> None:
    """py-feat counts frames from 0, has no ids, writes boxes, and leaves cells of lost faces empty."""
    columns = "FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight,FaceScore,frame"
    path = table(tmp_path / "x.csv", columns, "1,2,30,40,0.9,4", "5,6,30,40,0.8,4", ",,,,,5", after="input,approx_time")
    text = path.read_text().splitlines()
    text[3] = ",,,,,5" + "," * 136 + ",?"
    path.write_text("\n".join(text))
    back = read_csv(path)
    assert back.frame.tolist() == [4, 4] and back.face.tolist() == [0, 1] and back.frames == 6
    assert back.boxes.tolist() == [[1, 2, 31, 42], [5, 6, 35, 46]]
    assert back.info == {"times_known": False} and back.times.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column 'frame'"),
        ("frame,x_0,y_0\n1,2,3\n", "no column 'x_1'"),
        ("\0\0\0\n", "no column 'frame'"),
        ('"frame\n', "no column 'x_0'"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, text: str, words: str) -> None:
    """A file without the columns is told which is missing."""
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(FormatError, match=words):
        read_csv(path)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1,0,zero", "not a table of numbers"),
        ("1,0", "not a table of numbers"),
        ("1.5,0,0", "'frame' is 1.5"),
        ("-1,0,0", "'frame' is -1"),
        ("nan,0,0", "'frame' is nan"),
        ("1e15,0,0", r"'frame' is 1e\+15, not a whole number from 0 to 16777216"),
        ("1,-3,0", "'face_id' is -3"),
        ("1,1e99,0", "'face_id' is 1e\\+99"),
    ],
)
def test_senseless_numbers_are_refused(tmp_path: Path, row: str, words: str) -> None:
    """Words, missing cells, and frames or ids that cannot be are refused before anything of their size is made."""
    with pytest.raises(FormatError, match=words):
        read_csv(table(tmp_path / "x.csv", "frame,face_id,timestamp", row))


def test_infinite_and_repeated_points_are_refused(tmp_path: Path) -> None:
    """Points that are infinite in single precision, or the same face twice in a frame, are refused."""
    path = table(tmp_path / "x.csv", "frame,face_id", "1,0", "1,0")
    with pytest.raises(FormatError, match="face 0 of frame 0 appears twice"):
        read_csv(path)
    path.write_text(path.read_text().replace("5.5", "1e300").rsplit("\n", 2)[0])
    with pytest.raises(FormatError, match="not finite"):
        read_csv(path)


@pytest.mark.parametrize(
    ("encoding", "separator", "decimal", "nothing"),
    [
        ("utf-8", ";", ",", ""),
        ("utf-8-sig", ";", ".", "NA"),
        ("utf-16", "\t", ".", "NA"),
        ("utf-16-le", "\t", ",", ""),
        ("utf-8", ",", ".", "NA"),
        ("utf-8", ",", ".", '"NA"'),
    ],
)
def test_tables_of_spreadsheets_and_of_r(
    tmp_path: Path, encoding: str, separator: str, decimal: str, nothing: str
) -> None:
    """Semicolons with decimal commas, tabs, UTF-16 and R's NA are read for what they are; by content, too."""
    head = separator.join(f'"{name}"' for name in ("frame", "face_id", "timestamp", "confidence", "success", *AXES))
    lines = [f"{i + 1};0;0.{i};0.5;1" + ";12.5" * 136 for i in range(3)]
    lines[1] = "2;0;0.1;0.5;1" + ";NOTHING" * 136
    body = [line.replace(".", decimal).replace(";", separator).replace("NOTHING", nothing) for line in lines]
    (tmp_path / "x.csv").write_bytes("\r\n".join([head, *body, ""]).encode(encoding))
    back = formats.read(tmp_path / "x.csv")
    assert back.frame.tolist() == [0, 2] and back.frames == 3 and np.allclose(back.times, [0, 0.1, 0.2])
    assert (back.points == 12.5).all() and (back.scores == 0.5).all()


def test_faces_of_a_picture(tmp_path: Path) -> None:
    """OpenFace's table of a picture has a column of faces and none of frames: all are in the one frame."""
    back = read_csv(table(tmp_path / "x.csv", "face, confidence", "0,0.9", "1,1.2"))
    assert (back.frame.tolist(), back.faces, back.frames) == ([0, 0], [0, 1], 1)
    assert np.allclose(back.scores[:, 0], [0.9, 1])


def test_partly_labelled_faces_are_kept(tmp_path: Path) -> None:
    """An unknown point is two empty cells, and read as unknown again."""
    points = np.ones((1, 68, 2))
    points[0, 30] = np.nan
    write_csv(Tracks.from_rows([0], [0], points, [0]), tmp_path / "x.csv")
    back = read_csv(tmp_path / "x.csv")
    assert back.partial.tolist() == [True] and np.isnan(back.points[0, 30]).all()


def test_without_times_there_are_no_timestamps(tmp_path: Path) -> None:
    """Tracks whose times are not known have no seconds, and are read as such again."""
    tracks = Tracks.from_rows([0, 1], [0, 0], np.ones((2, 68, 2)), [0, 1], info={"times_known": False})
    write_csv(tracks, tmp_path / "x.csv")
    assert [line.split(",")[2] for line in (tmp_path / "x.csv").read_text().splitlines()[1:]] == ["NaN", "NaN"]
    assert read_csv(tmp_path / "x.csv").info == {"times_known": False}

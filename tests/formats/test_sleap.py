"""SLEAP's analysis HDF5: as sleap-io reads it, and in the orders of axes that it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from random_tracks import random_tracks

from redtrack.errors import FormatError
from redtrack.formats.sleap import MATLAB, STANDARD, read_sleap, write_sleap
from redtrack.points import LINES, NAMES

TRACKS = random_tracks(frames=1100, faces=3, seen=0.3, source="clip.mp4")


def foreign(path: Path, order: tuple[str, ...], points: np.ndarray, told: bool = True, **more: Any) -> Path:
    """Writes points (frame, track, node, xy) in an order of axes, with names of its own unless more are given."""
    names = {
        "track_names": [b"left", b"right"][: points.shape[1]],
        "node_names": [b"n%d" % i for i in range(points.shape[2])],
    }
    with h5py.File(path, "w") as file:
        for name, data in {"tracks": points, "point_scores": np.where(np.isnan(points[..., 0]), np.nan, 0.5)}.items():
            axes = [axis for axis in order if axis in STANDARD[: data.ndim]]
            made = file.create_dataset(
                name, data=data.transpose([STANDARD.index(axis) for axis in axes]), compression=9
            )
            if told:
                made.attrs["dims"] = json.dumps(axes)
        file["track_occupancy"] = np.ones(points.shape[:2], np.uint8)
        for name, data in (names | more).items():
            file[name] = data
    return path


POINTS = np.random.default_rng(0).random((7, 2, 68, 2)) * 100
POINTS[2, 0] = np.nan


def test_round_trip(tmp_path: Path) -> None:
    """Points, scores, ids and times come back exactly."""
    write_sleap(TRACKS, tmp_path / "x.h5")
    back = read_sleap(tmp_path / "x.h5")
    assert (back.points == TRACKS.points).all() and (back.scores == TRACKS.scores).all()
    assert (
        (back.frame == TRACKS.frame).all() and (back.face == TRACKS.face).all() and (back.times == TRACKS.times).all()
    )


def test_layout_is_that_of_sleap_and_movement(tmp_path: Path) -> None:
    """The datasets, their axes and their names are those of sleap-io's default, which all readers share."""
    write_sleap(TRACKS, tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5") as file:
        assert (file.attrs["preset"], file.attrs["format"]) == ("matlab", "analysis")
        assert json.loads(file["tracks"].attrs["dims"]) == list(MATLAB)
        assert file["tracks"].shape == (3, 2, 68, 1100) and file["tracks"].dtype == np.float64
        assert np.array_equal(file["tracks"][1].T, TRACKS.dense(1), equal_nan=True)
        assert file["track_occupancy"][:].sum(axis=0).tolist() == [len(TRACKS.face_rows(face)) for face in range(3)]
        assert file["node_names"][0] == b"jaw_0" and file["track_names"][2] == b"face_2"
        assert len(file["edge_inds"]) == sum(len(line) - (not closed) for line, closed in LINES)
        assert json.loads(file["provenance"][()])["redtrack"]["source"] == "clip.mp4"


@pytest.mark.parametrize(
    "order", [STANDARD, MATLAB, ("frame", "node", "xy", "track"), ("node", "track", "frame", "xy")]
)
def test_any_order_of_axes(tmp_path: Path, order: tuple[str, ...]) -> None:
    """Axes are taken by their names; other names of tracks are counted."""
    back = read_sleap(foreign(tmp_path / "x.h5", order, POINTS))
    assert back.faces == [0, 1] and back.frames == 7 and len(back) == 13
    assert np.allclose(back.dense(0), POINTS[:, 0], equal_nan=True) and np.allclose(back.dense(1), POINTS[:, 1])
    assert back.info == {"times_known": False} and (back.scores == 0.5).all()


def test_old_files_have_no_names_of_axes(tmp_path: Path) -> None:
    """SLEAP's own older writer has MATLAB's order, and says nothing of it."""
    back = read_sleap(foreign(tmp_path / "x.h5", MATLAB, POINTS, told=False))
    assert np.allclose(back.dense(1), POINTS[:, 1])


def test_our_names_in_another_order(tmp_path: Path) -> None:
    """Nodes are put in order by our names, faces by theirs."""
    mixed = np.random.default_rng(1).permutation(68)
    names: dict[str, Any] = {"node_names": [NAMES[i].encode() for i in mixed], "track_names": [b"face_9", b"face_4"]}
    back = read_sleap(foreign(tmp_path / "x.h5", STANDARD, POINTS[:, :, mixed], **names))
    assert back.faces == [4, 9] and np.allclose(back.dense(4), POINTS[:, 1])


def test_partly_labelled_faces_are_kept(tmp_path: Path) -> None:
    """A node that a face lacks is an unknown point, and stays so when written again."""
    points = POINTS.copy()
    points[4, 1, 33] = np.nan
    back = read_sleap(foreign(tmp_path / "x.h5", STANDARD, points))
    assert len(back) == 13 and back.partial.sum() == 1
    write_sleap(back, tmp_path / "y.h5")
    assert read_sleap(tmp_path / "y.h5").same_as(back)


def test_scores_above_one_are_one(tmp_path: Path) -> None:
    """Peaks of confidence maps may be a little above 1, and are no reason to refuse a file."""
    foreign(tmp_path / "x.h5", STANDARD, POINTS)
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        file["point_scores"][:] = 1.04
    assert (read_sleap(tmp_path / "x.h5").scores == 1).all()


def test_an_unknown_video_has_no_path(tmp_path: Path) -> None:
    """Where the source is unknown the path is empty."""
    write_sleap(random_tracks(frames=3, source=None), tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["video_path"][()] == b""


def test_other_shapes_are_refused(tmp_path: Path) -> None:
    """An animal, a cube of three dimensions, scores of other lengths: each has its sentence."""
    with pytest.raises(FormatError, match="holds 5 points of 2 numbers, not 68 of 2"):
        read_sleap(foreign(tmp_path / "a.h5", STANDARD, POINTS[:, :, :5]))
    foreign(tmp_path / "b.h5", STANDARD, POINTS)
    for change, words in {
        "scores": "scores of another shape",
        "dims": "the axes of 'tracks'",
        "flat": "axes of 'tracks'",
    }.items():
        with h5py.File(tmp_path / "b.h5", "r+") as file:
            if change == "scores":
                del file["point_scores"]
                file["point_scores"] = np.zeros((3, 2, 68))
            elif change == "dims":
                file["tracks"].attrs["dims"] = '["frame", "frame", "node", "xy"]'
            else:
                del file["tracks"]
                file["tracks"] = np.zeros(3)
        with pytest.raises(FormatError, match=words):
            read_sleap(tmp_path / "b.h5")


def test_opens_in_sleap_io(tmp_path: Path) -> None:
    """sleap-io reads our file, and we read what it makes of it, in both of its orders."""
    sio = pytest.importorskip("sleap_io")
    write_sleap(TRACKS, tmp_path / "x.analysis.h5")
    labels = sio.load_file(str(tmp_path / "x.analysis.h5"))
    assert [track.name for track in labels.tracks] == ["face_0", "face_1", "face_2"]
    assert labels.skeletons[0].node_names == list(NAMES)
    first = labels.labeled_frames[0]
    assert np.allclose(first.instances[0].numpy(), TRACKS.points[0]) and first.frame_idx == TRACKS.frame[0]
    for preset in ("standard", "matlab"):
        sio.save_analysis_h5(labels, str(tmp_path / f"{preset}.h5"), preset=preset)
        back = read_sleap(tmp_path / f"{preset}.h5")
        assert np.allclose(back.points, TRACKS.points) and (back.face == TRACKS.face).all()

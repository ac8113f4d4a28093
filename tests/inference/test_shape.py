"""The 3D columns of rows, fitted once all rows are there."""

from pathlib import Path

import numpy as np
from heads import heads, poses, seen

import redtrack
from redtrack.formats import TracksWriter
from redtrack.inference import shape
from redtrack.inference.shape import add_shape, with_shape
from redtrack.shape3d.pose import angles
from redtrack.tracks import Tracks


def two_people(frames: int = 60) -> Tracks:
    """Returns tracks of two heads that turn to opposite sides, and of points that are no face's."""
    yaw = np.linspace(-40, 40, frames)[:, None] * [0, 1, 0]
    parts = [seen(heads(frames, seed=k), poses(yaw * (-1) ** k), noise=0.5) for k in range(2)]
    nothing = np.random.default_rng(0).uniform(0, 400, (frames, 68, 2))
    points = np.stack([*parts, nothing], axis=1).reshape(-1, 68, 2)
    frame, face = np.repeat(np.arange(frames), 3), np.tile([0, 1, 2], frames)
    return Tracks.from_rows(frame, face, points, np.arange(frames) / 25)


def test_each_faces_rows_get_its_pose() -> None:
    """Faces that share frames are told apart; what is no face has no pose, and nothing is known to be visible."""
    tracks = with_shape(two_people())
    assert tracks.pose is not None and tracks.visible is not None and tracks.points3d is not None
    yaw = angles(tracks.pose)[:, 1].reshape(-1, 3)
    wanted = np.linspace(-40, 40, 60)
    assert np.abs(yaw[:, 0] - wanted).mean() < 5 and np.abs(yaw[:, 1] + wanted).mean() < 5
    assert np.isnan(tracks.pose[2::3]).all() and (tracks.visible[2::3] == 2).all()
    assert np.isfinite(tracks.points3d[0::3]).all()


def test_a_file_gets_the_same_columns_as_memory(tmp_path: Path, monkeypatch) -> None:
    """Stretch by stretch from the open file, as all at once from memory."""
    tracks = two_people()
    whole = with_shape(tracks)
    monkeypatch.setattr(shape, "STRETCH", 50)
    with TracksWriter(tmp_path / "x.h5", {}) as writer:
        for start in range(0, 60, 20):
            writer.append(tracks.between(start, start + 20))
        add_shape(writer)
        writer.complete()
    read = redtrack.load(tmp_path / "x.h5")
    for name in ("pose", "points3d", "visible"):
        assert np.allclose(read.rows[name], whole.rows[name], atol=1e-2, equal_nan=True), name
    assert read.head().angles().shape == (180, 3)


def test_dense_points_come_with_the_shape(tmp_path: Path, monkeypatch) -> None:
    """So many of each row, from file and memory alike; those on the 68 points lie on them, and no pose has none."""
    tracks = two_people()
    whole = with_shape(tracks, dense=40)
    assert whole.dense_points is not None and whole.dense_visible is not None
    assert whole.dense_points.shape == (180, 40, 2) and whole.dense_visible.shape == (180, 40)
    assert np.isnan(whole.dense_points[2::3]).all() and (whole.dense_visible[2::3] == 2).all()
    nose = np.linalg.norm(whole.dense_points[0::3, 0] - whole.points[0::3, 30], axis=1)
    assert nose.max() < 5  # px, of 72 between the eyes
    assert whole.dense(0, "dense_points").shape == (60, 40, 2)
    monkeypatch.setattr(shape, "STRETCH", 50)
    with TracksWriter(tmp_path / "x.h5", {}) as writer:
        writer.append(tracks)
        add_shape(writer, dense=40)
        writer.complete()
    read = redtrack.load(tmp_path / "x.h5")
    assert np.allclose(read.dense_points, whole.dense_points, atol=1e-2, equal_nan=True)
    assert (read.dense_visible == whole.dense_visible).all()


def test_no_rows_have_no_columns() -> None:
    """A video without a face is left as it is."""
    assert with_shape(Tracks.empty([0.0, 0.1])).pose is None

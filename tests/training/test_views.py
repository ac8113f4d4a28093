"""Photographs on their fitted 3D face, seen from other sides."""

from pathlib import Path

import numpy as np
from click.testing import CliRunner
from heads import heads, poses, seen
from labelled_faces import write_pts

from redtrack.cli import cli
from redtrack.formats.pts import read_68
from redtrack.pose import head_pose
from redtrack.render.png import encode_png
from redtrack.training.landmarks.faces import held_out
from redtrack.training.views import turn_face

SIZE = 224


def photograph(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns a picture whose colours say where they are, and the points of a head in its middle."""
    across = np.tile(np.arange(SIZE), (SIZE, 1))
    points = seen(heads(1, seed=seed), poses(np.zeros((1, 3))))[0] - [320, 240] + [112, 80]
    return np.stack([across, across.T, np.full_like(across, 90)], axis=-1).astype(np.uint8), points


def test_a_face_that_is_not_turned_stays_as_it_is() -> None:
    """Picture and points come back to a pixel."""
    picture, points = photograph()
    view = turn_face(picture, points, 0, 0)
    assert view is not None and np.abs(view.points - points).max() < 3
    assert np.abs(view.picture.astype(int) - picture).mean() < 1
    assert view.stretched == 0


def test_a_turned_face_has_the_pose_that_was_asked_for() -> None:
    """By the fit of its labels: yaw and pitch are turned by the angles."""
    picture, points = photograph()
    before = head_pose(points[None])[0]
    for yaw, pitch in ((30, 0), (-40, 0), (0, 15), (20, -10)):
        view = turn_face(picture, points, yaw, pitch)
        assert view is not None
        assert np.abs(head_pose(view.points[None].astype(float))[0] - before - [0, yaw, pitch]).max() < 6


def test_pixels_come_from_where_the_photograph_has_them() -> None:
    """At a point that is seen, the correspondence leads back to the point, and the colour is the one from there."""
    picture, points = photograph()
    view = turn_face(picture, points, 25)
    assert view is not None
    for point in (30, 36, 39, 48, 57):
        x, y = np.rint(view.points[point]).astype(int)
        assert view.seen[point]
        assert np.abs(view.origin[y, x] - points[point]).max() < 3
        assert np.abs(view.picture[y, x, :2] - view.origin[y, x]).max() < 1.5


def test_the_far_side_is_hidden_and_the_picture_has_no_holes() -> None:
    """A nose to the right of the picture hides the far brow's end at 60 degrees; every pixel comes from somewhere."""
    picture, points = photograph()
    view = turn_face(picture, points, 60)
    assert view is not None and not view.seen[26] and view.seen[17]
    assert np.isfinite(view.origin).all()


def test_points_of_no_face_have_no_view() -> None:
    """Scattered points are not turned."""
    assert turn_face(photograph()[0], np.random.default_rng(0).uniform(0, SIZE, (68, 2)), 20) is None


def test_the_command_writes_labelled_pictures(tmp_path: Path) -> None:
    """Views of faces that are not held out, with names that are not either."""
    (tmp_path / "faces").mkdir()
    for index in range(12):
        picture, points = photograph(index)
        (tmp_path / "faces" / f"{index}.png").write_bytes(encode_png(picture))
        write_pts(tmp_path / "faces" / f"{index}.pts", points)
    words = ["train", "views", "--data", f"{tmp_path}/faces", "-o", f"{tmp_path}/views", "--views", "1"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    labels = sorted((tmp_path / "views").glob("*.pts"))
    assert labels and f"{len(labels)} of " in done.output
    assert all(path.with_suffix(".png").exists() and not held_out(path.stem) for path in labels)
    assert not {path.stem.partition("_")[0] for path in labels} & {str(k) for k in range(12) if held_out(str(k))}
    assert read_68(labels[0]).shape == (68, 2)

"""Rows leave in order, complete, and without faces that are none or that are there already."""

from dataclasses import replace

import numpy as np
import pytest
from annotating import points_in

from redtrack.geometry import CropTransform
from redtrack.inference.rows import FACE, RowMerger, WindowPoints, drop_doubles
from redtrack.inference.windows import Window
from redtrack.tracks import RowState, Tracks


def window(face: int, first: int, n: int, again: bool = False) -> Window:
    boxes = np.tile(np.array([10, 10, 50, 60], np.float32), (n, 1))
    crop = CropTransform(np.zeros((n, 2)), np.ones(n), np.zeros(n), 32)
    return Window(face, first, boxes, np.ones(n, np.uint8), crop, again)


def found(n: int, at: float = 0.0, score: float = 0.9) -> WindowPoints:
    points = np.tile(points_in(np.array([0, 0, 40, 50.0])) + at, (n, 1, 1)).astype(np.float32)
    return WindowPoints(points, np.full((n, 68), score, np.float32), np.zeros((n, 68), np.float32))


def merger(frames: int, done: int = 0) -> RowMerger:
    made = RowMerger(done)
    made.add_frames(0, np.arange(frames) / 25, np.zeros(frames, np.uint8))
    return made


def pairs(tracks: Tracks) -> list[tuple[int, int]]:
    return list(zip(tracks.frame.tolist(), tracks.face.tolist(), strict=True))


def test_rows_come_by_frame_and_face_whatever_the_order_of_the_windows() -> None:
    rows = merger(4)
    rows.add_window(window(1, 0, 4), found(4, at=500))
    rows.add_window(window(0, 1, 2), found(2))
    assert pairs(rows.release(4)) == [(0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 1)]


def test_stretches_follow_each_other_and_count_from_nought() -> None:
    rows = merger(10)
    rows.add_window(window(0, 2, 6), found(6))
    first, second = rows.release(5), rows.release(10)
    assert (first.frames, pairs(first)) == (5, [(2, 0), (3, 0), (4, 0)])
    assert (second.frames, pairs(second)) == (5, [(0, 0), (1, 0), (2, 0)])
    assert second.times[0] == pytest.approx(5 / 25)
    assert rows.done == 10


def test_frames_without_a_face_have_their_times() -> None:
    tracks = merger(3).release(3)
    assert len(tracks) == 0 and tracks.times.tolist() == pytest.approx([0, 0.04, 0.08])


def test_rows_before_the_point_of_resumption_are_left_out() -> None:
    rows = merger(8, done=5)
    rows.add_window(window(0, 3, 5), found(5))
    rest = rows.release(8)
    assert (rest.frames, pairs(rest), rest.times[0]) == (3, [(0, 0), (1, 0), (2, 0)], pytest.approx(0.2))


def test_window_that_nobody_believes_leaves_no_row() -> None:
    rows = merger(3)
    rows.add_window(window(0, 0, 3), found(3, score=FACE - 0.01))
    assert len(rows.release(3)) == 0


def test_refined_rows_have_the_box_that_their_points_imply() -> None:
    rows = merger(2)
    rows.add_window(window(0, 0, 2, again=True), found(2, at=100))
    tracks = rows.release(2)
    assert (tracks.state == RowState.REFINED).all()
    assert np.allclose(tracks.boxes, [100, 100, 140, 150], atol=1e-3)


def test_rows_of_a_first_look_keep_the_box_they_were_cropped_from() -> None:
    rows = merger(1)
    rows.add_window(window(0, 0, 1), found(1))
    tracks = rows.release(1)
    assert tracks.state.tolist() == [RowState.INTERPOLATED] and tracks.boxes[0].tolist() == [10, 10, 50, 60]


def test_of_two_faces_on_one_spot_the_older_stays() -> None:
    points = np.concatenate([found(1).points, found(1, at=1).points, found(1, at=300).points])
    tracks = Tracks.from_rows([0, 0, 0], [4, 7, 9], points, [0.0])
    assert drop_doubles(tracks).face.tolist() == [4, 9]


def test_faces_cheek_to_cheek_both_stay() -> None:
    points = np.concatenate([found(1).points, found(1, at=20).points])
    tracks = Tracks.from_rows([0, 0], [0, 1], points, [0.0])
    assert drop_doubles(tracks) is tracks


def test_of_two_faces_on_one_the_one_that_was_detected_stays() -> None:
    """Also if it is the younger one; and points that lie beside their own box give way at a greater distance."""
    tracks = Tracks.from_rows([0, 0], [4, 9], np.concatenate([found(1).points, found(1, at=1).points]), [0.0])
    assert drop_doubles(tracks, {(0, 4): 0.12}).face.tolist() == [9]
    apart = Tracks.from_rows([0, 0], [4, 9], np.concatenate([found(1).points, found(1, at=10).points]), [0.0])
    assert drop_doubles(apart).face.tolist() == [4, 9]
    assert drop_doubles(apart, {(0, 9): 0.4}).face.tolist() == [4]


def test_scores_are_probabilities_where_the_network_tells_covariances() -> None:
    """A point of small variance is right for sure, one of large variance is not; both covariances are in the rows."""
    seen = found(2)
    sigma = np.zeros((2, 68, 3), np.float32)
    sigma[..., [0, 2]] = 0.01
    sigma[:, 5, [0, 2]] = 400.0
    rows = merger(2)
    rows.add_window(window(0, 0, 2), replace(seen, sigma=sigma))
    tracks = rows.release(2)
    assert tracks.sigma is not None and np.array_equal(tracks.sigma, sigma)
    assert tracks.scores[:, 5].max() < 0.05 and np.delete(tracks.scores, 5, 1).min() > 0.99


def test_without_covariances_scores_are_the_heights_of_the_peaks() -> None:
    """A network without the head gives no `sigma`."""
    rows = merger(2)
    rows.add_window(window(0, 0, 2), found(2, score=0.8))
    tracks = rows.release(2)
    assert tracks.sigma is None and np.allclose(tracks.scores, 0.8)

"""Tracks with edits taken in: each operation does what the table in `redtrack.edits.edit` says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn_tracks import face, moving_face, tracks_of
from heads import heads, poses, seen

from redtrack.edits import Edit, Edited, Edits, Mark, apply_edits, extend_edits
from redtrack.inference.shape import with_shape
from redtrack.points import N_POINTS
from redtrack.tracks import RowState, Tracks


def edited(tracks: Tracks, *edits: tuple[str, dict[str, Any]]) -> Edited:
    """Returns the tracks after edits, each an operation and its fields."""
    return apply_edits(tracks, [Edit(op, f"e{k}", values) for k, (op, values) in enumerate(edits)])


def two_faces(frames: int = 10) -> Tracks:
    """Returns tracks of face 0 on the left and face 1 on the right, with scores of 0.5 and disagreement of 2 px."""
    points = np.stack([face(), face(x=150)] * frames)
    known = {"scores": np.full((2 * frames, 68), 0.5), "disagreement": np.full((2 * frames, 68), 2.0)}
    return tracks_of(points, ids=[0, 1] * frames, frame=np.repeat(np.arange(frames), 2), **known)


def whole(points: np.ndarray) -> dict[str, list[float]]:
    return {str(k): [float(x), float(y)] for k, (x, y) in enumerate(points)}


def frames_of(tracks: Tracks, one: int) -> list[int]:
    return [int(frame) for frame in tracks.frame[tracks.face_rows(one)]]


def test_no_edits_change_nothing() -> None:
    """The tracks come back as they were."""
    tracks = two_faces()
    done = edited(tracks)
    assert done.result().same_as(tracks) and done.result().info == tracks.info and not done.idle


def test_moved_points_are_where_they_were_put() -> None:
    """Only they move; they have score 1 and disagreement 0; the row is edited; the source is not touched."""
    tracks = two_faces()
    done = edited(tracks, ("points", {"frame": 3, "face": 1, "points": {"36": [100.5, 50.25], "8": [1, 2]}}))
    result, row = done.result(), 7
    assert result.points[row, 36].tolist() == [100.5, 50.25] and result.points[row, 8].tolist() == [1, 2]
    still = np.setdiff1d(np.arange(N_POINTS), [8, 36])
    assert (result.points[row, still] == tracks.points[row, still]).all()
    assert result.scores[row, [8, 36]].tolist() == [1, 1] and result.disagreement[row, [8, 36]].tolist() == [0, 0]
    assert (result.scores[row, still] == 0.5).all()
    assert result.state[row] == RowState.EDITED and (result.state == RowState.EDITED).sum() == 1
    assert done.mark[row] == Mark.MENDED and done.moved[row].sum() == 2 and done.trusted().tolist() == [row]
    assert tracks.points[row, 36].tolist() != [100.5, 50.25] and tracks.state[row] == RowState.DETECTED
    assert result.info["edits"] == {"count": 1, "frames": 1}


def test_pose_and_points_in_3d_are_fitted_anew() -> None:
    """Of rows with moved points, by the same person's face, step by step as at once; other rows keep theirs."""
    yaw = np.linspace(-30, 30, 40)
    truth = seen(heads(40, seed=1), poses(yaw[:, None] * [0, 1, 0])).astype(np.float32)
    wrong = truth.copy()
    wrong[[20, 30]] = truth[[2, 39]] + 25
    tracks = with_shape(Tracks.from_rows(np.arange(40), np.zeros(40), wrong, np.arange(40) / 25), dense=9)
    edits = [("points", {"frame": k, "face": 0, "points": whole(truth[k])}) for k in (20, 30)]
    done = edited(tracks, *edits)
    result, kept = done.result(), np.setdiff1d(np.arange(40), [20, 30])
    assert result.pose is not None and result.points3d is not None and result.visible is not None
    assert np.abs(result.head().angles()[[20, 30], 1] - yaw[[20, 30]]).max() < 4
    assert np.abs(tracks.head().angles()[[20, 30], 1] - yaw[[20, 30]]).max() > 8
    assert (result.pose[kept] == tracks.pose[kept]).all() and np.isfinite(result.points3d).all()
    assert (result.visible[[20, 30]] < 2).all()
    assert result.dense_points is not None and tracks.dense_points is not None
    assert (result.dense_points[kept] == tracks.dense_points[kept]).all()
    assert np.abs(result.dense_points[[20, 30], 0] - truth[[20, 30], 30]).max() < 6  # the tip of the nose
    steps = extend_edits(edited(tracks, edits[0]), [Edit("points", "e1", edits[1][1])])
    assert steps.tracks.same_as(done.tracks)
    gone = edited(tracks, ("points", {"frame": 20, "face": 0, "points": {str(k): [5, 5] for k in range(68)}}))
    assert np.isnan(gone.tracks.pose[20]).all() and (gone.tracks.visible[20] == 2).all()


def test_the_box_goes_with_a_face_that_is_moved_whole() -> None:
    """By as much as its points."""
    tracks = moving_face(3)
    done = edited(tracks, ("points", {"frame": 1, "face": 0, "points": whole(tracks.points[1] + [10, -5])})).result()
    assert np.allclose(done.boxes[1], tracks.boxes[1] + [10, -5, 10, -5], atol=1e-3)


def test_a_face_can_be_put_where_there_was_none() -> None:
    """With all 68 points; with fewer there is nothing to do, and that is told."""
    tracks = moving_face(6).select(np.array([0, 1, 4, 5]))
    added = edited(tracks, ("points", {"frame": 2, "face": 0, "points": whole(face())}))
    assert frames_of(added.result(), 0) == [0, 1, 2, 4, 5]
    assert np.allclose(added.result().points[2], face()) and added.result().scores[2].tolist() == [1] * 68
    lacking = edited(tracks, ("points", {"frame": 2, "face": 0, "points": {"3": [1, 1]}}))
    assert lacking.idle == ("e0",) and lacking.result().same_as(tracks)
    beyond = edited(tracks, ("points", {"frame": 99, "face": 0, "points": whole(face())}))
    assert beyond.idle == ("e0",)


def test_wrong_and_absent_rows_are_left_out_of_the_result_but_not_forgotten() -> None:
    """They can be called right again; a frame without any face is remembered as such."""
    tracks = two_faces()
    marks = [("mark", {"frame": 2, "face": 0, "as": "wrong"}), ("mark", {"frame": 3, "as": "absent"})]
    done = edited(tracks, *marks)
    assert len(done.tracks) == 20 and len(done.result()) == 17 and done.faceless == {3}
    assert frames_of(done.result(), 0) == [0, 1, 4, 5, 6, 7, 8, 9] and 3 not in frames_of(done.result(), 1)
    back = edited(
        tracks, *marks, ("mark", {"frame": 2, "face": 0, "as": "none"}), ("mark", {"frame": 3, "as": "right"})
    )
    assert back.result().same_as(tracks) and not back.faceless and back.trusted().tolist() == [6, 7]


def test_mending_a_wrong_frame_makes_it_count_again() -> None:
    """A frame that was marked wrong is kept once its points were moved."""
    marked = ("mark", {"frame": 2, "face": 0, "as": "wrong"})
    done = edited(two_faces(), marked, ("points", {"frame": 2, "face": 0, "points": {"0": [5, 5]}}))
    assert len(done.result()) == 20


def test_interpolation_runs_in_time_between_the_mended_points() -> None:
    """Points that were mended at either end run on a straight line in true time; the others stay as tracked."""
    times = np.array([0, 0.1, 0.4, 0.5, 0.6])
    tracks = Tracks.from_rows(np.arange(5), np.zeros(5), np.stack([face()] * 5), times, scores=np.full((5, 68), 0.5))
    ends = [("points", {"frame": f, "face": 0, "points": {"8": [x, 50.0]}}) for f, x in ((0, 10), (3, 60))]
    done = edited(tracks, *ends, ("interpolate", {"face": 0, "first": 0, "last": 3}))
    assert np.allclose(done.result().points[:4, 8], [[10, 50], [20, 50], [50, 50], [60, 50]], atol=1e-4)
    assert np.allclose(done.result().points[:, :8], tracks.points[:, :8])
    assert done.mark.tolist() == [Mark.MENDED, Mark.INTERPOLATED, Mark.INTERPOLATED, Mark.MENDED, Mark.NONE]
    assert np.isnan(done.result().scores[1, 8]) and done.result().scores[1, 9] == 0.5
    assert done.trusted().tolist() == [0, 3]


def test_interpolation_fills_frames_without_the_face_and_keeps_what_was_mended_between() -> None:
    """A missing row is made whole; a frame that a person put right in the middle is not touched."""
    tracks = moving_face(7).select(np.array([0, 1, 4, 5, 6]))
    middle = ("points", {"frame": 4, "face": 0, "points": {"8": [0.0, 0.0]}})
    done = edited(tracks, middle, ("interpolate", {"face": 0, "first": 1, "last": 6})).result()
    assert frames_of(done, 0) == list(range(7))
    assert np.allclose(done.points[2], (tracks.points[1] * 4 + tracks.points[4] * 0 + tracks.points[-1]) / 5, atol=1e-3)
    assert done.points[4, 8].tolist() == [0, 0]
    nothing = [{"first": 1, "last": 2}, {"first": 2, "last": 5}, {"first": 5, "last": 1}, {"first": 1, "last": 90}]
    for values in nothing:
        assert edited(tracks, ("interpolate", {"face": 0, **values})).idle == ("e0",)


def test_faces_are_merged() -> None:
    """The rows take the other id, and where a frame has both, the other's row stays."""
    tracks = two_faces().select(np.array([0, 1, 2, 5, 7]))  # face 0 in frames 0, 1; face 1 in 0, 2, 3
    done = edited(tracks, ("name", {"face": 1, "name": "Ann"}), ("merge", {"face": 1, "into": 0}))
    result = done.result()
    assert result.faces == [0] and frames_of(result, 0) == [0, 1, 2, 3] and done.names == {0: "Ann"}
    assert np.allclose(result.points[0], face()) and np.allclose(result.points[2], face(x=150))
    assert edited(tracks, ("merge", {"face": 0, "into": 0}), ("merge", {"face": 7, "into": 0})).idle == ("e0", "e1")


def test_a_face_is_split_swapped_and_deleted() -> None:
    """From a frame on, between frames, or everywhere."""
    tracks = two_faces()
    split = edited(tracks, ("split", {"face": 0, "frame": 6, "new": 2})).result()
    assert frames_of(split, 0) == list(range(6)) and frames_of(split, 2) == [6, 7, 8, 9]
    assert edited(tracks, ("split", {"face": 0, "frame": 6, "new": 1})).idle == ("e0",)
    swapped = edited(tracks, ("swap", {"face": 0, "other": 1, "frame": 4, "last": 6})).result()
    right = [bool(swapped.dense(0)[frame, 0, 0] > 100) for frame in range(10)]
    assert right == [False] * 4 + [True] * 3 + [False] * 3 and swapped.faces == [0, 1]
    deleted = edited(tracks, ("delete", {"face": 1, "first": 8}), ("delete", {"face": 0, "last": 2})).result()
    assert frames_of(deleted, 1) == list(range(8)) and frames_of(deleted, 0) == list(range(3, 10))
    assert edited(tracks, ("delete", {"face": 0}), ("delete", {"face": 1})).result().faces == []


def test_names_are_kept_in_the_info() -> None:
    """An empty name takes the name away."""
    named = ("name", {"face": 1, "name": " Ann "})
    assert edited(two_faces(), named).result().info["face_names"] == {"1": "Ann"}
    assert "face_names" not in edited(two_faces(), named, ("name", {"face": 1, "name": ""})).result().info


def test_an_edit_of_what_is_gone_does_nothing() -> None:
    """An edit of a face that an earlier one deleted is told as idle, and the rest counts."""
    gone = ("points", {"frame": 2, "face": 0, "points": {"0": [5, 5]}})
    done = edited(two_faces(), ("delete", {"face": 0}), gone, ("name", {"face": 1, "name": "Ann"}))
    assert done.idle == ("e1",) and done.names == {1: "Ann"}


def test_edits_one_by_one_are_as_all_at_once() -> None:
    """Marks, names, moved points and counts too."""
    edits = [
        Edit("points", "a", {"frame": 3, "face": 1, "points": {"36": [100.5, 50.25]}}),
        Edit("mark", "b", {"frame": 4, "as": "absent"}),
        Edit("name", "c", {"face": 1, "name": "Ann"}),
        Edit("split", "d", {"face": 1, "frame": 5, "new": 2}),
        Edit("delete", "e", {"face": 9}),
    ]
    at_once, part = apply_edits(two_faces(), edits), apply_edits(two_faces(), edits[:1])
    for edit in edits[1:]:
        part = extend_edits(part, [edit])
    assert (
        part.tracks.same_as(at_once.tracks)
        and (part.mark == at_once.mark).all()
        and (part.moved == at_once.moved).all()
    )
    assert (part.names, part.faceless, part.idle, part.count) == (at_once.names, at_once.faceless, at_once.idle, 5)


@pytest.mark.parametrize("format", ["hdf5", "csv", "coco"])
def test_edited_tracks_are_tracks_for_every_format(tmp_path, format: str) -> None:
    """The result is written and read like any other; the native file tells which rows were edited."""
    from redtrack import formats

    points = ("points", {"frame": 3, "face": 1, "points": {"36": [100.5, 50.25]}})
    result = edited(two_faces(), points, ("mark", {"frame": 0, "face": 0, "as": "wrong"})).result()
    path = tmp_path / ("a" + formats.suffix(format))
    formats.write(result, path, format)
    back = formats.read(path)
    assert len(back) == 19 and back.points[6, 36].tolist() == [100.5, 50.25]
    assert format != "hdf5" or back.same_as(result)


def test_edits_in_force_are_applied_in_order() -> None:
    """The later of two edits of one point counts; undone, the earlier one."""
    first, second = (Edit("points", f"p{x}", {"frame": 0, "face": 0, "points": {"0": [x, x]}}) for x in (1, 2))
    entries = (first, second)
    assert apply_edits(moving_face(2), Edits(entries).in_force()).result().points[0, 0].tolist() == [2, 2]
    undone = Edits((*entries, Edit("undo", "u", {"of": "p2"})))
    assert apply_edits(moving_face(2), undone.in_force()).result().points[0, 0].tolist() == [1, 1]


def test_a_partly_labelled_face_is_mended_like_any_other() -> None:
    """A point that was unknown gets its place; interpolation leaves points alone that are unknown at an end."""
    points = np.stack([face()] * 4).astype(np.float32)
    points[:, 5] = np.nan
    points[3, 9] = np.nan
    tracks = tracks_of(points)
    placed = edited(tracks, ("points", {"frame": 0, "face": 0, "points": {"5": [7, 8]}})).result()
    assert placed.points[0, 5].tolist() == [7, 8] and np.isnan(placed.points[1, 5]).all()
    assert np.isfinite(placed.boxes).all()
    between = edited(tracks, ("interpolate", {"face": 0, "first": 0, "last": 3})).result()
    assert np.isnan(between.points[1, 5]).all() and np.allclose(between.points[1, 9], points[1, 9])
    assert np.allclose(between.points[1, 8], points[1, 8])

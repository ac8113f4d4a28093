"""Tracks: what it refuses, and the views on it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from random_tracks import random_tracks

from redtrack.errors import FormatError, UsageError
from redtrack.points import MEAN_SHAPE
from redtrack.schema import join_rows
from redtrack.tracks import ROW_FIELDS, FrameState, RowState, Tracks


def rows(**changed: Any) -> Tracks:
    """Returns two rows in three frames, with something changed."""
    given: dict[str, Any] = {"frame": [0, 2], "face": [0, 1], "points": np.zeros((2, 68, 2)), "times": [0, 0.04, 0.08]}
    return Tracks.from_rows(**(given | changed))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"frame": [0, 3]}, "frames 0 to 3 in a video of 3"),
        ({"frame": [-1, 2]}, "frames -1 to 2"),
        ({"face": [0, -1]}, "a face id is -1"),
        ({"frame": [1, 1], "face": [4, 4]}, "face 4 of frame 1 appears twice"),
        ({"points": np.zeros((2, 51, 2))}, r"'points' is \(2, 51, 2\)"),
        ({"points": np.full((2, 68, 2), np.nan)}, "face 0 of frame 0 has no point"),
        ({"points": np.full((2, 68, 2), [np.nan, 1])}, "a point with only one of x and y"),
        ({"points": np.full((2, 68, 2), 1e300)}, "'points' has values that are not finite"),
        ({"boxes": np.full((2, 4), np.inf)}, "'boxes' has values that are not finite"),
        ({"scores": np.full((2, 68), 1.5)}, "'scores' has values outside 0 to 1"),
        ({"disagreement": np.full((2, 68), -1)}, "'disagreement' has values below 0"),
        ({"state": [0, 9]}, "a row's state is 9"),
        ({"frame_state": [0, 0, 9]}, "a frame's state is 9"),
        ({"times": [0, 0.08, 0.04]}, "'times'"),
        ({"times": [0, np.nan, 0.04]}, "'times'"),
        ({"frame_state": [0, 0]}, r"'frame_state' is \(2,\) uint8, not \(3,\) uint8"),
    ],
)
def test_what_is_refused(changed: dict[str, Any], words: str) -> None:
    """Anything that breaks an invariant is refused with a sentence that says which."""
    with pytest.raises(FormatError, match=words):
        rows(**changed)


def test_wrong_type_is_refused() -> None:
    """The constructor takes arrays of the exact type; `from_rows` converts."""
    good = rows()
    arrays = {name: getattr(good, name) for name in Tracks.__dataclass_fields__}
    with pytest.raises(FormatError, match="'frame' is .* int32, not .* int64"):
        Tracks(**(arrays | {"frame": good.frame.astype(np.int32)}))


def test_unknown_is_said() -> None:
    """What is not given is unknown: NaN, the extent of the points, detected, ok."""
    points = np.zeros((2, 68, 2))
    points[:, 3], points[:, 5] = (10, 20), (30, -5)
    tracks = rows(points=points)
    assert np.isnan(tracks.scores).all() and np.isnan(tracks.disagreement).all()
    assert tracks.boxes.tolist() == [[0, -5, 30, 20]] * 2
    assert (tracks.state == RowState.DETECTED).all() and (tracks.frame_state == FrameState.OK).all()
    assert tracks.complete


def test_points_may_be_unknown() -> None:
    """A partly labelled face is a row like any other; its box is that of the points that are known."""
    points = np.random.default_rng(0).random((2, 68, 2))
    points[1, 3:] = np.nan
    tracks = rows(points=points)
    assert tracks.partial.tolist() == [False, True]
    assert np.allclose(tracks.boxes[1], [*points[1, :3].min(0), *points[1, :3].max(0)])


def test_rows_are_sorted() -> None:
    """Rows given in any order end up by frame, then face, each with its own values."""
    tracks = rows(frame=[2, 0], face=[1, 0], points=np.stack([np.full((68, 2), 7), np.zeros((68, 2))]))
    assert tracks.frame.tolist() == [0, 2] and tracks.face.tolist() == [0, 1]
    assert tracks.points[:, 0, 0].tolist() == [0, 7]


def test_dense_has_nan_where_the_face_is_absent() -> None:
    """The cube of a face holds its points in its frames and NaN elsewhere."""
    cube = rows().dense(1)
    assert cube.shape == (3, 68, 2)
    assert np.isnan(cube[:2]).all() and (cube[2] == 0).all()


def test_dense_of_all_faces_and_of_any_column() -> None:
    """Without an id all faces stand side by side in order of id; scores, boxes and states can be had as well."""
    tracks = random_tracks()
    every = tracks.dense()
    assert every.shape == (tracks.frames, 3, 68, 2)
    assert all(np.array_equal(every[:, i], tracks.dense(i), equal_nan=True) for i in range(3))
    assert tracks.dense(1, "scores").shape == (tracks.frames, 68) and tracks.dense(1, "state").shape == (tracks.frames,)
    assert Tracks.empty([0, 1]).dense().shape == (2, 0, 68, 2)


def test_dense_of_an_absent_face_is_an_error() -> None:
    """An id that no row has is refused with those there are; so is a column that is absent."""
    with pytest.raises(UsageError, match="there is no face 9; the faces are 0, 1"):
        rows().dense(9)
    with pytest.raises(UsageError, match="have no 'sigma'"):
        rows().dense(0, "sigma")


def test_between_takes_seconds() -> None:
    """Frames from the first time on and before the last one."""
    tracks = random_tracks()
    some = tracks.between(0.3, 0.6, "seconds")
    assert 0 < some.frames < tracks.frames and some.times.min() >= 0.3 and some.times.max() < 0.6
    first = int(np.searchsorted(tracks.times, 0.3))
    assert some.same_as(tracks.between(first, first + some.frames))


def test_arrays_cannot_be_written_to() -> None:
    """What was checked stays as it was; the arrays that were given stay as writable as they were."""
    frame = np.array([0, 2])
    tracks = rows(frame=frame)
    with pytest.raises(ValueError, match="read-only"):
        tracks.points[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        tracks.times[0] = 1
    frame[0] = 7


def test_a_rate_gives_times() -> None:
    """Frame n is at n / fps, and the times count as known."""
    tracks = rows(info={"times_known": False, "a": 1}).at_rate(25)
    assert tracks.times.tolist() == [0, 0.04, 0.08] and tracks.info == {"a": 1}


def test_a_notebook_shows_when_each_face_is_there() -> None:
    """The fragment of HTML names the source, safely, and draws a line for each of the longest faces."""
    shown = random_tracks(frames=3000, faces=14, source="<b>.mp4")._repr_html_()
    assert "&lt;b&gt;.mp4" in shown and "14 faces" in shown and "and 2 more faces" in shown
    assert shown.count(">face ") == 12 and len(shown) < 2_000_000
    assert "<svg" in Tracks.empty([0, 1])._repr_html_()


def test_faces_and_their_rows() -> None:
    """Ids ascend, and each face's rows are in order of time."""
    tracks = random_tracks()
    assert tracks.faces == [0, 1, 2]
    assert sum(len(tracks.face_rows(face)) for face in tracks.faces) == len(tracks)
    assert (np.diff(tracks.frame[tracks.face_rows(2)]) > 0).all()


def test_pieces_put_together_are_the_whole() -> None:
    """Cut between any frames and concatenated, tracks are what they were."""
    tracks = random_tracks()
    pieces = [tracks.between(a, b) for a, b in ((0, 1), (1, 17), (17, 17), (17, 40))]
    assert Tracks.concatenate(pieces).same_as(tracks)


def test_select_keeps_the_video() -> None:
    """Fewer rows leave the frames and times as they were."""
    tracks = random_tracks()
    one = tracks.select(tracks.face == 1)
    assert one.faces == [1] and one.frames == tracks.frames
    assert np.array_equal(one.dense(1), tracks.dense(1), equal_nan=True)


def test_an_optional_column_may_be_absent() -> None:
    """It is None then, and stays so when rows are selected, cut out or put together."""
    tracks = random_tracks()
    assert tracks.sigma is None
    assert tracks.select(tracks.face == 1).sigma is None and tracks.between(3, 9).sigma is None
    assert Tracks.concatenate([tracks, tracks.between(0, 0)]).sigma is None


def test_an_optional_column_follows_its_rows() -> None:
    """Given, it is sorted, selected and cut with the rows."""
    tracks = rows(frame=[2, 0], face=[1, 0], sigma=np.arange(2 * 68 * 3).reshape(2, 68, 3))
    assert tracks.sigma is not None and tracks.sigma.dtype == np.float32
    assert tracks.sigma[:, 0, 0].tolist() == [204, 0]
    assert tracks.between(1, 3).rows["sigma"][0, 0, 0] == 0  # type: ignore[index]
    assert not tracks.same_as(rows(frame=[2, 0], face=[1, 0]))


def test_what_only_some_parts_have_is_unknown_in_the_others() -> None:
    """Put together, the rows of a part without an optional column have NaN in it."""
    known, unknown = rows(sigma=np.ones((2, 68, 3))), rows(times=[0.1, 0.2, 0.3])
    joined = Tracks.concatenate([known, unknown])
    assert joined.sigma is not None
    assert (joined.sigma[:2] == 1).all() and np.isnan(joined.sigma[2:]).all()


def test_no_rows_have_all_required_columns() -> None:
    """Joined, no parts at all are columns without rows; optional ones are absent."""
    columns = join_rows(ROW_FIELDS, [])
    assert columns.pop("sigma") is None
    assert Tracks(**columns, times=np.zeros(0), frame_state=np.zeros(0, np.uint8)).same_as(Tracks.empty())


def test_same_as_sees_a_difference() -> None:
    """One bit in any array tells two tracks apart."""
    tracks, other = random_tracks(), random_tracks()
    assert tracks.same_as(other)
    times = other.times.copy()
    times[3] += 1e-9
    assert not tracks.same_as(replace(other, times=times))


def test_empty_is_a_video_without_faces() -> None:
    """No rows, but as many frames as there are times."""
    tracks = Tracks.empty([0, 0.5])
    assert (len(tracks), tracks.frames, tracks.faces) == (0, 2, [])
    assert repr(tracks) == "Tracks(0 rows, 0 faces, 2 frames)"
    assert Tracks.empty().frames == 0


def test_measures_of_a_face_with_their_uncertainty() -> None:
    """Frames without the face are NaN; deviations follow from sigma, and are NaN where the tracks have none."""
    points = np.stack([MEAN_SHAPE * 100] * 2)
    sure = Tracks.from_rows([0, 3], [0, 0], points, np.arange(5.0), sigma=np.tile([0.5, 0, 0.5], (2, 68, 1)))
    unknown = Tracks.from_rows([0, 3], [0, 0], points, np.arange(5.0))
    for tracks, known in ((sure, True), (unknown, False)):
        curves = tracks.measures(0, uncertainty=True)
        assert np.isfinite(curves["mouth_opening"]).tolist() == [True, False, False, True, False]
        assert np.isfinite(curves["mouth_opening_sd"]).tolist() == [known, False, False, known, False]
    spread = sure.measures(0, uncertainty=True)["mouth_width_sd"][0]
    assert spread == pytest.approx(np.sqrt(2 * 0.5) / np.ptp(points[0, [36, 45], 0]), rel=0.3)
    assert "mouth_width_sd" not in sure.measures(0)

"""The engine fills batches across faces and videos, and one video's trouble is its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from annotating import BLUE, ONE, RED, TWO, Square, SquareModels, clip_of, drift, square_models, still, true_points
from engine_jobs import Job, run, worst

from redtrack.inference.engine import Engine
from redtrack.inference.options import Options
from redtrack.tracks import RowState


def test_points_are_where_the_face_is_in_every_frame(one: Path) -> None:
    (job,), _ = run([one])
    tracks = job.sink.tracks()
    assert tracks.frames == 57 and tracks.faces == [0] and len(tracks) == 57
    assert worst(tracks, 0, ONE) < 2


def test_two_faces_keep_their_points_apart(two: Path) -> None:
    (job,), _ = run([two])
    tracks = job.sink.tracks()
    assert len(tracks) == 66 and max(worst(tracks, 0, ONE), worst(tracks, 1, TWO)) < 2


def test_windows_of_several_videos_share_a_call(one: Path, two: Path) -> None:
    """Two short videos of 20 and 33 frames fill calls of 6 windows that neither could fill alone."""
    _, models = run([two, one], batch=60)
    windows = [call[0] for call in models.calls if call[1] == 10]
    assert 6 in windows and sum(windows) < 20 and len(windows) < 6


@pytest.mark.parametrize("batch", [1, 20, 30, 1000])
def test_batch_size_does_not_change_a_point(one: Path, two: Path, batch: int) -> None:
    reference, _ = run([one, two])
    jobs, models = run([one, two], batch=batch)
    assert max(call[0] * call[1] for call in models.calls) <= max(10, batch)
    for job, other in zip(jobs, reference, strict=True):
        assert job.sink.tracks().same_as(other.sink.tracks())


def test_video_gives_the_same_rows_alone_and_among_others(one: Path, two: Path) -> None:
    together, _ = run([two, one, two])
    alone, _ = run([one])
    assert together[1].sink.tracks().same_as(alone[0].sink.tracks())


class Doubting(SquareModels):
    """A network that believes in no face."""

    def predict(self, crops: torch.Tensor, lengths: np.ndarray, options: Any, seven: Any = None) -> Any:
        found = super().predict(crops, lengths, options, seven)
        return found._replace(scores=0 * found.scores)


def test_faces_that_the_network_disbelieves_are_none(one: Path) -> None:
    """What was followed and has no rows is told as no face, as it is where nothing was followed."""
    models = square_models()
    doubting = Doubting(**{name: getattr(models, name) for name in models.__dataclass_fields__})
    job = Job(one, doubting, Options())
    list(Engine(doubting, Options()).run([job]))
    assert not len(job.sink.tracks()) and job.faces
    assert str(job.remark).startswith("no face was found; for faces on their side or upside down")


def test_fast_face_is_looked_at_again_where_its_interpolated_box_is_off(tmp_path: Path) -> None:
    """A square that swings between two detections leaves the straight line; the second look finds it."""
    swing = Square(BLUE, 60, lambda f: (120 + 18 * np.sin(f * np.pi / 10), 90))
    path = clip_of(tmp_path / "swing.mkv", (swing,), 41)
    (job,), _ = run([path])
    tracks = job.sink.tracks()
    assert (tracks.state == RowState.REFINED).any()
    assert worst(tracks, 0, swing) < 2
    refined = tracks.state == RowState.REFINED
    truth = np.stack([true_points(swing, int(f)) for f in tracks.frame[refined]])
    assert np.abs(tracks.points[refined] - truth).max() < 2


def test_tracking_crops_each_frame_from_the_one_before(tmp_path: Path) -> None:
    """Frame by frame, in windows of one; the points are as good as those of windows here."""
    path = clip_of(tmp_path / "drift.mkv", (Square(RED, 60, drift(20, 80, 3)),), 25)
    (job,), models = run([path], protocol="tracking")
    assert set(models.calls) == {(1, 1, 3, 64, 64)} and len(models.calls) == 25
    tracks = job.sink.tracks()
    assert worst(tracks, 0, Square(RED, 60, drift(20, 80, 3))) < 2
    assert not (tracks.state == RowState.REFINED).any()


def test_nobody_believes_a_face_of_no_score(one: Path) -> None:
    (job,), _ = run([one], models=square_models(score=0.01))
    tracks = job.sink.tracks()
    assert len(tracks) == 0 and tracks.frames == 57


def test_start_and_end_leave_frames_in_their_place(one: Path) -> None:
    (job,), _ = run([one], start=0.4, end=1.6)
    tracks = job.sink.tracks()
    assert tracks.frames == 40 and tracks.frame.min() == 10 and tracks.frame.max() == 39
    assert tracks.times[10] == pytest.approx(0.4) and worst(tracks, 0, ONE) < 2


def test_own_boxes_replace_the_detector_and_keep_their_frame_numbers(one: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.csv"
    lines = [
        f"{frame},{40 + 1.5 * frame},{80 + frame / 4},{99 + 1.5 * frame},{139 + frame / 4},5" for frame in range(57)
    ]
    boxes.write_text("frame,x0,y0,x1,y1,face_id\n" + "\n".join(lines))
    models = square_models(detector=None)
    (job,), _ = run([one], models=models, boxes=boxes, start=0.4)
    tracks = job.sink.tracks()
    assert tracks.faces == [5] and tracks.frame.tolist() == list(range(10, 57)) and worst(tracks, 5, ONE) < 2


def test_faces_are_limited_in_number_and_size(two: Path) -> None:
    (largest,), _ = run([two], max_faces=1)
    assert worst(largest.sink.tracks(), 0, ONE) < 2 and len(largest.sink.tracks()) == 33
    (large,), _ = run([two], min_face=55)
    assert large.sink.tracks().faces == [0]


def test_window_and_detection_interval_are_as_asked_for(one: Path) -> None:
    (_,), models = run([one], window=5, detect_every=3)
    assert {call[1] for call in models.calls} == {5, 1}  # and looks at single frames
    _, often = run([one], detect_every=1)
    assert often.detector.frames > models.detector.frames  # type: ignore[union-attr]


def test_no_window_spans_a_cut(tmp_path: Path) -> None:
    """Two shots, one face in each at another place: no id and no window lasts into the next shot."""
    first, second = Square(RED, 70, still(10, 20)), Square(RED, 70, still(220, 140))
    both = Square(RED, 70, lambda f: first.at(f) if f < 17 else second.at(f))
    path = clip_of(tmp_path / "cut.mkv", (both,), 40)
    (job,), models = run([path])
    tracks = job.sink.tracks()
    assert [tracks.frame[tracks.face_rows(face)].tolist() for face in tracks.faces] == [
        list(range(17)),
        list(range(17, 40)),
    ]
    assert worst(tracks, 0, first) < 2 and worst(tracks, 1, second) < 2

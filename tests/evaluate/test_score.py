"""Scores of whole videos: which face is matched to which, and what becomes of faces without output."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drawn_tracks import face, moving_face, tracks_of

from redtrack.errors import FormatError
from redtrack.evaluate import Pair, Protocol, score
from redtrack.evaluate.match import NO_OUTPUT, match
from redtrack.tracks import Tracks

EYES = float(np.linalg.norm(face()[36] - face()[45]))


def shifted(tracks: Tracks, dx: float, dy: float = 0) -> Tracks:
    """Returns tracks with every point moved."""
    points = tracks.points + np.array([dx, dy], np.float32)
    return Tracks.from_rows(tracks.frame, tracks.face, points, tracks.times)


def test_perfect_prediction() -> None:
    """The truth scored against itself has no error and no failure."""
    truth = moving_face()
    result = score([Pair("a", truth, truth)], Protocol()).summary
    assert (result.mean, result.area, result.without_output) == (0, 1, 0)
    assert set(result.failures.values()) == {0}


def test_shifted_prediction_by_hand() -> None:
    """A shift of 3 px is 3 px over the eye distance for every part, and adds no jitter."""
    truth = moving_face()
    result = score([Pair("a", truth, shifted(truth, 3))], Protocol())
    assert result.summary.mean == pytest.approx(3 / EYES, rel=1e-4)
    assert all(part == pytest.approx(3 / EYES, rel=1e-4) for part in result.parts.values())
    assert result.jitters == pytest.approx({"prediction": 0, "truth": 0, "error": 0}, abs=1e-6)


def test_frames_without_output_are_failures_and_told() -> None:
    """A prediction that stops half way has its own error on the first half, and fails on the rest."""
    truth = moving_face(10)
    half = shifted(truth, 1).select(np.arange(5))
    result = score([Pair("a", truth, half)], Protocol()).summary
    assert (result.faces, result.without_output) == (10, 5)
    assert result.mean == pytest.approx(1 / EYES, rel=1e-4)
    assert result.failures == {0.08: 0.5, 0.1: 0.5}


def test_video_without_prediction_fails_as_a_whole() -> None:
    """All its faces are failures, and its name is told."""
    truth = moving_face(4)
    result = score([Pair("a", truth, truth), Pair("b", truth, None)], Protocol())
    assert result.without_output == ["b"]
    assert result.summary.failures[0.1] == 0.5


def test_faces_are_matched_by_overlap_not_by_id() -> None:
    """Two faces whose ids are swapped are scored as if they were not."""
    points = np.stack([face(x=10), face(x=110)])
    truth = tracks_of(points, ids=[0, 1], frame=[0, 0])
    swapped = tracks_of(points[::-1] + 1, ids=[0, 1], frame=[0, 0])
    assert match(swapped, truth).tolist() == [1, 0]
    assert score([Pair("a", truth, swapped)], Protocol()).summary.mean == pytest.approx(2**0.5 / EYES, rel=1e-4)


def test_best_overlap_takes_the_face_and_the_other_is_extra() -> None:
    """Of two predicted faces on one true face the closer one is scored; the other is counted as extra."""
    truth = tracks_of(face()[None])
    two = tracks_of(np.stack([face() + 12, face() + 1]), ids=[0, 1], frame=[0, 0])
    result = score([Pair("a", truth, two)], Protocol())
    assert result.summary.mean == pytest.approx(2**0.5 / EYES, rel=1e-4)
    assert result.extra == 1


def test_a_predicted_face_is_used_once() -> None:
    """Of two overlapping true faces only the better one gets the only prediction."""
    truth = tracks_of(np.stack([face(), face() + 20]), ids=[0, 1], frame=[0, 0])
    one = tracks_of(face()[None] + 18)
    assert match(one, truth).tolist() == [NO_OUTPUT, 0]


def test_no_overlap_is_no_output() -> None:
    """A face at the other end of the picture is not a prediction of this one."""
    truth, other = tracks_of(face()[None]), tracks_of(face(x=300)[None])
    assert match(other, truth).tolist() == [NO_OUTPUT]


def test_match_is_by_frame() -> None:
    """Truth in some frames only, predictions in others too: rows pair up where the frame is the same."""
    truth = tracks_of(np.stack([face()] * 2), frame=[1, 4])
    predicted = tracks_of(np.stack([face()] * 3), frame=[0, 4, 9])
    assert match(predicted, truth).tolist() == [NO_OUTPUT, 1]
    assert score([Pair("a", truth, predicted)], Protocol()).extra == 0


def test_jitter_of_prediction_truth_and_error() -> None:
    """A truth that swings and a prediction that stands still: the error swings as much as the truth does."""
    swing = tracks_of(np.stack([face() + [k % 2, 0] for k in range(8)]))
    still = tracks_of(np.stack([face()] * 8))
    result = score([Pair("a", swing, still)], Protocol()).jitters
    assert result["prediction"] == pytest.approx(0, abs=1e-6)
    assert result["truth"] == result["error"] == pytest.approx(2 / EYES, rel=1e-4)


def test_jitter_skips_gaps() -> None:
    """A face that jumps while it is away has no jitter for that."""
    points = np.stack([face()] * 3 + [face() + 9] * 3)
    truth = tracks_of(points, frame=[0, 1, 2, 5, 6, 7])
    assert score([Pair("a", truth, truth)], Protocol()).jitters["prediction"] == pytest.approx(0, abs=1e-6)


def test_every_face_weighs_the_same() -> None:
    """The mean is over frames, not over videos: 3 frames at 1 px and 1 at 5 px make 2 px."""
    long, short = moving_face(3), moving_face(1)
    result = score([Pair("a", long, shifted(long, 1)), Pair("b", short, shifted(short, 5))], Protocol())
    assert result.summary.mean == pytest.approx(2 / EYES, rel=1e-4)
    assert [v.summary.mean * EYES for v in result.videos] == pytest.approx([1, 5], rel=1e-4)


def test_interval_only_for_several_videos() -> None:
    """One video has none; two have one that holds the mean."""
    truth = moving_face(3)
    one, two = Pair("a", truth, shifted(truth, 1)), Pair("b", truth, shifted(truth, 3))
    assert score([one], Protocol()).mean_interval is None
    low, high = score([one, two], Protocol()).mean_interval or (math.nan, math.nan)
    assert low == pytest.approx(1 / EYES, rel=1e-4) and high == pytest.approx(3 / EYES, rel=1e-4)


def test_a_truth_without_size_is_named() -> None:
    """One of many videos whose eye corners coincide can be found."""
    points = np.zeros((1, 68, 2))
    points[:, :36] = face()[:36]
    with pytest.raises(FormatError, match="410: the truth has a face"):
        score([Pair("410", tracks_of(points), None)], Protocol())


def test_truth_without_faces_scores_nothing() -> None:
    """An empty truth gives counts of nought and unknown errors."""
    result = score([Pair("a", Tracks.empty([0.0]), moving_face(1))], Protocol())
    assert result.summary.faces == 0
    assert math.isnan(result.summary.mean) and math.isnan(result.parts["jaw"])

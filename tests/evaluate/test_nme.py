"""Errors of points are what their definitions say: by hand, and against the same formulas written as plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from drawn_tracks import face

from redtrack.errors import FormatError, UsageError
from redtrack.evaluate.bootstrap import interval
from redtrack.evaluate.jitter import jitter, second_differences, triples
from redtrack.evaluate.nme import Summary, area_under_curve, error_curve, face_errors, part_errors, point_errors
from redtrack.evaluate.protocol import CATEGORIES, POINT_SETS, Protocol
from redtrack.points import PARTS


def random_faces(n: int, seed: int = 0) -> np.ndarray:
    """Returns (n, 68, 2): faces with every point moved about by some pixels."""
    return face() + np.random.default_rng(seed).normal(0, 3, (n, 68, 2))


@pytest.mark.parametrize("points", [68, 51, 49, 7])
def test_every_point_off_by_3_and_4_is_5_over_the_eye_distance(points: int) -> None:
    """A face moved by (3, 4) has every point 5 px off; with the eye corners 50 px apart that is 10 %."""
    truth = face()[None]
    truth[:, 36], truth[:, 45] = (100, 100), (150, 100)
    protocol = Protocol(points=points)
    errors = face_errors(point_errors(truth + [3, 4], truth), protocol.scale(truth), protocol)
    assert errors == pytest.approx([0.1])


def test_scale_by_hand() -> None:
    """Corners, eye centres and box are measured on the truth."""
    truth = np.zeros((1, 68, 2))
    truth[0, 36], truth[0, 45], truth[0, 8] = (0, 0), (30, 40), (0, 80)
    truth[0, list(PARTS["right_eye"])[1:]] = (6, 0)
    truth[0, list(PARTS["left_eye"])[:3]] = (35, 0)
    truth[0, [46, 47]] = (35, 0)
    right, left = (5 * 6 / 6, 0.0), ((5 * 35 + 30) / 6, 40 / 6)
    assert Protocol("eyes").scale(truth) == pytest.approx([50.0])
    assert Protocol("pupils").scale(truth) == pytest.approx([math.dist(right, left)])
    assert Protocol("box").scale(truth) == pytest.approx([math.sqrt(35 * 80)])


@pytest.mark.parametrize("norm", ["eyes", "pupils", "box"])
@pytest.mark.parametrize("points", [68, 51, 49, 7])
def test_same_figures_as_plain_loops(norm: str, points: int) -> None:
    """Vectorised errors equal the textbook formula, written here point by point."""
    truth, predicted = random_faces(7, 1), random_faces(7, 2)
    protocol = Protocol(norm, points)
    errors = face_errors(point_errors(predicted, truth), protocol.scale(truth), protocol)
    assert errors == pytest.approx([textbook_error(p, t, norm, points) for p, t in zip(predicted, truth, strict=True)])


def textbook_error(predicted: np.ndarray, truth: np.ndarray, norm: str, points: int) -> float:
    """Returns the normalised mean error of one face (68, 2), by loops over the points that the papers list."""
    counted = {
        68: [*range(68)],
        51: [*range(17, 68)],
        49: [i for i in range(17, 68) if i not in (60, 64)],
        7: [36, 39, 42, 45, 30, 48, 54],
    }[points]
    total = 0.0
    for i in counted:
        total += math.hypot(predicted[i][0] - truth[i][0], predicted[i][1] - truth[i][1])
    xs, ys = [p[0] for p in truth], [p[1] for p in truth]
    scale = {
        "eyes": math.dist(truth[36], truth[45]),
        "pupils": math.dist(
            (sum(xs[36:42]) / 6, sum(ys[36:42]) / 6),
            (sum(xs[42:48]) / 6, sum(ys[42:48]) / 6),
        ),
        "box": math.sqrt((max(xs) - min(xs)) * (max(ys) - min(ys))),
    }[norm]
    return total / len(counted) / scale


def test_parts_weigh_up_to_the_whole() -> None:
    """The errors by part, weighted by their points, come to the error of the face."""
    truth, predicted = random_faces(3, 3), random_faces(3, 4)
    for points in POINT_SETS:
        protocol = Protocol(points=points)
        distances, scale = point_errors(predicted, truth), protocol.scale(truth)
        parts = part_errors(distances, scale, protocol)
        whole = sum(parts[name] * len(part) for name, part in protocol.parts.items()) / points
        assert whole == pytest.approx(face_errors(distances, scale, protocol))


def test_jaw_is_no_part_of_the_inner_points() -> None:
    """With 51 points there is no jaw to report, and with 7 no brows either."""
    assert list(Protocol(points=51).parts) == ["brows", "nose", "eyes", "mouth"]
    assert list(Protocol(points=7).parts) == ["nose", "eyes", "mouth"]


def test_a_face_without_eye_distance_is_refused() -> None:
    """A truth of zeros is an error, not an infinite score."""
    with pytest.raises(FormatError, match="outer eye corners"):
        Protocol().scale(np.zeros((1, 68, 2)))


def test_unknown_choices_are_refused() -> None:
    """The choices are named."""
    with pytest.raises(UsageError, match="eyes, pupils, box"):
        Protocol(norm="nose")
    with pytest.raises(UsageError, match="68, 51, 49, 7"):
        Protocol(points=5)


def test_area_under_curve_by_hand() -> None:
    """Errors of 0, 4 % and 8 % cover all, half and nothing of the area to 8 %; no output covers nothing."""
    assert area_under_curve(np.array([0.0])) == 1
    assert area_under_curve(np.array([0.0, 0.04, 0.08, np.inf])) == pytest.approx(1.5 / 4)


def test_area_under_curve_is_that_of_the_curve() -> None:
    """The exact area equals a fine Riemann sum under the share of faces within each error."""
    errors = np.append(np.random.default_rng(0).gamma(2, 0.02, 200), [np.inf, np.inf])
    grid = (np.arange(20_000) + 0.5) / 20_000 * 0.08
    share = sum((errors <= e).mean() for e in grid) / len(grid)
    assert area_under_curve(errors) == pytest.approx(share, abs=1e-4)


def test_curve_rises_to_the_share_within_the_limit() -> None:
    """The last corner of the curve is the share of faces that did not fail."""
    x, y = error_curve(np.array([0.02, 0.01, 0.2, np.inf]), 0.08)
    assert x.tolist() == [0, 0.01, 0.02, 0.08]
    assert y.tolist() == [0, 0.25, 0.5, 0.5]


def test_summary_counts_what_has_no_output_as_failed() -> None:
    """Faces without output fail at both limits and are left out of mean, median and deviation."""
    summary = Summary.of(np.array([0.02, 0.04, 0.09, np.inf, 0.25]))
    assert (summary.faces, summary.without_output) == (5, 1)
    assert summary.mean == pytest.approx(0.1)
    assert summary.median == pytest.approx(0.065)
    assert summary.deviation == pytest.approx(np.std([0.02, 0.04, 0.09, 0.25]))
    assert summary.failures == {0.08: pytest.approx(0.6), 0.10: pytest.approx(0.4)}


def test_summary_of_nothing_is_unknown() -> None:
    """No face gives NaN, not an error."""
    summary = Summary.of(np.zeros(0))
    assert summary.faces == 0
    assert math.isnan(summary.mean) and math.isnan(summary.median) and math.isnan(summary.area)


def test_triples_are_of_one_face_in_a_row() -> None:
    """A gap or another face starts anew."""
    frame = np.array([0, 1, 1, 2, 2, 3, 5, 6, 7])
    ids = np.array([0, 0, 1, 0, 1, 1, 1, 1, 1])
    assert triples(frame, ids).tolist() == [[0, 1, 3], [2, 4, 5], [6, 7, 8]]
    assert triples(frame[:0], ids[:0]).shape == (0, 3)


def test_even_motion_has_no_jitter_and_a_zigzag_has_twice_its_swing() -> None:
    """p = (0, 1, 2) has no second difference; p = (0, 1, 0) has one of 2."""
    even, zigzag = np.array([[[0.0, 0]], [[1, 0]], [[2, 0]]]), np.array([[[0.0, 0]], [[1, 0]], [[0, 0]]])
    rows = np.array([[0, 1, 2]])
    assert second_differences(even, rows).item() == 0
    assert second_differences(zigzag, rows).item() == 2
    assert jitter(zigzag, rows, np.array([10.0, 20, 10])).item() == pytest.approx(0.1)


def test_interval_needs_two_groups_and_is_repeatable() -> None:
    """One video has no interval; the same input gives the same interval."""
    values, group = np.arange(20.0), np.repeat([0, 1, 2, 3], 5)
    assert interval(values, np.zeros(20)) is None
    assert interval(values, group) == interval(values, group)


def test_interval_is_by_video() -> None:
    """Many alike frames of few videos give a wide interval, the same frames as videos of their own a narrow one."""
    random = np.random.default_rng(0)
    level = random.normal(0.05, 0.01, 8)
    values, group = np.repeat(level, 100), np.repeat(np.arange(8), 100)
    by_video, by_frame = interval(values, group), interval(values, np.arange(800))
    assert by_video is not None and by_frame is not None
    assert by_video[0] < values.mean() < by_video[1]
    assert by_video[1] - by_video[0] > 5 * (by_frame[1] - by_frame[0])


def test_interval_covers_the_mean_of_a_normal() -> None:
    """For one value a video the interval is close to 1.96 standard errors to both sides."""
    values = np.random.default_rng(1).normal(0, 1, 400)
    found = interval(values, np.arange(400))
    assert found is not None
    half = 1.96 * values.std() / 20
    assert found == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)


def test_categories_of_300vw() -> None:
    """31, 19 and 14 videos, none of them twice."""
    assert [len(CATEGORIES[k]) for k in (1, 2, 3)] == [31, 19, 14]
    assert len(frozenset.union(*CATEGORIES.values())) == 64
    assert "114" in CATEGORIES[1] and "114" not in CATEGORIES[2]

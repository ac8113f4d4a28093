"""Measures over time: known faces give known numbers."""

import numpy as np
import pytest

from redtrack.measures import _RIGID, _SHAPE, MEASURES, OPENFACE_POSE, head_pose, measures, openface_pose
from redtrack.points import MEAN_SHAPE, MIRROR

FACE = MEAN_SHAPE.astype(np.float64)[None] * 100


def turned(roll: float, yaw: float, pitch: float) -> np.ndarray:
    """Returns (1, 68, 2), a face whose rigid points are turned by angles in degrees, at some scale and place."""
    a, b, c = np.radians([roll, -yaw, -pitch])
    around_z = [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
    around_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    around_x = [[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]]
    face = np.zeros((1, 68, 2))
    face[0, list(_RIGID)] = (_SHAPE @ (np.array(around_z) @ around_y @ around_x).T)[:, :2] * 80 + [300, 200]
    return face


@pytest.mark.parametrize("angles", [(0, 0, 0), (20, 0, 0), (0, 45, 0), (0, 0, 20), (-30, -50, 10), (170, 15, -15)])
def test_turned_head_gives_its_angles(angles: tuple[float, float, float]) -> None:
    """Roll, yaw and pitch come back within a tenth of a degree."""
    assert np.abs(head_pose(turned(*angles))[0] - angles).max() < 0.1


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.3, 0, 0), (0, -0.6, 0), (0, 0, 0.5), (-0.2, 0.7, -0.4)])
def test_rotations_are_openfaces(angles: tuple[float, float, float]) -> None:
    """A head turned by OpenFace's Rx Ry Rz, written out as its source has it, gives those angles back."""
    (s1, s2, s3), (c1, c2, c3) = np.sin(angles), np.cos(angles)
    turn = [
        [c2 * c3, -c2 * s3, s2],
        [c1 * s3 + c3 * s1 * s2, c1 * c3 - s1 * s2 * s3, -c2 * s1],
        [s1 * s3 - c1 * c3 * s2, c3 * s1 + c1 * s2 * s3, c1 * c2],
    ]
    face = np.zeros((1, 68, 2))
    face[0, list(_RIGID)] = (_SHAPE @ np.array(turn).T)[:, :2] * 80 + [300, 200]
    assert np.abs(openface_pose(face)[0] - angles).max() < 0.002
    assert len(OPENFACE_POSE) == 3 and np.isnan(openface_pose(np.zeros((1, 68, 2)))).all()


def test_openfaces_signs() -> None:
    """Down is pose_Rx above 0, the left of the picture is pose_Ry above 0, clockwise is pose_Rz above 0."""
    found = [openface_pose(turned(*angles))[0] for angles in ((0, 0, -20), (0, -20, 0), (20, 0, 0))]
    assert np.abs(np.degrees(found) - np.eye(3) * 20).max() < 0.1


def test_signs_are_those_of_the_picture() -> None:
    """The nose to the right is yaw above 0, up is pitch above 0, and clockwise is roll above 0."""
    right, up, clockwise = turned(0, 30, 0), turned(0, 0, 30), turned(30, 0, 0)
    assert right[0, 30, 0] > right[0, [36, 45], 0].mean()
    assert up[0, 30, 1] < turned(0, 0, 0)[0, 30, 1]
    assert clockwise[0, 45, 1] > clockwise[0, 36, 1]


def test_mean_face_looks_ahead() -> None:
    """The average face is upright and symmetric: no roll, no yaw, little pitch, right equal to left."""
    found = {name: values[0] for name, values in measures(FACE).items()}
    assert list(found) == list(MEASURES)
    assert abs(found["roll"]) < 0.1 and abs(found["yaw"]) < 0.1 and abs(found["pitch"]) < 10
    assert found["right_eye_opening"] == pytest.approx(found["left_eye_opening"], rel=0.02)
    assert found["right_brow_height"] == pytest.approx(found["left_brow_height"], rel=0.02)


def test_lengths_do_not_depend_on_size_place_or_roll() -> None:
    """A face twice the size, moved and turned in the picture has the same openings and heights."""
    angle = np.radians(25)
    roll = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    before, after = measures(FACE), measures(FACE @ roll.T * 2 + [500, -80])
    for name in MEASURES:
        change = 25 if name == "roll" else 0
        assert after[name] == pytest.approx(before[name] + change, abs=1e-6)


def test_mirrored_face_swaps_sides() -> None:
    """A wink with the right eye is one with the left eye in the mirror."""
    wink = FACE.copy()
    wink[0, [37, 38]] = wink[0, [41, 40]]
    mirrored = wink[:, MIRROR] * [-1, 1]
    assert measures(wink)["right_eye_opening"][0] == pytest.approx(0, abs=0.02)
    assert measures(mirrored)["left_eye_opening"][0] == pytest.approx(0, abs=0.02)


def test_mouth_opening_is_the_gap_between_the_lips() -> None:
    """A gap of a tenth of the eye distance is 0.1."""
    face = FACE.copy()
    width = face[0, 45, 0] - face[0, 36, 0]
    face[0, [65, 66, 67], 1] = face[0, [63, 62, 61], 1] + width / 10
    assert measures(face)["mouth_opening"][0] == pytest.approx(0.1, abs=0.002)


def test_no_extent_is_no_measure() -> None:
    """Points that all fall together give NaN, and no warning; the other rows are not touched."""
    found = measures(np.concatenate([np.zeros((1, 68, 2)), FACE]))
    assert all(np.isnan(values[0]) and np.isfinite(values[1]) for values in found.values())
    assert all(len(values) == 0 for values in measures(np.zeros((0, 68, 2))).values())

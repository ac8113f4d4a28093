"""The pose of the head: known turns come back, and the face is seen from the front again."""

import numpy as np
import pytest
from turned_faces import HEAD, seen_under, turned

from redtrack.points import MIRROR
from redtrack.pose import FURTHEST, OPENFACE_POSE, fit_pose, frontal, head_pose, openface_pose

TURNS = [(0, 0, 0), (20, 0, 0), (0, 45, 0), (0, 0, 20), (-30, -50, 10), (170, 15, -15)]


@pytest.mark.parametrize("angles", TURNS)
def test_turned_head_gives_its_angles(angles: tuple[float, float, float]) -> None:
    """Roll, yaw and pitch come back within a tenth of a degree."""
    assert np.abs(head_pose(turned(*angles)[None])[0] - angles).max() < 0.1


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.3, 0, 0), (0, -0.6, 0), (0, 0, 0.5), (-0.2, 0.7, -0.4)])
def test_rotations_are_openfaces(angles: tuple[float, float, float]) -> None:
    """A head turned by OpenFace's Rx Ry Rz, written out as its source has it, gives those angles back."""
    (s1, s2, s3), (c1, c2, c3) = np.sin(angles), np.cos(angles)
    turn = [
        [c2 * c3, -c2 * s3, s2],
        [c1 * s3 + c3 * s1 * s2, c1 * c3 - s1 * s2 * s3, -c2 * s1],
        [s1 * s3 - c1 * c3 * s2, c3 * s1 + c1 * s2 * s3, c1 * c2],
    ]
    face = seen_under(np.array(turn))[None]
    assert np.abs(openface_pose(face)[0] - angles).max() < 0.002
    assert len(OPENFACE_POSE) == 3 and np.isnan(openface_pose(np.zeros((1, 68, 2)))).all()


def test_openfaces_signs() -> None:
    """Down is pose_Rx above 0, the left of the picture is pose_Ry above 0, clockwise is pose_Rz above 0."""
    found = [openface_pose(turned(*angles)[None])[0] for angles in ((0, 0, -20), (0, -20, 0), (20, 0, 0))]
    assert np.abs(np.degrees(found) - np.eye(3) * 20).max() < 0.1


def test_signs_are_those_of_the_picture() -> None:
    """The nose to the right is yaw above 0, up is pitch above 0, and clockwise is roll above 0."""
    right, up, clockwise = turned(0, 30, 0), turned(0, 0, 30), turned(30, 0, 0)
    assert right[30, 0] > right[[36, 45], 0].mean()
    assert up[30, 1] < turned(0, 0, 0)[30, 1]
    assert clockwise[45, 1] > clockwise[36, 1]


@pytest.mark.parametrize("angles", TURNS)
def test_a_turned_head_is_seen_from_the_front_again(angles: tuple[float, float, float]) -> None:
    """Whatever its turn, size and place, the model's own x and y come back."""
    faces = turned(*angles, size=130)[None] + 40
    assert np.abs(frontal(faces, fit_pose(faces))[0] - HEAD[:, :2])[17:].max() < 0.01


def test_a_head_that_is_turned_too_far_is_not_seen_from_the_front() -> None:
    """Beyond the documented turn there are angles, but no front view, and no warning."""
    faces = np.stack([turned(0, FURTHEST - 2, 0), turned(0, FURTHEST + 2, 0)])
    front = frontal(faces, fit_pose(faces))
    assert np.isfinite(front[0]).all() and np.isnan(front[1]).all() and np.isfinite(head_pose(faces)).all()


def test_the_model_is_symmetric_and_one_wide() -> None:
    assert np.allclose(HEAD[MIRROR] * [-1, 1, 1], HEAD)
    assert np.allclose(HEAD[45] - HEAD[36], [1, 0, 0])

"""What the six numbers of a pose mean."""

import numpy as np
import pytest
from heads import poses

from redtrack.shape3d.pose import angles, project, rotation, rotation_vector, turned

NOSE, RIGHT_OF_PICTURE = np.array([0.0, 0.0, -1.0]), np.array([1.0, 0.0, 0.0])


def test_rotation_vectors_come_back() -> None:
    """Any turn up to half a circle, none at all among them, as a vector and as a matrix."""
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((500, 3))
    vectors *= draw.uniform(0, 3.1, (500, 1)) / np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[0] = 0
    turn = rotation(vectors)
    assert np.allclose(turn @ turn.swapaxes(1, 2), np.eye(3)) and np.allclose(np.linalg.det(turn), 1)
    assert np.allclose(rotation_vector(turn), vectors)


def test_angles_come_back() -> None:
    """Roll, yaw and pitch give a rotation that gives roll, yaw and pitch."""
    degrees = np.random.default_rng(0).uniform(-80, 80, (300, 3))
    assert np.allclose(angles(turned(degrees)), degrees)


@pytest.mark.parametrize(
    ("degrees", "point", "moves"),
    [
        ((0, 30, 0), NOSE, (0.5, 0.0)),  # yaw above 0: the nose to the right of the picture
        ((0, 0, 30), NOSE, (0.0, -0.5)),  # pitch above 0: the nose up, where y is smaller
        ((30, 0, 0), RIGHT_OF_PICTURE, (np.cos(np.pi / 6), 0.5)),  # roll above 0: clockwise, the right side down
    ],
)
def test_signs_are_the_pictures(degrees: tuple[float, ...], point: np.ndarray, moves: tuple[float, ...]) -> None:
    """Each angle above 0 moves the head as docs/pose.md says."""
    place = project(point[None, None], poses(np.array([degrees]), scale=1.0))[0, 0]
    assert np.allclose(place - [320, 240], moves)

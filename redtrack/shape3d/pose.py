"""The pose of a head: six numbers, what they mean, and the way from the head to the picture.

A pose is `rx, ry, rz, tx, ty, s`: a rotation vector (axis times angle, radians), the place of the head's origin in the
picture (px) and the scale (px per mm). The camera is scaled orthographic:

    picture = s * (R @ head)[x, y] + (tx, ty)

Axes of the head and of the camera: x to the right of the picture, y down, z away from the camera. A head that looks
straight into the camera has R = 1. The head's origin is the middle between the outer eye corners of the mean face, its
unit the millimetre of an average adult: a camera alone cannot tell a small near face from a large far one. docs/pose.md
has a picture.

R rows, P points.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "OPENFACE_POSE",
    "angles",
    "angles_of",
    "openface_angles_of",
    "project",
    "rotation",
    "rotation_vector",
    "turned",
]

OPENFACE_POSE: dict[str, str] = {
    "pose_Rx": "radians; above 0 the nose points down",
    "pose_Ry": "radians; above 0 the nose points to the left of the picture",
    "pose_Rz": "radians; above 0 the head is turned clockwise in the picture",
}
"""The head's rotation as OpenFace writes it: R = Rx Ry Rz, with the axes above."""


def project(points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Returns where points of heads (R, P, 3), mm, lie in the picture under poses (R, 6): (R, P, 2) px."""
    turned_points = points @ rotation(pose[:, :3]).swapaxes(1, 2)
    flat: np.ndarray = turned_points[..., :2] * pose[:, None, 5:] + pose[:, None, 3:5]
    return flat


def rotation(vectors: np.ndarray) -> np.ndarray:
    """Returns (R, 3, 3), the rotations of rotation vectors (R, 3) (Rodrigues)."""
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    cross = _cross_matrix(vectors)
    sine = np.sinc(angle / np.pi)  # sin(a) / a
    half = np.sinc(angle / (2 * np.pi))  # (1 - cos a) / a^2 is half of its square
    turn: np.ndarray = np.eye(3, dtype=vectors.dtype) + sine * cross + half**2 / 2 * (cross @ cross)
    return turn


def rotation_vector(turn: np.ndarray) -> np.ndarray:
    """Returns (R, 3), the rotation vectors of rotations (R, 3, 3), of an angle up to pi (by way of quaternions)."""
    quaternion = _quaternion(np.asarray(turn, np.float64))  # (R, 4), w first
    quaternion *= np.where(quaternion[:, :1] < 0, -1, 1)
    length = np.linalg.norm(quaternion[:, 1:], axis=1)
    angle = 2 * np.arctan2(length, quaternion[:, 0])
    ratio = np.divide(angle, length, out=np.full(len(length), 2.0), where=length > 1e-12)
    vectors: np.ndarray = quaternion[:, 1:] * ratio[:, None]
    return vectors


def angles(pose: np.ndarray) -> np.ndarray:
    """Returns (R, 3) degrees, roll, yaw, pitch of poses (R, 6), or of rotation vectors (R, 3); see `angles_of`."""
    return angles_of(rotation(np.asarray(pose, np.float64)[:, :3]))


def angles_of(turn: np.ndarray) -> np.ndarray:
    """Returns (R, 3) degrees, roll, yaw, pitch of rotations (R, 3, 3).

    The head is pitched first, then turned, then rolled: R = Rz(roll) Ry(-yaw) Rx(-pitch). Above 0, roll turns the head
    clockwise in the picture, yaw turns the nose to the right of the picture, pitch turns it up.
    """
    roll = np.arctan2(turn[:, 1, 0], turn[:, 0, 0])
    yaw = np.arcsin(np.clip(turn[:, 2, 0], -1, 1))
    pitch = -np.arctan2(turn[:, 2, 1], turn[:, 2, 2])
    return np.degrees(np.stack([roll, yaw, pitch], axis=1))


def turned(degrees: np.ndarray) -> np.ndarray:
    """Returns (R, 3), the rotation vectors of roll, yaw, pitch (R, 3) in degrees: the inverse of `angles`."""
    roll, yaw, pitch = np.radians(np.asarray(degrees, np.float64)).T
    return rotation_vector(_about(2, roll) @ _about(1, -yaw) @ _about(0, -pitch))


def openface_angles_of(turn: np.ndarray) -> np.ndarray:
    """Returns (R, 3) radians, `OPENFACE_POSE` of rotations (R, 3, 3); zero is the mean face looking straight ahead."""
    yaw = np.arcsin(np.clip(turn[:, 0, 2], -1, 1))
    return np.stack([np.arctan2(-turn[:, 1, 2], turn[:, 2, 2]), yaw, np.arctan2(-turn[:, 0, 1], turn[:, 0, 0])], axis=1)


def _about(axis: int, angle: np.ndarray) -> np.ndarray:
    """Returns (R, 3, 3), the right-handed rotations about one axis by angles (R,) in radians."""
    vectors = np.zeros((len(angle), 3))
    vectors[:, axis] = angle
    return rotation(vectors)


def _cross_matrix(vectors: np.ndarray) -> np.ndarray:
    """Returns (R, 3, 3), the matrices that stand for the cross product by vectors (R, 3)."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    flat = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1)
    return flat.reshape(-1, 3, 3)


def _quaternion(turn: np.ndarray) -> np.ndarray:
    """Returns (R, 4), w x y z, of rotations (R, 3, 3), from the largest of the four: none is divided by little."""
    diagonal = np.diagonal(turn, axis1=1, axis2=2)
    squares = 1 + diagonal @ np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]], dtype=np.float64)
    off, up = turn - turn.swapaxes(1, 2), turn + turn.swapaxes(1, 2)
    w, x, y, z = squares.T
    a, b, c = off[:, 2, 1], off[:, 0, 2], off[:, 1, 0]
    d, e, f = up[:, 0, 1], up[:, 0, 2], up[:, 1, 2]
    four = np.stack([[w, a, b, c], [a, x, d, e], [b, d, y, f], [c, e, f, z]]).transpose(2, 0, 1)  # (R, 4, 4)
    best = four[np.arange(len(turn)), squares.argmax(axis=1)]
    quaternion: np.ndarray = best / np.linalg.norm(best, axis=1, keepdims=True)
    return quaternion

"""The pose of the head, by a fit of a rigid model to 68 points, and the face as it would be seen from the front.

This is the only place where a pose comes from: the measures, CSV and the events all ask here. Angles are in degrees
unless a name says otherwise. R faces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redtrack.points import N_POINTS

__all__ = ["FURTHEST", "HEAD", "OPENFACE_POSE", "RIGID", "Pose", "fit_pose", "frontal", "head_pose", "openface_pose"]

OPENFACE_POSE: dict[str, str] = {
    "pose_Rx": "radians; above 0 the nose points down",
    "pose_Ry": "radians; above 0 the nose points to the left of the picture",
    "pose_Rz": "radians; above 0 the head is turned clockwise in the picture",
}
"""The head's rotation as OpenFace writes it: R = Rx Ry Rz, axes x right, y down, z away from the camera."""

RIGID: tuple[int, ...] = (27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 39, 42, 45, 48, 54)
"""The points that expressions hardly move: the pose is fitted to them."""

# Factorised from the labels of about 2,000 photographed faces and their mirror images (weak perspective, symmetric).
# Pitch 0 is near the mean of those photographs, which is -1.4 degrees.
HEAD: np.ndarray = np.fromstring(
    """
    -0.819 0.035 0.523  -0.811 0.244 0.484  -0.786 0.454 0.462  -0.742 0.661 0.446
    -0.662 0.853 0.380  -0.534 1.019 0.267  -0.377 1.157 0.125  -0.201 1.266 -0.018
    0.000 1.297 -0.072  0.201 1.266 -0.018  0.377 1.157 0.125  0.534 1.019 0.267
    0.662 0.853 0.380  0.742 0.661 0.446  0.786 0.454 0.462  0.811 0.244 0.484
    0.819 0.035 0.523  -0.665 -0.150 0.055  -0.563 -0.239 -0.057  -0.421 -0.266 -0.155
    -0.276 -0.249 -0.232  -0.137 -0.198 -0.288  0.137 -0.198 -0.288  0.276 -0.249 -0.232
    0.421 -0.266 -0.155  0.563 -0.239 -0.057  0.665 -0.150 0.055  0.000 -0.028 -0.308
    0.000 0.108 -0.391  0.000 0.244 -0.484  0.000 0.382 -0.576  -0.164 0.484 -0.320
    -0.085 0.511 -0.363  0.000 0.535 -0.387  0.085 0.511 -0.363  0.164 0.484 -0.320
    -0.500 0.000 0.000  -0.413 -0.054 -0.063  -0.306 -0.053 -0.083  -0.216 0.015 -0.080
    -0.314 0.037 -0.081  -0.419 0.036 -0.060  0.216 0.015 -0.080  0.306 -0.053 -0.083
    0.413 -0.054 -0.063  0.500 0.000 0.000  0.419 0.036 -0.060  0.314 0.037 -0.081
    -0.316 0.756 -0.024  -0.198 0.703 -0.200  -0.081 0.673 -0.300  0.000 0.693 -0.312
    0.081 0.673 -0.300  0.198 0.703 -0.200  0.316 0.756 -0.024  0.203 0.859 -0.152
    0.088 0.902 -0.242  0.000 0.910 -0.257  -0.088 0.902 -0.242  -0.203 0.859 -0.152
    -0.263 0.763 -0.054  -0.082 0.746 -0.268  0.000 0.753 -0.285  0.082 0.746 -0.268
    0.263 0.763 -0.054  0.083 0.792 -0.260  0.000 0.800 -0.275  -0.083 0.792 -0.260
    """,
    sep=" ",
).reshape(N_POINTS, 3)
"""(68, 3) float64, a mean head: x right, y down, z into the picture. The outer eye corners are 1 apart, and the origin
lies between them."""

FURTHEST = 70.0
"""Degrees between the face's normal and the camera's axis beyond which `frontal` gives NaN."""

_STEPS = 16  # of the fit: beyond, no angle of 2,012 labelled faces moves by more than 0.05 degrees


@dataclass(frozen=True)
class Pose:
    """Where R heads are: a point p of `HEAD` is seen at `scale * (rotation @ p)[:2] + origin`.

    rotation (R, 3, 3); scale (R,) px for the distance of the outer eye corners; origin (R, 2) px. NaN where a face's
    points fall together.
    """

    rotation: np.ndarray
    scale: np.ndarray
    origin: np.ndarray

    def angles(self) -> np.ndarray:
        """Returns (R, 3) degrees, roll, yaw, pitch: the head is pitched first, then turned, then rolled.

        Above 0 the head is rolled clockwise in the picture, the nose points to the right of the picture, and up.
        """
        r = self.rotation
        roll = np.arctan2(r[:, 1, 0], r[:, 0, 0])
        yaw = np.arcsin(np.clip(r[:, 2, 0], -1, 1))
        pitch = -np.arctan2(r[:, 2, 1], r[:, 2, 2])
        return np.degrees(np.stack([roll, yaw, pitch], axis=1))

    def to_front(self) -> np.ndarray:
        """Returns (R, 2, 2), which turns offsets in px into offsets on a face seen from the front, in units of `HEAD`.

        NaN where the face is turned by more than `FURTHEST` from the camera.
        """
        a, b, c, d = self.rotation[:, :2, :2].reshape(-1, 4).T
        facing = self.rotation[:, 2, 2]  # the determinant of the above, and the cosine of the turn
        with np.errstate(invalid="ignore"):
            facing = np.where(facing > np.cos(np.radians(FURTHEST)), facing, np.nan)
        adjugate = np.stack([d, -b, -c, a], axis=1).reshape(-1, 2, 2)
        turned: np.ndarray = adjugate / (facing * self.scale)[:, None, None]
        return turned


def fit_pose(points: np.ndarray) -> Pose:
    """Returns the poses of points (R, 68, 2) px, by a weak-perspective fit of `HEAD` to the `RIGID` ones.

    The missing depth is estimated and the rotation fitted, in turns.
    """
    seen = np.asarray(points, np.float64)[:, RIGID]
    middle = seen.mean(axis=1)
    seen = seen - middle[:, None]  # (R, P, 2)
    size = np.sqrt((seen**2).mean(axis=(1, 2)))
    good = size > 0
    rotation, scale = np.full((len(seen), 3, 3), np.nan), np.full(len(seen), np.nan)
    if good.any():
        rotation[good] = _fit_rotation(seen[good] / size[good, None, None])
        scale[good] = _scale(_MODEL @ rotation[good].swapaxes(1, 2), seen[good])
    shift = rotation[:, :2] @ HEAD[list(RIGID)].mean(axis=0)
    return Pose(rotation, scale, middle - scale[:, None] * shift)


def frontal(points: np.ndarray, pose: Pose) -> np.ndarray:
    """Returns (R, 68, 2): points (R, 68, 2) px as a camera in front of the face sees them, x right, y down.

    The unit is the distance of the outer eye corners of `HEAD`, whose depths are taken for the face's own. NaN where
    the face is turned by more than `FURTHEST` from the camera.
    """
    depth = pose.scale[:, None, None] * pose.rotation[:, None, :2, 2] * HEAD[:, 2, None]  # (R, 68, 2)
    flat: np.ndarray = (points - pose.origin[:, None] - depth) @ pose.to_front().swapaxes(1, 2)
    return flat


def head_pose(points: np.ndarray) -> np.ndarray:
    """Returns (R, 3) float64, roll, yaw and pitch in degrees of points (R, 68, 2); see `Pose.angles`.

    NaN where the points fall together. With 1 px of noise on a face with 90 px between the outer eye corners, an angle
    is off by about 1 degree.
    """
    return fit_pose(points).angles()


def openface_pose(points: np.ndarray) -> np.ndarray:
    """Returns (R, 3) float64, `OPENFACE_POSE` of points (R, 68, 2), by the same fit; NaN where they fall together.

    Zero is near the mean of photographed faces, which need not be where OpenFace's own model looks straight ahead.
    """
    r = fit_pose(points).rotation
    yaw = np.arcsin(np.clip(r[:, 0, 2], -1, 1))
    return np.stack([np.arctan2(-r[:, 1, 2], r[:, 2, 2]), yaw, np.arctan2(-r[:, 0, 1], r[:, 0, 0])], axis=1)


_MODEL = HEAD[list(RIGID)] - HEAD[list(RIGID)].mean(axis=0)  # (P, 3)


def _fit_rotation(seen: np.ndarray) -> np.ndarray:
    """Returns (R, 3, 3), the rotations that bring the model to the centred points seen (R, P, 2) under some scale."""
    affine = np.linalg.pinv(_MODEL) @ seen  # (R, 3, 2)
    rotation = _nearest_rotation(np.concatenate([affine, np.cross(affine[..., :1], affine[..., 1:], axis=1)], axis=2))
    for _ in range(_STEPS):
        turned = _MODEL @ rotation.swapaxes(1, 2)  # (R, P, 3)
        depth = _scale(turned, seen)[:, None, None] * turned[..., 2:]
        rotation = _nearest_rotation(_MODEL.T @ np.concatenate([seen, depth], axis=2))
    return rotation


def _scale(turned: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Returns (R,), the scales that bring turned (R, P, 3) nearest to seen (R, P, 2)."""
    scale: np.ndarray = (seen * turned[..., :2]).sum(axis=(1, 2)) / (turned[..., :2] ** 2).sum(axis=(1, 2))
    return scale


def _nearest_rotation(covariance: np.ndarray) -> np.ndarray:
    """Returns (R, 3, 3), the proper rotations r for which trace(r covariance) is largest."""
    left, _, right = np.linalg.svd(covariance)
    flip = np.sign(np.linalg.det(left @ right))
    left[:, :, 2] *= flip[:, None]
    rotation: np.ndarray = (left @ right).swapaxes(1, 2)
    return rotation

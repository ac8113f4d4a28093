"""What people measure on 68 points over time: eye and mouth opening, height of the brows, pose of the head.

Lengths are in units that do not change with the size of the face in the picture; angles are in degrees.
"""

from __future__ import annotations

import numpy as np

from redtrack.points import LEFT_EYE_OUTER, RIGHT_EYE_OUTER

__all__ = ["MEASURES", "OPENFACE_POSE", "head_pose", "measures", "openface_pose"]

MEASURES: dict[str, str] = {
    "right_eye_opening": "mean height of the right eye over its width",
    "left_eye_opening": "mean height of the left eye over its width",
    "mouth_opening": "mean height between the inner lips over the distance of the outer eye corners",
    "mouth_width": "distance of the mouth corners over the distance of the outer eye corners",
    "right_brow_height": "height of the right brow above the line of the outer eye corners, over their distance",
    "left_brow_height": "height of the left brow above the line of the outer eye corners, over their distance",
    "roll": "degrees; above 0 the head is turned clockwise in the picture",
    "yaw": "degrees; above 0 the nose points to the right of the picture",
    "pitch": "degrees; above 0 the nose points up",
}
"""Name and meaning of each measure, in the order of columns."""

OPENFACE_POSE: dict[str, str] = {
    "pose_Rx": "radians; above 0 the nose points down",
    "pose_Ry": "radians; above 0 the nose points to the left of the picture",
    "pose_Rz": "radians; above 0 the head is turned clockwise in the picture",
}
"""The head's rotation as OpenFace writes it: R = Rx Ry Rz, axes x right, y down, z away from the camera."""

# Fifteen points that expressions hardly move, in three dimensions: x right, y down, z into the picture, 1 = the
# distance of the outer eye corners, between which the origin lies. Factorised from the labels of about 1,900
# photographed and filmed faces and their mirror images (weak perspective, symmetric); pitch 0 is about the mean of
# those photographs.
_RIGID: tuple[int, ...] = (27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 39, 42, 45, 48, 54)
_SHAPE = np.array(
    [
        [0.000, -0.028, -0.308],
        [0.000, 0.108, -0.391],
        [0.000, 0.244, -0.484],
        [0.000, 0.382, -0.576],
        [-0.164, 0.484, -0.320],
        [-0.085, 0.511, -0.363],
        [0.000, 0.535, -0.387],
        [0.085, 0.511, -0.363],
        [0.164, 0.484, -0.320],
        [-0.500, 0.000, 0.000],
        [-0.216, 0.015, -0.080],
        [0.216, 0.015, -0.080],
        [0.500, 0.000, 0.000],
        [-0.316, 0.756, -0.024],
        [0.316, 0.756, -0.024],
    ]
)
_STEPS = 4  # of the fit: beyond, no angle up to 60 degrees of yaw moves by more than 0.1


def measures(points: np.ndarray) -> dict[str, np.ndarray]:
    """Returns each of `MEASURES` as (R,) float64 for points (R, 68, 2); NaN where the eye corners fall together."""
    points = np.asarray(points, np.float64)
    across = points[:, LEFT_EYE_OUTER] - points[:, RIGHT_EYE_OUTER]  # (R, 2)
    unit = _unless_zero(np.linalg.norm(across, axis=1))
    roll, yaw, pitch = head_pose(points).T
    values = (
        _eye_opening(points, 36),
        _eye_opening(points, 42),
        (_distance(points, 61, 67) + _distance(points, 62, 66) + _distance(points, 63, 65)) / 3 / unit,
        _distance(points, 48, 54) / unit,
        _height_above(points[:, 17:22], points[:, RIGHT_EYE_OUTER], across / unit[:, None]) / unit,
        _height_above(points[:, 22:27], points[:, RIGHT_EYE_OUTER], across / unit[:, None]) / unit,
        roll,
        yaw,
        pitch,
    )
    return dict(zip(MEASURES, values, strict=True))


def head_pose(points: np.ndarray) -> np.ndarray:
    """Returns (R, 3) float64, roll, yaw and pitch in degrees of points (R, 68, 2), by a weak-perspective fit.

    The missing depth is estimated and the rotation fitted, in turns. NaN where the points fall together. With 1 px of
    noise on a face with 90 px between the outer eye corners, an angle is off by about 1 degree.
    """
    return _angles(_rotations(points))


def openface_pose(points: np.ndarray) -> np.ndarray:
    """Returns (R, 3) float64, `OPENFACE_POSE` of points (R, 68, 2), by the same fit; NaN where they fall together.

    Zero is the mean of photographed faces, which need not be where OpenFace's own model looks straight ahead.
    """
    r = _rotations(points)
    yaw = np.arcsin(np.clip(r[:, 0, 2], -1, 1))
    return np.stack([np.arctan2(-r[:, 1, 2], r[:, 2, 2]), yaw, np.arctan2(-r[:, 0, 1], r[:, 0, 0])], axis=1)


def _rotations(points: np.ndarray) -> np.ndarray:
    """Returns (R, 3, 3), the rotations of the model to the pose of points (R, 68, 2); NaN where they fall together."""
    seen = np.asarray(points, np.float64)[:, _RIGID]
    seen = seen - seen.mean(axis=1, keepdims=True)  # (R, P, 2)
    size = _unless_zero(np.sqrt((seen**2).mean(axis=(1, 2))))
    good = np.isfinite(size)
    rotations = np.full((len(seen), 3, 3), np.nan)
    if good.any():
        rotations[good] = _fit_rotation(seen[good] / size[good, None, None])
    return rotations


def _fit_rotation(seen: np.ndarray) -> np.ndarray:
    """Returns (R, 3, 3), the rotations that bring the model to the centred points seen (R, P, 2) under some scale."""
    model = _SHAPE - _SHAPE.mean(axis=0)
    affine = np.linalg.pinv(model) @ seen  # (R, 3, 2)
    rotation = _nearest_rotation(np.concatenate([affine, np.cross(affine[..., :1], affine[..., 1:], axis=1)], axis=2))
    for _ in range(_STEPS):
        turned = model @ rotation.swapaxes(1, 2)  # (R, P, 3)
        scale = (seen * turned[..., :2]).sum(axis=(1, 2)) / (turned[..., :2] ** 2).sum(axis=(1, 2))
        depth = scale[:, None, None] * turned[..., 2:]
        rotation = _nearest_rotation(model.T @ np.concatenate([seen, depth], axis=2))
    return rotation


def _nearest_rotation(covariance: np.ndarray) -> np.ndarray:
    """Returns (R, 3, 3), the proper rotations r for which trace(r covariance) is largest."""
    left, _, right = np.linalg.svd(covariance)
    flip = np.sign(np.linalg.det(left @ right))
    left[:, :, 2] *= flip[:, None]
    rotation: np.ndarray = (left @ right).swapaxes(1, 2)
    return rotation


def _angles(rotation: np.ndarray) -> np.ndarray:
    """Returns (R, 3) degrees, roll, yaw, pitch: the head is pitched first, then turned, then rolled."""
    roll = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
    yaw = np.arcsin(np.clip(rotation[:, 2, 0], -1, 1))
    pitch = -np.arctan2(rotation[:, 2, 1], rotation[:, 2, 2])
    return np.degrees(np.stack([roll, yaw, pitch], axis=1))


def _eye_opening(points: np.ndarray, outer: int) -> np.ndarray:
    """Returns (R,), the mean of an eye's two heights over its width; its six points start at `outer`."""
    height = _distance(points, outer + 1, outer + 5) + _distance(points, outer + 2, outer + 4)
    return height / 2 / _unless_zero(_distance(points, outer, outer + 3))


def _height_above(brow: np.ndarray, corner: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Returns (R,) px, how far brow points (R, 5, 2) lie above the line from corner (R, 2) along across (R, 2)."""
    offset = brow.mean(axis=1) - corner
    return offset[:, 0] * across[:, 1] - offset[:, 1] * across[:, 0]


def _distance(points: np.ndarray, a: int, b: int) -> np.ndarray:
    distance: np.ndarray = np.linalg.norm(points[:, a] - points[:, b], axis=1)
    return distance


def _unless_zero(lengths: np.ndarray) -> np.ndarray:
    return np.where(lengths > 0, lengths, np.nan)

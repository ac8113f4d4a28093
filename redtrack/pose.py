"""The pose of the head of 68 points, and the face as it would be seen from the front.

This is the only place where a pose comes from: the measures, CSV and the events all ask here. It is that of the fit of
a 3D shape (`redtrack.shape3d`): the one that rows hold where `annotate` wrote it, with the person's own shape, else a
fit of each row to the mean face. docs/pose.md has the axes and signs. Angles are in degrees unless a name says
otherwise. R faces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from redtrack.points import LEFT_EYE_OUTER, N_POINTS, RIGHT_EYE_OUTER
from redtrack.shape3d.basis import default_basis
from redtrack.shape3d.fit import fit_rows
from redtrack.shape3d.pose import OPENFACE_POSE, angles_of, openface_angles_of, rotation

__all__ = [
    "AXIS",
    "FURTHEST",
    "OPENFACE_FOCAL",
    "OPENFACE_PLACE",
    "OPENFACE_POSE",
    "Pose",
    "fit_pose",
    "frontal",
    "head",
    "head_pose",
    "known_pose",
    "openface_place",
    "openface_pose",
]

FURTHEST = 70.0
"""Degrees between the face's normal and the camera's axis beyond which `frontal` gives NaN."""


AXIS = 0.6
"""Length of a head's axes where they are drawn, over the distance of the outer eye corners of the mean head."""

OPENFACE_FOCAL = 500 / 640
"""Focal length over the picture's width, as OpenFace assumes it."""

OPENFACE_PLACE: dict[str, str] = {
    "pose_Tx": "mm; above 0 the head is right of the picture's middle",
    "pose_Ty": "mm; above 0 the head is below the picture's middle",
    "pose_Tz": "mm from the camera, for a head of average size and a camera of average focal length",
}
"""The head's place as OpenFace writes it: x right, y down, z away from the camera."""


@dataclass(frozen=True)
class Pose:
    """Where R heads are: a point p of a head is seen at `scale * (rotation @ p)[:2] + origin`.

    rotation (R, 3, 3); scale (R,) px for the distance of the outer eye corners of the mean head; origin (R, 2) px;
    shape (R, 68, 3), the face's points in the head's axes and in that unit. NaN where the points could be no face's.
    """

    rotation: np.ndarray
    scale: np.ndarray
    origin: np.ndarray
    shape: np.ndarray

    def __getitem__(self, rows: slice | np.ndarray) -> Pose:
        return Pose(self.rotation[rows], self.scale[rows], self.origin[rows], self.shape[rows])

    def angles(self) -> np.ndarray:
        """Returns (R, 3) degrees, roll, yaw, pitch: the head is pitched first, then turned, then rolled.

        Above 0 the head is rolled clockwise in the picture, the nose points to the right of the picture, and up.
        """
        return angles_of(self.rotation)

    def openface(self) -> np.ndarray:
        """Returns (R, 3) radians, `OPENFACE_POSE`.

        Zero is the mean head looking straight ahead, which need not be where OpenFace's own model does.
        """
        return openface_angles_of(self.rotation)

    def axes(self, length: float = AXIS) -> np.ndarray:
        """Returns (R, 4, 2) px: the head's origin, and the ends of its x, y and forward axes, in that unit long."""
        ends = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -1]]) * length
        flat: np.ndarray = (ends @ self.rotation.swapaxes(1, 2))[..., :2]
        return flat * self.scale[:, None, None] + self.origin[:, None]

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


@lru_cache(maxsize=1)
def head() -> np.ndarray:
    """Returns (68, 3) float64, the mean head: x right, y down, z away from the camera.

    The outer eye corners are 1 apart, and the origin lies between them.
    """
    return default_basis().mean[:N_POINTS] / _unit()


def fit_pose(points: np.ndarray) -> Pose:
    """Returns the poses of points (R, 68, 2) px: each row fitted for itself, to the mean face."""
    basis = default_basis()
    found = fit_rows(np.asarray(points), None, basis.mean[:N_POINTS], basis)
    return known_pose(found.pose, found.points3d)


def known_pose(pose: np.ndarray, points3d: np.ndarray) -> Pose:
    """Returns the poses that rows hold: `Tracks.pose` (R, 6) and `Tracks.points3d` (R, 68, 3)."""
    pose = np.asarray(pose, np.float64)
    return Pose(rotation(pose[:, :3]), pose[:, 5] * _unit(), pose[:, 3:5], points3d / _unit())


def frontal(points: np.ndarray, pose: Pose) -> np.ndarray:
    """Returns (R, 68, 2): points (R, 68, 2) px as a camera in front of the face sees them, x right, y down.

    The unit is the distance of the outer eye corners of the mean head. NaN where the face is turned by more than
    `FURTHEST` from the camera.
    """
    depth = pose.scale[:, None, None] * pose.rotation[:, None, :2, 2] * pose.shape[..., 2:]  # (R, 68, 2)
    flat: np.ndarray = (points - pose.origin[:, None] - depth) @ pose.to_front().swapaxes(1, 2)
    return flat


def head_pose(points: np.ndarray) -> np.ndarray:
    """Returns (R, 3) float64, roll, yaw and pitch in degrees of points (R, 68, 2); see `Pose.angles`.

    NaN where the points could be no face's.
    """
    return fit_pose(points).angles()


def openface_pose(points: np.ndarray) -> np.ndarray:
    """Returns (R, 3) float64, `OPENFACE_POSE` of points (R, 68, 2), by the same fit; NaN where they are no face's."""
    return fit_pose(points).openface()


def openface_place(pose: Pose, width: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns (R, 3), `OPENFACE_PLACE`, and (R, 68, 3), the points in mm in the camera's axes (OpenFace's X_, Y_, Z_).

    Of poses in pictures of a size in px, seen by the camera that OpenFace assumes where it knows none: its focal length
    is `OPENFACE_FOCAL` of the picture. One camera cannot tell how far a head of unknown size is: that is an average
    adult's distance.
    """
    focal = (width + height * 4 / 3) / 2 * OPENFACE_FOCAL
    distance = focal / (pose.scale / _unit())  # mm
    middle = np.array([width - 1, height - 1]) / 2
    across = (pose.origin - middle) * (distance / focal)[:, None]
    place = np.concatenate([across, distance[:, None]], axis=1)
    return place, pose.shape * _unit() @ pose.rotation.swapaxes(1, 2) + place[:, None]


@lru_cache(maxsize=1)
def _unit() -> float:
    """Returns mm between the outer eye corners of the mean head."""
    mean = default_basis().mean
    return float(np.linalg.norm(mean[LEFT_EYE_OUTER] - mean[RIGHT_EYE_OUTER]))

"""Which points of a face its own shape hides from the camera.

That depends on the direction from which a head is seen alone, so the basis has a table of it, made by casting rays at
the mean face; roll does not matter. What hides a point otherwise (hands, hair, the picture's border) is not known here.

DFF renders its views "with visibility"; the table is ours.
"""

from __future__ import annotations

import numpy as np

from redtrack.shape3d.basis import ShapeBasis
from redtrack.shape3d.pose import rotation

__all__ = ["ACROSS", "DOWN", "HIDDEN", "SEEN", "UNKNOWN", "cast_rays", "directions", "visible"]

HIDDEN, SEEN, UNKNOWN = 0, 1, 2  # what a row's `visible` holds
ACROSS, DOWN = (90.0, 25), (60.0, 17)  # the table's largest angle in degrees either way, and its number of directions
_SKIN = 4.0  # mm that a point is lifted off the face, so that its own triangles do not hide it


def visible(pose: np.ndarray, basis: ShapeBasis) -> np.ndarray:
    """Returns (R, 68) uint8, SEEN or HIDDEN by the face itself under poses (R, 6); UNKNOWN where the pose is NaN."""
    known = np.isfinite(pose[:, :3]).all(axis=1)
    found = np.full((len(pose), 68), UNKNOWN, np.uint8)
    to_camera = -rotation(pose[known, :3])[:, 2]  # (R, 3) in the head's axes
    across = np.degrees(np.arctan2(to_camera[:, 0], -to_camera[:, 2]))
    down = np.degrees(np.arcsin(np.clip(to_camera[:, 1], -1, 1)))
    hidden = basis.hidden[_cell(across, *ACROSS), _cell(down, *DOWN)]
    found[known] = np.where(hidden, HIDDEN, SEEN)
    return found


def directions() -> np.ndarray:
    """Returns (across, down, 3), the unit vectors of the table's directions towards the camera, in the head's axes."""
    across, down = (np.radians(np.linspace(-limit, limit, count)) for limit, count in (ACROSS, DOWN))
    x, y = np.meshgrid(across, down, indexing="ij")
    return np.stack([np.sin(x) * np.cos(y), np.sin(y), -np.cos(x) * np.cos(y)], axis=-1)


def cast_rays(points: np.ndarray, direction: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Returns (P,) bool, whether a triangle lies between points (P, 3) and a camera far away in a direction (3,)."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    p = np.cross(direction, c - a)  # (T, 3): Moeller and Trumbore's intersection
    det = ((b - a) * p).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        s = points[:, None] - a
        u = (s * p).sum(axis=-1) / det
        q = np.cross(s, b - a)
        v = (q @ direction) / det
        t = (q * (c - a)).sum(axis=-1) / det
        between: np.ndarray = ((u > 0) & (v > 0) & (u + v < 1) & (t > _SKIN)).any(axis=1)
    return between


def _cell(degrees: np.ndarray, limit: float, count: int) -> np.ndarray:
    place = np.rint((np.clip(degrees, -limit, limit) + limit) / (2 * limit) * (count - 1))
    cells: np.ndarray = place.astype(np.int64)
    return cells

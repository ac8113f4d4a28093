"""Which points of a face its own shape hides from the camera.

That depends on the direction from which a head is seen alone, so the basis has a table of it, made by casting rays at
the mean face; roll does not matter. What hides a point otherwise (hands, hair, the picture's border) is not known here.

DFF renders its views "with visibility"; the table is ours.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from redtrack.shape3d.basis import ShapeBasis
from redtrack.shape3d.pose import rotation

__all__ = ["ACROSS", "DOWN", "HIDDEN", "SEEN", "UNKNOWN", "cast_rays", "directions", "visible", "visible_vertices"]

HIDDEN, SEEN, UNKNOWN = 0, 1, 2  # what a row's `visible` holds
ACROSS, DOWN = (90.0, 25), (60.0, 17)  # the table's largest angle in degrees either way, and its number of directions
_SKIN = 4.0  # mm that a point is lifted off the face, so that its own triangles do not hide it


def visible(pose: np.ndarray, basis: ShapeBasis) -> np.ndarray:
    """Returns (R, 68) uint8, SEEN or HIDDEN by the face itself under poses (R, 6); UNKNOWN where the pose is NaN."""
    known = np.isfinite(pose[:, :3]).all(axis=1)
    found = np.full((len(pose), 68), UNKNOWN, np.uint8)
    found[known] = np.where(basis.hidden[_cells(pose[known])], HIDDEN, SEEN)
    return found


def visible_vertices(pose: np.ndarray, basis: ShapeBasis) -> np.ndarray:
    """Returns (R, V) uint8, the same of all vertices; rays are cast from the directions that occur."""
    known = np.isfinite(pose[:, :3]).all(axis=1)
    found = np.full((len(pose), len(basis.mean)), UNKNOWN, np.uint8)
    if known.any():
        cells, place = np.unique(np.stack(_cells(pose[known])), axis=1, return_inverse=True)
        hidden = np.stack([_hidden_vertices(basis, *cell) for cell in cells.T.tolist()])
        found[known] = np.where(hidden[place.ravel()], HIDDEN, SEEN)
    return found


@lru_cache(maxsize=ACROSS[1] * DOWN[1])
def _hidden_vertices(basis: ShapeBasis, across: int, down: int) -> np.ndarray:
    """Returns (V,) bool, the vertices that the mean face hides from a direction of the table; its points are there."""
    hidden = cast_rays(basis.mean, directions()[across, down], basis.mean, basis.triangles)
    points = basis.hidden[across, down]
    hidden[: len(points)] = points
    return hidden


def directions() -> np.ndarray:
    """Returns (across, down, 3), the unit vectors of the table's directions towards the camera, in the head's axes."""
    across, down = (np.radians(np.linspace(-limit, limit, count)) for limit, count in (ACROSS, DOWN))
    x, y = np.meshgrid(across, down, indexing="ij")
    return np.stack([np.sin(x) * np.cos(y), np.sin(y), -np.cos(x) * np.cos(y)], axis=-1)


def cast_rays(points: np.ndarray, direction: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Returns (P,) bool, whether a triangle lies between points (P, 3) and a camera far away in a direction (3,)."""
    axes = np.linalg.svd(direction[None].astype(np.float64))[2]  # the direction, either way, and two at right angles
    axes[0] = direction
    at, corners = points @ axes.T, (vertices @ axes.T)[triangles]  # (P, 3), (T, 3, 3): towards the camera, and across
    low, high = corners.min(axis=1), corners.max(axis=1)
    beneath = [(at[:, None, k] >= low[:, k]) & (at[:, None, k] <= high[:, k]) for k in (1, 2)]
    point, triangle = np.nonzero(beneath[0] & beneath[1])
    (a, b, c), p = np.moveaxis(corners[triangle], 1, 0), at[point]
    with np.errstate(divide="ignore", invalid="ignore"):
        area = _cross(b - a, c - a)
        u, v = _cross(p - a, c - a) / area, _cross(b - a, p - a) / area
        above = a[:, 0] + u * (b - a)[:, 0] + v * (c - a)[:, 0] - p[:, 0]
        between = (u > 0) & (v > 0) & (u + v < 1) & (above > _SKIN)
    hidden = np.zeros(len(points), bool)
    hidden[point[between]] = True
    return hidden


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns (K,), twice the signed areas that vectors (K, 3) span across the line of sight."""
    area: np.ndarray = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
    return area


def _cells(pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns (R,) and (R,) int, where in the table the directions are from which poses (R, 6) show a head."""
    to_camera = -rotation(pose[:, :3])[:, 2]  # (R, 3) in the head's axes
    across = np.degrees(np.arctan2(to_camera[:, 0], -to_camera[:, 2]))
    down = np.degrees(np.arcsin(np.clip(to_camera[:, 1], -1, 1)))
    return _cell(across, *ACROSS), _cell(down, *DOWN)


def _cell(degrees: np.ndarray, limit: float, count: int) -> np.ndarray:
    place = np.rint((np.clip(degrees, -limit, limit) + limit) / (2 * limit) * (count - 1))
    cells: np.ndarray = place.astype(np.int64)
    return cells

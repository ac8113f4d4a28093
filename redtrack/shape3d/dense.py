"""Dense points: the vertices of the basis on a fitted face, so cheeks, forehead and temples beside the 68 points.

A fit knows where the 68 points are in the head's axes; the vertices between them follow by the modes that explain
these, and, within a few centimetres, by what no mode explains. That is one matrix for all faces. In the order of the
dense points the first N are spread evenly over the face for every N, and mirror images are neighbours.

DFF "updates landmarks, pose and 3D shape": this is its 3D shape beyond the landmarks. How the vertices follow, and
their order, is ours. R rows, N dense points, V vertices of the basis (N is V at most), T triangles.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from redtrack.points import N_POINTS
from redtrack.shape3d.basis import JAW, ShapeBasis, default_basis
from redtrack.shape3d.pose import project, rotation
from redtrack.shape3d.visible import visible_vertices

__all__ = ["MOST", "dense_points", "dense_shape", "dense_triangles", "order"]

MOST = 468  # vertices of the basis that ships
_NOSE = 30  # the tip: where the order begins
_REACH = 25.0  # mm over which what moves a point moves the vertices around it
_AT = 4.0  # mm2: a vertex within 2 mm of a point goes where that goes


def dense_points(
    points3d: np.ndarray, pose: np.ndarray, count: int = MOST, basis: ShapeBasis | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (R, N, 2) float32 px and (R, N) uint8, the first N = `count` dense points and which are visible.

    Of rows as `Tracks` holds them: points3d (R, 68, 3) mm and pose (R, 6). NaN and 2 (unknown) where a row has no pose;
    0 where the face itself hides a point, else 1.
    """
    basis = basis or default_basis()
    chosen = order(basis)[:count]
    places = project(dense_shape(points3d, pose, basis)[:, chosen], pose.astype(np.float64))
    return places.astype(np.float32), visible_vertices(pose, basis)[:, chosen]


def dense_shape(points3d: np.ndarray, pose: np.ndarray, basis: ShapeBasis | None = None) -> np.ndarray:
    """Returns (R, V, 3) mm, all vertices in the head's axes and in the basis's own order, of rows of a fit.

    The first 68 are the face points, those of the jaw where they lie on a face that looks ahead: on the cheek of a
    turned face, and not on its outline.
    """
    basis = basis or default_basis()
    points = np.array(points3d, np.float64)
    points[:, :JAW] -= basis.slid(rotation(pose[:, :3].astype(np.float64)))
    moved = (points - basis.mean[:N_POINTS]).reshape(-1, 3 * N_POINTS)
    shape = basis.mean + (moved @ _followers(basis)).reshape(-1, len(basis.mean), 3)
    shape[:, :N_POINTS] = points
    return shape


@lru_cache(maxsize=4)
def order(basis: ShapeBasis | None = None) -> np.ndarray:
    """Returns (V,) int, the vertices as dense points are numbered: each lies farthest from all before it.

    On the mean face, from the tip of the nose on. A vertex is followed by the one on the other side.
    """
    basis = basis or default_basis()
    chosen = [_NOSE]
    distance = np.linalg.norm(basis.mean - basis.mean[_NOSE], axis=1)
    while len(chosen) < len(basis.mean):
        distance[chosen] = -1.0
        best = int(np.argmax(distance))
        pair = [best] if basis.mirror[best] == best else [best, int(basis.mirror[best])]
        chosen += pair
        away = np.linalg.norm(basis.mean[:, None] - basis.mean[pair], axis=2).min(axis=1)
        distance = np.minimum(distance, away)
    return np.array(chosen)


def dense_triangles(basis: ShapeBasis | None = None) -> np.ndarray:
    """Returns (T, 3) int, the triangles over all V dense points, by their numbers; counterclockwise from outside."""
    basis = basis or default_basis()
    number = np.argsort(order(basis))
    triangles: np.ndarray = number[basis.triangles]
    return triangles


@lru_cache(maxsize=4)
def _followers(basis: ShapeBasis) -> np.ndarray:
    """Returns (204, 3 V), what a move of each coordinate of the 68 points does to those of all vertices.

    The modes take what they explain, with the labels' noise as slack; what is left fades with the distance.
    """
    modes = np.concatenate([basis.identity, basis.expression]).astype(np.float64)
    flat = modes[:, :N_POINTS].reshape(len(modes), -1)  # (K, 204)
    weighed = flat / np.repeat(basis.noise, 3) ** 2
    known = np.linalg.solve(weighed @ flat.T + np.eye(len(modes)), weighed).T  # (204, K), coefficients of moves
    left = np.eye(3 * N_POINTS) - known @ flat  # (204, 204), what the modes leave of each move
    beside = np.einsum("mpi,vp->mvi", left.reshape(-1, N_POINTS, 3), _nearness(basis.mean.astype(np.float64)))
    followers: np.ndarray = known @ modes.reshape(len(modes), -1) + beside.reshape(len(known), -1)
    return followers


def _nearness(mean: np.ndarray) -> np.ndarray:
    """Returns (V, 68), how far each vertex goes along with each point's move, by their distances on the mean face.

    The nearest points count most (inverse distances: no vertex goes farther than the points around it), and all of
    them less the farther the nearest one is.
    """
    apart = ((mean[:, None] - mean[:N_POINTS]) ** 2).sum(axis=2)
    near = 1 / (apart + _AT) ** 2
    fading = np.exp(-apart.min(axis=1, keepdims=True) / (2 * _REACH**2))
    nearness: np.ndarray = fading * near / near.sum(axis=1, keepdims=True)
    return nearness

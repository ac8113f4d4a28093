"""A 3D model of the face, read and cut down to the 68 points and some vertices between them.

The file is an .npz with `mean` (N, 3) mm, `basis` (N, 3, K) for each standard deviation, `expression` (E, N, 3),
`triangles` (T, 3), `ibug68` (68,) the vertex of each point or -1, and `right_contour`, `left_contour`, vertices along
the jaw from the ear to the chin. Its axes are x right, y up, z towards the camera; ours are x right, y down, z away.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from redtrack.errors import UsageError
from redtrack.points import LEFT_EYE_OUTER, MIRROR, N_POINTS, RIGHT_EYE_OUTER

__all__ = ["FaceModel", "read_face_model", "reduced"]

_NAMES = ("mean", "basis", "expression", "triangles", "ibug68", "right_contour", "left_contour")
_AXES = np.array([1.0, -1.0, -1.0])
_OTHER_SIDE = np.array([-1.0, 1.0, 1.0])
_LIPS = {60: (48, 61, 67), 64: (54, 63, 65)}  # inner corners of the mouth: between the outer one and the lips beside
_LIP_SHARE = 0.79  # of the outer corner, as in the mean of labelled faces
_JAW_HEIGHTS = (1.7, 21.5, 41.5, 61.3, 79.4, 95.3, 108.5, 119.0)  # mm below the eye corners, in that mean
_INSIDE = np.array([0.0, 20.0, 90.0])  # mm, a place in the middle of the head
_MOUTH = np.array([[60, 61, 67], [61, 66, 67], [61, 62, 66], [62, 65, 66], [62, 63, 65], [63, 64, 65]])
_DEEPEST = 75.0  # mm behind the eyes: vertices further back, of ears and neck, are left out


@dataclass(frozen=True, eq=False)
class FaceModel:
    """N vertices in the head's axes, symmetric: mean (N, 3), modes (K, N, 3), the first `identities` of identity."""

    mean: np.ndarray
    modes: np.ndarray
    identities: int
    mirror: np.ndarray  # (N,) the vertex on the other side
    triangles: np.ndarray  # (T, 3)

    def part(self, chosen: np.ndarray, triangles: np.ndarray) -> FaceModel:
        """Returns the model of some vertices, with their mirror images among them."""
        place = np.full(len(self.mean), -1)
        place[chosen] = np.arange(len(chosen))
        mirror = place[self.mirror[chosen]]
        assert (mirror >= 0).all(), "a vertex was chosen without its mirror image"
        return FaceModel(self.mean[chosen], self.modes[:, chosen], self.identities, mirror, triangles)


def read_face_model(path: Path) -> FaceModel:
    """Returns the model of a file, with the 68 points as its first vertices; raises UsageError."""
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in _NAMES}
    except (OSError, ValueError, KeyError) as error:
        remedy = "docs/training.md says what it must hold"
        raise UsageError(f"no 3D model of the face ({error})", path, remedy) from error
    mean = arrays["mean"].astype(np.float64) * _AXES
    modes = np.concatenate([np.moveaxis(arrays["basis"], 2, 0), arrays["expression"]]).astype(np.float64) * _AXES
    eyes = arrays["ibug68"][[RIGHT_EYE_OUTER, LEFT_EYE_OUTER]]
    mean = mean - mean[eyes].mean(axis=0)
    mirror = mirrored_vertices(mean, modes[len(modes) - len(arrays["expression"]) :])
    points = point_rows(arrays, mean)
    front = np.flatnonzero((mean[:, 2] < _DEEPEST) & (mean[mirror, 2] < _DEEPEST))
    place = np.full(len(mean), -1)
    place[front] = np.arange(len(front)) + N_POINTS
    triangles = place[arrays["triangles"]]
    whole = FaceModel(
        np.concatenate([points @ mean, mean[front]]),
        np.concatenate([np.einsum("pn,knc->kpc", points, modes), modes[:, front]], axis=1),
        arrays["basis"].shape[2],
        np.concatenate([MIRROR, place[mirror[front]]]),
        triangles[(triangles >= 0).all(axis=1)],
    )
    return symmetric(whole)


def mirrored_vertices(mean: np.ndarray, expressions: np.ndarray) -> np.ndarray:
    """Returns (N,), the vertex on the other side of each: the nearest one, also while expressions move the face.

    Where lips touch in the mean, the expressions tell the upper from the lower one.
    """
    poses = np.concatenate([mean[None], mean + expressions / 2])  # (E, N, 3)
    flat = np.moveaxis(poses, 1, 0).reshape(len(mean), -1)
    other = np.moveaxis(poses * _OTHER_SIDE, 1, 0).reshape(len(mean), -1)
    squares = (flat**2).sum(axis=1)
    distance = squares[:, None] + squares - 2 * other @ flat.T
    nearest = distance.argmin(axis=1)
    paired = np.where(nearest[nearest] == np.arange(len(mean)), nearest, -1)
    while len(left := np.flatnonzero(paired < 0)):  # some dozens: the nearest two of them are a pair
        among = distance[np.ix_(left, left)]
        a, b = np.unravel_index(np.argmin(among + among.T), among.shape)
        paired[left[a]], paired[left[b]] = left[b], left[a]
    return paired


def point_rows(arrays: dict[str, np.ndarray], mean: np.ndarray) -> np.ndarray:
    """Returns (68, N), the share of each vertex in each of the 68 points."""
    rows = np.zeros((N_POINTS, len(mean)))
    marked = np.flatnonzero(arrays["ibug68"] >= 0)
    rows[marked, arrays["ibug68"][marked]] = 1
    for point, (corner, upper, lower) in _LIPS.items():
        rows[point] = _LIP_SHARE * rows[corner] + (1 - _LIP_SHARE) / 2 * (rows[upper] + rows[lower])
    for contour, side in (("right_contour", range(8)), ("left_contour", range(16, 8, -1))):
        vertices = arrays[contour]
        heights = mean[vertices, 1]
        for point, height in zip(side, _JAW_HEIGHTS, strict=True):
            below = int(np.clip(np.searchsorted(heights, height), 1, len(heights) - 1))
            share = np.clip((height - heights[below - 1]) / (heights[below] - heights[below - 1]), 0, 1)
            rows[point, vertices[below]] += share
            rows[point, vertices[below - 1]] += 1 - share
    return rows


def symmetric(model: FaceModel) -> FaceModel:
    """Returns the model with a symmetric mean, and each mode as two: its symmetric part, and the rest."""
    mean = (model.mean + model.mean[model.mirror] * _OTHER_SIDE) / 2
    other = model.modes[:, model.mirror] * _OTHER_SIDE
    even, odd = (model.modes + other) / 2, (model.modes - other) / 2
    k = model.identities
    modes = np.concatenate([even[:k], odd[:k], even[k:], odd[k:]])
    return FaceModel(mean, modes, 2 * k, model.mirror, model.triangles)


def reduced(model: FaceModel, vertices: int) -> FaceModel:
    """Returns the model of the 68 points and about so many vertices, far from each other, with triangles over them."""
    own = np.arange(N_POINTS)
    candidates = np.flatnonzero(model.mirror != np.arange(len(model.mean)))
    candidates = candidates[(candidates >= N_POINTS) & (model.mean[candidates, 0] < 0)]  # one side
    middle = np.flatnonzero((np.abs(model.mean[:, 0]) < 0.5) & (np.arange(len(model.mean)) >= N_POINTS))
    candidates = np.concatenate([candidates, middle[model.mirror[middle] == middle]])
    chosen = list(own)
    distance = np.linalg.norm(model.mean[candidates, None] - model.mean[own], axis=2).min(axis=1)
    while len(chosen) < N_POINTS + vertices and distance.max(initial=0) > 0:
        best = candidates[np.argmax(distance)]
        pair: list[Any] = sorted({int(best), int(model.mirror[best])})
        chosen += pair
        new = model.mean[pair]
        distance = np.minimum(distance, np.linalg.norm(model.mean[candidates, None] - new, axis=2).min(axis=1))
    order = np.array(chosen)
    return model.part(order, outwards(model.mean[order], triangulated(model, order)))


def triangulated(model: FaceModel, chosen: np.ndarray) -> np.ndarray:
    """Returns (T, 3), triangles over the chosen vertices, numbered by their place among them; the mouth is closed.

    Each vertex of the model belongs to the chosen one that is nearest along its edges: where three such regions meet,
    their three are a triangle.
    """
    edges = np.concatenate([model.triangles[:, pair] for pair in ((0, 1), (1, 2), (2, 0))])
    edges = np.concatenate([edges, edges[:, ::-1], _anchored(model)])
    lengths = np.linalg.norm(model.mean[edges[:, 0]] - model.mean[edges[:, 1]], axis=1)
    distance, region = np.full(len(model.mean), np.inf), np.full(len(model.mean), -1)
    distance[chosen], region[chosen] = 0, np.arange(len(chosen))
    for _ in range(len(model.mean)):
        reach = distance[edges[:, 0]] + lengths
        order = np.argsort(-reach, kind="stable")
        best, origin = distance.copy(), np.full(len(distance), -1)
        best[edges[order, 1]], origin[edges[order, 1]] = reach[order], edges[order, 0]  # the shortest comes last
        nearer = best < distance
        if not nearer.any():
            break
        distance[nearer], region[nearer] = best[nearer], region[origin[nearer]]
    found = region[model.triangles]
    found = found[(found[:, 0] != found[:, 1]) & (found[:, 1] != found[:, 2]) & (found[:, 2] != found[:, 0])]
    return np.unique(np.sort(np.concatenate([found, _MOUTH]), axis=1), axis=0)


def _anchored(model: FaceModel) -> np.ndarray:
    """Returns (68, 2), edges from each of the 68 points, which have no triangles, to the vertex next to it."""
    points, others = model.mean[:N_POINTS], model.mean[N_POINTS:]
    nearest = np.argmin(((points[:, None] - others) ** 2).sum(axis=2), axis=1)
    return np.stack([np.arange(N_POINTS), nearest + N_POINTS], axis=1)


def outwards(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Returns the triangles with their corners in the order that turns the normal away from the head's middle."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    away = (normal * ((a + b + c) / 3 - _INSIDE)).sum(axis=1) > 0
    return np.where(away[:, None], triangles, triangles[:, [0, 2, 1]])

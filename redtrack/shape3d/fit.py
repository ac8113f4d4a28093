"""Pose and shape of tracked faces: a batched Gauss-Newton over the frames of a track.

What is minimised over the track, in units of the labels' noise (`ShapeBasis.noise`):

    sum over frames and points of certainty * |picture point - projection|^2 + |identity|^2 + sum of |expression|^2

One identity for the track, a pose and an expression a frame. The frames meet in the identity only, so each frame's own
unknowns are eliminated first (Schur complement). Points far off count less (Huber). What the frames have in common
beside the modes, such as a droop of one side, is the person's own.

DFF "iteratively updates landmarks, pose and 3D shape": this is its pose and shape, of landmarks that stay as the
network found them; batching, the shared identity and the weights are ours. R rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redtrack.points import N_POINTS
from redtrack.shape3d.basis import JAW, ShapeBasis, default_basis
from redtrack.shape3d.pose import rotation
from redtrack.shape3d.solve import (
    HUBER,
    Rows,
    deformation,
    linearised,
    own_step,
    prepared,
    projected,
    shared_step,
    stepped,
    usable,
)

__all__ = [
    "IMPOSSIBLE",
    "PERSON_ROWS",
    "Fit",
    "certainties",
    "fit_person",
    "fit_rows",
    "fit_track",
    "person_rows",
    "without_pose",
]

PERSON_ROWS = (16, 64)  # fewest and most
IMPOSSIBLE = 0.15  # of the distance of the outer eye corners: a fit that is off by more is no face's
_PERSONAL = 6.0  # mm, by how much a point of a face may lie off all modes of identity
_MARKED = 1.3  # mm, the noise of a point that has marks in the picture
_STEPS, _ROW_STEPS = 5, 4  # for a person, and for a row of a person who is known
_TOGETHER = 0.3  # share of a row's evidence that counts for the person: the errors of its points go together
_LIDS = [37, 38, 40, 41, 43, 44, 46, 47]
_POSED = np.ones(N_POINTS)  # share of a found point's certainty in what it says of the pose
_POSED[:JAW] = 0.2  # on a nodding head the outline hardly follows
_POSED[_LIDS] = 0.05  # a blink is no nod
_AT_ONCE = 128  # rows: their Jacobians stay in a CPU's cache
_GOOD = 0.02  # of the distance of the outer eye corners: how far the labels of a point stray along an axis
_EYES = 89.6  # mm between the outer eye corners of the mean face


class Fit(NamedTuple):
    """What a fit says of R rows; all of a row is NaN where its points could be no face's.

    residual is the weighted root mean square distance of points and projections, in px: a measure of doubt. It is
    known even where the rest is NaN.
    """

    pose: np.ndarray  # (R, 6), see redtrack.shape3d.pose
    points3d: np.ndarray  # (R, 68, 3) mm, in the head's axes
    expression: np.ndarray  # (R, Ke)
    residual: np.ndarray  # (R,) px


def fit_track(points: np.ndarray, certainty: np.ndarray | None = None, basis: ShapeBasis | None = None) -> Fit:
    """Returns the fit of one track's points (R, 68, 2) px, with certainties (R, 68) of 0 or more (default: all 1)."""
    basis = basis or default_basis()
    chosen = person_rows(len(points))
    person = fit_person(points[chosen], None if certainty is None else certainty[chosen], basis)
    return fit_rows(points, certainty, person, basis)


def person_rows(count: int) -> np.ndarray:
    """Returns which of a track's rows its person's face is fitted to: a quarter, evenly spread."""
    rows = int(np.clip(count // 4, *PERSON_ROWS))
    return np.unique(np.linspace(0, max(count - 1, 0), rows).astype(int))[:count]


def fit_person(points: np.ndarray, certainty: np.ndarray | None, basis: ShapeBasis) -> np.ndarray:
    """Returns (68, 3) mm, the face that a track's points (R, 68, 2) have in common; the mean face where none is there.

    First the modes of identity, together with the rows' own unknowns. What all rows then still have in common, in their
    expressions and in their errors, no mode knows: it belongs to the person as well.
    """
    mean = basis.mean[:N_POINTS].astype(np.float64)
    certainty = _TOGETHER * (np.ones(points.shape[:2]) if certainty is None else certainty)
    first = fit_rows(points, certainty, mean, basis, limit=2 * IMPOSSIBLE)
    good = np.isfinite(first.pose[:, 0])
    if not good.any():
        return mean
    rows = prepared(points[good], certainty[good], mean, basis)
    rows = rows._replace(pose=first.pose[good], coefficients=first.expression[good])
    identity, modes = np.zeros(len(basis.identity)), np.concatenate([basis.expression, basis.identity])
    for _ in range(_STEPS):
        shape = mean + np.tensordot(identity, basis.identity[:, :N_POINTS], 1)
        step, shared = shared_step(*linearised(rows, shape, basis, modes), rows.coefficients, identity)
        rows, identity = stepped(rows, step), identity + shared
    known = mean + np.tensordot(identity, basis.identity[:, :N_POINTS], 1)
    own = np.zeros_like(known)
    for _ in range(_STEPS):
        own, rows = _own_shape(rows, known, own, basis)
        rows = stepped(rows, own_step(*linearised(rows, known + own, basis, basis.expression), rows.coefficients))
    return known + own


def _own_shape(rows: Rows, known: np.ndarray, own: np.ndarray, basis: ShapeBasis) -> tuple[np.ndarray, Rows]:
    """Returns what rows have in common beside a known face (68, 3), and the rows without that in their expressions.

    `own` (68, 3) is what of it is known already.
    """
    common = rows.coefficients.mean(axis=0)
    own = own + deformation(common[None], basis.expression)[0]
    rows = rows._replace(coefficients=rows.coefficients - common)
    turn = rotation(rows.pose[:, :3])
    head = known + own + deformation(rows.coefficients, basis.expression)
    head[:, :JAW] += basis.slid(turn)
    flat = turn[:, :2]  # (R, 2, 3)
    error = (rows.seen - projected(head, turn, rows.pose)) / rows.pose[:, None, 5:]  # mm
    distance = np.linalg.norm(error, axis=2) / basis.noise
    weight = rows.weight * np.minimum(1, HUBER / np.maximum(distance, 1e-9))  # (R, 68)
    wanted = error + own @ flat.swapaxes(1, 2)
    left = np.einsum("rp,rai,raj->pij", weight, flat, flat) + np.eye(3) / _PERSONAL**2
    right = np.einsum("rp,rpa,rai->pi", weight, wanted, flat)
    found = np.linalg.solve(left, right[..., None])[..., 0]
    return _without_shift(found, known, basis.noise), rows


def _without_shift(moved: np.ndarray, shape: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Returns displacements (68, 3) without what moves, rolls and resizes the face as a whole.

    The points that lie where the modes have them say what that is, and not those of a droop: their weights fall with
    their distance (L1). Turns and nods are left alone: rows from one side only cannot tell them from depth.
    """
    x, y = shape[:, 0], shape[:, 1]
    zero, one = np.zeros_like(x), np.ones_like(x)
    ways = np.concatenate([[one, zero, x, -y], [zero, one, y, x]], axis=1)  # (4, 136), all x before all y
    flat = moved[:, :2].T.ravel()
    left, whole = flat, np.zeros(4)
    for _ in range(4 * _STEPS):
        weight = 1 / (noise * np.sqrt(1 + (left**2).reshape(2, -1).sum(axis=0)))
        weighted = ways * np.concatenate([weight, weight])
        whole = np.linalg.solve(weighted @ ways.T, weighted @ flat)
        left = flat - whole @ ways
    return np.concatenate([left.reshape(2, -1).T, moved[:, 2:] - whole[2] * shape[:, 2:]], axis=1)


def without_pose(moved: np.ndarray, shape: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Returns displacements (N, V, 3) without what a shift, a turn or a change of size of the points would do as well.

    Of a shape (V, 3) whose first vertices are the 68 points, which count by their weight (68,).
    """
    x, y, z = shape.T
    zero, one = np.zeros_like(x), np.ones_like(x)
    ways = [(one, zero, zero), (zero, one, zero), (zero, zero, one), (x, y, z)]
    ways += [(zero, -z, y), (z, zero, -x), (-y, x, zero)]
    span = np.stack([np.stack(way, axis=1) for way in ways])  # (7, V, 3)
    weigh = np.repeat(weight, 3)
    of_points = np.linalg.pinv(span[:, :N_POINTS].reshape(len(ways), -1) * weigh)  # (204, 7)
    flat: np.ndarray = moved[:, :N_POINTS].reshape(len(moved), -1) * weigh
    return moved - np.tensordot(flat @ of_points, span, 1)


def fit_rows(
    points: np.ndarray,
    certainty: np.ndarray | None,
    person: np.ndarray,
    basis: ShapeBasis,
    limit: float = IMPOSSIBLE,
    lift: bool = True,
) -> Fit:
    """Returns the fit of rows (R, 68, 2), each for itself, of one person's face (68, 3) mm or of their own (R, 68, 3).

    NaN where the doubt is beyond the limit, over the distance of the outer eye corners. Without `lift` the points are
    those of the modes, with it also off them where the picture says so.
    """
    count = len(points)
    assert points.shape == (count, N_POINTS, 2), f"points of shape {points.shape}"
    person = np.broadcast_to(person, (count, N_POINTS, 3))
    pose, expression = np.full((count, 6), np.nan), np.full((count, len(basis.expression)), np.nan)
    points3d, residual = np.full((count, N_POINTS, 3), np.nan), np.full(count, np.nan)
    for start in range(0, count, _AT_ONCE):
        part = np.arange(start, min(start + _AT_ONCE, count))
        part = part[usable(points[part])]
        if len(part):
            found = _fit_part(points[part], None if certainty is None else certainty[part], person[part], basis, lift)
            pose[part], points3d[part], expression[part], residual[part] = found
    with np.errstate(invalid="ignore"):
        wrong = ~(residual <= limit * _EYES * pose[:, 5])
    pose[wrong], points3d[wrong], expression[wrong] = np.nan, np.nan, np.nan
    return Fit(pose, points3d, expression, residual)


def certainties(points: np.ndarray, scores: np.ndarray, sigma: np.ndarray | None = None) -> np.ndarray:
    """Returns (R, 68), how much each point that was found counts: 1 for one as good as labels are, less for others
    and for the jaw's and the lids'.

    From the covariance of its error where that is known (sigma, (R, 68, 3), px2), else from its score.
    """
    certainty = np.nan_to_num(scores, nan=1.0).astype(np.float64)
    certainty *= _POSED
    if sigma is None:
        return certainty
    eyes = np.linalg.norm(points[:, 36] - points[:, 45], axis=1)[:, None]
    good = (_GOOD * np.maximum(eyes, 1)) ** 2  # px2, along each axis
    known: np.ndarray = good / (good + (sigma[..., 0] + sigma[..., 2]) / 2)
    known *= _POSED
    return np.where(np.isfinite(known), known, certainty)


def _fit_part(
    points: np.ndarray, certainty: np.ndarray | None, shape: np.ndarray, basis: ShapeBasis, lift: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns pose, points3d, expression and residual of usable rows, whose faces are `shape` (R, 68, 3) at rest."""
    rows = prepared(points, certainty, shape, basis)
    for _ in range(_ROW_STEPS):
        jacobian, error, weight = linearised(rows, shape, basis, basis.expression)
        rows = stepped(rows, own_step(jacobian, error, weight, rows.coefficients))
    turn = rotation(rows.pose[:, :3])
    points3d = shape + deformation(rows.coefficients, basis.expression)
    points3d[:, :JAW] += basis.slid(turn)
    error = rows.seen - projected(points3d, turn, rows.pose)
    if lift:
        points3d += _lifted(error, rows, basis)
    share = rows.weight / np.maximum(rows.weight.sum(axis=1, keepdims=True), 1e-12)
    residual = np.sqrt((share * (error**2).sum(axis=2)).sum(axis=1))
    return rows.pose, points3d, rows.coefficients, residual


def _lifted(error: np.ndarray, rows: Rows, basis: ShapeBasis) -> np.ndarray:
    """Returns (R, 68, 3) mm, by how much points lie off the modes of expression, of their errors (R, 68, 2) px.

    An error within the noise is noise, one far above it is a move that no mode knows, as of one side alone. It is taken
    to lie in the picture's plane. Points that say little of the pose are lifted as others are.
    """
    moved, certainty = error / rows.pose[:, None, 5:], rows.weight * basis.noise**2
    certainty /= _POSED
    square = (moved**2).sum(axis=2) * np.minimum(certainty, 1)
    kept = square / (square + np.minimum(basis.noise, _MARKED) ** 2)
    lifted: np.ndarray = (moved * kept[..., None]) @ rotation(rows.pose[:, :3])[:, :2]
    return lifted

"""The equations of the fit in `redtrack.shape3d.fit`: rows as they are fitted, and the steps that bring them nearer.

R rows, P = 68 points, K modes. Jacobians and normal equations are float32, poses and the solution of the equations
float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redtrack.points import N_POINTS
from redtrack.shape3d.basis import JAW, ShapeBasis
from redtrack.shape3d.pose import rotation, rotation_vector

__all__ = [
    "HUBER", "Rows", "deformation", "linearised", "own_step", "prepared", "projected", "shared_step", "stepped",
    "usable",
]  # fmt: skip

HUBER = 3.0  # in standard deviations of the noise: errors beyond it count less
MOST_PIXELS = 3e7  # beyond, float32 has no use for the points
FEWEST = 20  # points of a face that must be known


class Rows(NamedTuple):
    """Rows as they are fitted: points and weights without NaN, and the estimate so far."""

    seen: np.ndarray  # (R, 68, 2) px
    weight: np.ndarray  # (R, 68), certainty over the squared noise in mm
    pose: np.ndarray  # (R, 6)
    coefficients: np.ndarray  # (R, K) of the modes that are free in each row


def usable(points: np.ndarray) -> np.ndarray:
    """Returns (R,) bool, whether enough points are known and have some extent, so that a pose can be sought."""
    known = np.isfinite(points).all(axis=2) & (np.abs(np.nan_to_num(points)) < MOST_PIXELS).all(axis=2)
    count = np.maximum(known.sum(axis=1), 1)
    clean = np.where(known[..., None], points, 0).astype(np.float64)
    away = clean - clean.sum(axis=1, keepdims=True) / count[:, None, None]
    spread: np.ndarray = (np.linalg.norm(away, axis=2) * known).sum(axis=1) / count
    return (count >= FEWEST) & (spread > 0.5)


def prepared(points: np.ndarray, certainty: np.ndarray | None, shape: np.ndarray, basis: ShapeBasis) -> Rows:
    """Returns rows with a first pose, that of a face at rest by a linear fit, and no expression."""
    known = np.isfinite(points).all(axis=2)
    points = np.where(known[..., None], points, 0).astype(np.float64)
    weight = np.ones(points.shape[:2]) if certainty is None else np.nan_to_num(certainty.astype(np.float64), nan=1.0)
    weight = np.clip(weight, 1e-3, None) * known / basis.noise**2
    share = (weight / weight.sum(axis=1, keepdims=True))[..., None]
    model = np.broadcast_to(shape.astype(np.float64), (len(points), N_POINTS, 3))
    middle, centre = (share * points).sum(axis=1, keepdims=True), (share * model).sum(axis=1, keepdims=True)
    out = model - centre  # (R, P, 3)
    moments = (out * share).swapaxes(1, 2) @ out + 5.0 * np.eye(3)  # mm2: a flat face is not turned for its noise
    affine = np.linalg.solve(moments, (out * share).swapaxes(1, 2) @ (points - middle)).swapaxes(1, 2)  # (R, 2, 3)
    turn, scale = _upright(affine)
    place = middle[:, 0] - scale[:, None] * (turn[:, :2] @ centre.swapaxes(1, 2))[..., 0]
    pose = np.concatenate([rotation_vector(turn), place, scale[:, None]], axis=1)
    return Rows(points, weight, pose, np.zeros((len(points), len(basis.expression))))


def _upright(affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns rotations (R, 3, 3) and scales (R,) near linear maps of the head to the picture (R, 2, 3)."""
    lengths = np.maximum(np.linalg.norm(affine, axis=2), 1e-9)  # (R, 2)
    a, b = np.moveaxis(affine / lengths[..., None], 1, 0)
    p, q = a + b, a - b  # at right angles, as a and b are unit vectors
    p, q = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9) for x in (p, q))
    first, second = (p + q) / np.sqrt(2), (p - q) / np.sqrt(2)
    return np.stack([first, second, np.cross(first, second)], axis=1), lengths.mean(axis=1)


def deformation(coefficients: np.ndarray, modes: np.ndarray) -> np.ndarray:
    """Returns (R, 68, 3) mm of coefficients (R, K) of modes (K, V, 3)."""
    flat = modes[:, :N_POINTS].reshape(len(modes), 3 * N_POINTS)
    moved: np.ndarray = coefficients.astype(np.float32) @ flat
    return moved.reshape(-1, N_POINTS, 3)


def projected(shape: np.ndarray, turn: np.ndarray, pose: np.ndarray) -> np.ndarray:
    flat: np.ndarray = (shape @ turn.swapaxes(1, 2))[..., :2] * pose[:, None, 5:] + pose[:, None, 3:5]
    return flat


def linearised(
    rows: Rows, shape: np.ndarray, basis: ShapeBasis, modes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the Jacobian (R, 6 + K, 136), the errors (R, 136) px and their weights (R, 136), 1 / px2.

    The unknowns: a rotation of the camera's axes, the place, the logarithm of the scale, and the modes (K, V, 3), of
    which the first are those that rows have coefficients of. `shape` (R, 68, 3) is the face without those.
    """
    free, scale = rows.coefficients.shape[1], rows.pose[:, 5].astype(np.float32)[:, None]
    turn = rotation(rows.pose[:, :3]).astype(np.float32)
    head = shape + deformation(rows.coefficients, modes[:free])
    head[:, :JAW] += basis.slid(turn)
    x, y, z = np.moveaxis(head @ (turn * scale[..., None]).swapaxes(1, 2), 2, 0)  # (R, P) px
    jacobian = np.zeros((len(x), 6 + len(modes), 2, N_POINTS), np.float32)
    jacobian[:, 0, 1], jacobian[:, 1, 0], jacobian[:, 2, 0], jacobian[:, 2, 1] = -z, z, -y, x
    jacobian[:, 3, 0], jacobian[:, 4, 1], jacobian[:, 5, 0], jacobian[:, 5, 1] = 1, 1, x, y
    flat = np.moveaxis(modes[:, :N_POINTS], 2, 0).reshape(3, -1)  # (3, K P)
    shaped = (turn[:, :2] * scale[..., None]) @ flat  # (R, 2, K P)
    jacobian[:, 6:] = shaped.reshape(len(x), 2, len(modes), N_POINTS).swapaxes(1, 2)
    error = (rows.seen - rows.pose[:, None, 3:5]).astype(np.float32).swapaxes(1, 2)  # (R, 2, P)
    error[:, 0] -= x
    error[:, 1] -= y
    distance = np.sqrt((error**2).sum(axis=1)) / (scale * basis.noise)  # in standard deviations
    weight = rows.weight / scale**2 * np.minimum(1, HUBER / np.maximum(distance, 1e-9))
    weights = np.concatenate([weight, weight], axis=1).astype(np.float32)
    return jacobian.reshape(len(x), 6 + len(modes), -1), error.reshape(len(x), -1), weights


def _equations(
    jacobian: np.ndarray, error: np.ndarray, weight: np.ndarray, coefficients: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the normal equations (R, N, N), (R, N), with the prior of the rows' own coefficients."""
    weighted = jacobian * weight[:, None]
    normal = (weighted @ jacobian.swapaxes(1, 2)).astype(np.float64)
    right = (weighted @ error[..., None])[..., 0].astype(np.float64)
    own = np.arange(6, 6 + coefficients.shape[1])
    normal[:, own, own] += 1
    right[:, own] -= coefficients
    return normal, right


def own_step(jacobian: np.ndarray, error: np.ndarray, weight: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Returns (R, 6 + K), the step of each row for itself."""
    normal, right = _equations(jacobian, error, weight, coefficients)
    step: np.ndarray = np.linalg.solve(normal, right[..., None])[..., 0]
    return step


def shared_step(
    jacobian: np.ndarray, error: np.ndarray, weight: np.ndarray, coefficients: np.ndarray, identity: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns each row's step (R, 6 + Ke) and that of the identity (Ki,), by the Schur complement."""
    normal, right = _equations(jacobian, error, weight, coefficients)
    own = 6 + coefficients.shape[1]
    cross = normal[:, :own, own:]  # (R, own, Ki)
    solved = np.linalg.solve(normal[:, :own, :own], np.concatenate([cross, right[:, :own, None]], axis=2))
    left = (normal[:, own:, own:] - cross.swapaxes(1, 2) @ solved[..., :-1]).sum(axis=0) + np.eye(len(identity))
    rest = (right[:, own:] - (cross.swapaxes(1, 2) @ solved[..., -1:])[..., 0]).sum(axis=0) - identity
    shared = np.linalg.solve(left, rest)
    return solved[..., -1] - solved[..., :-1] @ shared, shared


def stepped(rows: Rows, step: np.ndarray) -> Rows:
    """Returns rows after a step (R, 6 + K) of pose and coefficients; none turns a head by more than half a radian."""
    long = np.linalg.norm(step[:, :3], axis=1, keepdims=True)
    turn = rotation(step[:, :3] * np.minimum(1, 0.5 / np.maximum(long, 1e-12))) @ rotation(rows.pose[:, :3])
    scale = rows.pose[:, 5:] * np.exp(np.clip(step[:, 5:6], -0.5, 0.5))
    pose = np.concatenate([rotation_vector(turn), rows.pose[:, 3:5] + step[:, 3:5], scale], axis=1)
    return rows._replace(pose=pose, coefficients=rows.coefficients + step[:, 6 : 6 + rows.coefficients.shape[1]])

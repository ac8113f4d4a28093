"""Heads of known shape and pose, drawn from the basis that ships, and a small 3D model's file made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from redtrack.shape3d.basis import ShapeBasis, default_basis
from redtrack.shape3d.pose import project, rotation, turned

SCALE = 0.8  # px per mm: about 72 px between the outer eye corners


def poses(degrees: np.ndarray, scale: float = SCALE) -> np.ndarray:
    """Returns (R, 6), poses of roll, yaw and pitch (R, 3) in degrees, in the middle of a picture."""
    rows = len(degrees)
    return np.concatenate([turned(degrees), np.tile([320.0, 240.0, scale], (rows, 1))], axis=1)


def random_turns(rows: int, seed: int = 0) -> np.ndarray:
    """Returns (R, 3) degrees: roll to 45, yaw to 60, pitch to 30 either way."""
    return np.random.default_rng(seed).uniform(-1, 1, (rows, 3)) * [45, 60, 30]


def heads(rows: int, seed: int = 0, identity: np.ndarray | None = None) -> np.ndarray:
    """Returns (R, 68, 3) mm, people with expressions of their own; with an identity, one person."""
    basis, draw = default_basis(), np.random.default_rng(seed)
    people = draw.standard_normal((rows, len(basis.identity))) if identity is None else identity
    return basis.shapes(people, draw.standard_normal((rows, len(basis.expression))), 68)


def seen(shapes: np.ndarray, pose: np.ndarray, noise: float = 0.0, seed: int = 1) -> np.ndarray:
    """Returns (R, 68, 2) px, heads under poses, jaws slid as they turn, with `noise` px along each axis."""
    shapes = np.array(np.broadcast_to(shapes, (len(pose), 68, 3)))
    shapes[:, :17] += default_basis().slid(rotation(pose[:, :3]))
    points = project(shapes, pose)
    return points + np.random.default_rng(seed).standard_normal(points.shape) * noise


def write_face_model(path: Path) -> None:
    """Writes a 3D model of the face as `redtrack train shape` wants it, made of the basis that ships."""
    basis: ShapeBasis = default_basis()
    axes = np.array([1, -1, -1], np.float32)
    right, left = np.arange(17)[:9], np.arange(17)[:7:-1]
    np.savez(
        path,
        mean=basis.mean * axes,
        basis=np.moveaxis(basis.identity * axes, 0, 2),
        expression=basis.expression[:6] * axes,
        triangles=basis.triangles,
        ibug68=np.where(np.arange(68) < 17, -1, np.arange(68)) * (np.arange(68) != 8) + 8 * (np.arange(68) == 8),
        right_contour=right,
        left_contour=left,
    )

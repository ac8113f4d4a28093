"""The astronaut's face under a camera that is known exactly: the example clip's own, or its frames without compression.

A tracker that follows the face perfectly gives points that stand still once the camera is taken out (`steady`); what
still moves is its own jitter.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from make_clip import FACE, camera, photograph, views

__all__ = ["FACE", "camera", "frames", "move", "read_camera", "steady", "unsteadiness"]


def read_camera(path: str | Path) -> np.ndarray:
    """Returns (F, 2, 3) float64, the affine map from photograph to frame of every line of a camera file."""
    rows = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    assert (rows[:, 0] == np.arange(len(rows))).all(), f"{path}: frames are not 0, 1, 2, …"
    return rows[:, 1:].reshape(-1, 2, 3)


def frames(count: int) -> np.ndarray:
    """Returns the first `count` frames as the camera sees them, before any compression: uint8 (count, 360, 640, 3)."""
    return np.stack(list(views(photograph(), camera()[:count])))


def move(points: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """Returns where points of the photograph are in each frame: (P, 2) or (F, P, 2) px -> (F, P, 2) px."""
    return points @ cameras[:, :, :2].swapaxes(1, 2) + cameras[:, None, :, 2]


def steady(points: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """Returns points of frames (F, P, 2) as points of the photograph (F, P, 2): `move` undone."""
    back = np.linalg.inv(cameras[:, :, :2])
    return (points - cameras[:, None, :, 2]) @ back.swapaxes(1, 2)


def unsteadiness(points: np.ndarray, cameras: np.ndarray) -> float:
    """Returns the jitter of points (F, 68, 2) px that the camera does not explain: mean second difference in the
    photograph over its distance of outer eye corners; 0 for a perfect tracker, NaN frames left out."""
    still = steady(points, cameras)
    eyes = np.linalg.norm(still[:, 36] - still[:, 45], axis=-1)
    return float(np.nanmean(np.linalg.norm(np.diff(still, 2, axis=0), axis=-1)) / np.nanmean(eyes))

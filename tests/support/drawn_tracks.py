"""Makers of tracks for tests: the mean face, wherever it is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from redtrack.points import MEAN_SHAPE
from redtrack.tracks import Tracks


def face(x: float = 40, y: float = 30, size: float = 60) -> np.ndarray:
    """Returns (68, 2) float64: the mean face in a square of `size` px whose corner is at x, y."""
    return MEAN_SHAPE.astype(np.float64) * size + [x, y]


def tracks_of(
    points: np.ndarray, ids: Any = None, frame: Any = None, frames: int | None = None, rate: float = 25, **rows: Any
) -> Tracks:
    """Returns tracks of points (n, 68, 2), by default of face 0 in frames 0 to n - 1 at `rate` frames a second."""
    frame = np.arange(len(points)) if frame is None else np.asarray(frame)
    ids = np.zeros(len(points), int) if ids is None else ids
    frames = frames or (int(frame.max()) + 1 if len(frame) else 0)
    info: Mapping[str, Any] = rows.pop("info", {})
    return Tracks.from_rows(frame, ids, points, np.arange(frames) / rate, info=info, **rows)


def moving_face(frames: int = 24, **rows: Any) -> Tracks:
    """Returns tracks of one face that drifts to the right by half a pixel a frame."""
    return tracks_of(np.stack([face(x=20 + k / 2) for k in range(frames)]), **rows)

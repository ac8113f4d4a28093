"""Jitter: the mean second difference of points over time, as a share of the distance of the outer eye corners.

A point that stands still or moves evenly has none. The truth does not move evenly itself, so its own jitter is what to
compare with; the jitter of the error (prediction less truth) is what the prediction added.
"""

from __future__ import annotations

import numpy as np

from redtrack.points import known_mean

__all__ = ["jitter", "second_differences", "triples"]


def triples(frame: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Returns (k, 3) row indices of the same face in three consecutive frames, from rows frame (n,) and face (n,)."""
    order = np.lexsort((frame, face))
    f, i = frame[order], face[order]
    together = (i[2:] == i[:-2]) & (f[1:-1] == f[:-2] + 1) & (f[2:] == f[:-2] + 2)
    start = np.flatnonzero(together)
    return order[start[:, None] + np.arange(3)]


def second_differences(points: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Returns (k, P) px: the length of p[t-1] - 2 p[t] + p[t+1] for points (n, P, 2) and rows (k, 3)."""
    before, now, after = (points[rows[:, j]].astype(np.float64) for j in range(3))
    length: np.ndarray = np.linalg.norm(before - 2 * now + after, axis=-1)
    return length


def jitter(points: np.ndarray, rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Returns (k,): the mean second difference of points (n, P, 2) over the scales (n,) px of the middle rows."""
    trembling: np.ndarray = known_mean(second_differences(points, rows)) / scale[rows[:, 1]]
    return trembling

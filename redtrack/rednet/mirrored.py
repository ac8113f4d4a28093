"""A second look in a mirror: the mean of both is nearer to the truth, where there is no time to look through.

Not the paper's. N windows, T frames, P points.
"""

from __future__ import annotations

import numpy as np

from redtrack.geometry import mirrored_points
from redtrack.rednet.predict import WindowEstimate

__all__ = ["joined"]


def joined(own: WindowEstimate, mirrored: WindowEstimate, which: np.ndarray, size: int, axis: float) -> WindowEstimate:
    """Returns the estimate of N windows with the points of those `which` (N,) bool also seen in a mirror, in order.

    The points become the mean of both looks, in the evidence for the recurrence as well; what is said of their
    certainty stays. size: side of the crops in px; axis: how far the labels lie off the faces' middle.
    """
    points, evidence = own.points.copy(), own.evidence.copy()
    points[which] = (points[which] + _back(mirrored.points, size, axis)) / 2
    positions = _back(mirrored.evidence[..., :2] * size, size, axis) / size
    evidence[which, ..., :2] = (evidence[which, ..., :2] + positions) / 2
    return own._replace(points=points, evidence=evidence)


def _back(points: np.ndarray, size: int, axis: float) -> np.ndarray:
    """Returns points (..., P, 2) of mirrored crops where they are in the crops themselves."""
    flat = mirrored_points(points.reshape(-1, *points.shape[-2:]), size, axis)
    return flat.reshape(points.shape).astype(points.dtype)

"""Faces in three dimensions, turned by known angles and seen by a camera far away."""

from __future__ import annotations

import numpy as np

from redtrack.pose import head as mean_head
from redtrack.shape3d.basis import default_basis

HEAD = mean_head()
EYES = float(default_basis().mean[45, 0] * 2)  # mm between the outer eye corners


def turned(roll: float, yaw: float, pitch: float, head: np.ndarray = HEAD, size: float = 80) -> np.ndarray:
    """Returns (68, 2): a head (68, 3) turned by angles in degrees, `size` px between the outer eye corners."""
    a, b, c = np.radians([roll, -yaw, -pitch])
    around_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    around_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]])
    return seen_under(around_z @ around_y @ around_x, head, size)


def seen_under(turn: np.ndarray, head: np.ndarray = HEAD, size: float = 80) -> np.ndarray:
    """Returns (68, 2), a head (68, 3) under a rotation (3, 3); the jaw's points slide, as they are the outline."""
    slid = head.copy()
    slid[:17] += default_basis().slid(turn[None])[0] / EYES
    points: np.ndarray = (slid @ turn.T)[:, :2] * size + [300, 200]
    return points


def with_lids(opening: float, eyes: str = "both", head: np.ndarray = HEAD) -> np.ndarray:
    """Returns (68, 3), a head whose right, left or both eyes are open by a share of what they were: 0 is shut."""
    changed = head.copy()
    for eye, outer in (("right", 36), ("left", 42)):
        if eyes in (eye, "both"):
            for upper, lower in ((outer + 1, outer + 5), (outer + 2, outer + 4)):
                middle = changed[[upper, lower]].mean(axis=0)
                changed[[upper, lower]] = middle + (changed[[upper, lower]] - middle) * opening
    return changed

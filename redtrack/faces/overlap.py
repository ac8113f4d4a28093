"""How large boxes are, and how much of one lies in others. Plain numpy. Boxes are x0 y0 x1 y1 in frame pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redtrack.geometry import box_area

Boxes = NDArray[np.float32]

EXPLAINED, WEAKER = 0.7, 0.8  # share of a box inside stronger ones, and of their scores, that make it a part of them


def sizes(boxes: Boxes) -> NDArray[np.floating]:
    """Returns the square root of the area, px. (M, 4 or more) -> (M,)."""
    return np.sqrt(box_area(boxes[:, :4]))


def centre(boxes: Boxes) -> NDArray[np.floating]:
    """Returns the centres x, y. (M, 4 or more) -> (M, 2)."""
    return (boxes[:, :2] + boxes[:, 2:4]) / 2


def covered_share(box: Boxes, others: Boxes) -> NDArray[np.floating]:
    """Returns (M,), the intersection of a box (4,) with each of the others (M, 4) over the smaller one's area."""
    shared = np.maximum(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0).prod(1)
    return shared / np.maximum(np.minimum(box_area(box), box_area(others)), 1e-6)


def widened(box: Boxes) -> Boxes:
    """Returns a box (4,) that is wider by a third on either side: where a hidden face is, is not known exactly."""
    third = (box[2] - box[0]) / 3
    return box + np.array([-third, 0, third, 0], np.float32)


def not_explained(rows: Boxes) -> Boxes:
    """Returns the rows (M, 5), best first, without those that are made of parts of clearly stronger ones.

    A detector sees such faces between two that touch.
    """
    keep = np.ones(len(rows), bool)
    for index, row in enumerate(rows):
        stronger = rows[keep & (rows[:, 4] * WEAKER > row[4])]
        keep[index] = _share_inside(row, stronger) < EXPLAINED
    return rows[keep]


def _share_inside(box: Boxes, others: Boxes) -> float:
    """Returns the share of a box's area that lies in any of the other boxes, measured on a grid of 16 x 16 points."""
    steps = (np.arange(16) + 0.5) / 16
    x, y = box[0] + steps * (box[2] - box[0]), box[1] + steps * (box[3] - box[1])
    across = (x >= others[:, :1]) & (x <= others[:, 2:3])  # (M, 16)
    along = (y >= others[:, 1:2]) & (y <= others[:, 3:4])
    return float((across[:, None] & along[:, :, None]).any(0).mean())

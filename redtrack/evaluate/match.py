"""Matching predicted faces to true ones, frame by frame, by the best overlap (IoU).

Overlap is that of the tight boxes around the landmarks, so that no tool's own idea of a face box matters.
"""

from __future__ import annotations

import numpy as np

from redtrack.geometry import box_iou, landmark_box
from redtrack.tracks import Tracks

__all__ = ["NO_OUTPUT", "match"]

NO_OUTPUT = -1


def match(predicted: Tracks, truth: Tracks) -> np.ndarray:
    """Returns (R,) int64: for every row of the truth the predicted row of its face, NO_OUTPUT where there is none.

    A predicted face is used once; one that does not overlap a true face at all is never its prediction.
    """
    matched = np.full(len(truth), NO_OUTPUT, np.int64)
    frames = np.unique(truth.frame)
    starts, ends = (np.searchsorted(truth.frame, frames, side) for side in ("left", "right"))
    first, last = (np.searchsorted(predicted.frame, frames, side) for side in ("left", "right"))
    boxes_p, boxes_t = landmark_box(predicted.points), landmark_box(truth.points)
    for start, end, low, high in zip(starts, ends, first, last, strict=True):
        if low < high:
            matched[start:end] = _best(boxes_t[start:end], boxes_p[low:high], low)
    return matched


def _best(truth: np.ndarray, predicted: np.ndarray, offset: int) -> np.ndarray:
    """Returns (n,) for true boxes (n, 4) the index of their box among (m, 4) plus `offset`: the best pair first."""
    overlap = box_iou(truth, predicted)
    found = np.full(len(truth), NO_OUTPUT, np.int64)
    for _ in range(min(overlap.shape)):
        i, j = np.unravel_index(np.argmax(overlap), overlap.shape)
        if overlap[i, j] <= 0:
            break
        found[i] = offset + j
        overlap[i], overlap[:, j] = 0, 0
    return found

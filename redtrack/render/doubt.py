"""How doubtful a row of tracks is: by the disagreement of its forward and backward estimates, and by its confidence."""

from __future__ import annotations

import numpy as np

from redtrack.evaluate.protocol import eye_distance
from redtrack.points import known_mean
from redtrack.tracks import Tracks

__all__ = ["confidence", "disagreement", "doubt", "rank", "worst_face", "worst_frames"]


def disagreement(tracks: Tracks) -> np.ndarray:
    """Returns (R,): each row's mean disagreement over its eye distance; NaN where the file has none."""
    eyes = np.maximum(eye_distance(tracks.points), 1.0)  # px: no face is smaller
    relative: np.ndarray = tracks.disagreement.astype(np.float64).mean(axis=1) / eyes
    return relative


def confidence(tracks: Tracks) -> np.ndarray:
    """Returns (R,): each row's mean confidence; NaN where the file has none."""
    mean: np.ndarray = known_mean(tracks.scores.astype(np.float64))
    return mean


def rank(values: np.ndarray) -> np.ndarray:
    """Returns (n,) the share of values that are smaller than each of values (n,); 0 for those unknown."""
    known = np.isfinite(values)
    shares = np.zeros(len(values))
    if known.any():
        ordered = np.sort(values[known])
        shares[known] = np.searchsorted(ordered, values[known], "left") / len(ordered)
    return shares


def doubt(disagreements: np.ndarray, confidences: np.ndarray) -> np.ndarray:
    """Returns (n,) 0..1: the share of rows that are less doubtful than each, by the worse of its two signs."""
    worse: np.ndarray = np.maximum(rank(disagreements), rank(-confidences))
    return worse


def worst_frames(tracks: Tracks, count: int) -> list[int]:
    """Returns up to `count` frames in order of time: the most doubtful ones, kept apart so that they differ."""
    doubts = doubt(disagreement(tracks), confidence(tracks))
    apart = max(tracks.frames // (4 * count), 1)
    chosen: list[int] = []
    for row in np.argsort(-doubts, kind="stable"):
        frame = int(tracks.frame[row])
        if all(abs(frame - other) >= apart for other in chosen):
            chosen.append(frame)
        if len(chosen) == count:
            break
    return sorted(chosen)


def worst_face(tracks: Tracks, frame: int) -> int | None:
    """Returns the id of the most doubtful face of a frame, by disagreement or else confidence; None without a face."""
    rows = np.flatnonzero(tracks.frame == frame)
    if not len(rows):
        return None
    here = tracks.select(rows)
    known = np.isfinite(disagreement(here)).all()
    signs = disagreement(here) if known else -confidence(here)
    return int(here.face[np.argmax(np.nan_to_num(signs))])

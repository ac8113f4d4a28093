"""Times of frames where a file tells those of some frames, or of none."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["filled_times", "unknown_times"]


def filled_times(frame: np.ndarray, seconds: np.ndarray, frames: int) -> dict[str, Any]:
    """Returns `times` and `info` from times known for some frames only: frame (n,) indices, seconds (n,).

    Between two known frames time runs evenly, outside of them by the median step. Where fewer than two of several
    frames are known, a frame counts as one second.
    """
    known = np.isfinite(seconds)
    frame, first = np.unique(frame[known], return_index=True)
    seconds = seconds[known][first]
    if frames == len(frame) == 1:
        return {"times": seconds}
    if len(frame) < 2:
        return unknown_times(frames)
    step = float(np.median(np.diff(seconds) / np.diff(frame)))
    index = np.arange(frames)
    times = np.interp(index, frame, seconds)
    times += np.minimum(index - frame[0], 0) * step + np.maximum(index - frame[-1], 0) * step
    return {"times": times}


def unknown_times(frames: int) -> dict[str, Any]:
    """Returns `times` and `info` where a format has no times: a frame counts as one second."""
    return {"times": np.arange(frames, dtype=np.float64), "info": {"times_known": False}}

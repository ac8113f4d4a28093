"""How far a mean can be trusted: its bootstrap interval, over resampled videos.

Frames of one video are alike, so whole videos are drawn, not frames; on pictures every picture is a video of its own.
"""

from __future__ import annotations

import numpy as np

__all__ = ["ROUNDS", "interval"]

ROUNDS = 2000
CONFIDENCE = 0.95


def interval(values: np.ndarray, group: np.ndarray) -> tuple[float, float] | None:
    """Returns the 95 % interval of the mean of values (n,) over resampled groups (n,); None for fewer than two.

    The same input gives the same interval.
    """
    names, member = np.unique(group, return_inverse=True)
    if len(names) < 2:  # noqa: PLR2004 - one video tells nothing of others
        return None
    sums, counts = np.bincount(member, values), np.bincount(member)
    random = np.random.default_rng(0)
    means = [_redrawn_mean(sums, counts, random) for _ in range(ROUNDS)]
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _redrawn_mean(sums: np.ndarray, counts: np.ndarray, random: np.random.Generator) -> float:
    drawn = random.integers(len(sums), size=len(sums))
    return float(sums[drawn].sum() / counts[drawn].sum())

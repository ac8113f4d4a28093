"""Whether a prediction's own certainty is true: how often its ellipses cover the error, and whether its doubt finds it.

Points have a covariance (`sigma` of `Tracks`) where the tool gives one, else only a score. The errors are those of the
points that the protocol counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from redtrack.certainty import expected_error
from redtrack.evaluate.nme import mean

__all__ = ["LARGE", "LEVELS", "Calibration", "auroc"]

LEVELS = (0.5, 0.9, 0.99)  # of the ellipses
LARGE = 0.1  # of the protocol's distance: an error that doubt is to find


@dataclass(frozen=True)
class Calibration:
    """k points of one video or of several: errors (k,) and expected errors (k,) as shares of the protocol's distance,
    doubt (k,), which is larger where an error is more likely, and surprise (k,): squared Mahalanobis lengths of the
    errors. Expected errors and surprise are empty where no covariance is given, all of them where no score is either.
    """

    errors: np.ndarray
    doubt: np.ndarray
    expected: np.ndarray
    surprise: np.ndarray

    @classmethod
    def of(cls, error: np.ndarray, sigma: np.ndarray | None, scores: np.ndarray, scale: np.ndarray) -> Calibration:
        """From errors (m, P, 2) px, covariances (m, P, 3) px^2 or None, scores (m, P), and scales (m,) px.

        Points whose error or certainty is unknown (NaN) are left out.
        """
        length = np.linalg.norm(error, axis=-1) / scale[:, None]
        if sigma is None:
            known = np.isfinite(length) & np.isfinite(scores)
            none = np.zeros(0)
            return cls(length[known], 1 - scores[known].astype(np.float64), none, none)
        surprise = _surprise(error, sigma)
        known = np.isfinite(length) & np.isfinite(surprise)
        expected = expected_error(sigma)[known] / np.broadcast_to(scale[:, None], known.shape)[known]
        return cls(length[known], expected, expected, surprise[known])

    @classmethod
    def join(cls, parts: Sequence[Calibration]) -> Calibration:
        """Several videos as one; covariances count only where all have them."""
        none = np.zeros(0)
        if not parts:
            return cls(none, none, none, none)
        names = ("errors", "doubt", "expected", "surprise")
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        if len(joined["surprise"]) < len(joined["errors"]):
            joined |= {"expected": none, "surprise": none}
        return cls(**joined)

    @property
    def coverage(self) -> dict[float, float]:
        """For each of LEVELS the share of errors inside of the ellipse that is to hold as many; NaN without any."""
        return {level: mean(self.surprise <= -2 * np.log1p(-level)) for level in LEVELS}

    @property
    def auroc(self) -> float:
        """How well doubt finds the errors above LARGE: 0.5 is chance, 1 perfect; NaN without any."""
        return auroc(self.doubt, self.errors > LARGE)

    @property
    def large(self) -> int:
        """How many points have an error above LARGE."""
        return int((self.errors > LARGE).sum())


def auroc(value: np.ndarray, positive: np.ndarray) -> float:
    """The area under the receiver operating characteristic: the chance that a positive has the larger value (n,)."""
    many = int(positive.sum())
    if not many or many == len(positive):
        return float("nan")
    _, place, count = np.unique(value, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]  # ties share their mean rank, from 1
    return float((rank[positive].sum() - many * (many + 1) / 2) / (many * (len(positive) - many)))


def _surprise(error: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Squared Mahalanobis lengths (m, P)."""
    xx, xy, yy = (sigma[..., k].astype(np.float64) for k in range(3))
    x, y = error[..., 0], error[..., 1]
    length: np.ndarray = (yy * x * x - 2 * xy * x * y + xx * y * y) / (xx * yy - xy * xy)
    return length

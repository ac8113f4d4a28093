"""How steady a prediction is, by time scale: what it adds to the motion of the truth from frame to frame and slower.

Flicker is the mean length of the error's change from one frame to the next ("normalised mean flicker"). The Allan
deviation tells jitter from drift: the error is averaged over tau frames, and neighbouring averages are compared. It
falls with tau where the error is jitter, and rises where it drifts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["SCALES", "Stability"]

SCALES = (1, 2, 4, 8, 16)  # frames


@dataclass(frozen=True)
class Stability:
    """Sums over the runs of consecutive frames of true faces; all are shares of the distance of the eye corners.

    flicker: sum of lengths, and how many; allan: for each of SCALES the sum of squared differences, and how many.
    """

    flicker: tuple[float, int]
    allan: dict[int, tuple[float, int]]

    @classmethod
    def of(cls, error: np.ndarray, frame: np.ndarray, face: np.ndarray) -> Stability:
        """From errors (m, P, 2) as shares of the eye distance, of true faces `face` (m,) in frames `frame` (m,)."""
        runs = _runs(error, frame, face)
        steps = [np.linalg.norm(np.diff(run, axis=0), axis=-1) for run in runs]
        allan = {tau: [_differences(run, tau) for run in runs] for tau in SCALES}
        return cls(_sums(steps), {tau: _sums(parts) for tau, parts in allan.items()})

    @classmethod
    def join(cls, parts: Sequence[Stability]) -> Stability:
        """Several videos as one."""
        allan = {tau: _added([part.allan[tau] for part in parts]) for tau in SCALES}
        return cls(_added([part.flicker for part in parts]), allan)

    @property
    def mean_flicker(self) -> float:
        """NaN where no face is there for two frames."""
        total, count = self.flicker
        return total / count if count else float("nan")

    def deviation(self, tau: int) -> float:
        """The Allan deviation over tau frames, NaN where no face is there for twice as many."""
        total, count = self.allan[tau]
        return float(np.sqrt(total / count / 2)) if count else float("nan")


def _runs(error: np.ndarray, frame: np.ndarray, face: np.ndarray) -> list[np.ndarray]:
    """The errors (t, P, 2) of each face in consecutive frames."""
    order = np.lexsort((frame, face))
    f, i = frame[order], face[order]
    cuts = np.flatnonzero((np.diff(f) != 1) | (np.diff(i) != 0)) + 1
    return [error[rows] for rows in np.split(order, cuts) if len(rows) > 1]


def _differences(run: np.ndarray, tau: int) -> np.ndarray:
    """Squared differences (n, P) between the mean error of tau frames and of the tau frames that follow."""
    if len(run) < 2 * tau:
        return np.zeros((0, run.shape[1]))
    sums = np.concatenate([np.zeros_like(run[:1]), np.cumsum(run, axis=0)])
    means = (sums[tau:] - sums[:-tau]) / tau
    squares: np.ndarray = np.square(means[tau:] - means[:-tau]).sum(-1)
    return squares


def _sums(parts: list[np.ndarray]) -> tuple[float, int]:
    """The sum of what is known, and how much that is."""
    return _added([(float(np.nansum(part)), int(np.isfinite(part).sum())) for part in parts])


def _added(parts: Sequence[tuple[float, int]]) -> tuple[float, int]:
    return float(sum(total for total, _ in parts)), sum(count for _, count in parts)

"""Normalised mean errors (NME) of predicted faces against true ones, by point and by face, and their summary.

A true face for which there is no output has the error infinity: it counts as a failure and takes its share of the area
under the curve, and is left out of mean, median and deviation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redtrack.evaluate.protocol import AUC_LIMIT, FAILURE_LIMITS, Protocol
from redtrack.points import known_mean

__all__ = [
    "Summary",
    "area_under_curve",
    "error_curve",
    "face_errors",
    "failure_rate",
    "mean",
    "part_errors",
    "point_errors",
]


def point_errors(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the distances (n, 68) px of predicted points (n, 68, 2) from the true ones; NaN where one is unknown."""
    difference = predicted.astype(np.float64) - truth.astype(np.float64)
    distance: np.ndarray = np.linalg.norm(difference, axis=-1)
    return distance


def face_errors(distances: np.ndarray, scale: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Returns (n,): the mean of the distances (n, 68) px over the points that count and are known, over the scales."""
    error: np.ndarray = known_mean(distances[:, list(protocol.indices)]) / scale
    return error


def part_errors(distances: np.ndarray, scale: np.ndarray, protocol: Protocol) -> dict[str, np.ndarray]:
    """Returns the error (n,) of each part of the face, from distances (n, 68) px and scales (n,) px; NaN unknown."""
    return {name: known_mean(distances[:, list(part)]) / scale for name, part in protocol.parts.items()}


def area_under_curve(errors: np.ndarray) -> float:
    """Returns the area under the cumulative error curve (CED) of errors (n,) up to AUC_LIMIT, over that: 1 is perfect.

    Exact: the integral of a step at e from 0 to the limit is the limit less e.
    """
    return mean(np.clip(1 - errors / AUC_LIMIT, 0, None))


def failure_rate(errors: np.ndarray, limit: float) -> float:
    """Returns the share of errors (n,) above `limit`."""
    return mean(errors > limit)


def error_curve(errors: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the corners of the cumulative error curve from 0 to `limit`: errors (k,), shares of faces within (k,)."""
    within = np.sort(errors[errors <= limit])
    x = np.concatenate([[0.0], within, [limit]])
    y = np.concatenate([[0.0], np.arange(1, len(within) + 1), [len(within)]]) / max(len(errors), 1)
    return x, y


@dataclass(frozen=True)
class Summary:
    """Statistics of many faces' errors; errors are shares of the protocol's distance, NaN where there is no face."""

    faces: int  # true faces
    without_output: int
    mean: float
    median: float
    deviation: float
    area: float
    failures: dict[float, float]  # limit -> share of faces above it, those without output among them

    @classmethod
    def of(cls, errors: np.ndarray) -> Summary:
        """Returns the summary of errors (n,), infinite where there was no output."""
        given = errors[np.isfinite(errors)]
        return cls(
            faces=len(errors),
            without_output=len(errors) - len(given),
            mean=mean(given),
            median=float(np.median(given)) if len(given) else np.nan,
            deviation=float(given.std()) if len(given) else np.nan,
            area=area_under_curve(errors),
            failures={limit: failure_rate(errors, limit) for limit in FAILURE_LIMITS},
        )


def mean(values: np.ndarray) -> float:
    """Returns the mean of values (n,), NaN where there are none."""
    return float(values.mean()) if len(values) else float("nan")

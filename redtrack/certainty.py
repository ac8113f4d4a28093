"""What a point's covariance says: how large its error is expected to be, and how likely it is to be small.

Covariances are (..., 3): xx, xy, yy of the error, in the square of the unit that the result has.
"""

from __future__ import annotations

import numpy as np

from redtrack.geometry import Floats

__all__ = ["WITHIN", "expected_error", "probability_within"]

WITHIN = 0.05  # of the distance of the outer eye corners: a score is the probability of an error below it
DIRECTIONS = 9  # over which the probability is integrated, in a quarter of the ellipse


def expected_error(sigma: Floats) -> Floats:
    """Returns the mean length (...) of errors: that of a round distribution of the same mean variance."""
    length: Floats = np.sqrt(np.pi / 4 * (sigma[..., 0].astype(np.float64) + sigma[..., 2]))
    return length


def probability_within(radius: Floats, sigma: Floats) -> Floats:
    """Returns the probability (...) that a Gaussian error is shorter than a radius (...): the integral over distance in
    closed form, over direction by the trapezoidal rule.
    """
    xx, xy, yy = np.moveaxis(sigma.astype(np.float64), -1, 0)
    mean, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    long, short = mean + half, np.maximum(mean - half, 1e-12)
    turn = np.linspace(0, np.pi / 2, DIRECTIONS)
    across = np.cos(turn) ** 2 / long[..., None] + np.sin(turn) ** 2 / short[..., None]
    inside = -np.expm1(-np.square(radius)[..., None] * across / 2) / (across * np.sqrt(long * short)[..., None])
    likely: Floats = np.clip(np.trapezoid(inside, turn, axis=-1) * (2 / np.pi), 0, 1)
    return likely

"""Flicker and Allan deviation of errors whose steadiness is known."""

import numpy as np
import pytest

from redtrack.evaluate.stability import SCALES, Stability


def of(error: np.ndarray) -> Stability:
    """Of one face in consecutive frames, errors (t, P, 2)."""
    return Stability.of(error, np.arange(len(error)), np.zeros(len(error), int))


def test_a_constant_error_is_steady() -> None:
    """A prediction that is always off by the same has neither flicker nor deviation."""
    found = of(np.full((40, 3, 2), 0.3))
    assert found.mean_flicker == pytest.approx(0, abs=1e-12)
    assert all(found.deviation(tau) == pytest.approx(0, abs=1e-12) for tau in SCALES)


def test_white_noise_falls_with_the_root_of_time() -> None:
    """Averaging four times as many frames halves the deviation of jitter."""
    found = of(np.random.default_rng(0).normal(0, 1, (4000, 5, 2)))
    for tau in SCALES:
        assert found.deviation(tau) == pytest.approx(np.sqrt(2 / tau), rel=0.1)


def test_drift_rises_with_time() -> None:
    """An even drift of d a frame has a deviation of d tau over the root of two."""
    drift = np.arange(200.0)[:, None, None] * np.array([0.01, 0.0])
    assert of(np.broadcast_to(drift, (200, 4, 2))).deviation(8) == pytest.approx(0.08 / np.sqrt(2))


def test_runs_end_at_gaps_and_faces() -> None:
    """What lies between two faces, or over a missing frame, counts nothing."""
    error = np.zeros((6, 1, 2))
    error[3:] = 5
    gap = Stability.of(error, np.array([0, 1, 2, 4, 5, 6]), np.zeros(6, int))
    faces = Stability.of(error, np.array([0, 1, 2, 0, 1, 2]), np.array([0, 0, 0, 1, 1, 1]))
    assert gap.mean_flicker == faces.mean_flicker == 0
    assert np.isnan(gap.deviation(16)) and Stability.join([gap, faces]).flicker == (0.0, 8)

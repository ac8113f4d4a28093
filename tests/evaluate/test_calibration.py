"""Coverage, AUROC and expected error of predictions whose certainty is known to be right or wrong."""

import numpy as np
import pytest

from redtrack.evaluate.calibration import Calibration, auroc


def drawn(n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Errors (n, 2, 2) px of covariances (n, 2, 3) that differ from point to point."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.uniform(0.5, 3, (n, 2)), rng.normal(0, 1, (n, 2)), rng.uniform(0.5, 3, (n, 2))
    noise = rng.standard_normal((n, 2, 2))
    error = np.stack((a * noise[..., 0], b * noise[..., 0] + c * noise[..., 1]), -1)
    return error, np.stack((a * a, a * b, b * b + c * c), -1).astype(np.float32)


def test_true_covariances_cover_what_they_say() -> None:
    """Ellipses of 50, 90 and 99 % hold so many of the errors that were drawn from them, whatever their shapes."""
    error, sigma = drawn()
    found = Calibration.of(error, sigma, np.ones(sigma.shape[:2]), np.full(len(error), 50.0))
    for level, share in found.coverage.items():
        assert share == pytest.approx(level, abs=0.015)
    assert found.expected.mean() == pytest.approx(found.errors.mean(), rel=0.05)


def test_overconfidence_shows() -> None:
    """Variances told four times too small cover far less."""
    error, sigma = drawn()
    found = Calibration.of(error, sigma / 4, np.ones(sigma.shape[:2]), np.full(len(error), 50.0))
    assert found.coverage[0.9] < 0.75


def test_without_covariances_the_scores_are_judged() -> None:
    """A tool that gives scores alone has an AUROC, and no coverage."""
    rng = np.random.default_rng(0)
    error = rng.normal(0, 4, (500, 2, 2))
    scores = np.exp(-np.linalg.norm(error, axis=-1) / 8)
    found = Calibration.of(error, None, scores, np.full(500, 50.0))
    assert found.auroc == pytest.approx(1) and np.isnan(found.coverage[0.9]) and found.large > 0


def test_unknown_points_are_left_out() -> None:
    """Points without a label or a certainty do not count."""
    error, sigma = drawn(10)
    error[0], sigma[1] = np.nan, np.nan
    assert len(Calibration.of(error, sigma, np.ones((10, 2)), np.ones(10)).errors) == 16


def test_auroc_is_the_chance_that_a_positive_has_the_larger_value() -> None:
    """Counted pair by pair, ties as half."""
    rng = np.random.default_rng(1)
    value, positive = rng.integers(0, 6, 80).astype(float), rng.random(80) < 0.3
    pairs = value[positive][:, None] - value[~positive]
    assert auroc(value, positive) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    assert np.isnan(auroc(value, np.zeros(80, bool)))

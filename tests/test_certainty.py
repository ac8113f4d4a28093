"""Covariances as expected errors and probabilities."""

import numpy as np
import pytest

from redtrack.certainty import expected_error, probability_within


def drawn(sigma: tuple[float, float, float]) -> np.ndarray:
    """Lengths of a hundred thousand errors of a covariance xx, xy, yy."""
    xx, xy, yy = sigma
    errors = np.random.default_rng(0).multivariate_normal([0, 0], [[xx, xy], [xy, yy]], 100_000)
    length: np.ndarray = np.linalg.norm(errors, axis=1)
    return length


@pytest.mark.parametrize("sigma", [(1.0, 0.0, 1.0), (4.0, 0.0, 0.5), (2.0, 1.2, 1.0)])
def test_the_probability_is_the_share_of_drawn_errors(sigma: tuple[float, float, float]) -> None:
    """Errors are within a radius as often as is said, to a hundredth, whatever the ellipse."""
    for radius in (0.5, 1.5, 4.0):
        said = probability_within(np.array(radius), np.array(sigma))
        assert said == pytest.approx((drawn(sigma) < radius).mean(), abs=0.01)


def test_the_expected_error_is_the_mean_of_drawn_errors() -> None:
    """Exact for round ellipses, within 7 % for long ones."""
    assert expected_error(np.array([1.0, 0.0, 1.0])) == pytest.approx(drawn((1.0, 0.0, 1.0)).mean(), rel=0.01)
    assert expected_error(np.array([2.0, 1.2, 1.0])) == pytest.approx(drawn((2.0, 1.2, 1.0)).mean(), rel=0.07)

"""Times never go back, and what the stream does not tell is filled in and counted."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redtrack.video.clock import Clock


def times(ticks: list[int | None], time_base: Fraction | None = Fraction(1, 1000), rate: int = 25) -> list[float]:
    clock = Clock(time_base, Fraction(rate))
    return [clock.time(tick) for tick in ticks]


def test_the_first_frame_is_at_zero() -> None:
    """Ticks count from those of the first frame."""
    assert times([5000, 5040, 5500]) == [0.0, 0.04, 0.5]


def test_a_missing_time_is_one_mean_frame_after_the_last() -> None:
    """Without ticks a frame follows the last at the mean rate; the next true time stands again."""
    assert times([0, None, None, 200]) == pytest.approx([0.0, 0.04, 0.08, 0.2])


def test_missing_times_at_the_start() -> None:
    """Frames without ticks before the first with them keep their places before it."""
    assert times([None, None, 7000, 7040]) == pytest.approx([0.0, 0.04, 0.08, 0.12])


def test_a_time_that_goes_back_is_held_and_counted() -> None:
    """A frame that claims to be earlier than the one before it is put at the same time."""
    clock = Clock(Fraction(1, 1000), Fraction(25))
    assert [clock.time(ticks) for ticks in (0, 40, 20, 80)] == [0.0, 0.04, 0.04, 0.08]
    assert clock.filled == 1


def test_without_time_base_and_rate() -> None:
    """A stream that tells nothing runs at 25 frames a second."""
    clock = Clock(None, None)
    assert [clock.time(None) for _ in range(3)] == pytest.approx([0.0, 0.04, 0.08])


@given(st.lists(st.none() | st.integers(-(2**40), 2**40), min_size=1))
def test_times_never_go_back(ticks: list[int | None]) -> None:
    """Whatever a stream says, times start at zero or later and never fall."""
    result = times(ticks)
    assert result[0] == 0.0
    assert result == sorted(result)

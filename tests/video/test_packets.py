"""Leaps in a stream's time are counted, and put down to damage where a corrupt packet lies beside."""

import pytest

from redtrack.video.packets import Pace


def paced(steps: list[int], corrupt: tuple[int, ...] = ()) -> Pace:
    """A stream of such steps; the packets of those numbers are corrupt."""
    pace, ticks = Pace(), 1000
    for number, step in enumerate([0, *steps]):
        ticks += step
        pace.add(ticks, number in corrupt)
    return pace


@pytest.mark.parametrize("steps", [[40] * 50, [33, 33, 34] * 20, [40] * 20 + [-800] + [40] * 20, [40] * 3 + [500]])
def test_even_steps_restarts_and_the_first_few_are_no_leaps(steps: list[int]) -> None:
    assert paced(steps).leaps == 0


def test_leap_is_counted_but_not_taken_for_damage() -> None:
    pace = paced([40] * 20 + [400] + [40] * 20)
    assert (pace.leaps, pace.torn) == (1, 0)


@pytest.mark.parametrize(("corrupt", "torn"), [((20,), 1), ((18,), 1), ((23,), 1), ((10,), 0), ((30,), 0)])
def test_leap_beside_a_corrupt_packet_is_torn(corrupt: tuple[int, ...], torn: int) -> None:
    assert paced([40] * 20 + [400] + [40] * 20, corrupt).torn == torn


def test_each_leap_counts_once() -> None:
    pace = paced([40] * 20 + [400] + [40] * 20 + [400] + [40] * 5, corrupt=(20, 21, 22, 41, 42))
    assert (pace.leaps, pace.torn) == (2, 2)


def test_packets_without_a_time_are_passed_over() -> None:
    pace = Pace()
    for ticks in (0, None, 40, 80, None):
        pace.add(ticks, False)
    assert pace.leaps == 0


def test_memory_is_bounded_whatever_the_steps() -> None:
    pace = paced(list(range(1, 5000)))
    assert len(pace._counts) <= 64


def test_leap_to_a_key_frame_is_another_recording() -> None:
    pace = Pace()
    for number in range(40):
        pace.add(40 * number + 5000 * (number >= 20), number == 19, is_key=number == 20)
    assert (pace.leaps, pace.torn) == (1, 0)


def test_a_leap_over_packets_without_a_time_is_seen() -> None:
    pace = Pace()
    for ticks in (*range(0, 800, 40), None, None, 880, None, 2000):
        pace.add(ticks, ticks is None)
    assert (pace.leaps, pace.torn) == (1, 1)

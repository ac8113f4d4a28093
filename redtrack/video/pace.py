"""Leaps in time: where the steps between a stream's packets grow, and whether damage is the cause."""

from __future__ import annotations

_LEAP = 1.75  # usual steps; rounding makes one of two
_KNOWN = 8  # steps after which one is usual
_NEAR = 3  # packets between a leap and a damaged packet that belong together
_FAR = 1 << 62
_MOST_KINDS = 64  # of steps that are counted


class Pace:
    """Is told every packet's time; counts `leaps`, and of these the `torn` ones, which have a corrupt packet beside."""

    def __init__(self) -> None:
        self.leaps = 0
        self.torn = 0
        self._packets = 0
        self._last: int | None = None
        self._counts: dict[int, int] = {}
        self._usual = 0
        self._leap_at = self._corrupt_at = -_FAR

    def add(self, ticks: int | None, is_corrupt: bool) -> None:
        """Takes the decoding time of the next packet."""
        self._packets += 1
        if is_corrupt:
            self._corrupt_at = self._packets
        if ticks is not None and self._last is not None and self._is_leap(ticks - self._last):
            self.leaps += 1
            self._leap_at = self._packets
        self._last = ticks
        if self._leap_at >= 0 and abs(self._leap_at - self._corrupt_at) <= _NEAR:
            self.torn += 1
            self._leap_at = -_FAR

    def _is_leap(self, step: int) -> bool:
        if step <= 0:  # the clock starts again
            return False
        if self._counts.get(self._usual, 0) >= _KNOWN and step > _LEAP * self._usual:
            return True
        if step in self._counts or len(self._counts) < _MOST_KINDS:
            self._counts[step] = self._counts.get(step, 0) + 1
            if self._counts[step] > self._counts.get(self._usual, 0):
                self._usual = step
        return False

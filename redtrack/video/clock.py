"""The time of each frame: the stream's own, filled in where it gives none."""

from __future__ import annotations

from fractions import Fraction

_DEFAULT_RATE = Fraction(25)  # frames a second, where neither the stream nor its frames tell


class Clock:
    """Turns a stream's ticks into seconds from its first frame, never going back."""

    def __init__(self, time_base: Fraction | None, rate: Fraction | None) -> None:
        self._time_base = time_base or 1 / _DEFAULT_RATE
        self._step = float(1 / (rate or _DEFAULT_RATE))
        self._first: int | None = None
        self._last = 0.0
        self._started = False
        self.filled = 0  # times that the stream did not give, or gave out of order

    def time(self, ticks: int | None) -> float:
        """Returns the frame's time in seconds; without ticks, one mean frame after the last."""
        time = self._own_time(ticks)
        if time is None or time < self._last:
            self.filled += 1
            time = self._last if time is not None or not self._started else self._last + self._step
        self._started = True
        self._last = time
        return time

    def _own_time(self, ticks: int | None) -> float | None:
        if ticks is None:
            return None
        if self._first is None:
            # Frames before this one had no time: go on from theirs.
            start = (self._last + self._step) / self._time_base if self._started else 0
            self._first = ticks - round(start)
        return float((ticks - self._first) * self._time_base)

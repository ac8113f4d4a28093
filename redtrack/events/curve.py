"""A measure over time: its stretches above a limit, their edges, its noise and its baseline. F frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Stretch", "bridged", "excursions", "narrowed", "noise_of", "quantile_near", "runs"]

_POINTS = 400  # places at which a baseline is taken; between them it is interpolated


@dataclass(frozen=True)
class Stretch:
    """Frames first to last, both included, and the one in which the curve is highest."""

    first: int
    apex: int
    last: int

    @property
    def frames(self) -> slice:
        """The frames as a slice."""
        return slice(self.first, self.last + 1)


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Returns the first and the last frame of each run of True in mask (F,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(end) - 1) for start, end in edges.reshape(-1, 2)]


def bridged(values: np.ndarray, times: np.ndarray, seconds: float) -> np.ndarray:
    """Returns values (F,) with gaps (NaN) of at most so many seconds between two known frames filled by a line."""
    filled = values.copy()
    for first, last in runs(np.isnan(values)):
        if first > 0 and last + 1 < len(values) and times[last + 1] - times[first - 1] <= seconds + 1e-9:
            filled[first : last + 1] = np.interp(
                times[first : last + 1], times[[first - 1, last + 1]], values[[first - 1, last + 1]]
            )
    return filled


def excursions(values: np.ndarray, enter: float, leave: float, edge: float, valley: float) -> list[Stretch]:
    """Returns the stretches of values (F,) that reach `enter`, in order of time.

    Each goes on from its peak to both sides as long as the curve is above `leave` and above `edge` times the peak.
    Where the curve falls, in between two peaks, by the share `valley` of the lower one, they are two stretches, which
    part at the lowest frame.
    """
    found = []
    with np.errstate(invalid="ignore"):
        above = runs(values >= min(leave, enter))
    for run in above:
        for first, last in _parted(values, *run, valley):
            part = values[first : last + 1]
            peak = float(part.max())
            if peak >= enter:
                whole = Stretch(first, first + _middle_of_peak(part), last)
                found.append(narrowed(values, whole, max(leave, edge * peak)))
    return found


def narrowed(values: np.ndarray, stretch: Stretch, limit: float) -> Stretch:
    """Returns the frames of a stretch around its apex in which values (F,) are not below a limit."""
    before = _reach(values[stretch.first : stretch.apex][::-1], limit)
    after = _reach(values[stretch.apex + 1 : stretch.last + 1], limit)
    return Stretch(stretch.apex - before, stretch.apex, stretch.apex + after)


def noise_of(values: np.ndarray) -> float:
    """Returns the standard deviation of the frame-to-frame noise of values (F,), 0 where it is unknown.

    By the median of the second differences, which movements hardly change.
    """
    second = np.abs(np.diff(values, 2))
    second = second[np.isfinite(second)]
    return float(np.median(second) / 0.6745 / np.sqrt(6)) if len(second) else 0.0


def quantile_near(values: np.ndarray, times: np.ndarray, share: float, seconds: float) -> np.ndarray:
    """Returns (F,), the quantile of values (F,) within `seconds` around each frame; NaN where there is no value."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return np.full(len(values), np.nan)
    places = known[np.unique(np.linspace(0, len(known) - 1, min(len(known), _POINTS + len(known) // 50)).astype(int))]
    half = seconds / 2
    start, end = times[known[0]], times[known[-1]]
    quantiles = []
    for place in places:
        centre = min(max(times[place], start + half), max(end - half, start + half))  # a full window at either end
        low, high = np.searchsorted(times[known], [centre - half, centre + half + 1e-9])
        quantiles.append(np.quantile(values[known[low:high]], share))
    return np.interp(times, times[places], quantiles)


def _parted(values: np.ndarray, first: int, last: int, valley: float) -> list[tuple[int, int]]:
    """Returns the parts of frames first to last between the valleys that are deep enough."""
    part = values[first : last + 1]
    sides = np.minimum(np.maximum.accumulate(part), np.maximum.accumulate(part[::-1])[::-1])  # the lower peak beside it
    lowest = int(np.argmax(sides - part))
    if sides[lowest] - part[lowest] < valley * sides[lowest] or sides[lowest] <= part[lowest]:
        return [(first, last)]
    middle = first + lowest
    return _parted(values, first, middle, valley) + _parted(values, middle + 1, last, valley)


def _reach(values: np.ndarray, limit: float) -> int:
    """Returns how many values from the first on are above the limit."""
    below = np.flatnonzero(~(values >= limit))
    return int(below[0]) if len(below) else len(values)


def _middle_of_peak(part: np.ndarray) -> int:
    """Returns the place in the middle of those that are hardly lower than the highest."""
    high = np.flatnonzero(part >= part.max() - 0.02 * abs(part.max()))
    return int(high[(len(high) - 1) // 2])

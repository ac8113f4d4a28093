"""Nods, shakes and looks away: the angles of the head over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from redtrack.events.curve import Stretch, bridged, excursions, runs
from redtrack.events.event import Event
from redtrack.events.seen import Seen

__all__ = ["looks_away", "nods", "shakes"]

_FLAT = 0.15  # share of a swing within which the head still rests where it began, or rests where it ends
_REST = 0.3  # s between two swings of one nod or shake
_BACK = 0.6  # share of the angle of a look away at which it begins and ends
_SWINGS = {"nod": 2, "shake": 3}  # at least


@dataclass(frozen=True)
class _Swing:
    """A move of the head in one direction, from frame to frame, in degrees."""

    first: int
    last: int
    degrees: float


def nods(seen: Seen) -> Iterator[Event]:
    """Yields the nods of a face."""
    return _to_and_fro(seen, "nod", "pitch", "yaw", seen.limits.nod_angle)


def shakes(seen: Seen) -> Iterator[Event]:
    """Yields the shakes of a head."""
    return _to_and_fro(seen, "shake", "yaw", "pitch", seen.limits.shake_angle)


def looks_away(seen: Seen) -> Iterator[Event]:
    """Yields the stretches in which the head points elsewhere than it does in the middle of the track."""
    limits = seen.limits
    yaw, pitch = (bridged(seen.curves[name], seen.times, limits.bridge_seconds) for name in ("yaw", "pitch"))
    if not np.isfinite(yaw).any():
        return
    yaw, pitch = yaw - np.nanmedian(yaw), pitch - np.nanmedian(pitch)
    away = np.hypot(yaw, pitch)
    enter = seen.above_noise(limits.away_angle, away)
    for stretch in excursions(away, enter, _BACK * enter, 0, 1):
        if seen.length(stretch) >= limits.shortest_away:
            side = _direction(float(yaw[stretch.apex]), float(pitch[stretch.apex]))
            yield seen.event("look-away", stretch, float(np.nanmax(away[stretch.frames])), enter, side)


def _direction(yaw: float, pitch: float) -> str:
    if abs(yaw) >= abs(pitch):
        return "right" if yaw > 0 else "left"
    return "up" if pitch > 0 else "down"


def _to_and_fro(seen: Seen, kind: str, name: str, other: str, angle: float) -> Iterator[Event]:
    limits = seen.limits
    curve = bridged(seen.curves[name], seen.times, limits.bridge_seconds)
    limit, degrees = seen.above_noise(angle, curve), _steadied(curve)
    for group in _groups(seen, _swings(degrees, limit)):
        frames = slice(group[0].first, group[-1].last + 1)
        if len(group) < _SWINGS[kind] or np.ptp(degrees[frames]) < np.ptp(seen.curves[other][frames]):
            continue
        largest = max(group, key=lambda swing: swing.degrees)
        apex = largest.last if largest is not group[-1] else largest.first
        yield seen.event(kind, Stretch(frames.start, apex, group[-1].last), largest.degrees, limit)


def _steadied(values: np.ndarray) -> np.ndarray:
    """Returns the median of each value (F,) with its neighbours, where it has two."""
    steady = values.copy()
    if len(values) > 2:
        middle = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
        steady[1:-1] = np.where(np.isfinite(middle), middle, values[1:-1])
    return steady


def _groups(seen: Seen, swings: list[_Swing]) -> Iterator[list[_Swing]]:
    """Yields swings that follow one another without a rest, those left out that are too slow."""
    group: list[_Swing] = []
    for swing in swings:
        quick = seen.times[swing.last] - seen.times[swing.first] <= seen.limits.longest_swing
        follows = not group or seen.times[swing.first] - seen.times[group[-1].last] <= _REST
        if group and not (quick and follows):
            yield group
            group = []
        if quick:
            group.append(swing)
    if group:
        yield group


def _swings(values: np.ndarray, limit: float) -> list[_Swing]:
    """Returns the moves of at least `limit` degrees in one direction, in order of time."""
    swings: list[_Swing] = []
    for first, last in runs(np.isfinite(values)):
        turns = _turning_points(values[first : last + 1], limit)
        swings.extend(_trimmed(values, first + start, first + end) for start, end in pairwise(turns))
    return swings


def _turning_points(values: np.ndarray, limit: float) -> list[int]:
    """Returns the frames in which the curve turns, each at least `limit` from the one before."""
    turns: list[int] = []
    low = high = 0
    rising: bool | None = None
    for frame, value in enumerate(values):
        low = frame if value < values[low] else low
        high = frame if value > values[high] else high
        if rising is not False and values[high] - value >= limit:  # it has turned down
            turns.append(high)
            rising, low, high = False, frame, frame
        elif rising is not True and value - values[low] >= limit:
            turns.append(low)
            rising, low, high = True, frame, frame
    if rising is not None:
        turns.append(high if rising else low)
    return turns


def _trimmed(values: np.ndarray, first: int, last: int) -> _Swing:
    """Returns the swing between two turning points, without the time that the head rests at either of them."""
    way = np.abs(values[first : last + 1] - values[first])
    total = float(way[-1])
    start = int(np.flatnonzero(way <= _FLAT * total)[-1])
    end = int(np.flatnonzero(way >= (1 - _FLAT) * total)[0])
    return _Swing(first + start, first + end, total)

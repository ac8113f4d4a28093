"""Blinks and winks: how much of the person's own open eye is covered. F frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from redtrack.events.curve import Stretch, bridged, excursions, narrowed, quantile_near
from redtrack.events.event import Event
from redtrack.events.seen import Seen

__all__ = ["blinks_and_winks", "closures"]

SIDES = ("right", "left")
_HALF = 0.5  # of the open eye
_NARROW = 0.6  # share of a shallow blink's depth at which it begins and ends where it would be too long
_VALLEY = 0.4  # share of a blink's depth by which the eye opens before the next blink is one of its own
_OPEN = 0.7  # quantile of the opening that is the open eye: it is shut, or on its way, for less of the time than that
_CAST_DOWN = 0.6  # of the track's open eye: an eye that stays more open than that is open, only cast down


def blinks_and_winks(seen: Seen) -> Iterator[Event]:
    """Yields the blinks and winks of a face."""
    limits = seen.limits
    right, left = closures(seen)
    further = np.fmax(right, left)  # of the two eyes; of the one that is seen
    depth = max(seen.above_noise(limits.blink_depth, closure) for closure in (right, left))
    for whole in excursions(further, depth, limits.blink_edge * depth, limits.blink_edge, _VALLEY):
        peak = further[whole.apex]
        shallow = peak < _HALF
        slow = shallow and seen.length(whole) > limits.longest_half  # narrowed eyes may follow a blink
        stretch = narrowed(further, whole, _NARROW * peak) if slow else whole
        event = _event(seen, stretch, (right[stretch.frames], left[stretch.frames]), depth)
        if event.kind == "wink" and event.amplitude < limits.wink_depth:
            continue
        if limits.shortest_blink <= event.seconds <= (limits.longest_half if shallow else np.inf):
            yield event


def closures(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Returns how much of the right and the left eye is covered, (F,) each: 0 is the person's own open eye, 1 is shut.

    NaN where the eye is not seen, and for the far eye of a head that is turned too far.
    """
    limits, times = seen.limits, seen.times
    found = []
    for side in SIDES:
        opening = seen.curves[f"{side}_eye_opening"].copy()
        away = seen.curves["yaw"] * (1 if side == "left" else -1)  # above 0, the nose hides the eye
        with np.errstate(invalid="ignore"):
            opening[away > limits.doubt_turn] = np.nan
        usual = quantile_near(opening, times, _OPEN, limits.baseline_seconds)
        if np.isfinite(usual).any():
            usual = np.maximum(usual, _CAST_DOWN * np.nanquantile(opening, _OPEN))
        found.append(bridged(1 - opening / np.maximum(usual, 1e-6), times, limits.bridge_seconds))
    return found[0], found[1]


def _event(seen: Seen, stretch: Stretch, closed: tuple[np.ndarray, np.ndarray], depth: float) -> Event:
    """Returns the event of a stretch in which the eyes are covered by closed (right, left)."""
    long = seen.length(stretch) > seen.limits.longest_blink
    remark = "longer than a blink: eyes kept shut, or cast down" if long else ""
    if hidden := [side for side, closure in zip(SIDES, closed, strict=True) if np.isnan(closure).any()]:
        words = f"the {hidden[0]} eye is not judged"
        amplitude = float(np.nanmax(np.fmax(*closed)))
        return seen.event("blink", stretch, amplitude, depth, remark="; ".join(filter(None, (remark, words))))
    peaks = [float(closure.max()) for closure in closed]
    if min(peaks) <= seen.limits.wink_other * max(peaks):
        side = SIDES[int(np.argmax(peaks))]
        return seen.event("wink", stretch, max(peaks), depth, side, remark)
    return seen.event("blink", stretch, float(np.mean(closed, axis=0).max()), depth, remark=remark)

"""Openings of the mouth, beyond the person's own closed one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from redtrack.events.curve import bridged, excursions
from redtrack.events.event import Event
from redtrack.events.seen import Seen

__all__ = ["mouth_openings"]

_CLOSED = 0.1  # quantile of the opening that is the closed mouth
_NOISE = 2.0  # the limit grows by no more: lips that talk look like noise
_EDGE = 0.3  # share of what counts as open at which an opening begins and ends


def mouth_openings(seen: Seen) -> Iterator[Event]:
    """Yields the stretches in which the mouth of a face is open."""
    limits = seen.limits
    opening = bridged(seen.curves["mouth_opening"], seen.times, limits.bridge_seconds)
    if not np.isfinite(opening).any():
        return
    beyond = opening - np.nanquantile(opening, _CLOSED)
    enter = seen.above_noise(limits.mouth_open, beyond, _NOISE)
    for stretch in excursions(beyond, enter, _EDGE * enter, 0, 1):
        if seen.length(stretch) >= limits.shortest_mouth:
            yield seen.event("mouth", stretch, float(np.nanmax(beyond[stretch.frames])), enter)

"""The events of a face, of all kinds that are asked for, in order of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from redtrack.errors import UsageError
from redtrack.events.event import Event, Limits, chosen_kinds
from redtrack.events.eyes import blinks_and_winks
from redtrack.events.head import looks_away, nods, shakes
from redtrack.events.mouth import mouth_openings
from redtrack.events.seen import Seen
from redtrack.tracks import Tracks

__all__ = ["find_events"]

_FINDERS: dict[tuple[str, ...], Callable[[Seen], Iterator[Event]]] = {
    ("blink", "wink"): blinks_and_winks,
    ("mouth",): mouth_openings,
    ("nod",): nods,
    ("shake",): shakes,
    ("look-away",): looks_away,
}


def find_events(
    tracks: Tracks, face: int, kinds: Iterable[str] = ("all",), limits: Limits | None = None
) -> list[Event]:
    """Returns the events of one face in order of time, its gaps and doubtful stretches among them.

    kinds are names of `KINDS`, or "all". Raises UsageError for a face that is not there, and for an unknown kind.
    """
    wanted = chosen_kinds(",".join(kinds))
    if face not in tracks.faces:
        known = ", ".join(map(str, tracks.faces[:12])) or "none"
        raise UsageError(f"there is no face {face}", remedy=f"the faces are {known}")
    seen = Seen.of(tracks, face, limits or Limits())
    found = list(seen.unseen())
    for names, finder in _FINDERS.items():
        if set(names) & set(wanted):
            found.extend(event for event in finder(seen) if event.kind in wanted)
    return sorted(found, key=lambda event: (event.onset_frame, event.kind))

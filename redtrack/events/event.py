"""Events: stretches of time in which a face does something, and the limits that decide what counts.

Frames count from 0; times are in seconds from the stream's first frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from redtrack.errors import UsageError

__all__ = ["KINDS", "NOT_SEEN", "Event", "Limits", "chosen_kinds"]

KINDS: dict[str, str] = {
    "blink": "both eyes shut and open again; amplitude: share of the open eye that is covered",
    "wink": "one eye does so and the other stays open; amplitude as for a blink",
    "mouth": "the mouth is open; amplitude: how far, over the eye distance, beyond the closed mouth",
    "nod": "the head goes up and down; amplitude: degrees of the largest swing",
    "shake": "the head goes to and fro; amplitude: degrees of the largest swing",
    "look-away": "the head is turned from where it usually points; amplitude: degrees",
}
"""What can be looked for, in words."""

NOT_SEEN: dict[str, str] = {
    "gap": "the face is not seen; nothing can be said",
    "doubt": "the face is seen, but the picture is damaged, the points are in doubt, or the head is turned too far",
}
"""What is always told, so that no event ends or is missed in silence."""


@dataclass(frozen=True)
class Event:
    """One event of one face, from its first frame to its last, both of which belong to it.

    `onset` and `apex` are the times of their frames, `offset` is the time at which the last frame gives way to the
    next. certainty is 0 to 1: no probability, but how clear the event is (docs/events.md).
    """

    kind: str
    face: int
    side: str  # right or left of the person for a wink; of the picture, or up or down, for a look away; else empty
    onset_frame: int
    apex_frame: int
    offset_frame: int
    onset: float
    apex: float
    offset: float
    amplitude: float
    certainty: float
    remark: str = ""  # what keeps the event from being all that it seems, such as a gap that it begins in

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.offset - self.onset

    def as_json(self) -> dict[str, Any]:
        """Returns the event as JSON values, rounded to what is known."""
        digits = {"onset": 6, "apex": 6, "offset": 6, "amplitude": 4, "certainty": 3}
        return {name: round(value, digits[name]) if name in digits else value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Limits:
    """What counts as an event. Lengths are over the eye distance; shares are of the person's own open eye."""

    blink_depth: float = 0.2  # share of the open eye that is covered at the apex, at least
    blink_edge: float = 0.4  # share of that depth at which a blink begins and ends
    shortest_blink: float = 0.045  # s
    longest_blink: float = 1.0  # s; a longer one is told as such
    longest_half: float = 0.7  # s; a longer one that covers less than half of the eye is a look down, and left out
    wink_depth: float = 0.3  # the same for a wink, which is rarer
    wink_other: float = 0.5  # the other eye closes at most by this share of what the winking one does
    mouth_open: float = 0.05  # beyond the person's closed mouth
    shortest_mouth: float = 0.1  # s
    nod_angle: float = 4.0  # degrees of each swing
    shake_angle: float = 5.0  # degrees of each swing
    longest_swing: float = 0.5  # s
    away_angle: float = 15.0  # degrees from where the head usually points
    shortest_away: float = 0.3  # s
    baseline_seconds: float = 4.0  # over which the person's open eye is taken
    bridge_seconds: float = 0.2  # a gap that an event goes on across, when it is there on both sides
    noise: float = 5.0  # limits grow to so many times the frame-to-frame noise of a measure
    doubt_disagreement: float = 0.06  # of the two ways through time, over the eye distance
    doubt_turn: float = 45.0  # degrees of yaw beyond which the far eye is in doubt

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 < value < float("inf"):
                raise UsageError(f"the limit {name} is {value}", remedy="give a number above 0")

    def changed(self, changes: Mapping[str, float]) -> Limits:
        """Returns the limits with some of them changed; raises UsageError for a name that is none of them."""
        names = [field.name for field in fields(self)]
        if unknown := [name for name in changes if name not in names]:
            raise UsageError(f"there is no limit '{unknown[0]}'", remedy=f"known are {', '.join(names)}")
        return replace(self, **changes)


def chosen_kinds(kinds: str) -> tuple[str, ...]:
    """Returns the kinds in a list with commas, all of them for "all"; raises UsageError for an unknown one."""
    names = tuple(dict.fromkeys(name.strip() for name in kinds.split(",") if name.strip()))
    if names == ("all",):
        return tuple(KINDS)
    if unknown := [name for name in names if name not in KINDS]:
        raise UsageError(f"there is no event '{unknown[0]}'", remedy=f"known are {', '.join(KINDS)}, all")
    if not names:
        raise UsageError("no event is named", remedy=f"known are {', '.join(KINDS)}, all")
    return names

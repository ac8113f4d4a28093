"""Blinks, winks, open mouths, nods, shakes and looks away, as intervals; and the files that hold them."""

from redtrack.events.event import KINDS, NOT_SEEN, Event, Limits, chosen_kinds
from redtrack.events.find import find_events

__all__ = ["KINDS", "NOT_SEEN", "Event", "Limits", "chosen_kinds", "find_events"]

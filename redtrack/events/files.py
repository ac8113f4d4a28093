"""The files that events are written to, by the names of their formats."""

from __future__ import annotations

from collections.abc import Sequence

from redtrack.events.eaf import write_eaf
from redtrack.events.event import Event, Limits
from redtrack.events.table import write_events_csv, write_events_json
from redtrack.events.webvtt import write_vtt
from redtrack.formats.common import PathLike

__all__ = ["write_events"]


def write_events(path: PathLike, format: str, events: Sequence[Event], video: str | None, limits: Limits) -> None:
    """Writes the events of one video (its path, if known) as csv, json, eaf or vtt; raises OutputError."""
    match format:
        case "csv":
            write_events_csv(path, events)
        case "json":
            write_events_json(path, video or "", events, limits)
        case "eaf":
            write_eaf(path, events, video)
        case _:
            write_vtt(path, events, video)

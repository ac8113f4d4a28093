"""Events as a table (CSV) and as JSON.

CSV counts frames from 1, as redtrack's other CSV does; JSON counts them from 0, as Python and HDF5 do. What a gap or a
doubtful stretch has no value for is an empty cell, or null.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import IO, Any

import redtrack
from redtrack.events.event import NOT_SEEN, Event, Limits
from redtrack.formats.common import PathLike, replacing

__all__ = ["COLUMNS", "as_document", "csv_rows", "write_csv_rows", "write_events_csv", "write_events_json"]

COLUMNS = "face,kind,side,onset,apex,offset,onset_frame,apex_frame,offset_frame,amplitude,certainty,remark".split(",")


def csv_rows(events: Iterable[Event]) -> Iterable[list[str]]:
    """Yields the cells of each event, in the order of `COLUMNS`."""
    for event in events:
        nothing = event.kind in NOT_SEEN
        times = [f"{time:.6f}" for time in (event.onset, event.apex, event.offset)]
        frames = [str(frame + 1) for frame in (event.onset_frame, event.apex_frame, event.offset_frame)]
        amount = ["", ""] if nothing else [f"{event.amplitude:.4f}", f"{event.certainty:.3f}"]
        yield [str(event.face), event.kind, event.side, *times, *frames, *amount, event.remark]


def write_csv_rows(file: IO[str], rows: Iterable[Sequence[str]]) -> None:
    """Writes rows of cells, quoted where they have to be."""
    csv.writer(file, lineterminator="\n").writerows(rows)


def write_events_csv(path: PathLike, events: Sequence[Event]) -> None:
    """Writes a CSV file of one video's events; raises OutputError."""
    with replacing(path) as file:
        write_csv_rows(file, [COLUMNS, *csv_rows(events)])


def as_document(files: Mapping[str, Sequence[Event]], limits: Limits) -> dict[str, Any]:
    """Returns events by file, with the limits that they were found with, as JSON values."""
    found = {name: [_plain(event) for event in events] for name, events in files.items()}
    return {"version": redtrack.__version__, "limits": asdict(limits), "files": found}


def write_events_json(path: PathLike, name: str, events: Sequence[Event], limits: Limits) -> None:
    """Writes a JSON file of one video's events; raises OutputError."""
    with replacing(path) as file:
        file.write(json.dumps(as_document({name: events}, limits), indent=2) + "\n")


def _plain(event: Event) -> dict[str, Any]:
    values = event.as_json()
    return values | ({"amplitude": None, "certainty": None} if event.kind in NOT_SEEN else {})

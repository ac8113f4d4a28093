"""One edit: the operations that there are, their fields, and the check of an entry that came from a file or a page.

Every edit has `op` and `id` (unique text), mostly `time` (ISO 8601). Frames count from 0, face ids are those at that
point of the file: after a merge the merged id is gone. Points are x, y in pixels of the upright frame.

| op | fields | meaning |
| --- | --- | --- |
| points | frame, face, points | points moved by hand: `{"36": [x, y], ...}`; all 68 where the frame lacks the face |
| mark | frame, face (null: all faces), as | right, wrong (left out), absent (no face there), none (as it was) |
| interpolate | face, first, last | the frames between two: on a straight line in time, from one to the other |
| name | face, name | what the face is called; empty text takes the name away |
| merge | face, into | all rows of `face` become `into`; where a frame has both, that of `into` stays |
| split | face, frame, new | from the frame on the face is called `new`, an id that does not exist |
| swap | face, other, frame, last (may be missing) | from the frame on (to `last`) two faces change their ids |
| delete | face, first, last (both may be missing) | the face is taken out, everywhere or in these frames |
| undo, redo | of | the edit of this id no longer counts, or counts again |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from redtrack.errors import FormatError
from redtrack.points import N_POINTS

__all__ = ["MARKS", "OPERATIONS", "Edit", "check_edit"]

MARKS = ("right", "wrong", "absent", "none")
_MOST_FRAMES, _MOST_FACES = 2**24, 2**31 - 1
_LONGEST_ID, _LONGEST_NAME = 64, 100  # characters
_FARTHEST = 1e6  # px from the frame's corner


@dataclass(frozen=True)
class Edit:
    """A checked edit: `values` holds the operation's fields, `time` is empty where it was not told."""

    op: str
    id: str
    values: Mapping[str, Any]
    time: str = ""

    def as_json(self) -> dict[str, Any]:
        """Returns the entry of the file."""
        told = {"time": self.time} if self.time else {}
        return {"op": self.op, "id": self.id, **told, **self.values}


def check_edit(entry: object) -> Edit:
    """Returns the edit that an entry of JSON stands for; raises FormatError for anything else."""
    if not isinstance(entry, dict):
        raise FormatError("an edit is not a JSON object")
    op = entry.get("op")
    if not isinstance(op, str) or op not in OPERATIONS:
        raise FormatError(f"there is no operation {op!r}", remedy="a newer redtrack may know it")
    values = {}
    for name, check in OPERATIONS[op].items():
        optional = name.endswith("?")
        key = name.removesuffix("?")
        if entry.get(key) is not None or not optional:
            values[key] = check(key, entry.get(key))
    time = entry.get("time")
    return Edit(op, _text("id", entry.get("id"), _LONGEST_ID), values, time[:40] if isinstance(time, str) else "")


def _text(name: str, value: object, longest: int, least: int = 1) -> str:
    if not isinstance(value, str) or not least <= len(value) <= longest:
        raise FormatError(f"'{name}' is not text of {least} to {longest} characters")
    return value


def _whole(name: str, value: object, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise FormatError(f"'{name}' is not a whole number from 0 to {most}")
    return value


def _frame(name: str, value: object) -> int:
    return _whole(name, value, _MOST_FRAMES)


def _face(name: str, value: object) -> int:
    return _whole(name, value, _MOST_FACES)


def _mark(name: str, value: object) -> str:
    if value not in MARKS:
        raise FormatError(f"'{name}' is {value!r}, none of {', '.join(MARKS)}")
    return str(value)


def _points(name: str, value: object) -> dict[str, list[float]]:
    if not isinstance(value, dict) or not value:
        raise FormatError(f"'{name}' is not an object of points")
    return {_point_index(key): _point(pair) for key, pair in value.items()}


def _point_index(key: object) -> str:
    if not isinstance(key, str) or not key.isascii() or not key.isdigit() or len(key) > 2 or int(key) >= N_POINTS:
        raise FormatError(f"there is no point {key!r}")
    return str(int(key))


def _point(pair: object) -> list[float]:
    if not isinstance(pair, list) or len(pair) != 2 or not all(_is_place(value) for value in pair):
        raise FormatError("a point is not [x, y] in pixels")
    return [float(value) for value in pair]


def _is_place(value: object) -> bool:
    return (isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)) and abs(
        value
    ) <= _FARTHEST


_Check = Callable[[str, object], Any]

OPERATIONS: dict[str, dict[str, _Check]] = {
    "points": {"frame": _frame, "face": _face, "points": _points},
    "mark": {"frame": _frame, "face?": _face, "as": _mark},
    "interpolate": {"face": _face, "first": _frame, "last": _frame},
    "name": {"face": _face, "name": lambda name, value: _text(name, value, _LONGEST_NAME, 0)},
    "merge": {"face": _face, "into": _face},
    "split": {"face": _face, "frame": _frame, "new": _face},
    "swap": {"face": _face, "other": _face, "frame": _frame, "last?": _frame},
    "delete": {"face": _face, "first?": _frame, "last?": _frame},
    "undo": {"of": lambda name, value: _text(name, value, _LONGEST_ID)},
    "redo": {"of": lambda name, value: _text(name, value, _LONGEST_ID)},
}
"""The fields of each operation and their checks; those with a ? may be missing."""

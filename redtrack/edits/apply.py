"""Tracks with a person's edits taken in; the tracks themselves stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np

from redtrack.edits.draft import Draft
from redtrack.edits.edit import Edit
from redtrack.edits.refit import refit
from redtrack.points import N_POINTS
from redtrack.tracks import Tracks

__all__ = ["Edited", "Mark", "apply_edits", "extend_edits"]


class Mark(IntEnum):
    """What a person said of a row."""

    NONE = 0
    MENDED = 1  # points of it were put right
    RIGHT = 2
    WRONG = 3
    ABSENT = 4  # there is no face
    INTERPOLATED = 5  # between two mended frames


_MARKS = {"right": Mark.RIGHT, "wrong": Mark.WRONG, "absent": Mark.ABSENT, "none": Mark.NONE}
_TRUSTED, _LEFT_OUT = (Mark.MENDED, Mark.RIGHT), (Mark.WRONG, Mark.ABSENT)


@dataclass(frozen=True)
class Edited:
    """Tracks after edits: `tracks` still holds the rows that are marked wrong or absent; `result` does not.

    mark: (R,) uint8, a Mark. moved: (R, 68) bool, the points that were set by hand or by interpolation. names: what
    faces are called. faceless: frames that a person says hold no face. idle: ids of edits that found nothing to do,
    such as a point of a face that was deleted.
    """

    tracks: Tracks
    mark: np.ndarray
    moved: np.ndarray
    names: dict[int, str]
    faceless: frozenset[int]
    idle: tuple[str, ...]
    count: int  # edits in force

    @classmethod
    def of(cls, tracks: Tracks) -> Edited:
        """Returns tracks without any edit."""
        rows = len(tracks)
        return cls(tracks, np.zeros(rows, np.uint8), np.zeros((rows, N_POINTS), bool), {}, frozenset(), (), 0)

    def result(self) -> Tracks:
        """Returns the tracks that the person wants: rows marked wrong or absent are left out; told in the info."""
        kept = self.tracks.select(~np.isin(self.mark, _LEFT_OUT))
        about: dict[str, Any] = {"edits": {"count": self.count, "frames": int(len(np.unique(self._touched())))}}
        if self.names:
            about["face_names"] = {str(face): name for face, name in sorted(self.names.items())}
        return replace(kept, info={**self.tracks.info, **about}) if self.count else kept

    def select(self, rows: np.ndarray) -> Edited:
        """Returns the same with only some rows: `rows` is (R,) bool or ascending indices."""
        return replace(self, tracks=self.tracks.select(rows), mark=self.mark[rows], moved=self.moved[rows])

    def trusted(self) -> np.ndarray:
        """Returns (n,) int64, the rows of `tracks` that a person mended or called right: truth to learn from."""
        return np.flatnonzero(np.isin(self.mark, _TRUSTED))

    def _touched(self) -> np.ndarray:
        touched: np.ndarray = self.tracks.frame[self.mark != Mark.NONE]
        return touched


def apply_edits(tracks: Tracks, edits: Iterable[Edit]) -> Edited:
    """Returns the tracks after the edits that are in force (`Edits.in_force`), in their order.

    A mended row has the state EDITED; its moved points have score 1 and disagreement 0, interpolated ones NaN. Pose,
    points in 3D and visibility of rows with moved points are fitted anew.
    """
    return extend_edits(Edited.of(tracks), edits)


def extend_edits(edited: Edited, edits: Iterable[Edit]) -> Edited:
    """Returns edited tracks after some more edits: the same as all of them applied at once, none being an undo."""
    sheet = _Sheet(edited)
    edits, idle = list(edits), list(edited.idle)
    for edit in edits:
        if not _OPERATIONS[edit.op](sheet, **{_NAMES.get(name, name): value for name, value in edit.values.items()}):
            idle.append(edit.id)
    rows = dict(sheet.draft.rows)
    mark, moved = rows.pop("mark"), rows.pop("moved")
    refit(rows, moved.any(axis=1) & np.isin(rows["face"], _faces_of(edits)))
    tracks, count = replace(edited.tracks, **rows), edited.count + len(edits)
    return Edited(tracks, mark, moved, sheet.names, frozenset(sheet.faceless), tuple(idle), count)


def _faces_of(edits: list[Edit]) -> list[Any]:
    """Returns the faces whose rows edits may have changed."""
    reshaped = [edit.values for edit in edits if edit.op not in ("mark", "name")]
    return [values[name] for values in reshaped for name in ("face", "into", "other", "new") if name in values]


_NAMES = {"as": "kind"}  # fields that Python cannot have as names


class _Sheet:
    """The rows while they are edited, the names of faces, and the frames without a face."""

    def __init__(self, edited: Edited) -> None:
        self.draft = Draft(edited.tracks, edited.mark, edited.moved)
        self.times = edited.tracks.times
        self.names = dict(edited.names)
        self.faceless = set(edited.faceless)


def _points(sheet: _Sheet, frame: int, face: int, points: dict[str, list[float]]) -> bool:
    draft, row = sheet.draft, sheet.draft.find(frame, face)
    indices = np.array([int(index) for index in points])
    places = np.array(list(points.values()), np.float32)
    if row is None:
        if frame >= len(sheet.times) or len(indices) < N_POINTS:
            return False
        draft.insert(np.array([frame]), face, places[np.argsort(indices)][None])
        row = draft.find(frame, face)
        assert row is not None
    draft.move(row, indices, places)
    rows = draft.rows
    rows["scores"][row, indices], rows["disagreement"][row, indices] = 1, 0
    rows["mark"][row] = Mark.MENDED
    sheet.faceless.discard(frame)
    return True


def _mark(sheet: _Sheet, frame: int, kind: str, face: int | None = None) -> bool:
    chosen = sheet.draft.of(face, frame, frame)
    sheet.draft.rows["mark"][chosen] = _MARKS[kind]
    if face is None and kind == "absent":
        sheet.faceless.add(frame)
    elif kind != "absent":
        sheet.faceless.discard(frame)
    return bool(len(chosen)) or face is None


def _interpolate(sheet: _Sheet, face: int, first: int, last: int) -> bool:
    draft = sheet.draft
    one, other = draft.find(first, face), draft.find(last, face)
    if one is None or other is None or last - first < 2:
        return False
    ends = [one, other]
    moved = draft.rows["moved"][ends].any(axis=0)
    start, end = draft.rows["points"][ends]
    known = np.isfinite(start + end).all(axis=1)
    if not known.any():
        return False
    chosen = np.flatnonzero((moved | ~moved.any()) & known)
    frames = np.arange(first + 1, last)
    share = (sheet.times[frames] - sheet.times[first]) / max(sheet.times[last] - sheet.times[first], 1e-9)
    between = (start + share[:, None, None] * (end - start)).astype(np.float32)  # (n, 68, 2)
    there = draft.rows["frame"][draft.of(face, first + 1, last - 1)]
    absent = ~np.isin(frames, there)
    draft.insert(frames[absent], face, between[absent])
    for row in draft.of(face, first + 1, last - 1):
        place = int(draft.rows["frame"][row]) - first - 1
        if draft.rows["mark"][row] not in _TRUSTED:
            points = np.flatnonzero(known) if absent[place] else chosen
            draft.move(row, points, between[place, points])
            draft.rows["mark"][row] = Mark.INTERPOLATED
    return True


def _name(sheet: _Sheet, face: int, name: str) -> bool:
    sheet.names.pop(face, None)
    if name.strip():
        sheet.names[face] = name.strip()
    return bool(len(sheet.draft.of(face)))


def _merge(sheet: _Sheet, face: int, into: int) -> bool:
    draft = sheet.draft
    chosen = draft.of(face)
    if face == into or not len(chosen):
        return False
    taken = np.isin(draft.rows["frame"][chosen], draft.rows["frame"][draft.of(into)])
    draft.drop(chosen[taken])
    draft.rename(draft.of(face), into)
    name = sheet.names.pop(face, None)
    if name is not None:
        sheet.names.setdefault(into, name)
    return True


def _split(sheet: _Sheet, face: int, frame: int, new: int) -> bool:
    chosen = sheet.draft.of(face, frame)
    if not len(chosen) or len(sheet.draft.of(new)):
        return False
    sheet.draft.rename(chosen, new)
    return True


def _swap(sheet: _Sheet, face: int, other: int, frame: int, last: int | None = None) -> bool:
    ours, theirs = (sheet.draft.of(one, frame, last) for one in (face, other))
    if face == other or not len(ours) + len(theirs):
        return False
    sheet.draft.rename(ours, other, theirs, face)
    return True


def _delete(sheet: _Sheet, face: int, first: int | None = None, last: int | None = None) -> bool:
    chosen = sheet.draft.of(face, first or 0, last)
    sheet.draft.drop(chosen)
    return bool(len(chosen))


_OPERATIONS: dict[str, Callable[..., bool]] = {
    "points": _points,
    "mark": _mark,
    "interpolate": _interpolate,
    "name": _name,
    "merge": _merge,
    "split": _split,
    "swap": _swap,
    "delete": _delete,
}
"""Each returns whether it found anything to do."""

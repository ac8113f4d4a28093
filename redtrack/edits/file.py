"""`STEM.edits.jsonl` beside the tracks: a line of JSON for every edit, appended as it is made, never rewritten.

The first line is a header: `format` = "redtrack edits", `version` = 1, `tracks` (the file's name), `source` and
`source_digest` as the tracks tell them. Each further line is an edit (`redtrack.edits.edit`). Edits count in the order
of the file, except those that a later `undo` takes back; an id that was there before counts once. A line that a kill
cut short is left out and counted. The tracks file itself is not changed by any edit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redtrack.edits.edit import Edit, check_edit
from redtrack.errors import FormatError, absent
from redtrack.journal import append_entries

__all__ = ["FORMAT", "SUFFIX", "VERSION", "Edits", "append_edits", "edits_path", "find_edits", "read_edits"]

SUFFIX = ".edits.jsonl"
FORMAT, VERSION = "redtrack edits", 1
_ABOUT = ("source", "source_digest")
_LARGEST = 1 << 30  # bytes


@dataclass(frozen=True)
class Edits:
    """The edits of one video in order, the header of their file, and how many lines could not be read."""

    entries: tuple[Edit, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    broken: int = 0

    def __len__(self) -> int:
        return len(self.entries)

    def in_force(self) -> list[Edit]:
        """Returns the edits that count: without those taken back, without undo and redo themselves."""
        undone: dict[str, bool] = {}
        for edit in self.entries:
            if edit.op in ("undo", "redo"):
                undone[edit.values["of"]] = edit.op == "undo"
        return [edit for edit in self.entries if edit.op not in ("undo", "redo") and not undone.get(edit.id)]

    def is_of_another_source(self, info: Mapping[str, Any]) -> bool:
        """Returns whether the header names another video than the tracks' info does, by its digest."""
        digests = self.about.get("source_digest"), info.get("source_digest")
        return None not in digests and digests[0] != digests[1]


def edits_path(tracks: Path) -> Path:
    """Returns where the edits of a tracks file (or folder of .pts files) are: clip.h5 has clip.edits.jsonl."""
    return tracks.with_name((tracks.name if tracks.is_dir() else tracks.stem) + SUFFIX)


def find_edits(tracks: Path, place: Path | None = None) -> Path | None:
    """Returns the file of edits of a tracks file, None where there is none.

    `place` is that file itself or a folder of such files; None is the tracks' own folder. Raises FormatError for a
    place that does not exist.
    """
    if place is None:
        path = edits_path(tracks)
    elif place.is_dir():
        path = place / edits_path(tracks).name
    elif place.is_file():
        return place
    else:
        raise FormatError(*absent(place, "no such file or folder"))
    return path if path.is_file() else None


def read_edits(path: Path) -> Edits:
    """Returns the edits of a file; raises FormatError where it cannot be read or is of another format."""
    try:
        if path.stat().st_size > _LARGEST:
            raise FormatError("is too large", path)
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise FormatError(f"cannot be read: {(error.strerror or str(error)).lower()}", path) from error
    about: dict[str, Any] = {}
    entries: dict[str, Edit] = {}
    broken = 0
    for number, entry in _objects(lines):
        if entry is None:
            broken += 1
        elif isinstance(entry, dict) and "format" in entry:
            about = about or _header(entry, path)
        else:
            edit = _edit(entry, number, path)
            entries.setdefault(edit.id, edit)
    return Edits(tuple(entries.values()), about, broken)


def append_edits(path: Path, edits: Sequence[Edit], tracks: str = "", info: Mapping[str, Any] | None = None) -> None:
    """Appends edits and waits until they are on the disk; a new file begins with the header of `tracks` and `info`.

    Raises OutputError where they cannot be written.
    """
    entries = [edit.as_json() for edit in edits]
    if not path.exists() or not path.stat().st_size:
        known = {name: info[name] for name in _ABOUT if info and info.get(name) is not None}
        entries = [{"format": FORMAT, "version": VERSION, "tracks": tracks, **known}, *entries]
    append_entries(path, entries, sync=True)


def _objects(lines: list[bytes]) -> Iterator[tuple[int, object]]:
    """Yields number and value of each line that is not empty; None is one that a kill cut short."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                yield number, None


def _header(entry: dict[str, Any], path: Path) -> dict[str, Any]:
    if entry["format"] != FORMAT:
        raise FormatError("is not a file of edits", path)
    version = entry.get("version")
    if not isinstance(version, int) or version > VERSION:
        problem = f"is of version {version}, and this redtrack reads up to {VERSION}"
        raise FormatError(problem, path, "update redtrack (pip install -U redtrack)")
    return entry


def _edit(entry: object, number: int, path: Path) -> Edit:
    try:
        return check_edit(entry)
    except FormatError as error:
        raise FormatError(f"line {number}: {error.message}", path, error.remedy) from error

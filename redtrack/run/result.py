"""What a result in the output folder says of itself: whose it is, how it was made, whether it is whole."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redtrack.errors import FormatError
from redtrack.tracks import FrameState

if TYPE_CHECKING:
    from redtrack.formats.hdf5_file import Hdf5File

__all__ = ["Counts", "count", "identity", "identity_of", "is_of", "resolved", "stored_info", "unfinished_info"]

_DIGESTS = ("source_digest", "weights_digest", "detector_digest", "boxes_digest")


@dataclass(frozen=True)
class Counts:
    """How much a result holds; damaged are frames, the missing ones among them."""

    frames: int = 0
    damaged: int = 0
    faces: int = 0
    rows: int = 0


@dataclass(frozen=True)
class _Found:
    """What a file is: its info, or why it is not ours to replace; how much it holds."""

    info: dict[str, Any] | None = None
    refused: FormatError | None = None
    counts: Counts = Counts()


def stored_info(path: Path) -> dict[str, Any] | None:
    """Returns the info of a finished result; None where there is none, or none that can be read.

    Raises FormatError for a file that is not ours to replace: another program's HDF5, or a newer redtrack's.
    """
    found = _look(path)
    if found.refused is not None:
        raise found.refused
    return found.info


def unfinished_info(path: Path) -> dict[str, Any] | None:
    """Returns the info of the result that an earlier run began under a temporary name, None where there is none."""
    from redtrack.formats.common import part_path

    try:
        return stored_info(part_path(path))
    except FormatError:
        return None


def identity(info: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the part of an info that decides the rows: digests of source, weights and boxes, and the options."""
    options = {name: value for name, value in dict(info.get("options") or {}).items() if value is not None}
    for name in ("boxes", "detector"):
        options.pop(name, None)  # the file's digest counts, not its name
    return {name: info.get(name) for name in _DIGESTS} | {"options": options}


def identity_of(source_digest: str, made_with: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the identity that a result made now would have. made_with: digests, and the options as JSON values."""
    made = {**made_with, "source_digest": source_digest}
    plain: dict[str, Any] = identity(json.loads(json.dumps(made)))
    return plain


def is_of(info: Mapping[str, Any], path: Path, source_digest: str) -> bool:
    """Returns whether a result belongs to this video: by its path, or by its content if it was moved since."""
    source = str(info.get("source", ""))
    if source == resolved(path):
        return True
    return info.get("source_digest") == source_digest and not os.path.exists(source)


@lru_cache(maxsize=1)
def resolved(path: Path) -> str:
    """Returns a video's whole path without links, which is asked for several times in a row."""
    return str(path.resolve())


def count(path: Path) -> Counts:
    """Returns how much a result holds, or what is there of it; nothing where it cannot be read."""
    return _look(path).counts


def _look(path: Path) -> _Found:
    """Looks into a file once, until it changes: a run asks several times whether a result is there and whose it is."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return _Found()
    if not stat.S_ISREG(status.st_mode):
        return _Found()
    return _look_into(path, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=32)
def _look_into(path: Path, _stamp: tuple[int, ...]) -> _Found:
    from redtrack.formats import hdf5
    from redtrack.formats.hdf5_file import open_hdf5

    refused: FormatError | None = None
    try:
        with open_hdf5(path) as file:
            try:
                header = hdf5.read_header(file)
            except FormatError as error:
                refused = FormatError(error.message, path, error.remedy or "move it away, or choose another folder")
            else:
                return _Found(header, None, _count(file, header["complete"]))
    except FormatError:
        return _Found()
    return _Found(None, refused)


def _count(file: Hdf5File, strict: bool) -> Counts:
    from redtrack.formats import hdf5

    rows, frames = hdf5.finished(file, strict)
    faces = np.unique(hdf5.checked(file, "face")[:rows])
    state = hdf5.checked(file, "frame_state")[:frames]
    return Counts(frames, int((state != FrameState.OK).sum()), len(faces), rows)

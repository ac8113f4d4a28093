"""What a result in the output folder says of itself: whose it is, how it was made, whether it is whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from redtrack.errors import FormatError
from redtrack.tracks import FrameState

__all__ = ["Counts", "count", "identity", "identity_of", "is_of", "stored_info", "unfinished_info"]

_DIGESTS = ("source_digest", "weights_digest", "detector_digest", "boxes_digest")


def stored_info(path: Path) -> dict[str, Any] | None:
    """Returns the info of a finished result; None where there is none, or none that can be read.

    Raises FormatError for a file that is not ours to replace: another program's HDF5, or a newer redtrack's.
    """
    from redtrack.formats import hdf5
    from redtrack.formats.hdf5_file import open_hdf5

    if not path.is_file():
        return None
    header: dict[str, Any] | None = None
    refused: FormatError | None = None
    try:
        with open_hdf5(path) as file:
            try:
                header = hdf5.read_header(file)
            except FormatError as error:
                refused = FormatError(error.message, path, error.remedy or "move it away, or choose another folder")
            else:
                hdf5.finished(file, strict=header["complete"])
    except FormatError:
        return None
    if refused is not None:
        raise refused
    return header


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
    if source == str(path.resolve()):
        return True
    return info.get("source_digest") == source_digest and not os.path.exists(source)


@dataclass(frozen=True)
class Counts:
    """How much a result holds; damaged are frames, the missing ones among them."""

    frames: int = 0
    damaged: int = 0
    faces: int = 0
    rows: int = 0


def count(path: Path) -> Counts:
    """Returns how much a result holds, or what is there of it; nothing where it cannot be read."""
    from redtrack.formats import hdf5
    from redtrack.formats.hdf5_file import open_hdf5

    try:
        with open_hdf5(path) as file:
            rows, frames = hdf5.finished(file, strict=False)
            faces = np.unique(hdf5.checked(file, "face")[:rows])
            state = hdf5.checked(file, "frame_state")[:frames]
    except FormatError:
        return Counts()
    return Counts(frames, int((state != FrameState.OK).sum()), len(faces), rows)

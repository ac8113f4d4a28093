"""The native format, one HDF5 file for each video, holds all of a `Tracks`. This page specifies version 1 of it.

Datasets of the root group, with the labels of their axes (HDF5 dimension labels). R rows, one for each face in each
frame, sorted by frame, then face; F frames, with faces or without. An optional dataset may be absent.

| dataset | shape, type | axes | unit and meaning |
| --- | --- | --- | --- |
| frame | (R,) int64 | row | frame index from 0, in decode order |
| face | (R,) int32 | row | face id from 0, stable within the video |
| points | (R, 68, 2) float32 | row, point, xy | px of the upright frame; (0, 0) is the top-left pixel's centre |
| scores | (R, 68) float32 | row, point | confidence 0..1; NaN unknown |
| disagreement | (R, 68) float32 | row, point | px between forward and backward estimate; NaN unknown |
| boxes | (R, 4) float32 | row, x0 y0 x1 y1 | px |
| state | (R,) uint8 | row | 0 detected, 1 interpolated, 2 refined, 3 edited by hand |
| sigma | (R, 68, 3) float32 | row, point, xx xy yy | px2, covariance of the error expected; NaN unknown; optional |
| spread | (R, 68) float32 | row, point | px, how far the points of samples lie from their mean; NaN unknown; optional |
| points3d | (R, 68, 3) float32 | row, point, xyz | mm, the shape in the head's axes; NaN unknown; optional |
| pose | (R, 6) float32 | row, rx ry rz tx ty s | rotation vector, place px, scale px/mm; NaN unknown; optional |
| visible | (R, 68) uint8 | row, point | 0 hidden by the face itself, 1 not, 2 unknown; optional |
| dense_points | (R, N, 2) float32 | row, dense point, xy | px, as points; NaN unknown; optional |
| dense_visible | (R, N) uint8 | row, dense point | as visible; optional |
| times | (F,) float64 | frame | s from the stream's first frame |
| frame_state | (F,) uint8 | frame | 0 ok, 1 damaged, 2 missing |

Attributes of the root group: `format` = "redtrack tracks"; `format_version`, a whole number that grows when
an old reader would go wrong; `writer`, the program and its version; `info`, a JSON object (source file with
size and digest, width, height, rotation, codec, weights and their digest, options); `complete`, 1 when the
whole video was done.

Rows are chunked by 512, gzip 4 + shuffle + fletcher32. The file is made with HDF5's earliest layout, in which
a file cut off by a kill stays readable. While it grows its name ends in `.part` and `complete` is 0; rows
reach the disk before the times of their frames, so that a frame which has a time has all of its rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from redtrack.errors import FormatError
from redtrack.formats.common import MAX_FACE, MAX_FRAMES, PathLike, naming, whole_numbers
from redtrack.formats.hdf5_file import Array, Hdf5File, open_hdf5
from redtrack.schema import Field
from redtrack.tracks import FRAME_FIELDS, ROW_FIELDS, Tracks

__all__ = ["FORMAT", "FORMAT_VERSION", "read_hdf5"]

FORMAT = "redtrack tracks"
FORMAT_VERSION = 1
CHUNK = 512

_MOST_TIMES = 100  # rows over file: faces are packed to a half, and 20 times where scores and the like are unknown
_SMALL = 256 << 20  # bytes that the rows of any file may take

_TEXTS = ("source", "source_digest", "weights_digest", "detector_digest", "boxes_digest", "reason")
_LONGEST_TEXT = 1 << 15


def read_hdf5(path: PathLike) -> Tracks:
    """Returns the tracks of a native file, complete or cut off; raises FormatError."""
    with naming(path):
        with open_hdf5(path) as file:
            info = read_header(file)
            _check_total(file)
            rows, frames = finished(file, strict=info["complete"])
            arrays = {name: column[:rows] for name, column in row_columns(file).items()}
            arrays |= {name: checked(file, name)[:frames] for name in FRAME_FIELDS}
        return _typed(arrays, info)


def _check_total(file: Hdf5File) -> None:
    """Raises FormatError where the rows would take far more memory than any that were packed into such a file."""
    total = sum(column.nbytes for column in row_columns(file).values())
    if total > max(_MOST_TIMES * file.size, _SMALL):
        raise FormatError(f"claims {total >> 20} MB of rows in a file of {file.size >> 10} KB: no faces pack so well")


def _typed(arrays: dict[str, np.ndarray], info: dict[str, Any]) -> Tracks:
    arrays["face"] = whole_numbers(arrays["face"], "face", MAX_FACE)
    return Tracks(**{name: array.astype(field_of(name).dtype) for name, array in arrays.items()}, info=info)


def read_pieces(file: Hdf5File, frames: int = 2048) -> Iterator[Tracks]:
    """Yields what a file that was cut off holds in full, some frames at a time; each piece counts its frames from 0."""
    rows, total = finished(file, strict=False)
    columns, frame_sets = row_columns(file), {name: checked(file, name) for name in FRAME_FIELDS}
    frame = columns["frame"][:rows]
    for start in range(0, total, frames):
        stop = min(start + frames, total)
        first, last = (int(place) for place in np.searchsorted(frame, [start, stop]))
        piece = {name: column[first:last] for name, column in columns.items()}
        piece |= {name: column[start:stop] for name, column in frame_sets.items()}
        yield _typed(piece | {"frame": piece["frame"] - start}, {})


def field_of(name: str) -> Field:
    """Returns the specification of a dataset."""
    return ROW_FIELDS.get(name) or FRAME_FIELDS[name]


def row_columns(file: Hdf5File) -> dict[str, Array]:
    """Returns the datasets of the rows, those optional ones that are there among them."""
    names = [name for name, field in ROW_FIELDS.items() if not field.optional or name in file]
    return {name: checked(file, name) for name in names}


def read_header(file: Hdf5File) -> dict[str, Any]:
    """Returns the info, with `complete`; raises FormatError for another format and for a newer version."""
    if "format" not in file.attributes() or file.text("format") != FORMAT:
        raise FormatError("is an HDF5 file, but not one of redtrack's")
    version = file.number("format_version")
    if version > FORMAT_VERSION:
        problem = f"is of format version {version}, and this redtrack reads up to {FORMAT_VERSION}"
        raise FormatError(problem, remedy="update redtrack (pip install -U redtrack)")
    try:
        info = json.loads(file.text("info"))
    except (ValueError, RecursionError) as error:
        raise FormatError("its attribute 'info' is not JSON") from error
    if not isinstance(info, dict):
        raise FormatError("its attribute 'info' is not a JSON object")
    _check_info(info)
    return info | {"complete": file.number("complete") == 1}


def _check_info(info: dict[str, Any]) -> None:
    """Raises FormatError where what is looked up in an info by name is not of the type that it must have."""
    if not isinstance(info.get("options") or {}, dict):
        raise FormatError("its 'options' are not a JSON object")
    for name in _TEXTS:
        text = info.get(name)
        if text is not None and not (isinstance(text, str) and len(text) <= _LONGEST_TEXT and "\0" not in text):
            raise FormatError(f"its '{name}' is not a text of at most {_LONGEST_TEXT} characters")


def checked(file: Hdf5File, name: str) -> Array:
    """Returns a dataset whose type and shape are as specified."""
    field = field_of(name)
    found = file.array(name)
    same_kind = (found.dtype.kind == "f") == (np.dtype(field.dtype).kind == "f")
    if not same_kind or not field.suits(found.shape[1:]):
        raise FormatError(f"'{name}' is {found.shape} {found.dtype}, not rows of {field.shape_text()} {field.dtype}")
    if len(found) > MAX_FRAMES:
        raise FormatError(f"'{name}' has {len(found)} entries, more than the {MAX_FRAMES} that any video has")
    return found


def finished(file: Hdf5File, strict: bool) -> tuple[int, int]:
    """Returns how many rows and how many frames are there in full.

    If `strict`, all datasets must have the same length, else FormatError; if not, as for a file that was cut off, what
    can be read of the shortest counts.
    """
    row_sets = list(row_columns(file).values())
    frame_sets = [checked(file, name) for name in FRAME_FIELDS]
    if strict:
        for sets in (row_sets, frame_sets):
            if len({len(found) for found in sets}) > 1:
                raise FormatError("is marked complete, but its datasets are not of one length")
        return len(row_sets[0]), len(frame_sets[0])
    rows = min(_unpackable(found) for found in row_sets)
    frame = checked(file, "frame")[:rows]
    rows = _leading(frame != ROW_FIELDS["frame"].unwritten)
    times, frame_state = (found[: _unpackable(found)] for found in frame_sets)
    frames = min(_leading(np.isfinite(times)), _leading(frame_state != FRAME_FIELDS["frame_state"].unwritten))
    if rows < max(len(found) for found in row_sets):  # rows were lost: so is the frame that they may belong to
        frames = min(frames, max(int(frame[rows - 1]), 0) if rows else 0)
    return int(np.searchsorted(frame[:rows], frames)), frames


def _unpackable(found: Array) -> int:
    """Returns how many leading entries can be unpacked: a kill spoils only the last chunk."""
    count = len(found)
    while count:
        start = (count - 1) // CHUNK * CHUNK
        try:
            found[start:count]
            return count
        except FormatError:
            count = start
    return 0


def _leading(written: np.ndarray) -> int:
    """Returns how many entries of a bool array (n,) come before the first that is false."""
    return len(written) if written.all() else int(np.argmin(written))

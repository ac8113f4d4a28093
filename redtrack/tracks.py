"""The one data type: the landmarks of every face in one video, as rows.

They are rows and not a dense array, in which a long video with many faces would be gigabytes of NaN. `Tracks.dense`
gives the dense array of one face.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from typing import Any

import numpy as np

from redtrack.errors import FormatError
from redtrack.points import N_POINTS

__all__ = ["FrameState", "RowState", "Tracks"]


class RowState(IntEnum):
    """Where the box of a row came from."""

    DETECTED = 0
    INTERPOLATED = 1
    REFINED = 2  # cropped a second time, from the landmarks themselves


class FrameState(IntEnum):
    """What the decoder said of a frame."""

    OK = 0
    DAMAGED = 1
    MISSING = 2


_ROW_FIELDS: dict[str, tuple[type, tuple[int, ...]]] = {  # type and shape of one row
    "frame": (np.int64, ()),
    "face": (np.int32, ()),
    "points": (np.float32, (N_POINTS, 2)),
    "scores": (np.float32, (N_POINTS,)),
    "disagreement": (np.float32, (N_POINTS,)),
    "boxes": (np.float32, (4,)),
    "state": (np.uint8, ()),
}
_FRAME_FIELDS: dict[str, tuple[type, tuple[int, ...]]] = {
    "times": (np.float64, ()),
    "frame_state": (np.uint8, ()),
}


@dataclass(frozen=True, eq=False)
class Tracks:
    """R rows, one for each face in each frame, of a video of F frames. Checked here, once; raises FormatError.

    Rows are sorted by frame, then face, and no (frame, face) appears twice. Points and boxes are finite; scores and
    disagreement are NaN where unknown, as from a format that has none.
    """

    frame: np.ndarray  # (R,) int64, frame index from 0 in decode order
    face: np.ndarray  # (R,) int32, face id from 0, stable within the video
    points: np.ndarray  # (R, 68, 2) float32, x y, px of the upright frame; (0, 0) is the top-left pixel's centre
    scores: np.ndarray  # (R, 68) float32, confidence 0..1
    disagreement: np.ndarray  # (R, 68) float32, px between the forward and the backward estimate
    boxes: np.ndarray  # (R, 4) float32, x0 y0 x1 y1 of the face, px
    state: np.ndarray  # (R,) uint8, a RowState
    times: np.ndarray  # (F,) float64, seconds from the stream's first frame, never decreasing
    frame_state: np.ndarray  # (F,) uint8, a FrameState
    info: Mapping[str, Any] = field(default_factory=dict)  # source, weights, options; JSON values only

    def __post_init__(self) -> None:
        _check_arrays(self)
        _check_rows(self)
        _check_frames(self)

    @classmethod
    def from_rows(
        cls,
        frame: Any,
        face: Any,
        points: Any,
        times: Any,
        *,
        scores: Any = None,
        disagreement: Any = None,
        boxes: Any = None,
        state: Any = None,
        frame_state: Any = None,
        info: Mapping[str, Any] | None = None,
    ) -> Tracks:
        """Returns Tracks from rows in any order and of any number type; what is not given is unknown.

        Unknown scores and disagreement are NaN, an unknown box is the tight box of the points, an unknown state is
        DETECTED, or OK for a frame. Raises FormatError for rows that no Tracks can hold.
        """
        rows = {"frame": frame, "face": face, "points": points, "scores": scores}
        rows |= {"disagreement": disagreement, "boxes": boxes, "state": state}
        arrays = {name: _as(rows[name], *_ROW_FIELDS[name]) for name in rows if rows[name] is not None}
        unknown = np.full((len(arrays["frame"]), N_POINTS), np.nan, np.float32)
        arrays.setdefault("scores", unknown)
        arrays.setdefault("disagreement", unknown)
        arrays.setdefault("boxes", _extent(arrays["points"]))
        arrays.setdefault("state", np.zeros(len(unknown), np.uint8))
        order = np.lexsort((arrays["face"], arrays["frame"]))
        arrays = {name: array[order] if len(array) == len(order) else array for name, array in arrays.items()}
        arrays["times"] = _as(times, np.float64, ())
        unmarked = np.zeros(len(arrays["times"]), np.uint8)
        arrays["frame_state"] = unmarked if frame_state is None else _as(frame_state, np.uint8, ())
        return cls(**arrays, info=dict(info or {}))

    @classmethod
    def empty(cls, times: Any = (), info: Mapping[str, Any] | None = None) -> Tracks:
        """Returns Tracks without a face, for frames at `times` (F,) seconds."""
        return cls.from_rows([], [], np.zeros((0, N_POINTS, 2)), times, info=info)

    @classmethod
    def concatenate(cls, parts: Sequence[Tracks]) -> Tracks:
        """Returns consecutive stretches of one video as one Tracks, with the first one's info.

        Frame indices go on from one part to the next; face ids and times stay as they are.
        """
        assert parts, "nothing to concatenate"
        starts = np.cumsum([0] + [part.frames for part in parts[:-1]])
        names = (*_ROW_FIELDS, *_FRAME_FIELDS)
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        arrays["frame"] += np.repeat(starts, [len(part) for part in parts])
        return cls(**arrays, info=dict(parts[0].info))

    def __len__(self) -> int:
        """Returns R, the number of rows."""
        return len(self.frame)

    @property
    def frames(self) -> int:
        """F, the number of frames, with faces or without."""
        return len(self.times)

    @property
    def faces(self) -> list[int]:
        """The face ids, in ascending order."""
        return [int(face) for face in np.unique(self.face)]

    @property
    def complete(self) -> bool:
        """Whether the whole video was annotated: `info["complete"]`, or True where that is not given."""
        return bool(self.info.get("complete", True))

    def face_rows(self, face: int) -> np.ndarray:
        """Returns (n,) int64, the rows of one face in order of time."""
        return np.flatnonzero(self.face == face)

    def dense(self, face: int) -> np.ndarray:
        """Returns (F, 68, 2) float32, one face's points in every frame, NaN where it has none."""
        rows = self.face_rows(face)
        cube = np.full((self.frames, N_POINTS, 2), np.nan, np.float32)
        cube[self.frame[rows]] = self.points[rows]
        return cube

    def select(self, rows: np.ndarray) -> Tracks:
        """Returns the same video with only some rows: `rows` is (R,) bool or ascending indices."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _ROW_FIELDS})

    def between(self, start: int, end: int) -> Tracks:
        """Returns frames start to end (exclusive) as Tracks of their own, counted from 0; times are kept."""
        first, last = np.searchsorted(self.frame, [start, end])
        arrays = {name: getattr(self, name)[first:last] for name in _ROW_FIELDS}
        arrays |= {name: getattr(self, name)[start:end] for name in _FRAME_FIELDS}
        arrays["frame"] = arrays["frame"] - start
        return Tracks(**arrays, info=self.info)

    def same_as(self, other: Tracks) -> bool:
        """Returns whether all arrays are equal, NaN equal to NaN; info is not compared."""
        names = (*_ROW_FIELDS, *_FRAME_FIELDS)
        return all(_equal(getattr(self, name), getattr(other, name)) for name in names)

    def save(self, path: str | os.PathLike[str], format: str | None = None, **options: Any) -> None:
        """Writes to `path`, in the format named or the one that its ending stands for; see `redtrack.formats`."""
        formats = importlib.import_module("redtrack.formats")  # to the right of this part: loaded when asked
        formats.write(self, path, format, **options)

    def __repr__(self) -> str:
        return f"Tracks({len(self)} rows, {len(self.faces)} faces, {self.frames} frames)"


def _as(values: Any, dtype: type, row_shape: tuple[int, ...]) -> np.ndarray:
    """Returns the values as an array of rows; an empty one takes the right shape."""
    with np.errstate(over="ignore", invalid="ignore"):  # too large for float32: infinite, and refused as such
        array: np.ndarray = np.ascontiguousarray(values, dtype=dtype)
    return array.reshape(0, *row_shape) if array.size == 0 and len(array) == 0 else array


def _extent(points: np.ndarray) -> np.ndarray:
    """Returns (R, 4) float32, the smallest box around each row's points (R, 68, 2)."""
    if not len(points):
        return np.zeros((0, 4), np.float32)
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _check_arrays(tracks: Tracks) -> None:
    for names, length in ((_ROW_FIELDS, len(tracks.frame)), (_FRAME_FIELDS, len(tracks.times))):
        for name, (dtype, row_shape) in names.items():
            array = getattr(tracks, name)
            if array.dtype != dtype or array.shape != (length, *row_shape):
                wanted = f"{(length, *row_shape)} {np.dtype(dtype)}"
                raise FormatError(f"'{name}' is {array.shape} {array.dtype}, not {wanted}")
    assert {f.name for f in fields(tracks)} == {*_ROW_FIELDS, *_FRAME_FIELDS, "info"}


def _check_rows(tracks: Tracks) -> None:
    frame, face = tracks.frame, tracks.face
    if len(frame) and not (frame.min() >= 0 and frame.max() < tracks.frames):
        span = f"{frame.min()} to {frame.max()}"
        raise FormatError(f"rows are of frames {span} in a video of {tracks.frames} frames")
    if len(face) and face.min() < 0:
        raise FormatError(f"a face id is {face.min()}, below 0")
    ascending = (frame[1:] > frame[:-1]) | ((frame[1:] == frame[:-1]) & (face[1:] > face[:-1]))
    if not ascending.all():
        row = int(np.argmin(ascending)) + 1
        raise FormatError(f"face {face[row]} of frame {frame[row]} appears twice or out of order")
    for name in ("points", "boxes"):
        if not np.isfinite(getattr(tracks, name)).all():
            raise FormatError(f"'{name}' has values that are not finite")
    if (tracks.scores < 0).any() or (tracks.scores > 1).any():
        raise FormatError("'scores' has values outside 0 to 1")
    if (tracks.disagreement < 0).any() or np.isinf(tracks.disagreement).any():
        raise FormatError("'disagreement' has values below 0 or infinite")
    if len(frame) and tracks.state.max() > max(RowState):
        raise FormatError(f"a row's state is {tracks.state.max()}, of which nothing is known")


def _check_frames(tracks: Tracks) -> None:
    if not np.isfinite(tracks.times).all() or (np.diff(tracks.times) < 0).any():
        raise FormatError("'times' has values that are not finite, or that decrease")
    if tracks.frames and tracks.frame_state.max() > max(FrameState):
        raise FormatError(f"a frame's state is {tracks.frame_state.max()}, of which nothing is known")

"""The columns of a video's rows and frames, declared and checked: what `Tracks` holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from redtrack.errors import FormatError
from redtrack.points import N_POINTS
from redtrack.schema import ANY, Field, fields_over, frame_column, row_column

__all__ = ["FRAME_FIELDS", "ROW_FIELDS", "CheckedColumns", "FrameState", "RowState"]


class RowState(IntEnum):
    """Where the box of a row came from."""

    DETECTED = 0
    INTERPOLATED = 1
    REFINED = 2  # cropped a second time, from the landmarks themselves
    EDITED = 3  # points of it were put right by hand


class FrameState(IntEnum):
    """What the decoder said of a frame."""

    OK = 0
    DAMAGED = 1
    MISSING = 2


_POINT = {"point": N_POINTS}  # the axis of the points, and its length


@dataclass(frozen=True, eq=False, kw_only=True)
class CheckedColumns:
    """R rows and F frames as arrays. Checked here, once; raises FormatError.

    Rows are sorted by frame, then face, and no (frame, face) appears twice. An unknown point, as in a partly labelled
    face, is NaN in x and y; every row has one known point at least. Boxes are finite; scores and disagreement are NaN
    where unknown, as from a format that has none. An optional column is None where it is absent, as in a file of an
    older redtrack.
    """

    frame: np.ndarray = row_column("int64", {}, "frame index from 0, in decode order", unwritten=-1)
    face: np.ndarray = row_column("int32", {}, "face id from 0, stable within the video", unwritten=-1)
    points: np.ndarray = row_column(
        "float32",
        _POINT | {"xy": 2},
        "x, y; (0, 0) is the centre of the upright frame's top-left pixel",
        unit="px",
        unknown=np.nan,
    )
    scores: np.ndarray = row_column("float32", _POINT, "confidence", unknown=np.nan, lowest=0, highest=1)
    disagreement: np.ndarray = row_column(
        "float32", _POINT, "distance between forward and backward estimate", unit="px", unknown=np.nan, lowest=0
    )
    boxes: np.ndarray = row_column("float32", {"x0 y0 x1 y1": 4}, "box around the face", unit="px")
    state: np.ndarray = row_column("uint8", {}, "a RowState", unwritten=255)
    sigma: np.ndarray | None = row_column(
        "float32", _POINT | {"xx xy yy": 3}, "covariance of the error expected", unit="px2", optional=True
    )
    spread: np.ndarray | None = row_column(
        "float32", _POINT, "how far the points of samples lie from their mean", unit="px", lowest=0, optional=True
    )
    points3d: np.ndarray | None = row_column(
        "float32", _POINT | {"xyz": 3}, "the face's shape in the head's axes", unit="mm", optional=True
    )
    pose: np.ndarray | None = row_column(
        "float32", {"rx ry rz tx ty s": 6}, "rotation vector, place, scale", unit="rad px px/mm", optional=True
    )
    visible: np.ndarray | None = row_column(
        "uint8",
        _POINT,
        "0 hidden by the face itself, 1 not, 2 unknown",
        unknown=2,
        unwritten=2,
        highest=2,
        optional=True,
    )
    dense_points: np.ndarray | None = row_column(
        "float32", {"dense point": ANY, "xy": 2}, "places on the 3D face", unit="px", optional=True
    )
    dense_visible: np.ndarray | None = row_column(
        "uint8",
        {"dense point": ANY},
        "as visible, of the dense points",
        unknown=2,
        unwritten=2,
        highest=2,
        optional=True,
    )
    times: np.ndarray = frame_column("float64", "seconds from the stream's first frame, never decreasing", unit="s")
    frame_state: np.ndarray = frame_column("uint8", "a FrameState", unwritten=255)

    def __post_init__(self) -> None:
        for name in (*ROW_FIELDS, *FRAME_FIELDS):  # nobody writes into the arrays of checked tracks
            if isinstance(array := getattr(self, name), np.ndarray):
                object.__setattr__(self, name, _read_only(array))
        _check_columns(self)
        _check_rows(self)
        _check_frames(self)


ROW_FIELDS: dict[str, Field] = fields_over("row", CheckedColumns)
"""The columns with an entry for each row. One line above declares a new one."""

FRAME_FIELDS: dict[str, Field] = fields_over("frame", CheckedColumns)
"""The columns with an entry for each frame."""


def _read_only(array: np.ndarray) -> np.ndarray:
    """Returns a view that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def _check_columns(held: CheckedColumns) -> None:
    for fields, length in ((ROW_FIELDS, len(held.frame)), (FRAME_FIELDS, len(held.times))):
        for name, about in fields.items():
            array = getattr(held, name)
            if array is not None or not about.optional:
                about.check(name, array, length)
            if name == "points":
                _check_points(held)


def _check_rows(held: CheckedColumns) -> None:
    frame, face = held.frame, held.face
    if len(frame) and not (frame.min() >= 0 and frame.max() < len(held.times)):
        span = f"{frame.min()} to {frame.max()}"
        raise FormatError(f"rows are of frames {span} in a video of {len(held.times)} frames")
    if len(face) and face.min() < 0:
        raise FormatError(f"a face id is {face.min()}, below 0")
    ascending = (frame[1:] > frame[:-1]) | ((frame[1:] == frame[:-1]) & (face[1:] > face[:-1]))
    if not ascending.all():
        row = int(np.argmin(ascending)) + 1
        raise FormatError(f"face {face[row]} of frame {frame[row]} appears twice or out of order")
    if len(frame) and held.state.max() > max(RowState):
        raise FormatError(f"a row's state is {held.state.max()}, of which nothing is known")


def _check_points(held: CheckedColumns) -> None:
    unknown = np.isnan(held.points)
    if (unknown[..., 0] != unknown[..., 1]).any():
        raise FormatError("'points' has a point with only one of x and y")
    if unknown.all(axis=(1, 2)).any():
        row = int(np.argmax(unknown.all(axis=(1, 2))))
        raise FormatError(f"face {held.face[row]} of frame {held.frame[row]} has no point")


def _check_frames(held: CheckedColumns) -> None:
    if (np.diff(held.times) < 0).any():
        raise FormatError("'times' has values that decrease")
    if len(held.times) and held.frame_state.max() > max(FrameState):
        raise FormatError(f"a frame's state is {held.frame_state.max()}, of which nothing is known")

"""OpenFace's CSV: a line for each face in each frame, with the columns that readers of OpenFace's files look for.

    frame,face_id,timestamp,confidence,success,x_0,…,x_67,y_0,…,y_67

`frame` counts from 1, as OpenFace does; `timestamp` is the frame's true time in seconds, six decimals; `confidence`
is the mean score of the face's points; pixels have three decimals. An unknown confidence is `NaN` (a column of empty
cells would be text to some readers), and so is every timestamp where the source has no times; anything else that is
unknown, such as a point of a partly labelled face, is an empty cell. A frame without a
face has one line with `face_id` -1, `confidence` and `success` 0, and empty cells, so that its time is kept and no
number is made up. On demand: `pose=True` puts OpenFace's `pose_Tx`, `pose_Ty`, `pose_Tz` (mm) and `pose_Rx`,
`pose_Ry`, `pose_Rz` (radians) before `x_0` (docs/pose.md), `points3d=True` OpenFace's `X_0` to `Z_67` (mm in the
camera's axes) behind `y_67`, and `measures=True` the columns of `redtrack.measures` after these, with
`uncertainty=True` also their standard deviations. What OpenFace has and redtrack does not measure (gaze, action units)
has no columns.

Read: any file that has the 136 point columns, in any order and among others; spaces in the header (older OpenFace),
no `face_id` (one face a line, counted within its frame), no `timestamp` (a frame counts as one second); py-feat's
names too; OpenFace's tables of pictures, which have a `face` column and no `frame`; tables from spreadsheets and from R
(`redtrack.formats.table`). Frames that have no line get their time from their neighbours. Lines whose `success` is 0,
or without any point, are no face. Every point takes the line's confidence as its score, 1 where that is above 1.

Cannot hold: the scores of single points, disagreement, boxes, states, info.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from redtrack.errors import FormatError, OutputError
from redtrack.formats.common import (
    MAX_FACE,
    MAX_FRAMES,
    PathLike,
    foreign_scores,
    known_rows,
    naming,
    place_in_frame,
    replacing,
    whole_numbers,
)
from redtrack.formats.table import LONGEST_LINE, open_table, read_blocks, split_line
from redtrack.measures import columns
from redtrack.points import N_POINTS, known_mean
from redtrack.pose import OPENFACE_PLACE, OPENFACE_POSE, Pose, openface_place
from redtrack.timing import filled_times, unknown_times
from redtrack.tracks import Tracks

__all__ = ["Columns", "has_other_columns", "read_csv", "refuse_foreign", "write_csv"]

NO_FACE = -1
_UNKNOWN = "NaN"
_POINTS = [f"{axis}_{i}" for axis in "xy" for i in range(N_POINTS)]
_SPACE = [f"{axis}_{i}" for axis in "XYZ" for i in range(N_POINTS)]
_FIXED = ["frame", "face_id", "timestamp", "confidence", "success"]
_BOX = ["facerectx", "facerecty", "facerectwidth", "facerectheight"]  # py-feat
_ALIASES = {"facescore": "confidence", "face": "face_id"}  # py-feat; OpenFace on pictures
_IN_SPACE = re.compile(r"[XYZ]_[0-9]+")  # OpenFace's points in millimetres, which are not x_0 and so on


@dataclass(frozen=True)
class Columns:
    """Which columns there are beyond those of every table; `uncertainty` has the measures, too."""

    measures: bool = False
    pose: bool = False
    points3d: bool = False
    uncertainty: bool = False

    @property
    def measured(self) -> tuple[str, ...]:
        """The names of the measures' columns."""
        return columns(self.uncertainty) if self.measures or self.uncertainty else ()

    def header(self) -> str:
        """Returns the first line, without its end."""
        before, behind = (*OPENFACE_PLACE, *OPENFACE_POSE) if self.pose else (), _SPACE if self.points3d else ()
        return ",".join([*_FIXED, *before, *_POINTS, *behind, *self.measured])

    def lines(self, tracks: Tracks) -> Iterator[str]:
        """Yields the lines below the header, each with its end."""
        head = tracks.head() if self.pose or self.points3d else None
        none = np.zeros((len(tracks), 0))
        before, behind = _in_space(tracks, head, self.pose, self.points3d) if head else (none, none)
        extra = tracks.row_measures(uncertainty=self.uncertainty).values() if self.measured else ()
        values = np.column_stack([before, tracks.points[:, :, 0], tracks.points[:, :, 1], behind, *extra])
        counts = {4: before.shape[1], 3: 2 * N_POINTS, 2: behind.shape[1]}
        decimals = "".join(f",%.{places}f" * count for places, count in counts.items()) + ",%.4f" * len(extra)
        line = f"%d,%d,%s,%s,%d{decimals}\n"
        for numbers in _numbers(tracks, values):
            yield (line % numbers).replace(",nan", ",")


def write_csv(tracks: Tracks, path: PathLike, **more: bool) -> None:
    """Writes one CSV file; more: fields of `Columns` that are True. Raises OutputError."""
    table = Columns(**more)
    with replacing(path) as file:
        file.write(table.header() + "\n")
        file.writelines(table.lines(tracks))


def _in_space(tracks: Tracks, head: Pose, pose: bool, points3d: bool) -> tuple[np.ndarray, np.ndarray]:
    """Returns the columns of the pose (R, 6) and of the points in space (R, 204), each (R, 0) where not asked for."""
    seen = np.nanmax(tracks.points, axis=(0, 1)) + 1 if len(tracks) else np.ones(2)  # without the picture's size
    size = [float(tracks.info.get(name) or of) for name, of in zip(("width", "height"), seen, strict=True)]
    place, points = openface_place(head, *size)
    flat = points.swapaxes(1, 2).reshape(len(points), 3 * N_POINTS)
    return np.hstack([place, head.openface()])[:, : 6 * pose], flat[:, : flat.shape[1] * points3d]


def has_other_columns(path: PathLike, **more: bool) -> bool:
    """Returns whether the first line of the file is another than `write_csv` would write."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.readline(LONGEST_LINE).rstrip("\n") != Columns(**more).header()


def refuse_foreign(path: PathLike) -> None:
    """Raises OutputError where a table lies there whose first columns are not those that `write_csv` writes."""
    ours = tuple(",".join([*_FIXED, after]).encode() for after in (_POINTS[0], *OPENFACE_PLACE, *OPENFACE_POSE))
    if Path(path).is_file() and Path(path).stat().st_size:
        with open(path, "rb") as file:
            if not file.read(100).startswith(ours):
                problem = "is a table that redtrack did not write"
                raise OutputError(problem, path, "move it away or choose another folder")


def _numbers(tracks: Tracks, values: np.ndarray) -> Iterator[tuple[Any, ...]]:
    """Yields the numbers of each line in order of frames, those without a face included."""
    times = [_UNKNOWN] * tracks.frames
    if tracks.info.get("times_known", True):
        times = [f"{time:.6f}" for time in tracks.times.tolist()]
    scores = [_UNKNOWN if np.isnan(score) else f"{score:.3f}" for score in known_mean(tracks.scores).tolist()]
    absent = (np.nan,) * values.shape[1]
    row = 0
    for frame, faces in enumerate(np.bincount(tracks.frame, minlength=tracks.frames).tolist()):
        if not faces:
            yield (frame + 1, NO_FACE, times[frame], "0.000", 0, *absent)
        for _ in range(faces):
            yield (frame + 1, int(tracks.face[row]), times[frame], scores[row], 1, *values[row].tolist())
            row += 1


def read_csv(path: PathLike) -> Tracks:
    """Returns the tracks in an OpenFace or py-feat CSV; raises FormatError."""
    with naming(path), open_table(path) as file:
        columns = _read_header(file)
        names = list(columns)
        blocks = list(read_blocks(file, [columns[name] for name in names]))
        table = np.concatenate(blocks) if blocks else np.zeros((0, len(names)))
        return _assemble({name: table[:, i] for i, name in enumerate(names)})


def _read_header(file: IO[str]) -> dict[str, int]:
    """Returns the column numbers of what is known; raises FormatError where point columns are missing."""
    header = split_line(file.readline(LONGEST_LINE))
    wanted = {*_FIXED, *_POINTS, *_BOX}
    columns: dict[str, int] = {}
    for i, name in enumerate(header):
        plain = name if _IN_SPACE.fullmatch(name) else name.lower()
        known = _ALIASES.get(plain, plain)
        if known in wanted:
            columns.setdefault(known, i)
    needed = _POINTS if "face_id" in columns else ["frame", *_POINTS]
    missing = [name for name in needed if name not in columns]
    if missing:
        raise FormatError(f"has no column '{missing[0]}' in its first line")
    return columns


def _assemble(columns: dict[str, np.ndarray]) -> Tracks:
    """Returns the tracks in a table; the columns are (lines,) float64 by name."""
    one_picture = np.ones(len(columns[_POINTS[0]]))  # whose faces all lines are, where there is no column of frames
    number = whole_numbers(columns.get("frame", one_picture), "frame", MAX_FRAMES)
    from_zero = _BOX[0] in columns or (number == 0).any()
    frame = number if from_zero else number - 1
    frames = int(frame.max()) + 1 if len(frame) else 0
    about: dict[str, Any] = unknown_times(frames)
    if "timestamp" in columns:
        about = filled_times(frame, columns["timestamp"], frames)
    flat = np.stack([columns[name] for name in _POINTS], axis=1)
    with np.errstate(over="ignore"):
        points = flat.reshape(-1, 2, N_POINTS).swapaxes(1, 2).astype(np.float32)
    seen = known_rows(points) & (columns.get("success", np.ones(len(frame))) != 0)
    points = points[seen]
    face = place_in_frame(frame[seen])
    if "face_id" in columns:
        face = whole_numbers(columns["face_id"][seen], "face_id", MAX_FACE)
    if "confidence" in columns:
        about["scores"] = np.repeat(foreign_scores(columns["confidence"][seen, None]), N_POINTS, axis=1)
    if set(_BOX) <= columns.keys():
        x, y, width, height = (columns[name][seen] for name in _BOX)
        about["boxes"] = np.stack([x, y, x + width, y + height], axis=1)
    return Tracks.from_rows(frame[seen], face, points, **about)

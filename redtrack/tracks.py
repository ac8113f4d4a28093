"""The one data type: the landmarks of every face in one video, as rows.

They are rows and not a dense array, in which a long video with many faces would be gigabytes of NaN. `Tracks.dense`
gives the dense array of one face.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from redtrack.columns import FRAME_FIELDS, ROW_FIELDS, CheckedColumns, FrameState, RowState
from redtrack.errors import UsageError, counted
from redtrack.measures import measures, uncertainties
from redtrack.points import N_POINTS
from redtrack.pose import Pose, fit_pose, known_pose
from redtrack.schema import join_rows, select_rows

if TYPE_CHECKING:
    import pandas
    import xarray
    from matplotlib.figure import Figure

__all__ = ["FRAME_FIELDS", "ROW_FIELDS", "FrameState", "RowState", "Tracks"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Tracks(CheckedColumns):
    """R rows, one for each face in each frame, of a video of F frames. Raises FormatError for arrays that are no such
    rows; `redtrack.columns` declares them.
    """

    info: Mapping[str, Any] = field(default_factory=dict)  # source, weights, options; JSON values only

    @classmethod
    def from_rows(
        cls,
        frame: Any,
        face: Any,
        points: Any,
        times: Any,
        *,
        frame_state: Any = None,
        info: Mapping[str, Any] | None = None,
        **columns: Any,
    ) -> Tracks:
        """Returns Tracks from rows in any order and of any number type; `columns` are the others of `ROW_FIELDS`.

        What is not given is unknown: scores and disagreement are NaN, a box is the tight box of the points, a state is
        DETECTED, or OK for a frame, and optional columns are absent. Raises FormatError for rows that no Tracks can
        hold.
        """
        given = {"frame": frame, "face": face, "points": points} | columns
        assert given.keys() <= ROW_FIELDS.keys(), f"no columns {given.keys() - ROW_FIELDS.keys()}"
        arrays = {name: ROW_FIELDS[name].array(values) for name, values in given.items() if values is not None}
        arrays.setdefault("boxes", _extent(arrays["points"]))
        for name, about in ROW_FIELDS.items():
            if not about.optional:
                arrays.setdefault(name, about.filled(len(arrays["frame"])))
        order = np.lexsort((arrays["face"], arrays["frame"]))
        arrays = {name: array[order] if len(array) == len(order) else array for name, array in arrays.items()}
        arrays["times"] = FRAME_FIELDS["times"].array(times)
        unmarked = np.zeros(len(arrays["times"]))
        arrays["frame_state"] = FRAME_FIELDS["frame_state"].array(unmarked if frame_state is None else frame_state)
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
        rows = join_rows(ROW_FIELDS, [part.rows for part in parts])
        rows["frame"] = rows["frame"] + np.repeat(starts, [len(part) for part in parts])
        frames = {name: np.concatenate([getattr(part, name) for part in parts]) for name in FRAME_FIELDS}
        return cls(**rows, **frames, info=dict(parts[0].info))

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

    @property
    def rows(self) -> dict[str, np.ndarray | None]:
        """The columns of the rows by name; None for an optional one that is absent."""
        return {name: getattr(self, name) for name in ROW_FIELDS}

    @property
    def partial(self) -> np.ndarray:
        """(R,) bool: which rows lack points, as partly labelled faces do."""
        lacking: np.ndarray = np.isnan(self.points).any(axis=(1, 2))
        return lacking

    def face_rows(self, face: int) -> np.ndarray:
        """Returns (n,) int64, the rows of one face in order of time."""
        return np.flatnonzero(self.face == face)

    def dense(self, face: int | None = None, column: str = "points") -> np.ndarray:
        """Returns a column for every frame: (F, 68, 2) float32 of one face, (F, N, 68, 2) of all N in order of id.

        NaN where a face is absent. `column` is any of the rows', such as scores or boxes. Raises UsageError for a face
        that is not there.
        """
        if face is not None and face not in self.faces:
            known = ", ".join(map(str, self.faces[:12])) or "none"
            raise UsageError(f"there is no face {face}", remedy=f"the faces are {known}")
        values = getattr(self, column)
        if values is None:
            raise UsageError(f"the tracks have no '{column}'")
        faces = self.faces if face is None else [face]
        rows = np.arange(len(self)) if face is None else self.face_rows(face)
        kind = np.result_type(values.dtype, np.float32)
        cube = np.full((self.frames, len(faces), *values.shape[1:]), np.nan, kind)
        cube[self.frame[rows], np.searchsorted(faces, self.face[rows])] = values[rows]
        return cube if face is None else cube[:, 0]

    def measures(self, face: int, uncertainty: bool = False) -> dict[str, np.ndarray]:
        """Returns what people measure on one face: (F,) float64 by the names of `redtrack.measures.MEASURES`.

        NaN in frames without the face; docs/measures.md defines each. With `uncertainty` also the standard deviation of
        each length, as `mouth_opening_sd` and so on, from the points' `sigma`; NaN where the tracks have none.
        """
        rows = self.face_rows(face)
        found = self.row_measures(rows, uncertainty)
        curves = {name: np.full(self.frames, np.nan) for name in found}
        for name, values in found.items():
            curves[name][self.frame[rows]] = values
        return curves

    def row_measures(self, rows: Any = slice(None), uncertainty: bool = False) -> dict[str, np.ndarray]:
        """Returns the measures of some rows, each (R,) float64, by the names that `measures` has."""
        points, head = self.points[rows], self.head(rows)
        found = measures(points, head)
        if uncertainty:
            unknown = np.full((len(points), N_POINTS, 3), np.nan)
            found |= uncertainties(points, unknown if self.sigma is None else self.sigma[rows], head)
        return found

    def at_rate(self, fps: float) -> Tracks:
        """Returns the same rows with the time of frame n at n / fps seconds."""
        info = {key: value for key, value in self.info.items() if key != "times_known"}
        return replace(self, times=np.arange(self.frames) / fps, info=info)

    def events(self, face: int, kinds: Sequence[str] = ("all",), **limits: float) -> list[Any]:
        """Returns what happens to one face, as `redtrack.events.Event`s in order of time; docs/events.md tells which.

        kinds are names of `redtrack.events.KINDS`; limits are fields of `redtrack.events.Limits` that are to differ.
        Gaps and doubtful stretches are among them. Raises UsageError for an unknown face, kind or limit.
        """
        from redtrack.events import Limits, find_events

        found: list[Any] = find_events(self, face, kinds, Limits().changed(limits))
        return found

    def head(self, rows: Any = slice(None)) -> Pose:
        """Returns where the heads of some rows are: as the rows hold it, else fitted to their points."""
        if self.pose is None or self.points3d is None:
            return fit_pose(self.points[rows])
        return known_pose(self.pose[rows], self.points3d[rows])

    def select(self, rows: np.ndarray) -> Tracks:
        """Returns the same video with only some rows: `rows` is (R,) bool or ascending indices."""
        return replace(self, **select_rows(self.rows, rows))

    def between(self, start: float, end: float, unit: Literal["frames", "seconds"] = "frames") -> Tracks:
        """Returns the frames from start to end (exclusive) as Tracks of their own, counted from 0; times are kept."""
        if unit == "seconds":
            start, end = np.searchsorted(self.times, [start, end]).tolist()
        start, end = int(start), int(end)
        first, last = np.searchsorted(self.frame, [start, end])
        rows = select_rows(self.rows, slice(first, last))
        rows["frame"] = rows["frame"] - start
        frames = {name: getattr(self, name)[start:end] for name in FRAME_FIELDS}
        return Tracks(**rows, **frames, info=self.info)

    def same_as(self, other: Tracks) -> bool:
        """Returns whether all arrays are equal, NaN equal to NaN; info is not compared."""
        names = (*ROW_FIELDS, *FRAME_FIELDS)
        return all(_equal(getattr(self, name), getattr(other, name)) for name in names)

    def save(self, path: str | os.PathLike[str], format: str | None = None, **options: Any) -> None:
        """Writes to `path`, in the format named or the one that its ending stands for; see `redtrack.formats`."""
        from redtrack.formats import write

        write(self, path, format, **options)

    def to_pandas(self, measures: bool = False, scores: bool = False, uncertainty: bool = False) -> pandas.DataFrame:
        """Returns a data frame with a line for each face in each frame; see `redtrack.dataframes.columns_of`."""
        from redtrack.dataframes import to_pandas

        return to_pandas(self, measures, scores, uncertainty)

    @classmethod
    def from_pandas(cls, table: pandas.DataFrame, times: Any = None, info: dict[str, Any] | None = None) -> Tracks:
        """Returns the tracks in a data frame as `to_pandas` makes it; see `redtrack.dataframes.from_pandas`."""
        from redtrack.dataframes import from_pandas

        return from_pandas(table, times, info)

    def to_xarray(self) -> xarray.Dataset:
        """Returns a dataset in the layout of movement's poses, with true times; see `redtrack.dataframes.to_xarray`."""
        from redtrack.dataframes import to_xarray

        return to_xarray(self)

    def plot(self, face: int | None = None) -> Figure:
        """Returns a figure of the measures of one face over time, by default of the one that is seen longest."""
        from redtrack.plots import measures_figure

        return measures_figure(self, face)

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: counts, and a picture of when each face is there."""
        from redtrack.notebook import html

        return html(self)

    def __repr__(self) -> str:
        held = (counted(n, word) for n, word in ((len(self), "row"), (len(self.faces), "face"), (self.frames, "frame")))
        return f"Tracks({', '.join(held)})"


def _extent(points: np.ndarray) -> np.ndarray:
    """Returns (R, 4) float32, the smallest box around each row's points (R, 68, 2)."""
    if not len(points):
        return np.zeros((0, 4), np.float32)
    return np.concatenate([np.fmin.reduce(points, axis=1), np.fmax.reduce(points, axis=1)], axis=1)


def _equal(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None:
        return a is b
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")

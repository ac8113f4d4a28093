"""Tracks as tables and labelled arrays of other libraries: pandas and back, xarray in the layout of movement.

`Tracks.to_pandas`, `Tracks.to_xarray` and `Tracks.from_pandas` call these. The libraries are extras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from redtrack.errors import FormatError, UsageError
from redtrack.points import N_POINTS, NAMES, known_mean
from redtrack.timing import filled_times, unknown_times
from redtrack.tracks import Tracks

if TYPE_CHECKING:
    import pandas
    import xarray

__all__ = ["POINT_COLUMNS", "columns_of", "from_pandas", "to_pandas", "to_xarray"]

POINT_COLUMNS: tuple[str, ...] = tuple(f"{axis}_{i}" for axis in "xy" for i in range(N_POINTS))
_SCORES = tuple(f"score_{i}" for i in range(N_POINTS))
_BOX = ("box_x0", "box_y0", "box_x1", "box_y1")


def columns_of(
    tracks: Tracks, measures: bool = False, scores: bool = False, uncertainty: bool = False
) -> dict[str, np.ndarray]:
    """Returns the columns (R,) of the long table: a row for each face in each frame.

    `frame` and `face` from 0, `time` in seconds (NaN where unknown), `score` (the mean of the points'), `box_x0` to
    `box_y1` and `x_0` to `y_67` in px; with `measures` those of docs/measures.md, with `uncertainty` also their
    standard deviations, with `scores` also `score_0` to `score_67`.
    """
    known = tracks.info.get("times_known", True)
    columns = {"frame": tracks.frame, "face": tracks.face}
    columns["time"] = tracks.times[tracks.frame] if known else np.full(len(tracks), np.nan)
    columns["score"] = known_mean(tracks.scores).astype(np.float32)
    columns |= dict(zip(_BOX, tracks.boxes.T, strict=True))
    columns |= tracks.row_measures(uncertainty=uncertainty) if measures or uncertainty else {}
    columns |= dict(zip(POINT_COLUMNS, tracks.points.transpose(2, 1, 0).reshape(2 * N_POINTS, -1), strict=True))
    return columns | (dict(zip(_SCORES, tracks.scores.T, strict=True)) if scores else {})


def to_pandas(
    tracks: Tracks, measures: bool = False, scores: bool = False, uncertainty: bool = False
) -> pandas.DataFrame:
    """Returns a data frame of `columns_of`; raises UsageError without pandas."""
    try:
        import pandas
    except ImportError as error:
        raise UsageError("data frames need pandas", remedy="pip install 'redtrack[pandas]'") from error
    columns = columns_of(tracks, measures, scores, uncertainty)
    return pandas.DataFrame({name: np.ascontiguousarray(values) for name, values in columns.items()})


def from_pandas(table: pandas.DataFrame, times: Any = None, info: dict[str, Any] | None = None) -> Tracks:
    """Returns the tracks in a data frame with the columns `frame`, `face` and `x_0` to `y_67`, as `to_pandas` makes.

    times: (F,) seconds of all frames, also of those without a face; by default `time` tells them, and the frames
    between two known ones are spaced evenly. Raises FormatError for what no Tracks can hold.
    """
    missing = [name for name in ("frame", "face", *POINT_COLUMNS) if name not in table.columns]
    if missing:
        raise FormatError(f"the data frame has no column '{missing[0]}'")
    columns = {str(name): table[name].to_numpy() for name in table.columns}
    frame = np.asarray(columns["frame"], np.int64)
    points = np.stack([np.asarray(columns[name], np.float32) for name in POINT_COLUMNS], axis=1)
    rows: dict[str, Any] = {"points": points.reshape(-1, 2, N_POINTS).swapaxes(1, 2)}
    if set(_SCORES) <= columns.keys():
        rows["scores"] = np.stack([columns[name] for name in _SCORES], axis=1)
    elif "score" in columns:
        rows["scores"] = np.repeat(np.asarray(columns["score"], np.float32)[:, None], N_POINTS, axis=1)
    if set(_BOX) <= columns.keys():
        rows["boxes"] = np.stack([columns[name] for name in _BOX], axis=1)
    about = _times(frame, columns, times)
    about["info"] = about.get("info", {}) | (info or {})
    return Tracks.from_rows(frame, columns["face"], **rows, **about)


def _times(frame: np.ndarray, columns: dict[str, np.ndarray], times: Any) -> dict[str, Any]:
    if times is not None:
        return {"times": times}
    frames = int(frame.max()) + 1 if len(frame) else 0
    if "time" in columns:
        return filled_times(frame, np.asarray(columns["time"], np.float64), frames)
    return unknown_times(frames)


def to_xarray(tracks: Tracks) -> xarray.Dataset:
    """Returns a dataset in the layout of movement's poses: position (time, space, keypoints, individuals), confidence.

    `time` has the true times in seconds, or frame numbers where no times are known. Raises UsageError without xarray.
    """
    try:
        import xarray
    except ImportError as error:
        raise UsageError("datasets need xarray", remedy="pip install 'redtrack[pandas]'") from error
    known = bool(tracks.info.get("times_known", True))
    about = {"source_software": "redtrack", "ds_type": "poses", "time_unit": "seconds" if known else "frames"}
    about |= {"source_file": str(tracks.info.get("source") or "")}
    steps = np.diff(tracks.times)
    rate: dict[str, Any] = {"fps": float(1 / np.median(steps))} if known and len(steps) and np.median(steps) > 0 else {}
    dims = ("time", "space", "keypoints", "individuals")
    return xarray.Dataset(
        data_vars={
            "position": (dims, tracks.dense().transpose(0, 3, 2, 1)),
            "confidence": (("time", *dims[2:]), tracks.dense(column="scores").transpose(0, 2, 1)),
        },
        coords={
            "time": tracks.times if known else np.arange(tracks.frames),
            "space": ["x", "y"],
            "keypoints": list(NAMES),
            "individuals": [f"face_{face}" for face in tracks.faces],
        },
        attrs=about | rate,
    )

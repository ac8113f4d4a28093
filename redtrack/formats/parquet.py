"""Parquet (`.parquet`): one long table, made for a query over thousands of videos. Needs pyarrow, an extra.

A row for each face in each frame, and one without a face for each frame that has none, sorted by video, frame, face:

| column | type | |
| --- | --- | --- |
| video | string (dictionary) | name of the source's file without its ending |
| frame, face | int64, int32 | from 0; face is null in a frame without one |
| time | double | s; null where unknown |
| score | float | mean of the points' scores |
| box_x0 … box_y1, x_0 … x_67, y_0 … y_67 | float | px |
| the names of docs/measures.md | float | measured on the points; with `uncertainty`, their standard deviations follow |
| score_0 … score_67 | float | confidence of each point |

What is unknown is null, never NaN. Compressed with zstd, a row group for each video; the schema's metadata holds, under
`redtrack`, a JSON object with the info of each video. Several videos may share a file: `write_run` appends them as they
come. Read: a file of one video; of one with several, the one that is named.

    polars.scan_parquet("tables/*.parquet").group_by("video").agg(polars.col("mouth_opening").mean())

Cannot hold: disagreement, states.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redtrack.dataframes import columns_of
from redtrack.errors import FormatError, UsageError
from redtrack.formats.common import MAX_FRAMES, PathLike, check_file, naming, output_error, part_path
from redtrack.measures import columns
from redtrack.points import N_POINTS
from redtrack.timing import filled_times
from redtrack.tracks import Tracks

if TYPE_CHECKING:
    import pyarrow

__all__ = ["MAGIC", "has_other_columns", "read_parquet", "write_parquet", "write_run"]

MAGIC = b"PAR1"
_KEY = b"redtrack"
_LARGEST = 1 << 31  # bytes of one file's table in memory


def write_parquet(tracks: Tracks, path: PathLike, uncertainty: bool = False) -> None:
    """Writes the table of one video; raises OutputError, and UsageError without pyarrow."""
    write_run([(name_of(tracks, path), tracks)], path, uncertainty)


def name_of(tracks: Tracks, path: PathLike) -> str:
    """Returns what a video is called: its file's name without the ending, or that of the table's file."""
    return Path(str(tracks.info.get("source") or path)).stem


def write_run(videos: Iterable[tuple[str, Tracks]], path: PathLike, uncertainty: bool = False) -> None:
    """Writes one table of many videos, given by name, one after another; raises as `write_parquet` does."""
    arrow, parquet = _libraries(path)
    final, part, writer, about = Path(path), part_path(Path(path)), None, {}
    try:
        for name, tracks in videos:
            table = _table(arrow, name, tracks, uncertainty)
            about[name] = dict(tracks.info)
            writer = writer or parquet.ParquetWriter(part, table.schema, compression="zstd")
            writer.write_table(table, row_group_size=max(len(table), 1))
        if writer is None:
            raise UsageError("there is no video to write")
        writer.add_key_value_metadata({_KEY.decode(): json.dumps(about, default=str)})
        writer.close()
        os.replace(part, final)
    except BaseException as error:
        with suppress(Exception):
            writer and writer.close()
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise output_error(error, final) from error
        raise


def _libraries(path: PathLike) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError("Parquet needs pyarrow", path, "pip install 'redtrack[parquet]'") from error
    return pyarrow, pyarrow.parquet


def _table(arrow: Any, name: str, tracks: Tracks, uncertainty: bool) -> pyarrow.Table:
    """Returns the rows of one video, frames without a face among them."""
    found = columns_of(tracks, measures=True, scores=True, uncertainty=uncertainty)
    empty = np.setdiff1d(np.arange(tracks.frames), tracks.frame)
    order = np.argsort(np.concatenate([tracks.frame, empty]), kind="stable")
    absent = np.concatenate([np.zeros(len(tracks), bool), np.ones(len(empty), bool)])[order]
    times = tracks.times if tracks.info.get("times_known", True) else np.full(tracks.frames, np.nan)
    made = {"video": arrow.array([name] * len(order)).dictionary_encode()}
    for column, values in found.items():
        whole = np.concatenate([values, np.zeros(len(empty), values.dtype)])[order]
        if column == "frame":
            made[column] = arrow.array(np.concatenate([values, empty])[order])
        elif column == "time":
            made[column] = arrow.array(times[made["frame"].to_numpy()], from_pandas=True)
        elif column == "face":
            made[column] = arrow.array(whole, mask=absent)
        else:
            whole = whole.astype(np.float32)
            made[column] = arrow.array(whole, mask=absent | np.isnan(whole))
    return arrow.table(made)


def has_other_columns(path: PathLike, uncertainty: bool = False) -> bool:
    """Returns whether a table has other columns than `write_parquet` would write."""
    arrow, parquet = _libraries(path)
    try:
        names = parquet.read_schema(path).names
    except (arrow.ArrowException, OSError):
        return True
    return uncertainty != (columns(uncertainty=True)[-1] in names)


def read_parquet(path: PathLike, video: str | None = None) -> Tracks:
    """Returns the tracks of a video; the name may be left out where there is only one. Raises FormatError."""
    arrow, parquet = _libraries(path)
    with naming(path):
        try:
            with parquet.ParquetFile(check_file(path)) as file:
                if sum(file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups)) > _LARGEST:
                    raise FormatError("is too large")
                table = file.read()
                about = json.loads((file.metadata.metadata or {}).get(_KEY, b"{}"))
        except (arrow.ArrowException, ValueError, RecursionError, OSError) as error:
            raise FormatError(f"is a damaged Parquet file ({' '.join(str(error).split())[:200]})") from error
        try:
            return _assemble({name: table[name] for name in table.column_names}, video, about)
        except arrow.ArrowException as error:
            raise FormatError(f"is a damaged Parquet file ({' '.join(str(error).split())[:200]})") from error


def _assemble(columns: dict[str, Any], video: str | None, about: Any) -> Tracks:
    wanted = ["video", "frame", "face", "time", *_names("x"), *_names("y")]
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise FormatError(f"has no column '{missing[0]}'")
    names = np.array([str(name) for name in columns["video"].to_pylist()])
    known = sorted(set(names.tolist()))
    if video is None and len(known) > 1:
        raise FormatError(f"holds {len(known)} videos", remedy=f"name one: {', '.join(known[:4])}")
    if video is not None and video not in known:
        raise FormatError(f"holds no video '{video}'")
    rows = names == (video or (known[0] if known else ""))
    try:
        numbers = {name: _numbers(column)[rows] for name, column in columns.items() if name != "video"}
    except (TypeError, ValueError) as error:
        raise FormatError("has columns that are not numbers") from error
    frame = _whole(numbers["frame"], MAX_FRAMES)
    seen = ~np.isnan(numbers["face"])
    face = _whole(numbers["face"][seen], 2**31)
    info = about.get(video or (known[0] if known else "")) if isinstance(about, dict) else None
    frames = int(frame.max()) + 1 if len(frame) else 0
    timing: dict[str, Any] = filled_times(frame, numbers["time"], frames) if frames else {"times": np.zeros(0)}
    timing["info"] = (info if isinstance(info, dict) else {}) | timing.get("info", {})
    points = np.stack([_stack(numbers, axis)[seen] for axis in "xy"], axis=2)
    more: dict[str, Any] = {}
    if set(_names("score")) <= numbers.keys():
        more["scores"] = _stack(numbers, "score")[seen]
    boxes = ("box_x0", "box_y0", "box_x1", "box_y1")
    if set(boxes) <= numbers.keys():
        more["boxes"] = np.stack([numbers[name][seen] for name in boxes], axis=1)
    return Tracks.from_rows(frame[seen], face, points, **more, **timing)


def _names(prefix: str) -> list[str]:
    return [f"{prefix}_{i}" for i in range(N_POINTS)]


def _stack(numbers: dict[str, np.ndarray], prefix: str) -> np.ndarray:
    return np.stack([numbers[name] for name in _names(prefix)], axis=1)


def _numbers(column: Any) -> np.ndarray:
    """Returns a column as float64, NaN where it is null."""
    values = column.to_numpy()
    return np.asarray([np.nan if value is None else value for value in values.tolist()], np.float64)


def _whole(values: np.ndarray, most: int) -> np.ndarray:
    good = (values >= 0) & (values < most) & (values == np.floor(values))
    if not good.all():
        raise FormatError(f"has a frame or face that is not a whole number from 0 to {most}")
    return values.astype(np.int64)

"""DeepLabCut's HDF5 (`.dlc.h5`), the pandas table `df_with_missing` that `analyze_videos` leaves beside its CSV.

A line a frame, a column for each of (scorer, individuals, bodyparts, coords), the individuals left out where face 0
is the only one: what `deeplabcut.py` writes as text, with the same names. In PyTables' table layout, which
`pandas.read_hdf` and readers of `/df_with_missing/table` expect; in its fixed layout, which pandas reads as well, where
the names of many faces do not fit into an attribute, or there is no frame.

Written by pandas and PyTables, an extra: `pip install 'redtrack[deeplabcut]'`. Read without them, whatever the table's
key (stitched tracks have `tracks`, pictures `predictions`), and without running what is pickled in it: the names are
taken from a pickle only where they are plain texts. A frame is a whole number in the table's index, or the place of the
line where the index has names of pictures.

Cannot hold: times (a frame counts as one second), disagreement, boxes, states, info.
"""

from __future__ import annotations

import os
import re
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from redtrack.errors import FormatError, UsageError
from redtrack.formats.common import PathLike, naming, output_error, part_path
from redtrack.formats.deeplabcut import COORDS, SCORER, animals_of, assemble, rows_of, wanted_columns
from redtrack.formats.hdf5_file import Hdf5File, open_hdf5
from redtrack.points import N_POINTS, NAMES
from redtrack.tracks import Tracks

if TYPE_CHECKING:
    import pandas

__all__ = ["KEY", "read_deeplabcut_hdf5", "write_deeplabcut_hdf5"]

KEY = "df_with_missing"
"""The name of the table in files of `analyze_videos`; other commands of DeepLabCut choose others."""

_LEVELS = {3: ("scorer", "bodyparts", "coords"), 4: ("scorer", "individuals", "bodyparts", "coords")}
_ATTRIBUTE_LIMIT = 60_000  # bytes: HDF5's is 64 KiB, for a whole header
_BYTES_A_NAME = 30  # of a column's name once pickled, about


def write_deeplabcut_hdf5(tracks: Tracks, path: PathLike) -> None:
    """Writes one HDF5 file; raises OutputError, and UsageError without pandas or PyTables."""
    frame = _table_of(tracks)
    final, part = Path(path), part_path(Path(path))
    small = len(frame.columns) * _BYTES_A_NAME < _ATTRIBUTE_LIMIT
    try:
        part.touch()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTables warns of wide tables
            frame.to_hdf(part, key=KEY, mode="w", format="table" if small and len(frame) else "fixed")
        os.replace(part, final)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError) or type(error).__name__ == "HDF5ExtError":
            raise output_error(error if isinstance(error, Exception) else OSError(str(error)), final) from error
        raise


def _table_of(tracks: Tracks) -> pandas.DataFrame:
    """Returns the table: a line for each frame, three columns for each point, NaN where a face is absent."""
    try:
        import pandas
        import tables  # noqa: F401 - pandas writes with it
    except ImportError as error:
        remedy = "pip install 'redtrack[deeplabcut]', or write DeepLabCut's CSV, --to deeplabcut"
        raise UsageError("DeepLabCut's HDF5 needs pandas and tables", remedy=remedy) from error
    faces = tracks.faces or [0]
    values = np.full((tracks.frames, len(faces), N_POINTS, len(COORDS)), np.nan)
    column = np.searchsorted(faces, tracks.face)
    values[tracks.frame, column] = np.concatenate([tracks.points, tracks.scores[..., None]], axis=2)
    levels = {"scorer": [SCORER], "individuals": [f"face_{face}" for face in faces]}
    levels |= {"bodyparts": list(NAMES), "coords": list(COORDS)}
    if faces == [0]:
        del levels["individuals"]
    names = pandas.MultiIndex.from_product(levels.values(), names=list(levels))
    return pandas.DataFrame(values.reshape(tracks.frames, len(names)), columns=names)


def read_deeplabcut_hdf5(path: PathLike) -> Tracks:
    """Returns the tracks in the first pandas table of an HDF5 file, whatever its key; raises FormatError."""
    with naming(path), open_hdf5(path) as file:
        keys = pandas_tables(file)
        if not keys:
            raise FormatError("has no pandas table")
        key = KEY if KEY in keys else keys[0]
        fixed = file.text("pandas_type", key) == "frame"
        columns, index, values = _read_fixed(file, key) if fixed else _read_table(file, key)
        columns, values = _in_order(
            _fixed_names(file, f"{key}/axis0") if fixed else _all_names(file, key), columns, values
        )
        animals = animals_of(_levels(columns))
        wanted = np.array(wanted_columns(animals)[1:], int) - 1
        block = np.column_stack([index, values[:, wanted]])
        return assemble([rows_of(block, animals)] if len(block) else [])


def pandas_tables(file: Hdf5File) -> list[str]:
    """Returns the groups in which pandas keeps a table."""
    kinds = {name: file.attributes(name).get("pandas_type") for name in file.objects}
    return sorted(name for name, kind in kinds.items() if kind in ({"text": "frame"}, {"text": "frame_table"}))


Columns = list[tuple[str, ...]]  # the texts that name each column, one a level


def _read_table(file: Hdf5File, key: str) -> tuple[Columns, np.ndarray, np.ndarray]:
    """Reads the table layout: an array of lines, each with the frame and one or more blocks of numbers."""
    table = f"{key}/table"
    lines = file.array(table)
    blocks = [name for name in lines.dtype.names or () if name.startswith("values_block_")]
    if not blocks or "index" not in (lines.dtype.names or ()):
        raise FormatError(f"'{table}' is not a table of numbers by frame")
    columns = [names for block in blocks for names in file.names(table, f"{block}_kind")]
    rows = lines[:]
    values = np.column_stack([rows[block].reshape(len(rows), -1).astype(np.float64) for block in blocks])
    if values.shape[1] != len(columns):
        raise FormatError("its numbers and its names do not fit")
    return columns, rows["index"], values


def _read_fixed(file: Hdf5File, key: str) -> tuple[Columns, np.ndarray, np.ndarray]:
    """Reads the fixed layout: an array of frames and, for each type of number, one of values with their names."""
    columns, values = [], []
    for block in sorted(name for name in file.objects if re.fullmatch(rf"{re.escape(key)}/block[0-9]+_values", name)):
        names = _fixed_names(file, block.removesuffix("_values") + "_items")
        if "shape" in file.attributes(block):  # how pandas keeps a table without a line
            return names, np.zeros(0, np.int64), np.zeros((0, len(names)))
        values.append(file.array(block)[:].astype(np.float64))
        columns += names
        if values[-1].shape != (len(values[0]), len(names)):
            raise FormatError("its numbers and its names do not fit")
    if not values:
        raise FormatError("its table has no numbers")
    return columns, _fixed_index(file, f"{key}/axis1", len(values[0])), np.column_stack(values)


def _all_names(file: Hdf5File, key: str) -> Columns:
    return file.names(key, "non_index_axes") if "non_index_axes" in file.attributes(key) else []


def _in_order(wanted: Columns, columns: Columns, values: np.ndarray) -> tuple[Columns, np.ndarray]:
    """Returns the columns in the order of the whole table: blocks are kept by type, which tears them apart."""
    place = {names: i for i, names in enumerate(columns)}
    if len(place) < len(columns) or sorted(wanted) != sorted(columns):
        return columns, values
    return wanted, values[:, [place[names] for names in wanted]]


def _fixed_index(file: Hdf5File, name: str, rows: int) -> np.ndarray:
    """Returns the frame of each line: its number in the index, or its place where the index has names of pictures."""
    about = file.objects.get(name)
    if about is None or about.get("type") == "text":
        return np.arange(rows)
    index = file.array(name)[:]
    if index.shape != (rows,):
        raise FormatError("its numbers and its frames do not fit")
    return index


def _fixed_names(file: Hdf5File, items: str) -> Columns:
    """Returns the names of a block's columns: for each level a list of names, and which of them each column has."""
    levels = []
    for level in range(len(_LEVELS[4])):
        if f"{items}_level{level}" not in file:
            break
        names, places = file.texts(f"{items}_level{level}"), file.array(f"{items}_label{level}")[:]
        if places.ndim != 1 or not ((places >= 0) & (places < len(names))).all():
            raise FormatError("its columns have no names")
        levels.append([names[int(place)] for place in places])
    if len({len(level) for level in levels}) > 1:
        raise FormatError("its columns have no names")
    return list(zip(*levels, strict=True))


def _levels(columns: Columns) -> dict[str, list[str]]:
    depth = len(columns[0]) if columns else 0
    if depth not in _LEVELS or any(len(column) != depth for column in columns):
        raise FormatError("its columns are not named scorer, (individuals,) bodyparts, coords")
    return {name: [column[i] for column in columns] for i, name in enumerate(_LEVELS[depth])}

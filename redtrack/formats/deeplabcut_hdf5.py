"""DeepLabCut's HDF5 (`.dlc.h5`), the pandas table `df_with_missing` that `analyze_videos` leaves beside its CSV.

A line a frame, a column for each of (scorer, individuals, bodyparts, coords), the individuals left out where face 0
is the only one: what `deeplabcut.py` writes as text, with the same names. In PyTables' table layout, which
`pandas.read_hdf` and readers of `/df_with_missing/table` expect; in its fixed layout, which pandas reads as well, where
the names of many faces do not fit into an attribute, or there is no frame.

Written by pandas and PyTables, an extra: `pip install 'redtrack[deeplabcut]'`. Read without them, by the reader of our
own files, and without running what is pickled in it: the names are taken from a pickle only where they are plain
texts. A frame is a whole number in the table's index.

Cannot hold: times (a frame counts as one second), disagreement, boxes, states, info.
"""

from __future__ import annotations

import io
import os
import pickle
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redtrack.errors import FormatError, UsageError
from redtrack.formats.common import PathLike, naming, output_error, part_path
from redtrack.formats.deeplabcut import COORDS, SCORER, animals_of, assemble, rows_of, wanted_columns
from redtrack.formats.hdf5_array import Array
from redtrack.formats.hdf5_file import open_hdf5, texts
from redtrack.formats.hdf5_tree import Attribute, Tree
from redtrack.points import N_POINTS, NAMES
from redtrack.tracks import Tracks

if TYPE_CHECKING:
    import pandas

__all__ = ["KEY", "read_deeplabcut_hdf5", "write_deeplabcut_hdf5"]

KEY = "df_with_missing"
"""The name of the table, by which the file is told from others."""

_LEVELS = {3: ("scorer", "bodyparts", "coords"), 4: ("scorer", "individuals", "bodyparts", "coords")}
_BLOCK = "values_block_0"
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
    """Returns the tracks in a DeepLabCut HDF5 file; raises FormatError."""
    with naming(path), open_hdf5(path) as tree:
        if KEY not in tree.objects:
            raise FormatError(f"has no table '{KEY}'")
        group = _Group(tree, KEY)
        fixed = "block0_values" in group.objects
        levels, index, values = _read_fixed(group) if fixed else _read_table(group)
        animals = animals_of(levels)
        wanted = np.array(wanted_columns(animals)[1:], int) - 1
        block = np.column_stack([index, values[:, wanted]])
        return assemble([rows_of(block, animals)] if len(block) else [])


Parts = tuple[dict[str, list[str]], np.ndarray, np.ndarray]  # names by level, frames (n,), values (n, columns)


def _read_table(group: _Group) -> Parts:
    """Reads the table layout: one array of lines, the frame and then the numbers."""
    columns = _columns(_pickled(group, "table", f"{_BLOCK}_kind"))
    line = np.dtype([("index", "<i8"), ("values", "<f8", (len(columns),))])
    if _texts_of(group, "table", "FIELD_1_NAME") != _BLOCK or "FIELD_2_NAME" in group.attributes_of("table"):
        raise FormatError("its columns are of more than one kind")
    rows = Array(group, "table", dtype=line)[:]
    return _levels(columns), rows["index"], rows["values"].reshape(len(rows), len(columns))


def _read_fixed(group: _Group) -> Parts:
    """Reads the fixed layout: the numbers, the frames, and for each level its names and which column has which."""
    depth = sum(name.startswith("axis0_level") for name in group.objects)
    columns = []
    for level in range(depth):
        names, places = texts(group, f"axis0_level{level}"), Array(group, f"axis0_label{level}")[:]
        if places.ndim != 1 or not ((places >= 0) & (places < len(names))).all():
            raise FormatError("its columns have no names")
        columns.append([names[place] for place in places])
    levels = _levels(list(zip(*columns, strict=True)))
    if "shape" in group.attributes_of("block0_values"):  # how pandas keeps a table without a line
        return levels, np.zeros(0, np.int64), np.zeros((0, len(columns[0])))
    index, values = Array(group, "axis1")[:], Array(group, "block0_values")[:]
    if values.shape != (len(index), len(columns[0])) or index.ndim != 1:
        raise FormatError("its numbers and its names do not fit")
    return levels, index, values


def _levels(columns: list[tuple[str, ...]]) -> dict[str, list[str]]:
    depth = len(columns[0]) if columns else 0
    if depth not in _LEVELS or any(len(column) != depth for column in columns):
        raise FormatError("its columns are not named scorer, (individuals,) bodyparts, coords")
    return {name: [column[i] for column in columns] for i, name in enumerate(_LEVELS[depth])}


def _columns(names: Any) -> list[tuple[str, ...]]:
    good = isinstance(names, list) and all(isinstance(n, tuple) and all(isinstance(t, str) for t in n) for n in names)
    if not good:
        raise FormatError("its columns are not named by texts", remedy="save it as DeepLabCut's CSV")
    return list(names)


class _Group(Tree):
    """A group of the root group, with its datasets and attributes."""

    def __init__(self, tree: Tree, name: str) -> None:
        self.source = tree.source
        self._list_object(tree.objects[name])

    def attributes_of(self, name: str) -> dict[str, Attribute]:
        """Returns the attributes of a dataset of the group."""
        if name not in self.objects:
            raise FormatError(f"has no '{name}' in its table")
        return self.attributes(self.messages(self.objects[name]))


def _texts_of(group: _Group, name: str, attribute: str) -> str:
    found = group.attributes_of(name).get(attribute)
    return "" if found is None else found.data.split(b"\0")[0].decode("utf-8", "replace")


class _Plain(pickle.Unpickler):
    """Reads numbers, texts, lists and tuples, and nothing that would have to be imported."""

    def find_class(self, module: str, name: str) -> Any:
        raise FormatError("its columns are not named by plain texts", remedy="save it as DeepLabCut's CSV")


def _pickled(group: _Group, name: str, attribute: str) -> Any:
    found = group.attributes_of(name).get(attribute)
    if found is None:
        raise FormatError(f"its table has no '{attribute}'")
    try:
        return _Plain(io.BytesIO(found.data)).load()
    except FormatError:
        raise
    except Exception as error:  # a spoiled pickle raises anything
        raise FormatError("the names of its columns are damaged") from error

"""The columns of `Tracks`: what one of them is, and the checks, joins and empty values that follow from that.

`redtrack.columns` declares them with `row_column` and `frame_column`. Everything that handles rows (the checks,
`select`, `concatenate`, the merging of rows in inference, the HDF5 writer and reader) goes through its `ROW_FIELDS`,
which is made of these declarations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from redtrack.errors import FormatError

__all__ = ["ANY", "Columns", "Field", "fields_over", "frame_column", "join_rows", "row_column", "select_rows"]

ANY = 0
"""The length of an axis that is as long as somebody wanted it, in all rows alike."""

Columns = Mapping[str, Any]
"""Arrays (R, ...) by the name of their column; None for an optional column that is absent."""


@dataclass(frozen=True)
class Field:
    """One column: the type and shape of one row, the names of all axes, the unit, the meaning, and the limits.

    `unknown` is the value of an entry of which nothing is known, `unwritten` what a file holds before a row is written.
    An optional column may be absent: it is None in `Tracks`, and a file has no dataset for it.
    """

    dtype: str
    row_shape: tuple[int, ...]
    axes: tuple[str, ...]  # the first is "row" or "frame"
    meaning: str
    unit: str = ""
    unknown: float | None = None  # None: every entry has a value
    unwritten: float = np.nan
    lowest: float = -np.inf
    highest: float = np.inf
    optional: bool = False

    def suits(self, row_shape: tuple[int, ...]) -> bool:
        """Returns whether an entry may have this shape."""
        known = zip(row_shape, self.row_shape, strict=False)
        return len(row_shape) == len(self.row_shape) and all(length == own or own == ANY for length, own in known)

    def array(self, values: Any) -> np.ndarray:
        """Returns the values as an array of this type; an empty one gets the shape of no rows."""
        with np.errstate(over="ignore", invalid="ignore"):  # too large for float32: infinite, and refused as such
            array: np.ndarray = np.ascontiguousarray(values, dtype=self.dtype)
        return array.reshape(0, *self.row_shape) if array.size == 0 and len(array) == 0 else array

    def filled(self, rows: int, row_shape: tuple[int, ...] | None = None) -> np.ndarray:
        """Returns (rows, *row_shape) of the unknown value, or of zeros where the column has none.

        row_shape: that of the entries beside which they will stand, for a column with an axis of `ANY` length.
        """
        return np.full((rows, *(row_shape or self.row_shape)), self.unknown or 0, self.dtype)

    def shape_text(self, *before: int) -> str:
        """Returns the shape of entries as text: (12, any number, 2)."""
        lengths = [*map(str, before), *("any number" if length == ANY else str(length) for length in self.row_shape)]
        return f"({', '.join(lengths)}{',' * (len(lengths) == 1)})"

    def check(self, name: str, array: np.ndarray, rows: int) -> None:
        """Raises FormatError unless the array has the type and shape of the column and its values are in the limits."""
        if array.dtype != self.dtype or len(array) != rows or not self.suits(array.shape[1:]):
            wanted = f"{self.shape_text(rows)} {np.dtype(self.dtype)}"
            raise FormatError(f"'{name}' is {array.shape} {array.dtype}, not {wanted}")
        is_float = array.dtype.kind == "f"
        if is_float and not (np.isfinite(array) | (np.isnan(array) & (self.unknown is not None))).all():
            raise FormatError(f"'{name}' has values that are not finite")
        low, high = self.lowest, self.highest
        if (array < low).any() or (array > high).any():
            limits = f"outside {low:g} to {high:g}" if np.isfinite(high) else f"below {low:g}"
            raise FormatError(f"'{name}' has values {limits}")


def row_column(dtype: str, axes: Mapping[str, int], meaning: str, **limits: Any) -> Any:
    """Declares, in the class body of `CheckedColumns`, a column with an entry for each row.

    `axes` has the names and lengths of an entry's axes, and `limits` other attributes of `Field`. With `optional` the
    column may be absent, and its unknown entries are NaN.
    """
    if limits.get("optional"):
        limits.setdefault("unknown", np.nan)
    return _column("row", dtype, axes, meaning, limits)


def frame_column(dtype: str, meaning: str, **limits: Any) -> Any:
    """Declares, in the class body of `CheckedColumns`, a column with a number for each frame; see `row_column`."""
    return _column("frame", dtype, {}, meaning, limits)


def _column(first: str, dtype: str, axes: Mapping[str, int], meaning: str, limits: dict[str, Any]) -> Any:
    about = Field(dtype, tuple(axes.values()), (first, *axes), meaning, **limits)
    default: dict[str, Any] = {"default": None} if about.optional else {}
    return dataclasses.field(**default, metadata={"column": about})


def fields_over(axis: str, table: type) -> dict[str, Field]:
    """Returns the columns of a dataclass whose first axis is `axis` ("row" or "frame"), by name."""
    declared = {f.name: f.metadata["column"] for f in dataclasses.fields(table) if "column" in f.metadata}
    return {name: about for name, about in declared.items() if about.axes[0] == axis}


def join_rows(fields: Mapping[str, Field], parts: Sequence[Columns]) -> dict[str, Any]:
    """Returns the columns of all parts, one after another; without parts, the columns of no rows.

    An optional column that only some parts have is unknown in the rows of the others; one that none has is None.
    Every part has all required columns, with as many rows each. Raises FormatError where an axis of `ANY` length has
    several lengths.
    """
    return {name: _joined(about, name, parts) for name, about in fields.items()}


def select_rows(columns: Columns, rows: Any) -> dict[str, Any]:
    """Returns some rows of every column: `rows` is (R,) bool, a slice, or indices."""
    return {name: None if array is None else array[rows] for name, array in columns.items()}


def _joined(about: Field, name: str, parts: Sequence[Columns]) -> np.ndarray | None:
    if about.optional and all(part.get(name) is None for part in parts):
        return None
    shapes = {part[name].shape[1:] for part in parts if not _is_absent(about, name, part) and len(part[name])}
    if len(shapes) > 1:
        raise FormatError(f"'{name}' has entries of {' and '.join(map(str, sorted(shapes)))}, which do not go together")
    shape = next(iter(shapes), None)
    arrays = [
        about.filled(len(part["frame"]), shape) if _is_absent(about, name, part) or not len(part[name]) else part[name]
        for part in parts
    ]
    return np.concatenate(arrays) if arrays else about.filled(0)


def _is_absent(about: Field, name: str, part: Columns) -> bool:
    return about.optional and part.get(name) is None

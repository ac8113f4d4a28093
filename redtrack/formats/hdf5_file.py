"""HDF5 files of any origin, opened without HDF5's library: the root group's texts and numbers, checked first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from redtrack.errors import FormatError
from redtrack.formats.common import PathLike, check_file, naming
from redtrack.formats.hdf5_array import Array, dtype_of, shape_of
from redtrack.formats.hdf5_tree import Attribute, Source, Tree, damaged

__all__ = ["number_attribute", "open_hdf5", "text_attribute", "texts"]

_LONGEST_TEXT = 16 << 20
_MOST_TEXTS = 1 << 16
_TEXT, _VARIABLE = 3, 9  # classes of HDF5 types


@contextmanager
def open_hdf5(path: PathLike) -> Iterator[Tree]:
    """Yields the file's tree; raises FormatError, with the path, for all that is wrong in the block."""
    with naming(path), open(check_file(path), "rb") as file:
        yield Tree(Source(file))


def text_attribute(tree: Tree, name: str, array: Array | None = None) -> str:
    """Returns a text attribute of an array, or of the root group; raises FormatError where there is none."""
    attribute = _attribute(tree, name, array)
    kind = attribute.datatype[0] & 15 if attribute.datatype else None
    data = None
    if shape_of(attribute.dataspace) in ((), (1,)) and len(attribute.datatype) >= 8:
        if kind == _TEXT:
            data = attribute.data[: int.from_bytes(attribute.datatype[4:8], "little")]
        elif kind == _VARIABLE and attribute.datatype[1] & 15 == 1:
            data = tree.from_heap(attribute.data[:16])
    if data is None or len(data) > _LONGEST_TEXT:
        raise FormatError(f"its attribute '{name}' is not text")
    return data.split(b"\0")[0].decode("utf-8", "replace")


def number_attribute(tree: Tree, name: str) -> int:
    """Returns a whole-number attribute of the root group; raises FormatError where there is none."""
    attribute = _attribute(tree, name)
    dtype = dtype_of(attribute.datatype)
    if dtype is None or dtype.kind not in "iu" or shape_of(attribute.dataspace) not in ((), (1,)):
        raise FormatError(f"its attribute '{name}' is not a whole number")
    if len(attribute.data) < dtype.itemsize:
        raise damaged("an attribute is cut off")
    return int(np.frombuffer(attribute.data[: dtype.itemsize], dtype)[0])


def texts(tree: Tree, name: str) -> list[str]:
    """Returns a one-dimensional dataset of texts."""
    found = Array(tree, name, text=True)
    if len(found.shape) != 1 or len(found) > _MOST_TEXTS:
        raise FormatError(f"'{name}' is not a list of names")
    values: list[bytes] = found[:].tolist()
    if found.dtype.kind == "V":  # references to texts of any length
        values = [tree.from_heap(value) for value in values]
    return [value.split(b"\0")[0].decode("utf-8", "replace") for value in values]


def _attribute(tree: Tree, name: str, array: Array | None = None) -> Attribute:
    attributes = tree.attributes(None if array is None else array.messages)
    if name not in attributes:
        raise FormatError(f"has no attribute '{name}'")
    return attributes[name]

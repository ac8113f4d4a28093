"""HDF5 files from strangers: opened, and each dataset checked before a byte of it is allocated.

HDF5 can point into other files, load filter plugins, unpickle, and declare arrays of any size in a few bytes.
Here only plain numbers stored in the file itself, under the library's own filters, are read; nothing larger
than what those filters can make of the stored bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import h5py
import numpy as np

from redtrack.errors import FormatError
from redtrack.formats.common import PathLike, check_file, naming, os_reason

__all__ = ["DAMAGE", "damage_told", "dataset", "number_attribute", "open_hdf5", "read", "text_attribute"]

_SAFE_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
_DEFLATE_LIMIT = 1100  # deflate packs at most 1032 to one
_CHUNK_LIMIT = 64 << 20  # bytes of one chunk once unpacked
_TEXT_LIMIT = 16 << 20

# All that h5py is known to raise where the bytes of a file make no sense.
DAMAGE = (
    OSError,
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    ArithmeticError,
    AttributeError,
    SystemError,
)


@contextmanager
def open_hdf5(path: PathLike) -> Iterator[h5py.File]:
    """Yields the file opened for reading; raises FormatError, with the path, for all that goes wrong."""
    with damage_told(path), h5py.File(check_file(path), "r") as file:
        yield file


@contextmanager
def damage_told(path: PathLike) -> Iterator[None]:
    """Makes a FormatError with the path of whatever h5py raises in the block."""
    with naming(path):
        try:
            yield
        except BlockingIOError as error:
            raise FormatError("is being written by another process", path) from error
        except DAMAGE as error:
            raise FormatError(f"is not a readable HDF5 file ({_first_words(error)})", path) from error


def dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """Returns a numeric dataset of the root group that is safe to read; raises FormatError for any other."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise FormatError(f"has no dataset '{name}' of its own")
    found = file[name]
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "iuf" or found.shape is None:
        raise FormatError(f"'{name}' is not an array of numbers")
    if found.is_virtual or found.external:
        raise FormatError(f"'{name}' is stored outside of the file")
    _check_storage(found, name, file.id.get_filesize())
    return found


def read(found: h5py.Dataset, count: int | None = None) -> np.ndarray:
    """Returns the dataset, or its first `count` rows."""
    array: np.ndarray = found[()] if count is None else found[:count]
    return array


def text_attribute(file: h5py.File, name: str) -> str:
    """Returns a text attribute of the root group; raises FormatError where there is none."""
    value = _attribute(file, name)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str) or len(value) > _TEXT_LIMIT:
        raise FormatError(f"its attribute '{name}' is not text")
    return value


def number_attribute(file: h5py.File, name: str) -> int:
    """Returns a whole-number attribute of the root group; raises FormatError where there is none."""
    value = _attribute(file, name)
    if not isinstance(value, (int, np.integer)):
        raise FormatError(f"its attribute '{name}' is not a whole number")
    return int(value)


def _attribute(file: h5py.File, name: str) -> object:
    if name not in file.attrs:
        raise FormatError(f"has no attribute '{name}'")
    if file.attrs.get_id(name).get_storage_size() > _TEXT_LIMIT:
        raise FormatError(f"its attribute '{name}' is too large")
    return file.attrs[name]


def _check_storage(found: h5py.Dataset, name: str, file_size: int) -> None:
    """Raises FormatError where the declared shape cannot come out of the bytes that are stored."""
    creation = found.id.get_create_plist()
    filters = {creation.get_filter(i)[0] for i in range(creation.get_nfilters())}
    if not filters <= _SAFE_FILTERS:
        raise FormatError(f"'{name}' is packed with a filter that is not deflate, shuffle or fletcher32")
    stored = found.id.get_storage_size()
    chunk = prod(found.chunks or (0,)) * found.dtype.itemsize
    declared = prod(found.shape) * found.dtype.itemsize
    if stored > file_size or chunk > _CHUNK_LIMIT or declared > _DEFLATE_LIMIT * stored:
        shape = "x".join(map(str, found.shape))
        raise FormatError(f"'{name}' claims to be {shape} numbers, more than the {stored} bytes stored can hold")


def _first_words(error: Exception) -> str:
    """Returns what a library said, on one line."""
    words = os_reason(error) if isinstance(error, OSError) else str(error)
    return " ".join(words.split())[:160] or type(error).__name__

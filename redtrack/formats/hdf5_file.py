"""HDF5 files of any origin: the texts and numbers in them, read by h5py in a process of its own (`hdf5_process`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from redtrack.errors import FormatError
from redtrack.formats.common import PathLike, check_file, naming
from redtrack.formats.hdf5_process import POOL, Hdf5Process

__all__ = ["Array", "Hdf5File", "is_hdf5", "open_hdf5"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MOST_TIMES = 1100  # to one is the most that deflate packs (1032), and more than the other filters do
_SMALL = 16 << 20  # bytes that any array may have, written or not
_PIECE = 16 << 20  # bytes asked for at once


def is_hdf5(path: PathLike) -> bool:
    """Returns whether HDF5's signature is where it may be: at 0, or behind a user block of 512, 1024, 2048… bytes."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        place = 0
        while place < size:
            file.seek(place)
            if file.read(len(SIGNATURE)) == SIGNATURE:
                return True
            place = max(2 * place, 512)
    return False


@contextmanager
def open_hdf5(path: PathLike) -> Iterator[Hdf5File]:
    """Yields the file; raises FormatError, with the path, for all that is wrong in the block."""
    with naming(path):
        found = check_file(path).absolute()
        if not is_hdf5(found):
            raise FormatError("is not an HDF5 file")
        with POOL.loan() as process:
            yield Hdf5File(process, found)


class Hdf5File:
    """What a file holds, by path ("points", "df_with_missing/table"; "" is the root group)."""

    def __init__(self, process: Hdf5Process, path: Any) -> None:
        self.process = process
        self.size: int = path.stat().st_size
        self.objects: dict[str, dict[str, Any]] = process.ask({"open": bytes(path).hex()})["objects"]

    def __contains__(self, name: str) -> bool:
        """Returns whether there is a group or dataset of that path."""
        return name in self.objects

    def attributes(self, name: str = "") -> dict[str, Any]:
        """Returns the attributes of an object, as `hdf5_child` tells them; none where it cannot be read."""
        about = self.objects.get(name, {"kind": "refused"})
        if about["kind"] == "refused":
            return {}
        if "attributes" not in about:  # most are never looked at
            about["attributes"] = self.process.ask({"attributes": name})["attributes"]
        found: dict[str, Any] = about["attributes"]
        return found

    def text(self, attribute: str, of: str = "") -> str:
        """Returns a text attribute; raises FormatError where there is none."""
        value = self._attribute(attribute, of)
        if not isinstance(value, dict):
            raise FormatError(f"its attribute '{attribute}' is not text")
        return _text(value["text"])

    def number(self, attribute: str) -> int:
        """Returns a whole-number attribute of the root group; raises FormatError where there is none."""
        value = self._attribute(attribute, "")
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        if not isinstance(value, int) or isinstance(value, bool):
            raise FormatError(f"its attribute '{attribute}' is not a whole number")
        return value

    def _attribute(self, attribute: str, of: str) -> Any:
        attributes = self.attributes(of)
        if attribute not in attributes:
            raise FormatError(f"has no attribute '{attribute}'")
        return attributes[attribute]

    def texts(self, name: str) -> list[str]:
        """Returns a one-dimensional dataset of texts."""
        if self._dataset(name)["type"] != "text":
            raise FormatError(f"'{name}' is not an array of texts")
        with _about(name):
            return [_text(text) for text in self.process.ask({"texts": name})["texts"]]

    def names(self, name: str, attribute: str) -> list[tuple[str, ...]]:
        """Returns the names of columns that pandas pickled into an attribute; nothing in it is run."""
        if attribute not in self.attributes(name):
            raise FormatError(f"its table has no '{attribute}'")
        return [tuple(texts) for texts in self.process.ask({"names": name, "attribute": attribute})["names"]]

    def array(self, name: str) -> Array:
        """Returns a dataset of numbers or of records of numbers; raises FormatError where it is none."""
        about = self._dataset(name)
        if about["type"] is None or about["type"] == "text" or about["shape"] is None:
            raise FormatError(f"'{name}' is not an array of numbers")
        return Array(self, name, about)

    def _dataset(self, name: str) -> dict[str, Any]:
        about = self.objects.get(name)
        if about is None or about["kind"] == "group":
            raise FormatError(f"has no dataset '{name}'")
        if about["kind"] == "refused":
            raise FormatError(f"'{name}' {about['why']}")
        return about


class Array:
    """One dataset: `shape`, `dtype` and, on demand, its numbers."""

    def __init__(self, file: Hdf5File, name: str, about: dict[str, Any]) -> None:
        """Raises FormatError where the claimed shape cannot come out of the bytes that are stored."""
        self.name = name
        self.shape = tuple(about["shape"])
        kind = about["type"]
        fields = [(n, t, tuple(s)) for n, t, s in kind] if isinstance(kind, list) else []
        self.dtype = np.dtype(fields if fields else kind)
        self._process = file.process
        stored = min(int(about["stored"]), file.size)
        if self.nbytes > max(_MOST_TIMES * stored, _SMALL):
            shape = "x".join(map(str, self.shape))
            raise FormatError(f"'{name}' claims to be {shape} numbers, more than the {stored} bytes stored can hold")

    @property
    def nbytes(self) -> int:
        """How many bytes all of its numbers take."""
        return prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        """Returns the length of the first axis."""
        return self.shape[0] if self.shape else 0

    def __getitem__(self, index: slice | tuple[slice, ...]) -> np.ndarray:
        """Returns a stretch of the first axis, or of each of the first few axes."""
        given = index if isinstance(index, tuple) else (index,)
        spans = [part.indices(length)[:2] for part, length in zip(given, self.shape, strict=False)]
        spans = [(start, max(start, stop)) for start, stop in spans]
        spans += [(0, length) for length in self.shape[len(spans) :]]
        values = np.empty([stop - start for start, stop in spans], self.dtype)
        if values.ndim == 0 or not values.size:
            return self._fill(values, spans)
        step = max(_PIECE // max(values[0].nbytes, 1), 1)
        first, last = spans[0]
        for start in range(first, last, step):
            stop = min(start + step, last)
            self._fill(values[start - first : stop - first], [(start, stop), *spans[1:]])
        return values

    def _fill(self, values: np.ndarray, spans: list[tuple[int, int]]) -> np.ndarray:
        if values.size:
            with _about(self.name):
                into = values.reshape(-1).view(np.uint8).data
                self._process.ask({"read": self.name, "ranges": spans}, into)
        return values


@contextmanager
def _about(name: str) -> Iterator[None]:
    """Names the dataset in an error of the block."""
    try:
        yield
    except FormatError as error:
        raise type(error)(f"'{name}': {error.message}", error.path, error.remedy) from error


def _text(latin: str) -> str:
    return latin.encode("latin-1").split(b"\0")[0].decode("utf-8", "replace")

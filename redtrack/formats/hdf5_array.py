"""The arrays of an HDF5 file: type, shape, and the numbers themselves, unpacked chunk by chunk.

Numbers only, stored in the file itself, whole, in one piece or in chunks, plain or under deflate, shuffle and
fletcher32. An array is refused before it is allocated where what is stored cannot be unpacked to its size.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from math import ceil, prod
from typing import NamedTuple

import numpy as np

from redtrack.errors import FormatError
from redtrack.formats.hdf5_tree import (
    DATASPACE,
    DATATYPE,
    EXTERNAL,
    FILL,
    FILTERS,
    LAYOUT,
    NOWHERE,
    Source,
    Tree,
    damaged,
    unpack,
    walk,
)

__all__ = ["Array", "dtype_of", "shape_of"]

_DEFLATE, _SHUFFLE, _FLETCHER32 = 1, 2, 3
_COMPACT, _IN_ONE_PIECE, _IN_CHUNKS = 0, 1, 2
_DEFLATE_LIMIT = 1100  # deflate packs at most 1032 to one
_LARGEST_CHUNK = 64 << 20  # bytes once unpacked
_TEXT, _RECORD, _VARIABLE, _LONGEST_TEXT = 3, 6, 9, 1 << 12  # HDF5's classes; bytes
_SMALL = 16 << 20  # bytes that any array may have, written or not
_MOST_AXES = 8
_PIECE = 1 << 24  # bytes read at once of an array in one piece


class Chunk(NamedTuple):
    """One chunk: its first index on every axis, and where its bytes are."""

    start: tuple[int, ...]
    address: int
    stored: int
    skipped: int  # bit i: filter i was not applied


class Array:
    """One dataset: `shape`, `dtype` and, on demand, its numbers."""

    def __init__(self, tree: Tree, name: str, text: bool = False, dtype: np.dtype | None = None) -> None:
        """Raises FormatError unless the dataset is there, safe to read, and of numbers (or of texts, if so asked).

        `dtype` is that of records, whose fields are taken to be laid out so; only their size is checked.
        """
        if name not in tree.objects:
            raise FormatError(f"has no dataset '{name}' of its own")
        self.name = name
        self._source: Source = tree.source
        self.messages = tree.messages(tree.objects[name])
        parts = dict(self.messages)
        if not {DATASPACE, DATATYPE, LAYOUT} <= parts.keys():
            raise FormatError(f"'{name}' is not an array of numbers")
        if EXTERNAL in parts:
            raise FormatError(f"'{name}' is stored outside of the file")
        shape = shape_of(parts[DATASPACE])
        if dtype is None:
            dtype = (text_type_of if text else dtype_of)(parts[DATATYPE])
        elif parts[DATATYPE][0] & 15 != _RECORD or unpack("I", parts[DATATYPE][4:]) != (dtype.itemsize,):
            raise FormatError(f"'{name}' does not hold records of {dtype.itemsize} bytes")
        if dtype is None or shape is None:
            raise FormatError(f"'{name}' is not an array of {'texts' if text else 'numbers'}")
        self.dtype, self.shape = dtype, shape
        self._filters = self._read_filters(parts.get(FILTERS))
        self._fill = _fill_value(parts.get(FILL), dtype)
        self._read_layout(parts[LAYOUT])
        self._check_size()

    def __len__(self) -> int:
        """Returns the length of the first axis."""
        return self.shape[0] if self.shape else 0

    def __getitem__(self, rows: slice) -> np.ndarray:
        """Returns consecutive rows; those that were never written hold the fill value."""
        start, stop, step = rows.indices(len(self))
        assert step == 1, f"rows in steps of {step}"
        if self._chunk or not self._stored:
            return self._gather(start, max(stop, start))
        row = prod(self.shape[1:]) * self.dtype.itemsize
        data = b"".join(self._pieces(start * row, max(stop, start) * row))
        return np.frombuffer(data, self.dtype).reshape(-1, *self.shape[1:]).astype(self.dtype.newbyteorder("="))

    def _read_filters(self, body: bytes | None) -> list[int]:
        """Returns the numbers of the filters in the order of packing."""
        if body is None:
            return []
        version, count = unpack("BB", body)
        at, found = (8 if version == 1 else 2), []
        for _ in range(count):
            number, second, third, fourth = unpack("HHHH", body[at : at + 8].ljust(8, b"\0"))
            if number not in (_DEFLATE, _SHUFFLE, _FLETCHER32):
                raise FormatError(f"'{self.name}' is packed with a filter that is not deflate, shuffle or fletcher32")
            name_size, values = (second, fourth) if version == 1 else (0, third)
            at += (8 + (name_size + 7) // 8 * 8 + (values + values % 2) * 4) if version == 1 else 6 + values * 4
            found.append(number)
        return found

    def _read_layout(self, body: bytes) -> None:
        version, kind = unpack("BB", body)
        if version != 3 or kind not in (_COMPACT, _IN_ONE_PIECE, _IN_CHUNKS):
            raise FormatError(f"'{self.name}' is stored outside of the file, or in a newer layout")
        self._chunk: tuple[int, ...] = ()
        self._chunks: list[Chunk] = []
        self._inline = b""
        self._address = NOWHERE
        if kind == _COMPACT:
            (size,) = unpack("H", body[2:])
            self._inline = body[4 : 4 + size]
            self._stored = len(self._inline)
        elif kind == _IN_ONE_PIECE:
            self._address, self._stored = unpack("QQ", body[2:])
            self._stored = 0 if self._address == NOWHERE else self._stored
        else:
            self._read_chunks(body)

    def _read_chunks(self, body: bytes) -> None:
        axes = body[2] - 1 if len(body) > 2 else 0
        (address, *sizes) = unpack(f"Q{axes + 1}I", body[3:])
        self._chunk = tuple(sizes[:-1])
        if axes != len(self.shape) or not all(self._chunk) or sizes[-1] != self.dtype.itemsize:
            raise damaged(f"the chunks of '{self.name}' do not fit its shape")
        if prod(self._chunk) * self.dtype.itemsize > _LARGEST_CHUNK:
            raise FormatError(f"'{self.name}' has chunks larger than {_LARGEST_CHUNK} bytes")
        if address != NOWHERE:
            for key, place in walk(self._source, address, kind=1, key_size=8 * (axes + 2)):
                stored, skipped, *start = unpack(f"II{axes}Q", key)
                self._chunks.append(Chunk(tuple(start), place, stored, skipped))
        most = prod(ceil(length / size) for length, size in zip(self.shape, self._chunk, strict=True))
        if len(self._chunks) > most:
            raise damaged(f"'{self.name}' has more chunks than its shape has room for")
        self._stored = sum(chunk.stored for chunk in self._chunks)

    def _check_size(self) -> None:
        """Raises FormatError where the declared shape cannot come out of the bytes that are stored."""
        declared = prod(self.shape) * self.dtype.itemsize
        ratio = _DEFLATE_LIMIT if _DEFLATE in self._filters else 1
        if self._stored > self._source.size or declared > max(ratio * self._stored, _SMALL):
            shape = "x".join(map(str, self.shape))
            problem = f"'{self.name}' claims to be {shape} numbers, more than the {self._stored} bytes stored can hold"
            raise FormatError(problem)

    def _pieces(self, start: int, end: int) -> Iterator[bytes]:
        """Yields bytes start to end of an array that is not in chunks."""
        if self._inline:
            yield self._inline[start:end]
        else:
            for at in range(start, end, _PIECE):
                yield self._source.take(self._address + at, min(_PIECE, end - at))

    def _gather(self, start: int, stop: int) -> np.ndarray:
        """Returns rows of an array in chunks."""
        rows = np.full((stop - start, *self.shape[1:]), self._fill, self.dtype.newbyteorder("="))
        for chunk in self._chunks:
            first, last = max(chunk.start[0], start), min(chunk.start[0] + self._chunk[0], stop)
            ends = [
                min(at + size, length) for at, size, length in zip(chunk.start, self._chunk, self.shape, strict=True)
            ]
            if first >= last or any(at >= end for at, end in zip(chunk.start, ends, strict=True)):
                continue
            last = min(last, ends[0])
            values = self._unpack(chunk)
            rest = tuple(slice(0, end - at) for at, end in zip(chunk.start[1:], ends[1:], strict=True))
            place = tuple(slice(at, end) for at, end in zip(chunk.start[1:], ends[1:], strict=True))
            rows[(slice(first - start, last - start), *place)] = values[
                (slice(first - chunk.start[0], last - chunk.start[0]), *rest)
            ]
        return rows

    def _unpack(self, chunk: Chunk) -> np.ndarray:
        size = prod(self._chunk) * self.dtype.itemsize
        data = self._source.take(chunk.address, chunk.stored, most=2 * _LARGEST_CHUNK)
        for i, number in reversed(list(enumerate(self._filters))):
            if chunk.skipped >> i & 1:
                continue
            if number == _DEFLATE:
                data = _inflate(data, size)
            elif number == _SHUFFLE:
                data = _unshuffle(data, self.dtype.itemsize)
            else:
                data = _checked(data)
        if len(data) != size:
            raise damaged(f"a chunk of '{self.name}' is {len(data)} bytes, not {size}")
        return np.frombuffer(data, self.dtype).reshape(self._chunk)


def dtype_of(body: bytes) -> np.dtype | None:
    """Returns the type of plain numbers, None for any other."""
    if len(body) < 8:
        raise damaged("a type is cut off")
    order = ">" if body[1] & 1 else "<"
    (size,) = unpack("I", body[4:])
    kind = body[0] & 15
    if kind == 0 and size in (1, 2, 4, 8) and unpack("HH", body[8:]) == (0, 8 * size):
        return np.dtype(f"{order}{'i' if body[1] & 8 else 'u'}{size}")
    exponent = {2: (10, 5, 15), 4: (23, 8, 127), 8: (52, 11, 1023)}.get(size)
    if kind == 1 and exponent and not body[1] & 64:
        first, precision, at, length, low, digits, bias = unpack("HHBBBBI", body[8:])
        if (first, precision, at, length, bias, low, digits) == (0, 8 * size, *exponent, 0, exponent[0]):
            return np.dtype(f"{order}f{size}")
    return None


def text_type_of(body: bytes) -> np.dtype | None:
    """Returns the type of texts: bytes of fixed length, or references to a heap; None for any other."""
    (size,) = unpack("I", body[4:])
    if body[0] & 15 == _VARIABLE and body[1] & 15 == 1 and size == 16:
        return np.dtype("V16")
    return np.dtype(f"S{size}") if body[0] & 15 == _TEXT and 0 < size <= _LONGEST_TEXT else None


def shape_of(body: bytes) -> tuple[int, ...] | None:
    """Returns the lengths of the axes, None for an empty dataspace."""
    version, axes = unpack("BB", body)
    if version not in (1, 2) or axes > _MOST_AXES:
        raise damaged("a shape of no known version")
    if version == 2 and body[3:4] == b"\2":
        return None
    return unpack(f"{axes}Q", body[8 if version == 1 else 4 :])


def _fill_value(body: bytes | None, dtype: np.dtype) -> np.generic:
    """Returns what an element holds that was never written."""
    none: np.generic = np.zeros(1, dtype)[0]
    if body is None:
        return none
    version = body[0] if body else 0
    if version == 3:
        at = 2 if len(body) > 1 and body[1] & 32 else None
    else:
        at = 4 if version == 1 or (len(body) > 3 and body[3]) else None
    if at is None or len(body) < at + 4 or struct.unpack_from("<i", body, at)[0] != dtype.itemsize:
        return none
    data = body[at + 4 : at + 4 + dtype.itemsize]
    written: np.generic = np.frombuffer(data, dtype)[0] if len(data) == dtype.itemsize else none
    return written


def _inflate(data: bytes, size: int) -> bytes:
    """Returns what deflate packed, at most a little more than `size` bytes of it."""
    unpacker = zlib.decompressobj()
    try:
        out = unpacker.decompress(data, size + 8)
    except zlib.error as error:
        raise damaged("a chunk cannot be unpacked") from error
    if not unpacker.eof:
        raise damaged("a chunk is cut off or too large")
    return out


def _unshuffle(data: bytes, itemsize: int) -> bytes:
    """Returns numbers whose first bytes, second bytes and so on were stored together."""
    whole = len(data) // itemsize * itemsize
    return np.frombuffer(data[:whole], np.uint8).reshape(itemsize, -1).T.tobytes() + data[whole:]


def _checked(data: bytes) -> bytes:
    """Returns the data without the Fletcher checksum at its end; raises FormatError where it does not agree."""
    if len(data) < 4:
        raise damaged("a chunk is cut off")
    (found,) = struct.unpack("<I", data[-4:])
    body = data[:-4]
    words = np.frombuffer(body + b"\0" * (len(body) % 2), ">u2").astype(np.int64)
    low = int(words.sum()) % 65535
    high = int(((np.arange(len(words), 0, -1) * words) % 65535).sum()) % 65535
    if ((found & 0xFFFF) % 65535, (found >> 16) % 65535) != (low, high):
        raise damaged("the checksum of a chunk does not agree")
    return body

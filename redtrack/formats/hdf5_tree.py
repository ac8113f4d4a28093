"""The tree of an HDF5 file, read without HDF5's library: which groups, datasets and attributes it holds, and where.

HDF5's own library crashes or hangs on about one in seven hundred damaged files, and a file can make it open others,
load plugins, and allocate any number of bytes. So it writes our files and never reads one. Of the HDF5 file format
specification this module knows the earliest layout, which the library writes unless told otherwise: superblock 0,
object headers 1, symbol tables, version 1 B-trees, global heaps. Offsets and lengths are 8 bytes, little-endian.

Every read is checked against the size of the file, every walk is bounded, and no link leads out of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, NamedTuple

from redtrack.errors import FormatError

__all__ = ["Attribute", "Source", "Tree", "damaged"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
NOWHERE = 2**64 - 1

DATASPACE, DATATYPE, FILL, EXTERNAL, LAYOUT, FILTERS, ATTRIBUTE = 0x1, 0x3, 0x5, 0x7, 0x8, 0xB, 0xC
_CONTINUED, _SYMBOL_TABLE = 0x10, 0x11
_SHARED = 2
_SOFT_LINK = 2
_LARGEST_BLOCK = 1 << 24  # bytes of metadata taken at once
_MOST_NAMES = 10_000
_DEEPEST = 16  # levels of a B-tree: 16^16 entries at the least


def damaged(what: str) -> FormatError:
    """Returns the error for bytes that make no sense."""
    return FormatError(f"is a damaged HDF5 file ({what})")


def newer() -> FormatError:
    """Returns the error for a layout that is not read."""
    remedy = "rewrite it with `h5repack`"
    return FormatError("is an HDF5 file of a newer layout, or with links into other files", remedy=remedy)


class Source:
    """A file's bytes, none beyond its end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = file.seek(0, 2)

    def take(self, offset: int, length: int, most: int = _LARGEST_BLOCK) -> bytes:
        """Returns the bytes; raises FormatError where they are not all there."""
        if not 0 <= length <= most or offset < 0 or offset + length > self.size:
            raise damaged(f"{length} bytes at {offset} of {self.size}")
        self._file.seek(offset)
        data = self._file.read(length)
        if len(data) != length:
            raise damaged("it shrinks while it is read")
        return data

    def unpack(self, form: str, offset: int) -> tuple[int, ...]:
        """Returns little-endian numbers."""
        form = "<" + form
        return struct.unpack(form, self.take(offset, struct.calcsize(form)))


class Attribute(NamedTuple):
    """An attribute as it is stored: the encoded type, the encoded shape, the bytes."""

    datatype: bytes
    dataspace: bytes
    data: bytes


class Tree:
    """The root group: `datasets` by name, with the place of their headers; its attributes."""

    def __init__(self, source: Source) -> None:
        """Raises FormatError for what is no HDF5 file of the earliest layout."""
        self.source = source
        if source.take(0, min(8, source.size)) != SIGNATURE:
            raise FormatError("is not an HDF5 file")
        versions = source.unpack("5B", 8)
        offset_size, length_size = source.unpack("2B", 13)
        (base,) = source.unpack("Q", 24)
        if versions[0] != 0 or (offset_size, length_size, base) != (8, 8, 0):
            raise newer()
        (root,) = source.unpack("Q", 64)
        self._list_object(root)

    def _list_object(self, address: int) -> None:
        """Takes in the group whose header is at the address."""
        self._root = self.messages(address)
        self.links: set[str] = set()
        self.objects: dict[str, int] = {}
        tables = [body for kind, body in self._root if kind == _SYMBOL_TABLE]
        if len(tables) != 1:
            raise newer()
        self._list_group(*unpack("QQ", tables[0]))

    def messages(self, address: int) -> list[tuple[int, bytes]]:
        """Returns the (type, body) pairs of an object's header."""
        version, _, count, _, size = self.source.unpack("BBHII", address)
        if version != 1:
            raise newer()
        blocks = [(address + 16, size)]
        found: list[tuple[int, bytes]] = []
        while blocks and len(found) < count:
            block = self.source.take(*blocks.pop(0))
            for kind, flags, body in _split(block, count - len(found)):
                if flags & _SHARED:
                    raise FormatError("is an HDF5 file with shared types, which are not read")
                if kind == _CONTINUED:
                    at, size = unpack("QQ", body)
                    blocks.append((at, size))
                found.append((kind, body))
        return found

    def attributes(self, messages: list[tuple[int, bytes]] | None = None) -> dict[str, Attribute]:
        """Returns the attributes among an object's messages, by default the root group's."""
        bodies = [body for kind, body in (self._root if messages is None else messages) if kind == ATTRIBUTE]
        return dict(_attribute(body) for body in bodies)

    def from_heap(self, reference: bytes) -> bytes:
        """Returns the bytes of variable length that a reference (length, address, index) stands for."""
        length, address, index = unpack("IQI", reference)
        if not length:
            return b""
        if self.source.take(address, 4) != b"GCOL":
            raise damaged("a heap is missing")
        (size,) = self.source.unpack("Q", address + 8)
        heap = self.source.take(address, size)
        at = 16
        while at + 16 <= len(heap):
            number, _, count = struct.unpack_from("<HH4xQ", heap, at)
            if number == index and number:
                return _cut(heap, at + 16, min(count, length))
            if not number or count > len(heap):
                break
            at += 16 + (count + 7) // 8 * 8
        raise damaged("a text is missing")

    def _list_group(self, tree: int, heap: int) -> None:
        if self.source.take(heap, 4) != b"HEAP":
            raise damaged("the names are missing")
        size, _, address = self.source.unpack("QQQ", heap + 8)
        names = self.source.take(address, size)
        for leaf in walk(self.source, tree, kind=0, key_size=8):
            for name, header, cached in self._symbols(leaf[1]):
                text = names[name : names.find(b"\0", name)].decode("utf-8", "replace")
                if cached == _SOFT_LINK or header == NOWHERE:
                    self.links.add(text)
                else:
                    self.objects[text] = header
                if len(self.objects) + len(self.links) > _MOST_NAMES:
                    raise damaged("it has more names than any of its kind")

    def _symbols(self, address: int) -> Iterator[tuple[int, int, int]]:
        """Yields (place of the name, place of the header, kind of cache) of a symbol table node."""
        head = self.source.take(address, 8)
        if head[:4] != b"SNOD":
            raise damaged("a table of names is missing")
        (count,) = unpack("H", head[6:])
        block = self.source.take(address + 8, 40 * count)
        for at in range(0, len(block), 40):
            yield struct.unpack_from("<QQI", block, at)


def walk(source: Source, address: int, kind: int, key_size: int) -> Iterator[tuple[bytes, int]]:
    """Yields the (key, address) pairs at the bottom of a version 1 B-tree, each node visited once."""
    waiting, seen = [(address, _DEEPEST)], set()
    while waiting:
        at, below = waiting.pop()
        if at in seen:
            raise damaged("a tree bites its tail")
        seen.add(at)
        head = source.take(at, 24)
        mark, found, level, used = struct.unpack_from("<4sBBH", head)
        if mark != b"TREE" or found != kind or level >= below:
            raise damaged("a branch is missing")
        step = key_size + 8
        block = source.take(at + 24, used * step + key_size)
        keys = [block[i : i + key_size] for i in range(0, used * step, step)]
        children = [unpack("Q", block[i : i + 8])[0] for i in range(key_size, used * step, step)]
        if level:
            waiting += [(child, level) for child in reversed(children)]
        else:
            yield from zip(keys, children, strict=True)


def unpack(form: str, data: bytes) -> tuple[int, ...]:
    """Returns the little-endian numbers at the start of the data; raises FormatError where it is too short."""
    try:
        return struct.unpack_from("<" + form, data)
    except struct.error as error:
        raise damaged("an entry is cut off") from error


def _split(block: bytes, most: int) -> Iterator[tuple[int, int, bytes]]:
    """Yields (type, flags, body) of the messages in a block of an object header."""
    at = 0
    while at + 8 <= len(block) and most:
        kind, size, flags = struct.unpack_from("<HHB", block, at)
        yield kind, flags, _cut(block, at + 8, size)
        at += 8 + size
        most -= 1


def _attribute(body: bytes) -> tuple[str, Attribute]:
    version, _, name_size, type_size, space_size = unpack("BBHHH", body)
    if version not in (1, 2, 3):
        raise damaged("an attribute of no known version")
    at = 9 if version == 3 else 8
    parts = []
    for size in (name_size, type_size, space_size):
        parts.append(_cut(body, at, size))
        at += (size + 7) // 8 * 8 if version == 1 else size
    name = parts[0].split(b"\0")[0].decode("utf-8", "replace")
    return name, Attribute(parts[1], parts[2], body[at:])


def _cut(data: bytes, start: int, length: int) -> bytes:
    if start + length > len(data):
        raise damaged("an entry is cut off")
    return data[start : start + length]

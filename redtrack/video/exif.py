"""The orientation that a photo's EXIF data tells, read from the file itself: JPEG and PNG.

PyAV gives the turn of a still picture, but not whether it is mirrored as well.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import IO

__all__ = ["orientation"]

_TAG = 0x0112
_SHORT = 3  # the tag's type
_MOST = 1 << 16  # bytes of a segment that are looked at
_MOST_SEGMENTS = 200
_FIRST, _LAST = 1, 8  # what the tag may say


def orientation(path: str | os.PathLike[str]) -> int | None:
    """Returns EXIF's orientation, 1 to 8; None where the file is no JPEG or PNG, or does not tell."""
    try:
        with open(path, "rb") as file:
            for block in _blocks(file):
                found = _tag(block)
                if found is not None:
                    return found
    except (OSError, ValueError, struct.error):  # unreadable or cut off: the decoder will say so
        pass
    return None


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Yields the TIFF structures that hold a picture's EXIF data."""
    head = file.read(8)
    if head[:2] == b"\xff\xd8":
        file.seek(2)
        yield from (body[6:] for marker, body in _jpeg(file) if marker == 0xE1 and body[:6] == b"Exif\0\0")
    elif head == b"\x89PNG\r\n\x1a\n":
        yield from (body for kind, body in _png(file) if kind == b"eXIf")


def _jpeg(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yields marker and content of the segments before the picture itself."""
    for _ in range(_MOST_SEGMENTS):
        sign, marker, size = struct.unpack(">BBH", file.read(4))
        if sign != 0xFF or marker == 0xDA or size < 2:
            return
        yield marker, file.read(size - 2)


def _png(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yields kind and content of the chunks before the picture itself."""
    for _ in range(_MOST_SEGMENTS):
        size, kind = struct.unpack(">I4s", file.read(8))
        if kind in (b"IDAT", b"IEND"):
            return
        end = file.tell() + size + 4
        yield kind, file.read(min(size, _MOST))
        file.seek(end)


def _tag(block: bytes) -> int | None:
    """Returns the orientation out of the first directory of a TIFF structure."""
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return None
    (start,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", block, at)
        if tag == _TAG:
            return value if kind == _SHORT and _FIRST <= value <= _LAST else None
    return None

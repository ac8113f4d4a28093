"""Whether a file goes on to where its own header says that it ends.

A film cut short decodes without an error as far as it goes. Containers that state sizes give it away: MP4 and MOV
(boxes), Matroska and WebM (the segment), AVI (the RIFF chunk), WMV (the file properties), MPEG-TS (whole packets).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import BinaryIO

_HEAD = 1 << 16  # bytes read to find the sizes
_MOST_BOXES = 1 << 20  # of an MP4 file; 145 hours of fragments of a second have as many, and reading them takes seconds
_SEGMENT = b"\x18\x53\x80\x67"
_RIFF = 8  # bytes before the size counts
_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_TS_PACKETS = ((188, 0), (192, 4), (204, 0))  # plain, after a time code, with error correction: length, sync at
_TS_SYNC = 0x47


class Ending(Enum):
    """What the file's own sizes say of its end."""

    WHOLE = "whole"
    CUT = "cut"
    UNKNOWN = "unknown"


def ending(path: Path) -> Ending:
    """Returns whether the file holds all that its header announces."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(_HEAD)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp"):
            return _compare(_boxes_end(file, size), size)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return _compare(_segment_end(head), size)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return _compare(struct.unpack_from("<I", head, 4)[0] + _RIFF, size)
    if (at := head.find(_FILE_PROPERTIES)) >= 0 and len(head) >= at + 48:
        return _compare(struct.unpack_from("<Q", head, at + 40)[0], size)
    return _transport_end(head, size)


def has_no_index(path: Path) -> bool:
    """Returns whether this is an MP4 or MOV file without its index, as a recorder leaves it that was switched off."""
    with open(path, "rb") as file:
        if file.read(8)[4:] not in (b"ftyp", b"mdat", b"wide", b"free"):
            return False
        kinds = [kind for kind, _, _ in _boxes(file, os.path.getsize(path))]
    return b"mdat" in kinds and b"moov" not in kinds


def _compare(promised: int | None, size: int) -> Ending:
    if not promised or promised <= _RIFF:
        return Ending.UNKNOWN
    return Ending.CUT if promised > size else Ending.WHOLE


def _boxes_end(file: BinaryIO, size: int) -> int | None:
    """Returns where the last box of an MP4 file ends; None where there are more of them than any video has."""
    count, end = 0, 0
    for _, start, length in _boxes(file, size):
        count, end = count + 1, max(end, start + length)
    return end if count < _MOST_BOXES else None


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yields kind, start and length of the outermost boxes of an MP4 file; the last may reach beyond the end."""
    start = 0
    for _ in range(_MOST_BOXES):
        if start + 8 > size:
            return
        file.seek(start)
        header = file.read(16)
        length, kind = struct.unpack_from(">I4s", header)
        if length == 1 and len(header) == 16:  # noqa: PLR2004 - a 64-bit length follows
            length = struct.unpack_from(">Q", header, 8)[0]
        if not length:  # to the end of the file
            length = size - start
        if length < 8:  # noqa: PLR2004 - shorter than its own header: trailing rubbish
            return
        yield kind, start, length
        start += length


def _segment_end(head: bytes) -> int | None:
    """Returns where a Matroska file's segment ends; None where a live recording left that open."""
    at = head.find(_SEGMENT)
    if at < 0 or at + 12 > len(head) or not head[at + 4]:
        return None
    first = head[at + 4]
    width = 9 - first.bit_length()  # an EBML number: leading zeros tell its width
    value = int.from_bytes(head[at + 4 : at + 4 + width], "big") & ((1 << 7 * width) - 1)
    return None if value == (1 << 7 * width) - 1 else at + 4 + width + value


def _transport_end(head: bytes, size: int) -> Ending:
    for length, sync in _TS_PACKETS:
        if len(head) > 4 * length and set(head[sync : sync + 4 * length : length]) == {_TS_SYNC}:
            return Ending.CUT if size % length else Ending.UNKNOWN
    return Ending.UNKNOWN

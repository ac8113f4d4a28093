"""Whether a file is whole, by the structure of its container alone: no packet is decoded.

Two questions are answered. `ending`: does the file reach to where its own header says that it ends? A film that is cut
short decodes without an error as far as it goes. Containers that state sizes tell: MP4 and MOV (boxes), Matroska and
WebM (the segment), AVI (the RIFF chunk), WMV (the file properties), MPEG-TS (whole packets).

`follow_chain`: do the blocks follow one another without a break? A demuxer that meets damage looks for the next place
where it can go on, and does not say what it left out. AVI, FLV, WMV and MPEG program streams are chains: every block
tells where the next one begins. (MP4 has an index instead, gaps in Matroska are seen between packets, transport streams
count their packets.)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import BinaryIO

_HEAD = 1 << 16  # bytes read to find the sizes
_MOST_BOXES = 1 << 20  # of an MP4 file; 145 hours of fragments of a second have as many, and reading them takes seconds
_SEGMENT = b"\x18\x53\x80\x67"
_RIFF = 8  # bytes before the size counts
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_TS_PACKETS = ((188, 0), (192, 4), (204, 0))  # plain, after a time code, with error correction: length, sync at
_TS_SYNC = 0x47
_AVI_LISTS = (b"AVI ", b"AVIX", b"movi", b"rec ")  # their content is walked, too
_FLV_TAGS = (8, 9, 18)  # sound, pictures, data
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_ASF_PACKET = b"\x82\0\0"  # how the packets of almost every file begin
_PACK, _END = 0xBA, 0xB9
_FAR = 1 << 43  # bytes; file systems refuse to go much further
_BEAT = 1000  # blocks between two heartbeats

Walk = Iterator[int | None]
"""Yields for each block where it ends; None where a block should be and is not."""


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
    if (at := head.find(_ASF_PROPERTIES)) >= 0 and len(head) >= at + 48:
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


class Chain(Enum):
    """What became of the blocks: all there (or the file is no such chain), one is missing, the last one is cut off."""

    WHOLE = "whole"
    BROKEN = "broken"
    CUT = "cut"


def follow_chain(path: Path, heartbeat: Callable[[], None] = lambda: None) -> Chain:
    """Returns whether the blocks of a file go on from its first to its last."""
    size, last = os.path.getsize(path), 0
    with open(path, "rb", buffering=1 << 16) as file:
        for number, end in enumerate(_walk(file, size)):
            if end is None:
                return Chain.BROKEN
            if number % _BEAT == 0:
                heartbeat()
            last = end
    return Chain.CUT if last > size else Chain.WHOLE


def _walk(file: BinaryIO, size: int) -> Walk:
    head = _at(file, 0, 12)
    if head[:4] == b"RIFF" and head[8:] == b"AVI ":
        return _avi(file, size)
    if head[:3] == b"FLV":
        return _flv(file, size, struct.unpack_from(">I", head, 5)[0])
    if head[:4] == b"\x30\x26\xb2\x75":
        return _asf(file, size)
    if head[:4] == b"\0\0\1\xba":
        return _program(file, size)
    return iter(())


def _at(file: BinaryIO, place: int, count: int) -> bytes:
    """Returns `count` bytes from `place` on, zeros beyond the end."""
    file.seek(min(place, _FAR))
    return file.read(count).ljust(count, b"\0")


def _avi(file: BinaryIO, size: int) -> Walk:
    place, end = 0, 8 + (struct.unpack("<I", _at(file, 4, 4))[0] or size)
    while place + 12 <= min(size, end):
        kind, length, inner = struct.unpack("<4sI4s", _at(file, place, 12))
        if not all(chr(byte).isalnum() or byte == ord(" ") for byte in kind) or max(kind) > ord("z"):
            yield None
        yield 0  # a cut is told by the sizes at its front
        if kind in (b"RIFF", b"LIST") and inner in _AVI_LISTS:
            end = max(end, place + 8 + length if kind == b"RIFF" else 0)
            place += 12
        else:
            place += 8 + length + length % 2
        end = size if place == end else end  # more of the same may follow


def _flv(file: BinaryIO, size: int, header: int) -> Walk:
    place = header + 4
    while place + 11 <= size:
        kind, high, low = struct.unpack(">BBH", _at(file, place, 4))
        length = (high << 16) + low
        back = int.from_bytes(_at(file, place + 11 + length, 4), "big")  # some write it without the tag's head
        place += 11 + length + 4
        yield place if kind & 0x1F in _FLV_TAGS and (place > size or back in (0, length, 11 + length)) else None


def _asf(file: BinaryIO, size: int) -> Walk:
    (header,) = struct.unpack("<Q", _at(file, 16, 8))
    head = _at(file, 0, min(header, 1 << 20))
    at = head.find(_ASF_PROPERTIES)
    data = _at(file, header, 50)
    if at < 0 or len(head) < at + 100 or data[:16] != _ASF_DATA:
        return
    least, length = struct.unpack_from("<II", head, at + 92)
    (count,) = struct.unpack_from("<Q", data, 40)
    if not length or least != length or _at(file, header + 50, 3) != _ASF_PACKET:
        return
    for number in range(min(count, (size - header - 50) // length)):
        yield 0 if _at(file, header + 50 + number * length, 3) == _ASF_PACKET else None


def _program(file: BinaryIO, size: int) -> Walk:
    place = 0
    while place + 14 <= size:
        block = _at(file, place, 14)
        if block[:3] != b"\0\0\1":
            yield None
        if block[3] == _PACK:
            place += 14 + (block[13] & 7) if block[4] & 0xC0 == 0x40 else 12
        else:
            place += 4 if block[3] == _END else 6 + int.from_bytes(block[4:6], "big")
        yield place

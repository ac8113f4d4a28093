"""Whether the blocks that a file is made of follow one another without a break, from its first to its last.

A demuxer that meets damage looks for the next place where it can go on, and says nothing of what it left out. AVI, FLV,
WMV and MPEG program streams are chains: every block tells where the next one begins. Where that is not so, something
was lost. (MP4 has an index instead, Matroska's gaps are seen between packets, transport streams count theirs.)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import BinaryIO

_AVI_LISTS = (b"AVI ", b"AVIX", b"movi", b"rec ")  # their content is walked, too
_FLV_TAGS = (8, 9, 18)  # sound, pictures, data
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_PACKET = b"\x82\0\0"  # how the packets of almost every file begin
_PACK, _END = 0xBA, 0xB9
_FAR = 1 << 43  # bytes; file systems refuse to go much further
_BEAT = 1000  # blocks between two heartbeats

Walk = Iterator[int | None]
"""Yields for each block where it ends; None where a block should be and is not."""


class Chain(Enum):
    """What became of the blocks: all there (or the file is no such chain), one is missing, the last one is cut off."""

    WHOLE = "whole"
    BROKEN = "broken"
    CUT = "cut"


def follow(path: Path, heartbeat: Callable[[], None] = lambda: None) -> Chain:
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

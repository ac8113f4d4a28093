"""Whether a file begins as a video does, whatever its name is."""

from __future__ import annotations

import stat
from pathlib import Path

__all__ = ["is_video"]

_HEAD = 1024  # bytes that are looked at
_BEGINNINGS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"FLV\x01",
    b"\x00\x00\x01\xba",  # MPEG program stream: MPG, VOB, MOD
    b"\x00\x00\x01\xb3",  # MPEG video
    b"GIF87a",
    b"GIF89a",
    b"\x06\x0e\x2b\x34",  # MXF
    b"DKIF",  # IVF
    b"YUV4MPEG2",
    b".RMF",  # RealMedia
    b"nut/multimedia container",
)
_QUICKTIME = (b"ftyp", b"moov", b"mdat", b"wide", b"skip")  # at byte 4
_NO_VIDEO = (b"M4A ", b"M4B ", b"heic", b"heix", b"mif1", b"avif", b"crx ")  # brands of sound and of pictures
_PACKETS = ((0, 188), (4, 192))  # MPEG transport streams: where the first packet begins, bytes from one to the next


def is_video(path: Path) -> bool:
    """Returns whether a regular file begins as one of the common containers of videos does; reads 1 kB."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError):
        return False
    if head.startswith(_BEGINNINGS) or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return True
    if head[4:8] in _QUICKTIME:
        return head[4:8] != b"ftyp" or head[8:12] not in _NO_VIDEO
    return any(len(head) > first + 4 * step and _has_syncs(head, first, step) for first, step in _PACKETS)


def _has_syncs(head: bytes, first: int, step: int) -> bool:
    return all(head[first + k * step] == 0x47 for k in range(4))  # noqa: PLR2004 - the sync byte

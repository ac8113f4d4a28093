"""Turning a stored picture upright, as the display matrix of its stream or the EXIF data of its file says.

EXIF is read from the file itself (JPEG and PNG): PyAV gives the turn of a still picture, but not whether it is mirrored
as well.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Image = NDArray[np.uint8]

_HALF_TURN = 180
STILLS = frozenset({"png", "apng", "mjpeg", "jpegls", "jpeg2000", "webp", "bmp", "tiff", "gif"})
"""Codecs of still pictures, which may carry ICC profiles."""

_EXIF = {
    1: (0, False),
    2: (0, True),
    3: (180, False),
    4: (180, True),
    5: (270, True),
    6: (90, False),
    7: (90, True),
    8: (270, False),
}
"""Rotation and mirroring that EXIF's numbers ask for."""

_EXIF_TAG = 0x0112
_SHORT = 3  # the tag's type
_MOST = 1 << 16  # bytes of a segment that are looked at
_MOST_SEGMENTS = 200


@dataclass(frozen=True)
class Orientation:
    """How a stored picture becomes the upright one: mirrored left to right first, then turned clockwise.

    `rotation` is in degrees clockwise, one of 0, 90, 180 and 270.
    """

    rotation: int = 0
    mirrored: bool = False

    @classmethod
    def of(cls, frame: VideoFrame, codec: str, path: str | os.PathLike[str]) -> Orientation:
        """Returns the orientation that the frame's display matrix asks for, to the nearest quarter turn.

        Of still pictures it is read from the file's EXIF data, or else the turn alone from the frame: PyAV 18.1 frees
        side data with a name, as ICC profiles are, twice, and takes the process with it.
        """
        told = exif_orientation(path) if codec in STILLS else None
        if told is not None:
            return cls(*_EXIF[told])
        matrix = None if codec in STILLS else _display_matrix(frame)
        if matrix is None:
            return cls(-round(frame.rotation / 90) * 90 % 360)
        a, b, c, d = matrix  # x' = a x + c y, y' = b x + d y, with y down
        mirrored = bool(a * d - b * c < 0)
        if mirrored:
            a, b = -a, -b  # the stored x axis pointed the other way
        angle = np.degrees(np.arctan2(b, a))  # clockwise, for y points down
        return cls(int(round(angle / 90)) * 90 % 360, mirrored)

    def turned(self, rotation: int) -> Orientation:
        """Returns the orientation that turns the upright picture further, by so many degrees clockwise."""
        return Orientation((self.rotation + rotation) % 360, self.mirrored)

    @property
    def is_upright(self) -> bool:
        """Whether the stored picture is the upright one."""
        return not self.rotation and not self.mirrored

    def upright_size(self, width: int, height: int) -> tuple[int, int]:
        """Returns width and height of the upright picture for those of the stored one."""
        return (width, height) if self.rotation % _HALF_TURN == 0 else (height, width)

    def apply(self, image: Image) -> Image:
        """Returns the picture (height, width, 3) turned upright; a copy only where its pixels move."""
        if self.is_upright:
            return np.ascontiguousarray(image)
        pixels = image.view("V3")[..., 0]  # whole pixels move four times as fast as their three bytes
        if self.mirrored:
            pixels = pixels[:, ::-1]
        turned = np.ascontiguousarray(np.rot90(pixels, -self.rotation // 90))
        return turned.view(np.uint8).reshape(*turned.shape, 3)


def _display_matrix(frame: VideoFrame) -> tuple[float, float, float, float] | None:
    """Returns a, b, c, d of the frame's display matrix; None where it has none that can be read."""
    try:
        data = frame.side_data.get("DISPLAYMATRIX")
    except (KeyError, ValueError):  # PyAV 18 does not know every kind of side data
        return None
    if data is None:
        return None
    matrix = np.frombuffer(data, np.int32)  # type: ignore[call-overload]
    return float(matrix[0]), float(matrix[1]), float(matrix[3]), float(matrix[4])


def exif_orientation(path: str | os.PathLike[str]) -> int | None:
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
        if tag == _EXIF_TAG:
            return value if kind == _SHORT and value in _EXIF else None
    return None

"""Turning a stored picture upright, as its display matrix says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from redtrack.video.exif import orientation

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
        told = orientation(path) if codec in STILLS else None
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

"""Decoded frames as upright RGB pictures of one size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from redtrack.errors import VideoError
from redtrack.video.orientation import Image, Orientation

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_BT709, _BT601 = 1, 6  # AVCOL_SPC_BT709 and AVCOL_SPC_SMPTE170M
_KNOWN = frozenset({1, 4, 5, 6, 7, 9})  # matrices that the conversion knows: those two, FCC, BT.470, 240M, BT.2020
_HD_WIDTH, _HD_HEIGHT = 1280, 576  # from here on players take an untold matrix for BT.709


class Converter:
    """Turns frames into RGB pictures, upright and of one size.

    The colour matrix and range are the stream's own; where it names no matrix that is known, BT.601 up to 576 lines and
    BT.709 above, as players do. Alpha is left out, and the fields of an interlaced frame are left woven. A frame of
    another size is scaled to fit, its aspect kept, the rest black, so that points stay in one frame of reference.
    """

    def __init__(self, path: Path, size: tuple[int, int], orientation: Orientation) -> None:
        """Takes the file's path, the width and height of the stored picture, and how it is turned upright."""
        self._path = path
        self._reformatter, self._separator = VideoReformatter(), VideoReformatter()
        self._size = size
        self._orientation = orientation
        self.resized = 0  # frames of another size

    def __call__(self, frame: VideoFrame, packed: bool = True) -> Image:
        """Returns the frame as uint8 (height, width, 3) RGB: C-contiguous and the caller's own if `packed`.

        If not, it may have gaps between its rows and be the decoder's own memory, only to be read, which saves a copy.
        """
        if (frame.width, frame.height) == self._size:
            image = self._rgb(frame, *self._size)
            if self._orientation.is_upright:
                return image.copy() if packed else image
            return self._orientation.apply(image)
        self.resized += 1
        return self._orientation.apply(self._fit(frame, *self._size))

    def _rgb(self, frame: VideoFrame, width: int, height: int) -> Image:
        is_hd = frame.width >= _HD_WIDTH or frame.height > _HD_HEIGHT
        if frame.colorspace not in _KNOWN and not frame.format.is_rgb:
            frame.colorspace = _BT709 if is_hd else _BT601
        try:
            if frame.format.name == "nv12":  # a GPU's: twice as fast in two steps, and then the same as a processor's
                frame = self._separator.reformat(frame, format="yuv420p", threads=1)
            rgb = self._reformatter.reformat(frame, width, height, "rgb24", threads=1)
        except av.FFmpegError as error:
            message = f"holds pixels of a kind that cannot be shown ({frame.format.name})"
            raise VideoError(message, self._path, "convert it to H.264 first") from error
        plane = rgb.planes[0]  # its rows are longer than the picture where the width is no multiple of 64 or so
        return np.ndarray((rgb.height, rgb.width, 3), np.uint8, plane, 0, (plane.line_size, 3, 1))  # type: ignore[arg-type]

    def _fit(self, frame: VideoFrame, width: int, height: int) -> Image:
        scale = min(width / frame.width, height / frame.height)
        inner_width = max(round(frame.width * scale), 1)
        inner_height = max(round(frame.height * scale), 1)
        left, top = (width - inner_width) // 2, (height - inner_height) // 2
        image = np.zeros((height, width, 3), np.uint8)
        image[top : top + inner_height, left : left + inner_width] = self._rgb(frame, inner_width, inner_height)
        return image

"""Decoding on a GPU, where there is one that knows the codec; where not, nobody notices but by the time it takes.

The GPU's pictures come back to the processor's memory, where they are turned into RGB as all others are.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import av
from av.codec.hwaccel import HWAccel

from redtrack.video.container import open_container, video_stream

if TYPE_CHECKING:
    from av.container import InputContainer

    from redtrack.video.decode_threaded import Picture
    from redtrack.video.packets import PacketReader

__all__ = ["open_on_gpu", "told_by_stream"]

_UNTOLD_MATRIX, _UNTOLD_RANGE = 2, 0  # AVCOL_SPC_UNSPECIFIED and AVCOL_RANGE_UNSPECIFIED


def open_on_gpu(path: str | os.PathLike[str], device: str, stream: int | None = None) -> InputContainer | None:
    """Returns the container whose video the GPU (`cuda:N`) decodes; None where it does not."""
    kind, _, number = device.partition(":")
    try:
        # Without a driver this raises even where a fall back to software is allowed.
        container = open_container(path, HWAccel(kind, number or "0", allow_software_fallback=False))
    except (av.FFmpegError, ValueError, RuntimeError, NotImplementedError):
        return None
    if getattr(video_stream(container, path, stream).codec_context, "is_hwaccel", False):
        return container
    container.close()
    return None


def told_by_stream(picture: Picture, reader: PacketReader) -> Picture:
    """Returns the picture with the colours' matrix and range that the stream tells: the way back from the GPU may lose
    them."""
    frame, stream = picture.frame, reader.stream.codec_context
    if frame is not None:
        with suppress(AttributeError, ValueError):  # what PyAV does not know of
            if int(frame.colorspace) == _UNTOLD_MATRIX:
                frame.colorspace = stream.colorspace
            if int(frame.color_range) == _UNTOLD_RANGE:
                frame.color_range = stream.color_range
    return picture

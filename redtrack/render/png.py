"""Pictures written as PNG, by the codec that the video part already has."""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from redtrack.errors import OutputError, UsageError
from redtrack.render.draw import Image

__all__ = ["check_png", "encode_png", "write_png"]


def encode_png(image: Image) -> bytes:
    """Returns a uint8 picture (H, W, 3) RGB as the bytes of a PNG file."""
    import av

    height, width = image.shape[:2]
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "rgb24"
    encoder.framerate = Fraction(1)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def check_png(path: str | os.PathLike[str]) -> None:
    """Raises UsageError for a name that does not end in .png: it may be that of tracks, or of a video."""
    if Path(path).suffix.lower() != ".png":
        raise UsageError("is no name for a picture", path, "end it in .png")


def write_png(path: str | os.PathLike[str], image: Image) -> None:
    """Writes a uint8 picture (H, W, 3) RGB; whole or not at all.

    Raises UsageError where the name does not end in .png, OutputError where it cannot be written.
    """
    check_png(path)
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(encode_png(image))
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise OutputError(f"cannot be written: {(error.strerror or str(error)).lower()}", path) from error

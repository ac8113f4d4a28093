"""Makers of generated test clips: one named function for every hard case, each writes `path` and returns it.

Every picture carries its own number as a row of black and white blocks (`numbered`), so a test can say which frame it
was given (`number_of`) whatever the codec did to the pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

WIDTH, HEIGHT = 160, 120
BITS = 10  # blocks of a frame's number
MILLISECONDS = Fraction(1, 1000)


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Returns the picture (height, width, 3) RGB of a slow gradient with `number` in blocks along its top."""
    y, x = np.mgrid[:height, :width]
    image = np.stack([(x + 2 * number) % 256, (y + number) % 256, np.full_like(x, 90)], axis=-1).astype(np.uint8)
    block = width // BITS
    for bit in range(BITS):
        image[: height // 4, bit * block : (bit + 1) * block] = 235 if number >> bit & 1 else 20
    return image


def number_of(image: Image) -> int:
    """Returns the number that `numbered` drew into the picture (height, width, 3)."""
    height, width = image.shape[:2]
    block = width // BITS
    row = image[height // 8, block // 2 : block * BITS : block].mean(axis=-1)
    return sum(1 << bit for bit, value in enumerate(row) if value > 127)


def clip(
    path: Path,
    frames: int | Iterable[Image] = 24,
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rate: Fraction | int = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    options: dict[str, str] | None = None,
    rotation: float | None = None,
    flip: bool = False,
    container: str | None = None,
) -> Path:
    """Writes `frames`, a count of numbered ones or the pictures, at `pts` in units of `time_base`, else at `rate`."""
    pictures = [numbered(i) for i in range(frames)] if isinstance(frames, int) else list(frames)
    time_base = time_base or 1 / Fraction(rate)
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = time_base
        if rotation is not None:
            stream.set_display_rotation(rotation, hflip=flip)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixel_format)
            frame.pts = index if pts is None else pts[index]
            frame.time_base = time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path

"""Where the crops of one way go: a film, a folder of pictures or an array. Each takes its name when it is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from redtrack.cropping.crops import Crop
from redtrack.cropping.path import CropPath
from redtrack.errors import OutputError
from redtrack.render.png import encode_png
from redtrack.video import VideoWriter

__all__ = ["FORMATS", "Sink", "open_sink"]

FORMATS = ("mp4", "png", "npy")
"""mp4: a film, with sound; png: a folder of pictures, named for their frames from 1; npy: uint8 (n, S, S, 3) RGB."""


class Sink(Protocol):
    """Takes the crops of one way in order."""

    def write(self, crop: Crop) -> None:
        """Adds a crop; raises OutputError."""

    def finish(self) -> None:
        """Gives what was written its name; raises OutputError."""

    def discard(self) -> None:
        """Removes what was written, unless it is finished."""


def open_sink(format: str, path: Path, way: CropPath, start: float, rate: Fraction | float, sound: Path | None) -> Sink:
    """Returns a sink of one of `FORMATS`. start: the time of the first crop; sound: a file whose sound films keep."""
    if format == "mp4":
        return _Film(path, start, rate, sound)
    return _Pictures(path) if format == "png" else _Array(path, len(way), way.transform.size)


class _Film:
    """Times are those of the video, from the first crop on."""

    def __init__(self, path: Path, start: float, rate: Fraction | float, sound: Path | None) -> None:
        self._start = start
        self._writer = VideoWriter(path, rate, sound, audio_start=start)
        self._writer.__enter__()
        self._open = True

    def write(self, crop: Crop) -> None:
        self._writer.write(crop.image, crop.time - self._start)

    def finish(self) -> None:
        self._open = False
        self._writer.__exit__(None, None, None)

    def discard(self) -> None:
        if self._open:
            self._open = False
            self._writer.__exit__(InterruptedError, None, None)


class _Pictures:
    def __init__(self, path: Path) -> None:
        self._path, self._part = path, path.with_name(f".{path.name}.partial")
        shutil.rmtree(self._part, ignore_errors=True)
        _writing(path, self._part.mkdir)

    def write(self, crop: Crop) -> None:
        picture = encode_png(crop.image)
        _writing(self._path, lambda: (self._part / f"{crop.frame + 1:06d}.png").write_bytes(picture))

    def finish(self) -> None:
        if self._path.is_dir():
            shutil.rmtree(self._path)
        _writing(self._path, lambda: os.replace(self._part, self._path))

    def discard(self) -> None:
        shutil.rmtree(self._part, ignore_errors=True)


class _Array:
    def __init__(self, path: Path, count: int, size: int) -> None:
        self._path, self._part = path, path.with_name(f".{path.name}.partial")
        self._array: np.ndarray | None = None
        self._count = 0

        def create() -> None:
            shape = (count, size, size, 3)
            self._array = np.lib.format.open_memmap(self._part, mode="w+", dtype=np.uint8, shape=shape)

        _writing(path, create)

    def write(self, crop: Crop) -> None:
        assert self._array is not None
        self._array[self._count] = crop.image
        self._count += 1

    def finish(self) -> None:
        assert self._array is not None and self._count == len(self._array), (self._count, self._path)
        self._array.flush()  # type: ignore[attr-defined]
        self._array = None
        _writing(self._path, lambda: os.replace(self._part, self._path))

    def discard(self) -> None:
        self._array = None
        with suppress(OSError):
            self._part.unlink(missing_ok=True)


def _writing(path: Path, step: Callable[[], object]) -> None:
    try:
        step()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"cannot be written: {reason}", path, "choose another folder") from error

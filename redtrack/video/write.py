"""Encoding pictures as an H.264 video, each at its own time, with the sound of another file if wanted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from redtrack.errors import OutputError
from redtrack.video.orientation import Image
from redtrack.video.sound import SoundCopy

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_MICROSECOND = Fraction(1, 1_000_000)
_CONTAINERS = (".mp4", ".mov", ".mkv")
# Hardly to be told from the source, at the speed of decoding; B-frames would make the header's length wrong.
_OPTIONS = {"crf": "18", "preset": "veryfast", "bf": "0"}
_BT709 = 1  # AVCOL_SPC_BT709, AVCOL_PRI_BT709 and AVCOL_TRC_BT709


class VideoWriter:
    """Writes an .mp4, .mov or .mkv video frame by frame, for use in a `with` block.

    The file takes its name when the block is left without an error; before that it stands beside it as
    `.NAME.partial.mp4`. Times are kept to the microsecond (.mkv: to the millisecond). Sizes are made even by repeating
    the last row or column. `rate` is what the header says in frames a second, `audio_from` a file whose sound is copied
    as it is, `pixel_aspect` the width over the height at which a pixel is to be shown, by default 1. Raises OutputError
    where the file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        rate: Fraction | float = 25,
        audio_from: str | os.PathLike[str] | None = None,
        pixel_aspect: Fraction | None = None,
    ) -> None:
        self._path = Path(path)
        if self._path.suffix.lower() not in _CONTAINERS:
            raise OutputError(f"cannot be a video of kind '{self._path.suffix}'", path, "name it .mp4, .mov or .mkv")
        self._partial = self._path.with_name(f".{self._path.stem}.partial{self._path.suffix}")
        self._rate = Fraction(rate).limit_denominator(1001)
        self._pixel_aspect = pixel_aspect or Fraction(1)
        self._reformatter = VideoReformatter()
        self._stream: VideoStream | None = None
        self._ticks = -1
        self._sound = SoundCopy(audio_from) if audio_from else None
        with self._errors():
            self._output = av.open(f"file:{self._partial.absolute()}", "w")

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            with suppress(av.FFmpegError):
                self._output.close()
            if self._sound:
                self._sound.close()
            self._partial.unlink(missing_ok=True)

    def write(self, image: Image, time: float) -> None:
        """Adds the picture uint8 (height, width, 3) RGB, shown from `time` in seconds on; times must not go back."""
        with self._errors():
            frame = self._frame(image)
            stream = self._stream = self._stream or self._open_stream(frame)
            self._ticks = max(round(time / _MICROSECOND), self._ticks + 1)
            frame.pts, frame.time_base = self._ticks, _MICROSECOND
            if self._sound:
                self._sound.copy_until(time)
            self._output.mux(stream.encode(frame))

    def _finish(self) -> None:
        if self._stream is None:
            raise OutputError("is not written, for there is no frame to write", self._path)
        with self._errors():
            if self._sound:
                self._sound.copy_until(float(self._ticks * _MICROSECOND + 1 / self._rate))
            self._output.mux(self._stream.encode(None))
            self._output.close()
            os.replace(self._partial, self._path)

    def _open_stream(self, frame: VideoFrame) -> VideoStream:
        stream = self._output.add_stream("libx264", rate=self._rate, options=dict(_OPTIONS))
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
        context = stream.codec_context
        context.time_base = _MICROSECOND
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = ColorRange.MPEG
        context.sample_aspect_ratio = self._pixel_aspect
        if self._sound:
            self._sound.open_stream(self._output, self._path)
        return stream

    def _frame(self, image: Image) -> VideoFrame:
        height, width = image.shape[:2]
        if height % 2 or width % 2:
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        return self._reformatter.reformat(
            rgb, format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(f"cannot be written: {reason}", self._path, "choose another folder") from error


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[Image],
    times: Iterable[float] | None = None,
    rate: Fraction | float = 25,
    audio_from: str | os.PathLike[str] | None = None,
) -> None:
    """Writes the pictures as a video: at `times` in seconds, or evenly at `rate`. See `VideoWriter`."""
    with VideoWriter(path, rate, audio_from) as writer:
        if times is None:
            for index, image in enumerate(frames):
                writer.write(image, index / rate)
        else:
            for image, time in zip(frames, times, strict=True):
                writer.write(image, time)

"""Encoding pictures as an H.264 video, each at its own time, with the sound of another file if wanted.

The sound is copied unchanged, or as AAC where that cannot be.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from redtrack.errors import OutputError, UsageError, printable
from redtrack.files import Partial
from redtrack.video.container import open_container
from redtrack.video.orientation import Image

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_MICROSECOND = Fraction(1, 1_000_000)
_CONTAINERS = (".mp4", ".mov", ".mkv")
# Hardly to be told from the source, at the speed of decoding; B-frames would make the header's length wrong.
_OPTIONS = {"crf": "18", "preset": "veryfast", "bf": "0"}
_BT709 = 1  # AVCOL_SPC_BT709, AVCOL_PRI_BT709 and AVCOL_TRC_BT709
_FALLBACK = "aac"  # a codec that all of our containers can hold
_GAP = 0.03  # s that sound may be out of step: less is the rounding of times to ms


class VideoWriter:
    """Writes an .mp4, .mov or .mkv video frame by frame, for use in a `with` block.

    The file takes its name when the block is left without an error; before that it is a hidden `Partial` beside it, and
    of several writers of one file the last one's stays. Times are kept to the microsecond (.mkv: to the millisecond).
    Sizes are made even by repeating the last row or column. `rate` is what the header says in frames a second,
    `audio_from` a file whose sound is copied as it is, from `audio_start` seconds after its first picture on,
    `pixel_aspect` the width over the height at which a pixel is to be shown, by default 1. Raises OutputError where the
    file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        rate: Fraction | float = 25,
        audio_from: str | os.PathLike[str] | None = None,
        pixel_aspect: Fraction | None = None,
        audio_start: float = 0.0,
    ) -> None:
        self._path = Path(path)
        if self._path.suffix.lower() not in _CONTAINERS:
            raise UsageError(f"cannot be a video of kind '{self._path.suffix}'", path, "name it .mp4, .mov or .mkv")
        self._rate = Fraction(rate).limit_denominator(1001)
        self._pixel_aspect = pixel_aspect or Fraction(1)
        self._reformatter = VideoReformatter()
        self._stream: VideoStream | None = None
        self._ticks = -1
        self._sound = SoundCopy(audio_from, audio_start) if audio_from else None
        with self._errors():
            self._partial = Partial(self._path)
            try:
                self._output = av.open(f"file:{self._partial.path.absolute()}", "w")
            except BaseException:
                self._partial.discard()
                raise

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
            self._partial.discard()

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
            self._partial.finish()

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


class SoundCopy:
    """Copies the first sound stream of `source`, if any; time 0 is `start` seconds after the source's first picture."""

    def __init__(self, source: str | os.PathLike[str], start: float = 0.0) -> None:
        self._source = source
        self._input = open_container(source)
        self._start = self._first_picture() + start
        self._packets = self._read()
        self._next: Packet[AudioStream] | None = None
        self._output: OutputContainer | None = None
        self._stream: AudioStream | None = None

    def open_stream(self, output: OutputContainer, path: Path) -> None:
        """Adds the stream to the output; raises OutputError where it can hold the sound neither as it is nor as AAC."""
        if not self._input.streams.audio:
            return
        template = self._input.streams.audio[0]
        try:
            self._stream = output.add_stream_from_template(template)
        except (ValueError, av.FFmpegError):
            self._stream = self._open_encoder(template, output, path)
            self._packets = self._recode(self._stream)
        self._output = output
        self._next = next(self._packets, None)

    def _open_encoder(self, template: AudioStream, output: OutputContainer, path: Path) -> AudioStream:
        try:
            stream: Any = output.add_stream(_FALLBACK, rate=template.codec_context.sample_rate)
            stream.codec_context.layout = "mono" if template.codec_context.layout.nb_channels == 1 else "stereo"
            stream.codec_context.open()
        except (ValueError, av.FFmpegError) as error:
            reason = f"cannot hold the sound of {printable(self._source)} ({template.codec_context.name})"
            raise OutputError(reason, path, "leave the sound out") from error
        encoder: AudioStream = stream
        return encoder

    def copy_until(self, time: float) -> None:
        """Copies the sound up to `time` in seconds."""
        while self._output is not None and self._stream is not None and self._next is not None:
            packet, dts = self._next, self._next.dts or 0
            if dts * packet.time_base >= time:
                return
            if dts >= 0 or packet.stream is self._stream:  # an encoder begins a little before its first sample
                packet.stream = self._stream
                self._output.mux(packet)
            self._next = next(self._packets, None)

    def close(self) -> None:
        """Closes the source."""
        self._packets.close()
        self._input.close()

    def _first_picture(self) -> float:
        video = self._input.streams.video
        if not video or video[0].start_time is None or not video[0].time_base:
            return 0.0
        return float(video[0].start_time * video[0].time_base)

    def _read(self) -> Generator[Packet[AudioStream], None, None]:
        stream = self._input.streams.audio[0]
        try:
            for packet in self._input.demux(stream):
                if packet.size and packet.pts is not None and packet.dts is not None:
                    start = round(self._start / packet.time_base)
                    packet.pts, packet.dts = packet.pts - start, packet.dts - start
                    yield packet
        except av.FFmpegError:  # damaged sound: what is left of it is left out
            return

    def _recode(self, stream: AudioStream) -> Generator[Packet[AudioStream], None, None]:
        """Yields the packets of the sound encoded anew."""
        encoder = stream.codec_context
        resampler = av.AudioResampler(encoder.format, encoder.layout, encoder.sample_rate)
        rate, at = encoder.sample_rate, -1
        try:
            for frame in self._input.decode(audio=0):
                due = round(((frame.time or 0.0) - self._start) * rate)
                ahead = at >= 0 and at - due > rate * _GAP  # more samples than time: this frame is left out
                for piece in resampler.resample(frame) if due >= 0 and not ahead else ():
                    at = at if at >= 0 and due - at < rate * _GAP else max(due, at)
                    piece.pts, piece.time_base = at, Fraction(1, rate)
                    at += piece.samples
                    due += piece.samples
                    yield from stream.encode(piece)
        except av.FFmpegError:  # damaged sound: what is left of it is left out
            pass
        yield from stream.encode(None)

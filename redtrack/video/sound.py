"""Copying the sound of one file into another in step with its pictures: unchanged, or as AAC where that cannot be."""

from __future__ import annotations

import os
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from redtrack.errors import OutputError, printable
from redtrack.video.container import open_container

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet

_FALLBACK = "aac"  # a codec that all of our containers can hold
_GAP = 0.03  # s that sound may be out of step: less is the rounding of times to ms


class SoundCopy:
    """Copies the first sound stream of `source`, if it has one; time 0 is that of the source's first picture."""

    def __init__(self, source: str | os.PathLike[str]) -> None:
        self._source = source
        self._input = open_container(source)
        self._start = self._first_picture()
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

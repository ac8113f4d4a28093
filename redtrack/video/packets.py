"""The packets of a file's video stream, read past damage, and what they tell of the stream's length."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.error

from redtrack.video.container import video_stream

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    VideoPacket = Packet[VideoStream]

_TRIES = 16  # read errors in a row after which the rest of the file is given up

_HOLE = 256  # bytes between two packets from which on they are no headers, but packets that could not be read

_LEAP = 1.75  # usual steps; rounding makes one of two
_KNOWN = 8  # steps after which one is usual
_NEAR = 3  # packets between a leap and a damaged packet that belong together
_FAR = 1 << 62
_MOST_KINDS = 64  # of steps that are counted


class PacketReader:
    """Iterates over the packets of the video stream in file order, and gives None at the end.

    `packets` counts those with data so far, `seconds` reaches from the stream's start to the end of its latest packet,
    `read_errors` counts the places where the file could not be read. `promised_packets` and `promised_seconds` are what
    the header announces, None where it announces nothing. `holes` counts the stretches of a Matroska file that hold no
    packet of any stream where there should be some, `pace` where its time leaps. `heartbeat` is called before each
    packet.
    """

    def __init__(
        self,
        container: InputContainer,
        path: str | os.PathLike[str],
        heartbeat: Callable[[], None] | None = None,
        stream: int | None = None,
    ) -> None:
        self.stream = video_stream(container, path, stream)
        self.packets = 0
        self.seconds = 0.0
        self.read_errors = 0
        self.holes = 0
        self.pace = Pace()
        self.promised_packets = self.stream.frames or None
        self.promised_seconds = _promised_seconds(container, self.stream)
        self._container = container
        self.is_matroska = "matroska" in container.format.name
        self._reached = 0  # byte of the file
        self.heartbeat = heartbeat or (lambda: None)
        self._first: int | None = None

    def __iter__(self) -> Iterator[VideoPacket | None]:
        tries = 0
        while tries < _TRIES:
            try:
                for packet in self._demux():
                    self.heartbeat()
                    if packet.size:  # an empty packet would end the decoding
                        tries = 0
                        self._count(packet)
                        yield packet
                break
            except (av.FFmpegError, ValueError):
                tries += 1
                self.read_errors += 1
        yield None

    def _demux(self) -> Iterator[VideoPacket]:
        """Yields the stream's packets; in Matroska, where FFmpeg leaps over damage without a word, notes the leaps."""
        if not self.is_matroska:
            yield from self._container.demux(self.stream)
            return
        for packet in self._container.demux():
            if packet.pos is not None and packet.size:
                self.holes += 0 < self._reached < packet.pos - _HOLE
                self._reached = max(self._reached, packet.pos + packet.size)
            if packet.has_sidedata("matroska_block_additional"):
                self._reached = 0  # an alpha channel, say, of unknown size comes next
            if packet.stream_index == self.stream.index:
                yield packet  # type: ignore[misc]

    def decode(self, packet: VideoPacket | None) -> list[VideoFrame]:
        """Returns the frames that come out for a packet, and for None all that are left.

        Raises av.FFmpegError where the decoder refuses the packet.
        """
        try:
            return self.stream.decode(packet)
        except av.error.EOFError:  # nothing is left
            return []

    def _count(self, packet: VideoPacket) -> None:
        self.packets += 1
        self.pace.add(packet.dts, packet.is_corrupt, packet.is_keyframe)
        if packet.pts is None or not self.stream.time_base:
            return
        if self._first is None:
            self._first = packet.pts if self.stream.start_time is None else self.stream.start_time
        ticks = packet.pts + (packet.duration or 0) - self._first
        self.seconds = max(self.seconds, float(ticks * self.stream.time_base))


class Pace:
    """Is told every packet's time; counts `leaps`, and of these the `torn` ones, which have a corrupt packet beside.

    A leap to a key frame is none of these: another recording begins there.
    """

    def __init__(self) -> None:
        self.leaps = 0
        self.torn = 0
        self._packets = 0
        self._last: int | None = None  # time that was told last
        self._since = 0  # packets since then
        self._counts: dict[int, int] = {}
        self._usual = 0
        self._leap_at = self._corrupt_at = -_FAR

    def add(self, ticks: int | None, is_corrupt: bool, is_key: bool = False) -> None:
        """Takes the decoding time of the next packet."""
        self._packets += 1
        if is_corrupt:
            self._corrupt_at = self._packets
        self._since += 1
        if ticks is not None:
            if self._last is not None and self._is_leap(ticks - self._last, self._since):
                self.leaps += 1
                self._leap_at = -_FAR if is_key else self._packets
            self._last, self._since = ticks, 0
        if self._leap_at >= 0 and abs(self._leap_at - self._corrupt_at) <= _NEAR:
            self.torn += 1
            self._leap_at = -_FAR

    def _is_leap(self, step: int, packets: int) -> bool:
        if step <= 0:  # the clock starts again
            return False
        if self._counts.get(self._usual, 0) >= _KNOWN and step > _LEAP * packets * self._usual:
            return True
        if packets > 1:
            return False
        if step in self._counts or len(self._counts) < _MOST_KINDS:
            self._counts[step] = self._counts.get(step, 0) + 1
            if self._counts[step] > self._counts.get(self._usual, 0):
                self._usual = step
        return False


def _promised_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """Returns the length of the stream as the header has it; not that of the whole file, whose sound may be longer."""
    if stream.duration and stream.duration > 0 and stream.time_base:
        return float(stream.duration * stream.time_base)
    if (tag := _tagged_seconds(stream.metadata.get("DURATION", ""))) is not None:
        return tag - _before(container, stream)
    if container.duration and container.duration > 0 and len(container.streams) == 1:
        return container.duration / av.time_base - _before(container, stream)
    return None


def _before(container: InputContainer, stream: VideoStream) -> float:
    """Returns the seconds before the stream's first frame that the header counts, too: Matroska and NUT tell an end."""
    if not any(name in container.format.name for name in ("matroska", "nut")):
        return 0.0
    return float((stream.start_time or 0) * (stream.time_base or 0))


def _tagged_seconds(tag: str) -> float | None:
    """Returns the seconds of Matroska's "HH:MM:SS.nnnnnnnnn"; None for anything else."""
    try:
        hours, minutes, seconds = tag.rstrip("\0").split(":")
        return float(int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds))
    except (ValueError, ZeroDivisionError):
        return None

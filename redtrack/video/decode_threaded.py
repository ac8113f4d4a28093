"""Decoding on every core, as long as all is well.

Decoders that work on many frames at once lose sound frames beside a damaged one, some without an error: HEVC drops what
it cannot read, and a decoder that is drained stops at the first error. So every packet's time is held until its
picture comes out, and at the first sign of damage `Disorder` is raised and the file is decoded again with care.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av

from redtrack.video.container import decode_in_parallel
from redtrack.video.strict_decoder import STRICT, StrictDecoder

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from redtrack.video.packets import PacketReader, VideoPacket

# Codecs whose packets may be there for reference only and show nothing.
HIDING_CODECS = frozenset({"vp8"})
# Frames that a decoder holds back at most before it gives the first of them out: 16 in H.264 and HEVC.
PATIENCE = 17
# Bytes up to which a packet may say "as before" and give no picture (MPEG-4 part 2).
TINY = 16


class Disorder(Exception):
    """The frames that come out are not those that went in."""


@dataclass(slots=True)
class Picture:
    """One place in the stream: its frame (None where none could be decoded) and time in ticks of the time base."""

    frame: VideoFrame | None
    ticks: int | None
    damaged: bool = False


def decode_parallel(reader: PacketReader) -> Iterator[Picture]:
    """Yields the pictures of a sound stream in order; raises Disorder before the first that is not as it should be."""
    decode_in_parallel(reader.stream)
    ledger = _Ledger(reader.stream.codec_context.codec.canonical_name in HIDING_CODECS)
    held: deque[VideoFrame] = deque()
    for packet in reader:
        if packet:
            if not reader.stream.codec_context.is_open:
                _be_strict(reader.stream, packet)
            ledger.sent(packet)
        for frame in _decode(reader, packet):
            if frame.is_corrupt or not ledger.came(frame):
                raise Disorder
            held.append(frame)
        while held and (packet is None or ledger.is_settled(held[0]) or len(held) > PATIENCE):
            frame = held.popleft()
            yield Picture(frame, frame.pts)
    if ledger.owes or reader.read_errors:
        raise Disorder


def _decode(reader: PacketReader, packet: VideoPacket | None) -> list[VideoFrame]:
    try:
        return reader.decode(packet)
    except av.FFmpegError as error:
        raise Disorder from error


def _be_strict(stream: VideoStream, first: VideoPacket) -> None:
    """Has the decoder raise on damage that it would pass over."""
    strict = StrictDecoder(stream)
    strict.refuses(first)
    if strict.is_needed:
        stream.codec_context.options = {**stream.codec_context.options, **STRICT}


class _Ledger:
    """The times, in ticks, of packets whose pictures have not come out yet."""

    def __init__(self, hides: bool) -> None:
        self._owed: dict[int, bool] = {}  # ticks -> whether the packet is a key frame
        self._hides = hides
        self._interlaced = False
        self._last: int | None = None
        self._dts: int | None = None

    def sent(self, packet: VideoPacket) -> None:
        """Notes a packet on its way into the decoder; raises Disorder where it came damaged out of the container."""
        if packet.is_corrupt:
            raise Disorder
        self._dts = packet.dts
        if packet.pts is not None and not packet.is_discard and packet.size > TINY:
            self._owed[packet.pts] = packet.is_keyframe

    def came(self, frame: VideoFrame) -> bool:
        """Returns whether the frame is the next one due."""
        self._interlaced |= frame.interlaced_frame
        if frame.pts is None:
            return True
        missed = [ticks for ticks in self._owed if ticks < frame.pts]
        sound = self._is_sound(frame.pts, missed)
        for ticks in (*missed, frame.pts):
            self._owed.pop(ticks, None)
        self._last = frame.pts
        return sound

    def is_settled(self, frame: VideoFrame) -> bool:
        """Returns whether no picture can come before this frame any more: none is shown before it is sent."""
        return frame.pts is None or self._dts is None or frame.pts <= self._dts

    def _is_sound(self, ticks: int, missed: list[int]) -> bool:
        if self._last is None:  # a film cut out of a longer one starts with frames that nothing is known of
            return not any(self._owed[early] for early in missed)
        # The second field of an interlaced frame may come in a packet of its own.
        return ticks >= self._last and (self._hides or self._interlaced or not missed)

    @property
    def owes(self) -> bool:
        """Whether a packet went in for which, at the end, no picture has come out."""
        return len(self._owed) > self._interlaced

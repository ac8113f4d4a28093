"""Decoding a damaged stream packet by packet, so that every picture keeps its place.

One core, one packet at a time: an error then belongs to the packet that caused it. Damaged decoders also give frames
out early, so the pictures wait in the order of their times until nothing can come before them.
"""

from __future__ import annotations

from bisect import bisect, bisect_left, insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import av

from redtrack.video.container import decode_one_by_one
from redtrack.video.decode_threaded import HIDING_CODECS, PATIENCE, TINY, Picture
from redtrack.video.strict_decoder import StrictDecoder

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from redtrack.video.packets import PacketReader, VideoPacket

# Seconds by which a stream's time must fall back to count as started again.
_RESTART = 0.25
# Packets after one that came damaged out of its container within which a recording that begins there explains that.
_JOIN = 3
# Packets whose damage is remembered, at the least: far more than can be under way at once.
_MEMORY = 1000


def decode_careful(reader: PacketReader) -> Iterator[Picture]:
    """Yields a picture for every packet in the order of their times; those without a frame are damaged."""
    decode_one_by_one(reader.stream)
    second = round(1 / reader.stream.time_base) if reader.stream.time_base else 1
    queue = _Queue(second, reader.stream.codec_context.codec.canonical_name in HIDING_CODECS)
    strict = StrictDecoder(reader.stream)
    for packet in reader:
        place = queue.sent(packet) if packet else None
        if packet and place and strict.refuses(packet):
            place.failed = True
        for frame in _decode(reader, packet, place):
            queue.came(frame)
        yield from queue.ready(finished=packet is None)


def _decode(reader: PacketReader, packet: VideoPacket | None, place: _Place | None) -> list[VideoFrame]:
    try:
        return reader.decode(packet)
    except av.FFmpegError:
        if place:
            place.failed = True
        return []


@dataclass(order=True, slots=True)
class _Place:
    """Where a picture belongs: sorted by its time in ticks, then by its packet's number."""

    ticks: int
    serial: int
    packet: VideoPacket | None = field(compare=False)
    pts: int | None = field(compare=False)
    failed: bool = field(default=False, compare=False)
    flagged: bool = field(default=False, compare=False)  # the container calls its packet damaged
    frame: VideoFrame | None = field(default=None, compare=False)

    @property
    def is_key(self) -> bool:
        """Whether the picture depends on no other."""
        return bool(self.packet and self.packet.is_keyframe)

    @property
    def is_required(self) -> bool:
        """Whether the packet should give a picture."""
        return self.pts is not None and bool(self.packet and self.packet.size > TINY)


class _Queue:
    """Places in the order of their times, each waiting for its frame."""

    def __init__(self, second: int, hides: bool) -> None:
        self._second = second  # in ticks
        self._hides = hides
        self._places: list[_Place] = []
        self._given: deque[int | None] = deque(maxlen=PATIENCE)  # the latest times that were yielded
        self._damage = _Damage()
        self._serial = 0
        self._offset = 0  # added to the stream's ticks since they last started again
        self._latest: deque[int] = deque(maxlen=2)  # decoding times of the latest two packets
        self._end = 0  # latest time so far, in ticks
        self._begun = False

    def sent(self, packet: VideoPacket) -> _Place | None:
        """Notes a packet on its way into the decoder; returns its place, None if it will show nothing."""
        self._serial += 1
        if packet.is_discard:
            return None
        self._follow_join(packet)
        ticks = self._end if packet.pts is None else packet.pts + self._offset
        place = _Place(ticks, self._serial, packet, packet.pts, flagged=packet.is_corrupt)
        insort(self._places, place)
        self._end = max(self._end, ticks)
        return place

    def came(self, frame: VideoFrame) -> None:
        """Puts a frame into its place."""
        self._hides |= frame.interlaced_frame
        places = [place for place in self._places if place.pts == frame.pts]
        if places:  # a damaged decoder may give a frame out twice: the later is the better
            empty = [place for place in places if place.frame is None] or places[-1:]
            min(empty, key=lambda place: place.failed).frame = frame
        elif frame.pts is None or frame.pts not in self._given:
            ticks = self._end if frame.pts is None else frame.pts + self._offset
            insort(self._places, _Place(ticks, self._serial, None, frame.pts, frame=frame))

    def ready(self, finished: bool) -> Iterator[Picture]:
        """Yields and forgets the pictures that nothing can come before any more."""
        while self._places and (finished or self._is_settled(self._places[0])):
            place = self._places.pop(0)
            if place.frame is not None or self._is_missing(place):
                self._begun = True
                self._given.append(place.pts)
                ticks = None if place.pts is None else place.ticks
                yield Picture(place.frame, ticks, self._damage.spoils(place))

    def _is_settled(self, place: _Place) -> bool:
        if place.flagged and self._serial - place.serial <= _JOIN:
            return False
        is_old = self._serial - place.serial >= PATIENCE
        if place.frame is None:
            return is_old
        if not is_old and any(p.serial < place.serial and p.frame is None for p in self._places):
            return False  # what it is drawn from may still turn out to be damaged
        if not self._latest or place.pts is None:
            return is_old or place.pts is None
        return place.ticks <= self._latest[-1] + self._offset or len(self._places) > 2 * PATIENCE

    def _is_missing(self, place: _Place) -> bool:
        """Returns whether this packet should have given a picture."""
        self._begun |= place.failed or place.flagged or place.is_key  # before that, a film cut out of a longer one
        return self._begun and (place.failed or place.flagged or (place.is_required and not self._hides))

    def _follow_join(self, packet: VideoPacket) -> None:
        """Goes on counting where the stream's clock starts again, as in recordings that were joined.

        A transport stream calls the packet before the join damaged, because its packets are not numbered on.
        """
        if packet.dts is None:
            return
        # A single stray time lies before the latest packet but not before the one ahead of it.
        starts_again = packet.dts < min(self._latest, default=packet.dts) - _RESTART * self._second
        if starts_again:
            start = packet.dts if packet.pts is None else packet.pts
            self._offset = self._end + max(packet.duration or 0, 1) - start
        leaps = packet.dts > max(self._latest, default=packet.dts) + _RESTART * self._second
        if packet.is_keyframe and (starts_again or leaps):
            for place in self._places:
                place.flagged &= self._serial - place.serial > _JOIN
        if starts_again:
            self._latest.clear()
        self._latest.append(packet.dts)


class _Damage:
    """Which pictures are spoilt: the damaged ones, and all that are drawn from them up to the next key frame."""

    def __init__(self) -> None:
        self._damaged: list[int] = []  # packet numbers, in ascending order
        self._keys: list[tuple[int, int]] = []  # packet number and ticks of each key frame, in ascending order

    def spoils(self, place: _Place) -> bool:
        """Returns whether this picture is damaged, itself or by pictures that it depends on."""
        damaged = place.failed or place.flagged or place.frame is None or place.frame.is_corrupt
        if place.is_key:
            insort(self._keys, (place.serial, place.ticks))
        after = bisect(self._keys, (place.serial, place.ticks))
        key, key_ticks = self._keys[after - 1] if after else (0, place.ticks)
        is_leading = place.ticks < key_ticks  # shown before its key frame, and drawn from the pictures before that
        if damaged and not is_leading and not (place.packet and place.packet.is_disposable):
            insort(self._damaged, place.serial)
        for known in (self._damaged, self._keys):
            if len(known) > 2 * _MEMORY:
                del known[:_MEMORY]
        return damaged or bisect_left(self._damaged, key) < bisect_left(self._damaged, place.serial)

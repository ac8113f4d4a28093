"""Between the decoder process and its user: messages over a socket, frames through shared memory.

A message to the user is one byte that tells its kind, then its content: a frame's numbers, or JSON. A request is JSON,
followed by the handle of the shared memory if it asks for frames; the slots of frames that the user is done with go the
same way, a byte each. A page that lives as long as the process holds its signs of life.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import time
import weakref
from collections import deque
from threading import Thread
from typing import IO, NamedTuple

import numpy as np

from redtrack.video.orientation import Image

INFO, FRAME, REPORT, ERROR, BUG = b"I", b"F", b"R", b"E", b"B"
FRAME_FIELDS = struct.Struct("<QdB??")  # index, time, slot, whether damaged, whether missing

_MOST_SLOTS = 12  # frames that may wait in shared memory or be in use ...
_MOST_BYTES = 1 << 28  # ... and bytes that they may take, unless three take more
_IN_MOTION = 2  # slots that are never lent out, so that the decoder can go on
_PACKETS = struct.Struct("<Q")
_PULSE = struct.Struct("<Qd")  # pulses, seconds of processor time
_PULSE_EVERY = 0.25  # seconds


def shared_file(size: int) -> IO[bytes]:
    """Returns a file of `size` bytes without a name, in memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        file: IO[bytes] = os.fdopen(os.memfd_create("redtrack"), "r+b", buffering=0)
    else:
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it is the caller's
    file.truncate(size)
    return file


class SignsOfLife(NamedTuple):
    """What a decoder process shows of itself.

    `packets` counts those that it has read. `pulses` are those of a thread that does nothing else, so that they stop
    only with the whole process. `processor` is the time in seconds that it has computed.
    """

    packets: int
    pulses: int
    processor: float


class Heartbeat:
    """A page of memory with the signs of life of a process, written there and read by another."""

    def __init__(self, handle: int) -> None:
        self._map = mmap.mmap(handle, _PACKETS.size + _PULSE.size)

    def beat(self) -> None:
        """Counts a packet."""
        _PACKETS.pack_into(self._map, 0, (_PACKETS.unpack_from(self._map)[0] + 1) % 2**64)

    def start_pulse(self) -> None:
        """Has a thread show for as long as the process lives that it is not stopped, and how much it computes."""
        Thread(target=self._pulse, name="pulse", daemon=True).start()

    def _pulse(self) -> None:
        pulses = 0
        while True:
            pulses += 1
            _PULSE.pack_into(self._map, _PACKETS.size, pulses, time.process_time())
            time.sleep(_PULSE_EVERY)

    def look(self) -> SignsOfLife:
        """Returns the signs of life as they are now."""
        return SignsOfLife(*_PACKETS.unpack_from(self._map), *_PULSE.unpack_from(self._map, _PACKETS.size))


def slot_count(height: int, width: int) -> int:
    """Returns how many frames of this size the shared memory is to hold."""
    return max(_IN_MOTION + 1, min(_MOST_SLOTS, _MOST_BYTES // (height * width * 3)))


class Slots:
    """Shared memory for frames of one size."""

    def __init__(self, handle: int, height: int, width: int) -> None:
        self._shape = (height, width, 3)
        self._bytes = height * width * 3
        self.count = slot_count(height, width)
        self._map = mmap.mmap(handle, self.count * self._bytes)
        self._lent = 0
        self._back: deque[int] = deque()  # slots whose pictures are gone, from whatever thread let go of them last
        self._returned: deque[int] = deque()

    def put(self, slot: int, image: Image) -> None:
        """Copies the picture uint8 (height, width, 3) into its slot."""
        self._flat(slot).reshape(self._shape)[:] = image

    def take(self, slot: int) -> Image:
        """Returns the slot's picture: the shared memory itself while there is enough of it, else a copy.

        The slot is free again, and told by `returned`, once the last view of the picture is gone.
        """
        self._take_back()
        flat = self._flat(slot)
        if self._lent >= self.count - _IN_MOTION:
            self._returned.append(slot)
            return flat.reshape(self._shape).copy()
        self._lent += 1
        weakref.finalize(flat, self._back.append, slot)  # numpy's views of `flat` keep `flat` alive
        return flat.reshape(self._shape)

    def returned(self) -> bytes:
        """Returns the slots that have become free since the last call, a byte each."""
        self._take_back()
        return bytes(self._returned.popleft() for _ in range(len(self._returned)))

    def _take_back(self) -> None:
        while self._back:
            self._returned.append(self._back.popleft())
            self._lent -= 1

    def _flat(self, slot: int) -> Image:
        return np.frombuffer(self._map, np.uint8, self._bytes, slot * self._bytes)

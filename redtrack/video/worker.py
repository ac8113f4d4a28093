"""The decoder process: decodes the videos that it is asked for, one after the other, into shared memory."""

from __future__ import annotations

import fcntl
import json
import os
import select
import sys
import traceback
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, replace
from fractions import Fraction
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any

from redtrack.errors import RedtrackError, VideoError
from redtrack.video.decode import Frame, Video
from redtrack.video.reading import Reading
from redtrack.video.shared_frames import BUG, ERROR, FRAME, FRAME_FIELDS, INFO, REPORT, Heartbeat, Slots


class Worker:
    """Answers a request for a path by the video's info, or, if it asks for frames, by these and a report."""

    def __init__(self, connection: Connection, heartbeat: int) -> None:
        self._connection = connection
        self._requests = select.poll()
        self._requests.register(connection.fileno(), select.POLLIN)
        self._heartbeat = Heartbeat(heartbeat)
        self._heartbeat.start_pulse()

    def run(self) -> None:
        """Answers until the other side hangs up."""
        while True:
            try:
                request = self._connection.recv_bytes()
                if request[:1] == b"{":  # the rest are slots of the last video, freed too late to matter
                    self._answer(json.loads(request))
            except RedtrackError as error:
                self._send(ERROR, [error.message, error.remedy])
            except (EOFError, ConnectionError):
                return
            except MemoryError:
                self._send(ERROR, ["has frames too large for the memory that there is", None])
            except Exception:  # noqa: BLE001 - it is raised again on the other side
                self._send(BUG, traceback.format_exc())

    def _answer(self, request: dict[str, Any]) -> None:
        memory = recv_handle(self._connection) if "size" in request else None
        try:
            path = os.fsdecode(bytes.fromhex(request["path"]))
            reading = Reading(**request["reading"])
            video = Video(path, self._heartbeat.beat, packed=False, device=request.get("device"), reading=reading)
            if memory is None:
                self._send(INFO, asdict(video.info) | {"path": None})
                return
            _check_same(video, request)
            frames = video.samples(request["samples"]) if "samples" in request else video.frames(*request["frames"])
            self._send_frames(frames, Slots(memory, *request["size"]))
            self._send(REPORT, asdict(video.report))
        finally:
            if memory is not None:
                os.close(memory)

    def _send_frames(self, frames: Iterator[Frame], slots: Slots) -> None:
        free = deque(range(slots.count))
        for frame in frames:
            while not free or self._requests.poll(0):
                free.extend(self._connection.recv_bytes())
            slot = free.popleft()
            slots.put(slot, frame.image)
            fields = FRAME_FIELDS.pack(frame.index, frame.time, slot, frame.damaged, frame.missing)
            self._connection.send_bytes(FRAME + fields)

    def _send(self, kind: bytes, content: object) -> None:
        self._connection.send_bytes(kind + json.dumps(content, default=_plain).encode())


def _plain(value: object) -> str:
    assert isinstance(value, Fraction), value
    return str(value)


def _check_same(video: Video, known: dict[str, Any]) -> None:
    """Raises VideoError where the file is not the one that was asked about; one that only grew is taken for that."""
    info = video.info
    grew = info.size_bytes > known["size_bytes"]
    if known["size"] != [info.height, info.width] or not (grew or info.digest == known["digest"]):
        raise VideoError("has been replaced by another video", info.path, "start again")
    video.info = replace(info, size_bytes=known["size_bytes"])


def end_with(leash: int) -> None:
    """Has the system end this process when the other end of a pipe is closed, even while C code hangs or spins.

    SIGIO ends a process that does not handle it. Without it, a decoder that hangs would outlive a killed run for ever.
    """
    if hasattr(fcntl, "F_SETOWN") and hasattr(os, "O_ASYNC"):
        fcntl.fcntl(leash, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(leash, fcntl.F_SETFL, fcntl.fcntl(leash, fcntl.F_GETFL) | os.O_ASYNC)


if __name__ == "__main__":
    connection, heartbeat, leash = map(int, sys.argv[1:])
    end_with(leash)
    Worker(Connection(connection), heartbeat).run()

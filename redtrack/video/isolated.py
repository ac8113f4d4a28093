"""Decoding in a process of its own, so that a file that crashes or hangs the C library costs that video only.

FFmpeg is a large body of C that reads hostile input; a thread cannot be saved from it. The decoder process serves many
videos, passes their frames through shared memory, and is killed when it decodes no packet for a while. Nothing that it
says is unpickled.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

from redtrack.errors import VideoError
from redtrack.video.decode import DecodeReport, Frame, Video
from redtrack.video.decoder_process import DecoderProcess, Loan, Lost
from redtrack.video.probe import VideoInfo
from redtrack.video.shared_frames import BUG, ERROR, FRAME, FRAME_FIELDS, Slots, shared_file, slot_count

TIME_LIMIT = 60.0  # seconds without a packet decoded after which a decoder counts as hanging; slow ones take one or two
_REMEDY = "it is damaged or hostile, convert it with another program first"


def open_video(path: str | os.PathLike[str], isolated: bool = True, device: str | None = None) -> Video | IsolatedVideo:
    """Returns the video, decoded in a process of its own if `isolated` and if the system can do so.

    device: a GPU, such as `cuda:0`, that decodes where it can.
    """
    if isolated and sys.platform != "win32":
        return IsolatedVideo(path, device=device)
    return Video(path, device=device)


class IsolatedVideo:
    """A video like `Video`, decoded in another process.

    A decoder that crashes or hangs before the first frame is a VideoError; later, the frames end there and the report
    calls the video truncated and says why.
    """

    def __init__(self, path: str | os.PathLike[str], time_limit: float = TIME_LIMIT, device: str | None = None) -> None:
        self._path = Path(path)
        self._device = device
        self._name = os.fsencode(os.path.abspath(path)).hex()
        self._time_limit = time_limit
        self.report = DecodeReport()
        with Loan() as process, self._blame():
            process.ask({"path": self._name})
            self.info = _read_info(self._path, json.loads(self._receive(process)[1:]))
            process.is_idle = True

    def __enter__(self) -> IsolatedVideo:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves nothing to close: each iteration over `frames` borrows a process and gives it back."""

    def frames(self, start: float | None = None, end: float | None = None) -> Iterator[Frame]:
        """Yields the frames with start <= time < end, in seconds; each keeps its index in the whole stream."""
        self.report = report = DecodeReport()
        size = self.info.height, self.info.width
        with Loan() as process, self._blame():
            with shared_file(slot_count(*size) * size[0] * size[1] * 3) as memory:
                slots = Slots(memory.fileno(), *size)
                known = {"size": size, "size_bytes": self.info.size_bytes, "digest": self.info.digest}
                known["device"] = self._device
                process.ask({"path": self._name, "frames": [start, end], **known}, memory.fileno())
            while (message := self._receive(process))[:1] == FRAME:
                index, time, slot, damaged, missing = FRAME_FIELDS.unpack(message[1:])
                frame = Frame(index, time, slots.take(slot), damaged, missing)
                report.add(frame)
                yield frame
                del frame
                if free := slots.returned():
                    process.send(free)
            self.report = DecodeReport(**json.loads(message[1:]))
            process.is_idle = True

    @contextmanager
    def _blame(self) -> Iterator[None]:
        """Makes the loss of the process the video's fault: an error, or the end of its frames if some have come."""
        try:
            yield
        except Lost as lost:
            if not self.report.frames:
                raise VideoError(f"made the decoder {lost}", self._path, _REMEDY) from lost
            self.report.truncated = True
            self.report.reason = f"it made the decoder {lost} after {self.report.frames} frames"

    def _receive(self, process: DecoderProcess) -> bytes:
        """Returns the next message; raises what went wrong on the other side."""
        message = process.receive(self._time_limit)
        if message[:1] == ERROR:
            reason, remedy = json.loads(message[1:])
            process.is_idle = True
            raise VideoError(reason, self._path, remedy)
        if message[:1] == BUG:
            raise RuntimeError(f"in the decoder process:\n{json.loads(message[1:])}")
        return message


def _read_info(path: Path, fields: dict[str, Any]) -> VideoInfo:
    names = ("pixel_aspect", "time_base", "average_rate")
    fractions = {key: fields[key] and Fraction(fields[key]) for key in names}
    return VideoInfo(**{**fields, **fractions, "path": path})

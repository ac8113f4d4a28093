"""Decoding in a process of its own, so that a file that crashes or hangs the C library costs that video only.

FFmpeg is a large body of C that reads hostile input; a thread cannot be saved from it. The decoder process serves many
videos, passes their frames through shared memory, and is killed when it hangs. A decoder that is lost is replaced by a
fresh one that goes on with the next frame; only one that is lost again at the same place is put down to the file.
Nothing that a decoder says is unpickled.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from redtrack.errors import VideoError, printable
from redtrack.video.decode import DecodeReport, Frame, Video
from redtrack.video.decoder_process import POOL, DecoderProcess
from redtrack.video.decoder_watch import STOPPED, Losses, Lost, Watch
from redtrack.video.probe import StreamInfo, VideoInfo
from redtrack.video.reading import AS_TOLD, Reading
from redtrack.video.shared_frames import BUG, ERROR, FRAME, FRAME_FIELDS, Slots, shared_file, slot_count

TIME_LIMIT = 60.0  # seconds without a packet decoded after which a decoder counts as hanging; slow ones take one or two
_DAMAGED = "it is damaged or hostile, convert it with another program first"
_OUTSIDE = "the next run tries again"


def open_video(
    path: str | os.PathLike[str],
    isolated: bool = True,
    device: str | None = None,
    reading: Reading = AS_TOLD,
    tell: Callable[[str], None] = lambda _: None,
) -> Video | IsolatedVideo:
    """Returns the video, decoded in a process of its own if `isolated` and if the system can do so.

    device: a GPU, such as `cuda:0`, that decodes where it can. reading: which stream is read, and how. tell: hears one
    sentence when a drive keeps the decoder waiting, or when a decoder was lost and another goes on.
    """
    if isolated and sys.platform != "win32":
        return IsolatedVideo(path, device=device, reading=reading, tell=tell)
    return Video(path, device=device, reading=reading)


class IsolatedVideo:
    """A video like `Video`, decoded in another process.

    Where decoder after decoder is lost at the same place, that is a VideoError before the first frame; later, the
    frames end there and the report calls the video truncated and says why. Where something outside keeps ending the
    decoders, it is always a VideoError.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        time_limit: float = TIME_LIMIT,
        device: str | None = None,
        reading: Reading = AS_TOLD,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._path = Path(path)
        name = os.fsencode(os.path.abspath(path)).hex()
        self._request: dict[str, Any] = {"path": name, "reading": reading.to_dict()}
        self._device = device
        self._time_limit = time_limit
        self._tell = lambda text: tell(f"{printable(path)}: {text}")
        self.report = DecodeReport()
        self.info = self._ask_info()

    def __enter__(self) -> IsolatedVideo:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves nothing to close: each iteration over `frames` borrows a process and gives it back."""

    def frames(self, start: float | None = None, end: float | None = None) -> Iterator[Frame]:
        """Yields the frames with start <= time < end, in seconds; each keeps its index in the whole stream."""
        self.report = DecodeReport()
        losses = Losses()
        while True:
            try:
                yield from self._decode({"frames": [start, end, self.report.frames]})
            except Lost as lost:
                if self._goes_on(lost, losses):
                    continue
            return

    def samples(self, count: int) -> Iterator[Frame]:
        """Yields up to `count` frames from all over the video, as `Video` does; fewer where the decoder is lost."""
        report = self.report
        with suppress(Lost):
            yield from self._decode({"samples": count})
        self.report = report

    def _decode(self, wanted: dict[str, Any]) -> Iterator[Frame]:
        """Yields the frames that one decoder gives; raises Lost where it is lost."""
        size = self.info.height, self.info.width
        with POOL.loan() as process:
            with self._shared_memory(slot_count(*size) * size[0] * size[1] * 3) as memory:
                slots = Slots(memory.fileno(), *size)
                known = {"size": size, "size_bytes": self.info.size_bytes, "digest": self.info.digest}
                request = {**self._request, **wanted, "device": self._device, **known}
                process.ask(request, memory.fileno())
            while (message := self._receive(process))[:1] == FRAME:
                index, time, slot, damaged, missing = FRAME_FIELDS.unpack(message[1:])
                frame = Frame(index, time, slots.take(slot), damaged, missing)
                self.report.add(damaged, missing)
                yield frame
                del frame
                if free := slots.returned():
                    process.send(free)
            self.report = DecodeReport(**json.loads(message[1:]))
            process.is_idle = True

    def _shared_memory(self, count: int) -> IO[bytes]:
        """Returns `count` bytes for frames; raises VideoError where the system refuses them."""
        try:
            return shared_file(count)
        except (OSError, OverflowError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            message = f"needs {max(count >> 20, 1)} MB of shared memory that the system refuses ({reason})"
            raise VideoError(message, self._path, "raise its limits, see ulimit -a") from error

    def _ask_info(self) -> VideoInfo:
        """Returns what the video is."""
        losses = Losses()
        while True:
            try:
                with POOL.loan() as process:
                    process.ask(self._request)
                    info = _read_info(self._path, json.loads(self._receive(process)[1:]))
                    process.is_idle = True
                    return info
            except Lost as lost:
                self._goes_on(lost, losses)

    def _goes_on(self, lost: Lost, losses: Losses) -> bool:
        """Returns whether another decoder is to go on after a loss; if not, reports it or raises VideoError."""
        if not losses.are_final(lost):
            self._tell(f"the decoder was lost ({lost.how}): trying again in a fresh one")
            return True
        if lost.outside or not self.report.frames:
            raise VideoError(f"made the decoder {lost.how}", self._path, _OUTSIDE if lost.outside else _DAMAGED)
        self.report.truncated = self.report.decoder_lost = True
        self.report.reason = f"it made the decoder {lost.how} after {self.report.frames} frames"
        return False

    def _receive(self, process: DecoderProcess) -> bytes:
        """Returns the next message; raises what went wrong on the other side."""
        message = process.receive(Watch(self._time_limit, self._tell, STOPPED))
        if message[:1] == ERROR:
            reason, remedy = json.loads(message[1:])
            process.is_idle = True
            raise VideoError(reason, self._path, remedy)
        if message[:1] == BUG:
            raise RuntimeError(f"in the decoder process:\n{json.loads(message[1:])}")
        return message


def _read_info(path: Path, fields: dict[str, Any]) -> VideoInfo:
    names = ("pixel_aspect", "time_base", "average_rate")
    read: dict[str, Any] = {key: fields[key] and Fraction(fields[key]) for key in names}
    read["reading"] = Reading(**fields["reading"])
    read["streams"] = tuple(StreamInfo(**stream) for stream in fields["streams"])
    return VideoInfo(**{**fields, **read, "path": path})

"""Every frame of a video with its true time, however the file is damaged.

One `Frame` for each frame that the stream holds, in the order of their times, from first to last. A frame that is
damaged keeps its place and says so; one that cannot be decoded at all shows the picture before it (black, if it is the
first). Times are the stream's own, in seconds from its first frame.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from redtrack.video.clock import Clock
from redtrack.video.convert import Converter
from redtrack.video.orientation import Image, Orientation
from redtrack.video.pictures import Pictures
from redtrack.video.probe import VideoInfo, probe
from redtrack.video.truncation import shortfall

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from redtrack.video.decode_threaded import Picture


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame: its number in the whole stream from 0, its time in seconds from the stream's first frame, its picture.

    `image` is uint8 (height, width, 3) RGB, upright and C-contiguous; it may be shared with the frame before it.
    `damaged` tells that the picture is not all that was recorded, `missing` that it could not be decoded at all.
    """

    index: int
    time: float
    image: Image
    damaged: bool = False
    missing: bool = False


@dataclass
class DecodeReport:
    """How the decoding went; complete once the frames are exhausted.

    `frames` counts all records, among them the `damaged` ones, among them the `missing` ones. `resized` counts frames
    of another size than the first, `filled_times` those whose time the stream did not tell. `truncated` says that the
    file ends before its content does, `reason` how that is known.
    """

    frames: int = 0
    damaged: int = 0
    missing: int = 0
    resized: int = 0
    filled_times: int = 0
    truncated: bool = False
    reason: str | None = None

    def add(self, frame: Frame) -> None:
        """Counts one frame."""
        self.frames += 1
        self.damaged += frame.damaged
        self.missing += frame.missing


class Video:
    """A video file to be decoded.

    `info` tells what it is, `frames` gives its frames, and after that `report` tells how the decoding went. Raises
    VideoError where no frame can be decoded. `heartbeat` is called for every packet that is read, so that a watcher can
    tell a slow decoder from one that hangs. Images that need not be `packed` may have gaps between their rows.
    `device` is a GPU, such as `cuda:0`, that decodes where it can.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        heartbeat: Callable[[], None] | None = None,
        packed: bool = True,
        device: str | None = None,
    ) -> None:
        self.info: VideoInfo = probe(path, heartbeat or (lambda: None))
        self.report = DecodeReport()
        self._heartbeat = heartbeat
        self._packed = packed
        self._device = device

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves nothing to close: each iteration over `frames` opens the file and closes it."""

    def frames(self, start: float | None = None, end: float | None = None) -> Iterator[Frame]:
        """Yields the frames with start <= time < end, in seconds; each keeps its index in the whole stream.

        What comes before `start` is decoded and dropped, for only that gives every frame its true index.
        """
        self.report = report = DecodeReport()
        screen = _Screen(self.info, self._packed)
        pictures = Pictures(self.info.path, self._heartbeat, self._device)
        clock = Clock(self.info.time_base, self.info.average_rate)
        for index, picture in enumerate(pictures):
            time = clock.time(picture.ticks)
            if end is not None and time >= end:
                return
            screen.show(picture)
            if start is None or time >= start:
                frame = Frame(index, time, screen.image, picture.damaged, picture.frame is None)
                report.add(frame)
                report.filled_times, report.resized = clock.filled, screen.resized
                yield frame
        report.reason = shortfall(self.info, pictures.reader)
        report.truncated = report.reason is not None


class _Screen:
    """Shows the latest picture; one that is missing leaves the one before it."""

    def __init__(self, info: VideoInfo, packed: bool) -> None:
        self._packed = packed
        orientation = Orientation(info.rotation, info.mirrored)
        self._converter = Converter(info.path, orientation.upright_size(info.width, info.height), orientation)
        self._frame: VideoFrame | None = None
        self._image: Image | None = np.zeros((info.height, info.width, 3), np.uint8)

    def show(self, picture: Picture) -> None:
        """Takes the next picture, unconverted until it is looked at."""
        if picture.frame is not None:
            self._frame, self._image = picture.frame, None

    @property
    def image(self) -> Image:
        """The picture as uint8 (height, width, 3) RGB."""
        if self._image is None:
            assert self._frame is not None
            self._image = self._converter(self._frame, self._packed)
        return self._image

    @property
    def resized(self) -> int:
        """How many frames of another size were fitted."""
        return self._converter.resized

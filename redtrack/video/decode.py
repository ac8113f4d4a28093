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
from redtrack.video.decode_threaded import Picture
from redtrack.video.orientation import Image, Orientation
from redtrack.video.pictures import Pictures, seek_frames
from redtrack.video.probe import VideoInfo, probe
from redtrack.video.reading import AS_TOLD, Reading
from redtrack.video.truncation import shortfall

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


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
    file ends before its content does, `reason` how that is known; `decoder_lost` that it may not be the file's fault.
    """

    frames: int = 0
    damaged: int = 0
    missing: int = 0
    resized: int = 0
    filled_times: int = 0
    truncated: bool = False
    reason: str | None = None
    decoder_lost: bool = False

    def add(self, damaged: bool, missing: bool) -> None:
        """Counts one frame."""
        self.frames += 1
        self.damaged += damaged
        self.missing += missing


class Video:
    """A video file to be decoded.

    `info` tells what it is, `frames` gives its frames, and after that `report` tells how the decoding went. Raises
    VideoError where no frame can be decoded. `heartbeat` is called for every packet that is read, so that a watcher can
    tell a slow decoder from one that hangs. Images that need not be `packed` may have gaps between their rows.
    `device` is a GPU, such as `cuda:0`, that decodes where it can. `reading` says which stream is read, and how.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        heartbeat: Callable[[], None] | None = None,
        packed: bool = True,
        device: str | None = None,
        reading: Reading = AS_TOLD,
    ) -> None:
        self.info: VideoInfo = probe(path, heartbeat or (lambda: None), reading)
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

    def frames(self, start: float | None = None, end: float | None = None, skip: int = 0) -> Iterator[Frame]:
        """Yields the frames with start <= time < end, in seconds; each keeps its index in the whole stream.

        What comes before `start` is decoded and dropped, for only that gives every frame its true index. The first
        `skip` frames are counted in the report and not yielded.
        """
        self.report = report = DecodeReport()
        screen = _Screen(self.info, self._packed)
        pictures = Pictures(self.info.path, self._heartbeat, self._device, self.info.stream)
        clock = Clock(self.info.time_base, self.info.average_rate, self.info.times_from)
        for index, picture in enumerate(pictures):
            time = clock.time(picture.ticks)
            if end is not None and time >= end:
                return
            screen.show(picture)
            if start is None or time >= start:
                report.add(picture.damaged, picture.frame is None)
                if report.frames > skip:
                    frame = Frame(index, time, screen.image, picture.damaged, picture.frame is None)
                    report.filled_times, report.resized = clock.filled, screen.resized
                    yield frame
        report.reason = shortfall(self.info, pictures.reader)
        report.truncated = report.reason is not None

    def samples(self, count: int) -> Iterator[Frame]:
        """Yields up to `count` frames from all over the video, for a first look: their indices are not known.

        They are found by seeking, which a damaged file may not allow; then there are fewer.
        """
        screen = _Screen(self.info, self._packed)
        for number, frame in enumerate(seek_frames(self.info.path, self.info.stream, count)):
            screen.show(Picture(frame, None))
            yield Frame(number, 0.0, screen.image)


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

"""Every picture of a file in order: on all cores while all is well, with care once something is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import av

from redtrack.video.container import open_container, video_stream
from redtrack.video.decode_damaged import decode_careful
from redtrack.video.decode_threaded import Disorder, Picture, decode_parallel
from redtrack.video.hardware import open_on_gpu, told_by_stream
from redtrack.video.packets import PacketReader

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame


class Pictures:
    """Iterates over the pictures of a file; `reader` is what the packets are read by.

    At the first sign of damage the file is decoded again from its start, by the decoder that finds out what exactly is
    damaged, and the pictures that were given already are skipped: seeking is not to be relied on in a damaged file.

    `device` is a GPU, such as `cuda:0`, that decodes where it can: otherwise, and whatever is damaged, the processor.
    `stream` is the number of the stream in the file, None for the best one.
    """

    def __init__(
        self,
        path: Path,
        heartbeat: Callable[[], None] | None = None,
        device: str | None = None,
        stream: int | None = None,
    ) -> None:
        self._path = path
        self._stream = stream
        self._device = device
        self._heartbeat = heartbeat
        self._given = 0
        self._last: int | None = None  # latest ticks that were given
        self._with_last = 0  # pictures that were given with them, and after them without any
        self.reader: PacketReader

    def __iter__(self) -> Iterator[Picture]:
        if self._device is not None and (on_gpu := open_on_gpu(self._path, self._device, self._stream)) is not None:
            with suppress(Disorder), on_gpu:
                for picture in self._in_parallel(on_gpu):
                    yield told_by_stream(picture, self.reader)
                return
        if not self._given:
            with suppress(Disorder), open_container(self._path) as container:
                yield from self._in_parallel(container)
                return
        yield from self._with_care()

    def _in_parallel(self, container: InputContainer) -> Iterator[Picture]:
        self.reader = PacketReader(container, self._path, self._heartbeat, self._stream)
        for picture in decode_parallel(self.reader):
            self._count(picture)
            yield picture

    def _with_care(self) -> Iterator[Picture]:
        with open_container(self._path) as container:
            self.reader = PacketReader(container, self._path, self._heartbeat, self._stream)
            yield from self._not_given(decode_careful(self.reader))

    def _count(self, picture: Picture) -> None:
        self._given += 1
        is_new = picture.ticks is not None and picture.ticks != self._last
        self._with_last = 1 if is_new else self._with_last + 1
        self._last = picture.ticks if is_new else self._last

    def _not_given(self, pictures: Iterator[Picture]) -> Iterator[Picture]:
        """Yields the pictures after those that were given: by their times, where these are told, else by their number.

        A few pictures may share a time, or have none.
        """
        if self._last is None:
            yield from islice(pictures, self._given, None)
            return
        is_at_last, left = False, self._with_last
        for picture in pictures:
            if picture.ticks is not None and picture.ticks > self._last:
                yield picture
                break
            is_at_last |= picture.ticks == self._last
            left -= is_at_last
            if left < 0:
                yield picture
        yield from pictures


def seek_frames(path: Path, number: int, count: int) -> Iterator[VideoFrame]:
    """Yields up to `count` frames of a stream, evenly spread as far as its key frames allow."""
    with open_container(path) as container:
        stream = video_stream(container, path, number)
        length = stream.duration or (container.duration or 0) / av.time_base / (stream.time_base or 1)
        last: int | None = None
        for part in range(count):
            with suppress(av.FFmpegError, ValueError):
                if length:
                    target = (stream.start_time or 0) + int(length * (part + 0.5) / count)
                    container.seek(target, stream=stream)
                frame = next(container.decode(stream), None)
                if frame is None or (last is not None and frame.pts == last):
                    continue
                last = frame.pts
                yield frame

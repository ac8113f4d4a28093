"""Every picture of a file in order: on all cores while all is well, with care once something is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from redtrack.video.careful import decode_careful
from redtrack.video.container import open_container
from redtrack.video.packets import PacketReader
from redtrack.video.parallel import Disorder, Picture, decode_parallel


class Pictures:
    """Iterates over the pictures of a file; `reader` is what the packets are read by.

    At the first sign of damage the file is decoded again from its start, by the decoder that finds out what exactly is
    damaged, and the pictures that were given already are skipped: seeking is not to be relied on in a damaged file.
    """

    def __init__(self, path: Path, heartbeat: Callable[[], None] | None = None) -> None:
        self._path = path
        self._heartbeat = heartbeat
        self._given = 0
        self._last: int | None = None  # ticks of the last picture that was given
        self.reader: PacketReader

    def __iter__(self) -> Iterator[Picture]:
        try:
            yield from self._in_parallel()
        except Disorder:
            yield from self._with_care()

    def _in_parallel(self) -> Iterator[Picture]:
        with open_container(self._path) as container:
            self.reader = PacketReader(container, self._path, self._heartbeat)
            for picture in decode_parallel(self.reader):
                self._given += 1
                self._last = picture.ticks
                yield picture

    def _with_care(self) -> Iterator[Picture]:
        with open_container(self._path) as container:
            self.reader = PacketReader(container, self._path, self._heartbeat)
            pictures = decode_careful(self.reader)
            if self._last is None:
                yield from islice(pictures, self._given, None)
                return
            for picture in pictures:
                if picture.ticks is not None and picture.ticks > self._last:
                    yield picture
                    break
            yield from pictures

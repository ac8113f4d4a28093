"""Frames on their way through a video: gathered into chunks by the decoder's thread, held on the device as needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from redtrack.inference.buffers import image_memory
from redtrack.inference.crop import Region
from redtrack.tracks import FrameState

if TYPE_CHECKING:
    from torch import Tensor

    from redtrack.video import Frame, ShotDetector

__all__ = ["CHUNK", "Chunk", "FrameStore", "gather"]

CHUNK = 10  # frames; a window of a face
CHUNK_BYTES = 64 << 20  # fewer frames where they are large


@dataclass(frozen=True, eq=False)
class Chunk:
    """n consecutive frames from frame `first` on.

    images uint8 (n, H, W, 3) RGB, None for frames before the time that was asked for; times (n,) seconds;
    state (n,) uint8 as in `Tracks`; cuts (n,) bool, true where a shot begins.
    """

    first: int
    images: NDArray[np.uint8] | None
    times: NDArray[np.float64]
    state: NDArray[np.uint8]
    cuts: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.times)


def gather(frames: Iterable[Frame], shots: ShotDetector, start: float = 0.0) -> Iterator[Chunk]:
    """Yields all frames in chunks. Those before `start` seconds come first, without images."""
    filling: _Filling | None = None
    for frame in frames:
        early = frame.time < start
        if filling is not None and not filling.takes(early):
            yield filling.chunk()
            filling = None
        if filling is None:
            filling = _Filling(frame, early)
        filling.add(frame, not early and shots.push(frame.image))
    if filling is not None:
        yield filling.chunk()


class _Filling:
    """A chunk that is being filled. Images are copied at once: a decoder may want their memory back."""

    def __init__(self, first: Frame, early: bool) -> None:
        self._early = early
        self._room = CHUNK if early else max(1, min(CHUNK, CHUNK_BYTES // first.image.nbytes))
        self._images = None if early else image_memory((self._room, *first.image.shape))
        self._first = first.index
        self._times: list[float] = []
        self._states: list[FrameState] = []
        self._cuts: list[bool] = []

    def takes(self, early: bool) -> bool:
        """Whether there is room for another frame of this kind."""
        return len(self._times) < self._room and early == self._early

    def add(self, frame: Frame, cut: bool) -> None:
        """Takes a frame; cut says whether a shot begins with it."""
        if self._images is not None:
            self._images[len(self._times)] = frame.image
        self._times.append(frame.time)
        self._states.append(_state(frame))
        self._cuts.append(cut)

    def chunk(self) -> Chunk:
        """Returns what was taken."""
        images = None if self._images is None else self._images[: len(self._times)]
        times, states = np.array(self._times, np.float64), np.array(self._states, np.uint8)
        return Chunk(self._first, images, times, states, np.array(self._cuts, bool))


def _state(frame: Frame) -> FrameState:
    if frame.missing:
        return FrameState.MISSING
    return FrameState.DAMAGED if frame.damaged else FrameState.OK


class FrameStore:
    """The frames that crops may still be cut from, on the device, chunk by chunk."""

    def __init__(self) -> None:
        self._chunks: deque[tuple[int, int, Tensor]] = deque()  # first and after last frame, uint8 (n, H, W, 3)
        self.nbytes = 0  # that the frames take

    def add(self, first: int, images: Tensor) -> None:
        """Takes frames uint8 (n, H, W, 3) that follow those taken before."""
        self._chunks.append((first, first + len(images), images))
        self.nbytes += images.nbytes

    def drop(self, before: int) -> None:
        """Forgets the chunks that end before this frame."""
        while self._chunks and self._chunks[0][1] <= before:
            self.nbytes -= self._chunks.popleft()[2].nbytes

    def size(self) -> tuple[int, int]:
        """Returns height and width of the frames."""
        height, width = self._chunks[-1][2].shape[1:3]
        return int(height), int(width)

    def region(self, first: int, count: int, region: Region) -> Tensor:
        """Returns the region of `count` frames from `first` on: uint8 (count, h, w, 3)."""
        import torch

        x0, y0, x1, y1 = region
        end = first + count
        parts = [
            images[max(first - start, 0) : end - start, y0:y1, x0:x1]
            for start, stop, images in self._chunks
            if start < end and stop > first
        ]
        found = parts[0] if len(parts) == 1 else torch.cat(parts)
        assert len(found) == count, f"{len(found)} frames held of {count} from frame {first}"
        return found

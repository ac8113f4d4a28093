"""Frames on their way through a video: gathered into chunks by the decoder's thread, held on the device as needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from redtrack.inference.buffers import image_memory
from redtrack.inference.crop import Region, shrunk
from redtrack.tracks import FrameState

if TYPE_CHECKING:
    from torch import Tensor

    from redtrack.faces import FaceBoxes
    from redtrack.video import Frame, ShotDetector

__all__ = ["CHUNK", "Chunk", "FrameStore", "gather"]

CHUNK = 10  # frames; a window of a face
CHUNK_BYTES = 64 << 20  # fewer frames where they are large
FRAME_BYTES = 3 * 3840 * 2160  # that a frame may take while its windows wait for their crops
AROUND = 2.5  # times a face's box: what is kept of it in larger frames, far beyond where its crops may go


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


@dataclass(frozen=True, eq=False)
class _Part:
    """A region of some frames, from `first` to `end`, exclusive: uint8 (n, h, w, 3), reduced `step` times."""

    first: int
    end: int
    region: Region
    images: Tensor
    step: int = 1

    def copy_to(self, found: Tensor, first: int, region: Region) -> None:
        """Copies what it has of the frames from `first` on and of a region: found uint8 (count, h, w, 3)."""
        start, end = max(first, self.first), min(first + len(found), self.end)
        x0, y0, x1, y1 = _common(region, self.region)
        if start < end and x0 < x1 and y0 < y1:
            own = self.images[start - self.first : end - self.first]
            here = own[:, _places(y0, y1, self.region[1], self.step, own.shape[1])]
            here = here[:, :, _places(x0, x1, self.region[0], self.step, own.shape[2])]
            found[start - first : end - first, y0 - region[1] : y1 - region[1], x0 - region[0] : x1 - region[0]] = here

    def reduced(self) -> _Part:
        """Returns half as many pixels in each direction."""
        images = shrunk(self.images.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
        return replace(self, images=images.round().byte(), step=2 * self.step)


def _common(one: Region, other: Region) -> Region:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


def _places(start: int, end: int, origin: int, step: int, length: int) -> slice | NDArray[np.int64]:
    """Returns where the frame's pixels from start to end are in a part that begins at `origin`."""
    if step == 1:
        return slice(start - origin, end - origin)
    return np.minimum((np.arange(start, end) - origin) // step, length - 1)


class FrameStore:
    """The frames that crops may still be cut from, on the device.

    Of a frame that takes more than `FRAME_BYTES` only what lies around its faces is held once these are known.
    """

    def __init__(self) -> None:
        self._parts: deque[_Part] = deque()  # in the order of the frames
        self._size = (0, 0)
        self.nbytes = 0  # that the frames take

    def add(self, first: int, images: Tensor) -> None:
        """Takes frames uint8 (n, H, W, 3) that follow those taken before."""
        height, width = (int(side) for side in images.shape[1:3])
        self._size = height, width
        self._parts.append(_Part(first, first + len(images), (0, 0, width, height), images))
        self.nbytes += images.nbytes

    def focus(self, faces: FaceBoxes) -> None:
        """Takes the faces of all frames before `faces.settled` that are not dropped: only their surroundings count."""
        if self._size[0] * self._size[1] * 3 <= FRAME_BYTES:
            return
        whole = (0, 0, self._size[1], self._size[0])
        kept: deque[_Part] = deque()
        for part in self._parts:
            if part.first >= faces.settled or part.region != whole or part.step > 1:
                kept.append(part)
                continue
            for frame, image in enumerate(part.images.split(1), part.first):
                if frame < faces.settled:
                    kept += _surroundings(frame, image, faces.boxes[faces.frame == frame])
                else:
                    kept.append(_Part(frame, frame + 1, whole, image))
        self._parts = kept
        self.nbytes = sum(part.images.nbytes for part in kept)

    def drop(self, before: int) -> None:
        """Forgets the chunks that end before this frame."""
        while self._parts and self._parts[0].end <= before:
            self.nbytes -= self._parts.popleft().images.nbytes

    def size(self) -> tuple[int, int]:
        """Returns height and width of the frames."""
        return self._size

    def region(self, first: int, count: int, region: Region) -> Tensor:
        """Returns the region of `count` frames from `first` on: uint8 (count, h, w, 3). What is not held is black."""
        import torch

        end = first + count
        parts = [part for part in self._parts if part.first < end and part.end > first]
        frames = {frame for part in parts for frame in range(max(part.first, first), min(part.end, end))}
        assert len(frames) == count, f"{len(frames)} frames held of {count} from frame {first}"
        x0, y0, x1, y1 = region
        if self._size[0] * self._size[1] * 3 <= FRAME_BYTES:
            found = [part.images[max(first - part.first, 0) : end - part.first, y0:y1, x0:x1] for part in parts]
            return found[0] if len(found) == 1 else torch.cat(found)
        pasted = parts[0].images.new_zeros(count, y1 - y0, x1 - x0, 3)
        for part in parts:
            part.copy_to(pasted, first, region)
        return pasted


def _surroundings(frame: int, image: Tensor, boxes: NDArray[np.float32]) -> list[_Part]:
    """Returns what is kept of a frame (1, H, W, 3) with faces in boxes (m, 4): in `FRAME_BYTES`, so that many or large
    faces are reduced. The largest are reduced first: their crops are small all the same.
    """
    height, width = image.shape[1:3]
    middle, side = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(1, initial=0) * AROUND
    low = np.clip(np.floor(middle - side[:, None] / 2), 0, (width - 1, height - 1)).astype(int)
    high = np.clip(np.ceil(middle + side[:, None] / 2), low + 1, (width, height)).astype(int)
    parts = [
        _Part(frame, frame + 1, (x0, y0, x1, y1), image[:, y0:y1, x0:x1].clone())
        for (x0, y0), (x1, y1) in zip(low.tolist(), high.tolist(), strict=True)
    ]
    while sum(part.images.nbytes for part in parts) > FRAME_BYTES:
        largest = max(range(len(parts)), key=lambda at: parts[at].images.nbytes)
        parts[largest] = parts[largest].reduced()
    return parts

"""Clip windows: T consecutive frames of one face, made of boxes as these settle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from redtrack.geometry import CropTransform
from redtrack.inference.crop import detector_crop

if TYPE_CHECKING:
    from redtrack.faces import FaceBoxes

__all__ = ["Window", "WindowBuilder"]


@dataclass(frozen=True, eq=False)
class Window:
    """n consecutive frames of one face, from frame `first` on, and where to crop each of them.

    boxes (n, 4) float32 in frame pixels and state (n,) uint8 as in `Tracks`; `again` marks a second look, `peek` a look
    at one frame that only says where to crop. A `fresh` window does not continue an earlier one of the same face.
    """

    face: int
    first: int
    boxes: NDArray[np.float32]
    state: NDArray[np.uint8]
    crop: CropTransform
    again: bool = False
    peek: bool = False
    fresh: bool = True

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def frames(self) -> NDArray[np.int64]:
        """(n,) the frames' indices."""
        return np.arange(self.first, self.first + len(self), dtype=np.int64)

    def look_again(self, crop: CropTransform) -> Window:
        """Returns the window with other crops."""
        return replace(self, crop=crop, again=True)


@dataclass(eq=False)
class _Run:
    """The rows of one face that are not in a window yet."""

    first: int
    boxes: list[NDArray[np.float32]]
    state: list[int]
    fresh: bool

    @property
    def end(self) -> int:
        return self.first + len(self.boxes)


class WindowBuilder:
    """Groups settled rows into windows of `length` frames; the last of a face, or before a gap or a cut, is shorter."""

    def __init__(self, length: int, crop_size: int) -> None:
        self._length = length
        self._crop_size = crop_size
        self._runs: dict[int, _Run] = {}
        self._settled = 0
        self._cuts: set[int] = set()
        self._finished = False
        self._full: dict[int, int] = {}  # where the last full window of a face ended

    @property
    def settled(self) -> int:
        """The first frame that later windows may still hold."""
        return min([self._settled, *(run.first for run in self._runs.values())])

    def cut(self, frames: Iterable[int]) -> None:
        """Says before which frames, none of them settled, every window ends."""
        self._cuts.update(frames)

    def push(self, rows: FaceBoxes | None, settled: int) -> list[Window]:
        """Takes the rows of the frames up to `settled`, exclusive; returns the windows that this ends, by time."""
        self._settled = settled
        ended = [w for face, box, state, frame in _each(rows) for w in self._add(face, frame, box, state)]
        for face in [face for face, run in self._runs.items() if run.end < settled]:
            ended.append(self._end(face))
        self._cuts = {frame for frame in self._cuts if frame >= settled}
        return sorted(ended, key=lambda window: (window.first, window.face))

    def finish(self) -> list[Window]:
        """Returns the windows that are left at the end of the video."""
        self._finished = True
        return [self._end(face) for face in sorted(self._runs)]

    def continues(self, face: int, frame: int) -> bool | None:
        """Returns whether the face goes on at the frame where a window of it ended; None while that is not settled."""
        run = self._runs.get(face)
        if run is not None and run.first == frame and not run.fresh:
            return True
        known = self._finished or frame < self._settled or frame in self._cuts
        return False if known else None

    def _add(self, face: int, frame: int, box: NDArray[np.float32], state: int) -> Iterator[Window]:
        run = self._runs.get(face)
        if run is not None and (run.end != frame or frame in self._cuts):
            yield self._end(face)
            run = None
        if run is None:
            fresh = self._full.get(face) != frame or frame in self._cuts
            run = self._runs[face] = _Run(frame, [], [], fresh)
        run.boxes.append(box)
        run.state.append(state)
        if len(run.boxes) == self._length:
            self._full[face] = run.end
            yield self._end(face)

    def _end(self, face: int) -> Window:
        run = self._runs.pop(face)
        boxes = np.array(run.boxes, np.float32).reshape(-1, 4)
        crop = detector_crop(boxes, self._crop_size)
        return Window(face, run.first, boxes, np.array(run.state, np.uint8), crop, fresh=run.fresh)


def _each(rows: FaceBoxes | None) -> Iterator[tuple[int, NDArray[np.float32], int, int]]:
    """Yields face, box, state and frame of each row."""
    if rows is not None:
        for row in range(len(rows)):
            yield int(rows.face[row]), rows.boxes[row], int(rows.state[row]), int(rows.frame[row])

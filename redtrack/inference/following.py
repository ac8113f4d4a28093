"""Following the faces of a stream whose first frames may be left out, with rows numbered as in the whole stream."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from redtrack.faces import FaceBoxes
    from redtrack.inference.frames import Chunk

__all__ = ["Follower", "Following"]


class Follower(Protocol):
    """What gives faces for frames: `redtrack.faces.FaceFollower`, or `BoxesFile` with the user's own boxes."""

    @property
    def settled(self) -> int: ...

    def push(self, frames: Tensor, cuts: np.ndarray) -> FaceBoxes: ...

    def finish(self) -> FaceBoxes: ...


class Following:
    """A follower that is given the stream's frames from some frame on.

    counts_all: the follower numbers frames as the stream does, so it is told of the frames left out as well.
    """

    def __init__(self, follower: Follower, counts_all: bool) -> None:
        self._follower = follower
        self._counts_all = counts_all
        self._first = 0  # frames that were left out
        self._offset = 0  # from the follower's count to the stream's

    @property
    def settled(self) -> int:
        """The first frame of the stream whose rows may still come."""
        return max(self._first, self._offset + self._follower.settled)

    @property
    def unused(self) -> int:
        """How many of the user's own boxes are on frames that have not come."""
        return getattr(self._follower, "unused", 0)

    def skip(self, chunk: Chunk) -> None:
        """Leaves out the frames of a chunk, before the first that is wanted."""
        self._first += len(chunk)
        if self._counts_all:
            self._follower.push(range(len(chunk)), chunk.cuts)  # type: ignore[arg-type]
        else:
            self._offset = self._first

    def push(self, images: Tensor, cuts: np.ndarray) -> FaceBoxes:
        """Returns the rows that frames uint8 (n, H, W, 3) settle; cuts (n,) bool, true where a shot begins."""
        return self._counted(self._follower.push(images, cuts))

    def finish(self) -> FaceBoxes:
        """Returns the rows that are left at the end."""
        return self._counted(self._follower.finish())

    def _counted(self, rows: FaceBoxes) -> FaceBoxes:
        frame = rows.frame + self._offset
        keep = frame >= self._first
        return replace(
            rows,
            frame=frame[keep],
            face=rows.face[keep],
            boxes=rows.boxes[keep],
            state=rows.state[keep],
            score=rows.score[keep],
        )

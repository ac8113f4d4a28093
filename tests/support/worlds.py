"""Videos of nothing but face boxes, and a detector that reads them: what following is tested on.

Frame i of a world is a picture of 2 x 2 px that holds i; `WorldDetector` looks the boxes up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from redtrack.faces import FaceBoxes, FaceFollower

World = list[np.ndarray]  # boxes and scores (M, 5) of each frame


def face(x: float, y: float, size: float = 40.0, score: float = 0.9) -> list[float]:
    """A row of a face of `size` x 1.3 `size` px about x, y."""
    return [x - size / 2, y - 0.65 * size, x + size / 2, y + 0.65 * size, score]


def world(frames: int, *faces: Callable[[int], list[float] | None]) -> World:
    """A world in which each face is a function from the frame to its row, None where it is not seen."""
    rows = [[row for one in faces if (row := one(index)) is not None] for index in range(frames)]
    return [np.array(found, np.float32).reshape(-1, 5) for found in rows]


def pictures(frames: int, first: int = 0) -> torch.Tensor:
    """The frames of any world: uint8 (F, 2, 2, 3), the index in three bytes."""
    index = torch.arange(first, first + frames)
    values = torch.stack([index // 65536, index // 256 % 256, index % 256], dim=1).to(torch.uint8)
    return values[:, None, None].expand(frames, 2, 2, 3).contiguous()


class WorldDetector:
    """Finds what the world says, and counts what it was asked."""

    def __init__(self, faces: World) -> None:
        self.faces = faces
        self.looked: list[int] = []

    def detect(self, frames: torch.Tensor) -> list[np.ndarray]:
        """The boxes of the frames' numbers."""
        numbers = (frames[:, 0, 0].long() @ torch.tensor([65536, 256, 1])).tolist()
        self.looked += numbers
        return [self.faces[number].copy() for number in numbers]


class DoubtfulDetector(WorldDetector):
    """The same, with a threshold: weaker boxes are only candidates."""

    threshold = 0.6

    def candidates(self, frames: torch.Tensor) -> list[np.ndarray]:
        """All boxes."""
        return super().detect(frames)

    def detect(self, frames: torch.Tensor) -> list[np.ndarray]:
        """The sure ones."""
        return [rows[rows[:, 4] >= self.threshold] for rows in self.candidates(frames)]


def follow(
    detector: WorldDetector, chunk: int = 32, cuts: Sequence[int] = (), every: int = 10, **options: float | None
) -> FaceBoxes:
    """All rows of the detector's world, pushed `chunk` frames at a time; checks the lag on the way."""
    follower = FaceFollower(detector, every, **options)  # type: ignore[arg-type]
    count = len(detector.faces)
    marks = np.isin(np.arange(count), cuts)
    parts = []
    for start in range(0, count, chunk):
        stop = min(start + chunk, count)
        parts.append(follower.push(pictures(stop - start, start), marks[start:stop]))
        assert stop - 3 * every <= follower.settled <= stop, f"settled {follower.settled} of {stop}"
        assert parts[-1].settled == follower.settled
    parts.append(follower.finish())
    assert follower.settled == count
    return join(parts)


def join(parts: Sequence[FaceBoxes]) -> FaceBoxes:
    """The rows of several answers as one; checks that they come in order."""
    names = ("frame", "face", "boxes", "state", "score")
    whole = FaceBoxes(**{n: np.concatenate([getattr(part, n) for part in parts]) for n in names})
    keys = list(zip(whole.frame.tolist(), whole.face.tolist(), strict=True))
    assert keys == sorted(set(keys)), "rows out of order or twice"
    return whole


def frames_of(rows: FaceBoxes, face_id: int) -> list[int]:
    """The frames on which a face has a row."""
    return rows.frame[rows.face == face_id].tolist()

"""The rows of faces that are followed: a box for each face in each frame, with ids."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from redtrack.faces.link import DETECTED, HIDDEN, Linker, Track
from redtrack.faces.overlap import Boxes, covered_share, sizes

HELD = 1.5  # size ratio by which a newcomer must exceed a face to take its place where `max_faces` limits them


@dataclass(frozen=True, eq=False)
class FaceBoxes:
    """R rows, one for each face in each frame, sorted by frame, then face; complete for all frames below `settled`."""

    frame: NDArray[np.int64]  # (R,) counted from the first frame of the video
    face: NDArray[np.int32]  # (R,)
    boxes: Boxes  # (R, 4)
    state: NDArray[np.uint8]  # (R,) 0 detected, 1 interpolated
    score: NDArray[np.float32]  # (R,)
    settled: int = 0

    def __post_init__(self) -> None:
        lengths = {len(self.frame), len(self.face), len(self.boxes), len(self.state), len(self.score)}
        assert len(lengths) == 1, f"columns of different lengths {lengths}"

    def __len__(self) -> int:
        return len(self.frame)

    def since(self, frame: int) -> FaceBoxes:
        """Returns the rows from a frame on."""
        keep = self.frame >= frame
        columns = {name: getattr(self, name)[keep] for name in ("frame", "face", "boxes", "state", "score")}
        return FaceBoxes(**columns, settled=max(frame, self.settled))

    @classmethod
    def from_rows(cls, rows: list[tuple[int, int, Boxes, int, float]], settled: int) -> FaceBoxes:
        """Columns from rows of frame, face, box, state, score."""
        rows = sorted(rows, key=lambda row: row[:2])
        frame, face, boxes, state, score = zip(*rows, strict=True) if rows else ((), (), (), (), ())
        return cls(
            np.array(frame, np.int64),
            np.array(face, np.int32),
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(state, np.uint8),
            np.array(score, np.float32),
            settled,
        )


class RowWriter:
    """Turns tracks into rows, frame by frame, and gives faces their ids as they first appear: none of `taken`."""

    def __init__(self, max_faces: int | None = None, taken: Collection[int] = ()) -> None:
        self.max_faces = max_faces
        self.settled = 0  # all frames below have their rows
        self.shot = 0  # first frame of the shot
        self._ids = (number for number in count() if number not in taken)
        self._rows: list[tuple[int, int, Boxes, int, float]] = []
        self._shown: set[Track] = set()  # the faces of the frame before

    def write(self, linker: Linker, stop: int) -> None:
        """Writes the rows of the linker's faces for the frames from `settled` to `stop`, exclusive."""
        for frame in range(self.settled, stop):
            self._write_frame(frame, linker)
        self.settled = max(stop, self.settled)
        for track in linker.tracks:
            track.forget(self.settled)

    def take(self) -> FaceBoxes:
        """Returns the rows written since the last call."""
        rows, self._rows = self._rows, []
        return FaceBoxes.from_rows(rows, self.settled)

    def _write_frame(self, frame: int, linker: Linker) -> None:
        found = [(track, row) for track in linker.tracks if track.real and (row := track.row(frame, linker.bridge))]
        if linker.doubts:
            found = not_hidden(found)
        if len(found) > 1:
            found.sort(key=lambda pair: -sizes(pair[1][0][None])[0] * (HELD if pair[0] in self._shown else 1.0))
        found = found[: self.max_faces]
        self._shown = {track for track, _ in found}
        for track, (box, score, state) in found:
            if track.face < 0:
                track.face = next(self._ids)
            self._rows.append((frame, track.face, box, state, score))


Seen = tuple[Track, tuple[Boxes, float, int]]  # a face on one frame: box, score, state


def not_hidden(found: list[Seen]) -> list[Seen]:
    """Returns the faces of a frame without those that were not seen in it and are behind one that was.

    So no two faces are where there is but one, and one that is hidden is interrupted.
    """
    seen = np.array([box for _, (box, _, state) in found if state == DETECTED], np.float32).reshape(-1, 4)
    if not len(seen):
        return found
    return [
        (track, (box, score, state))
        for track, (box, score, state) in found
        if state == DETECTED or not (covered_share(box, seen) >= HIDDEN).any()
    ]

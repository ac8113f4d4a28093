"""Follows faces through a video: detection on some frames, boxes and face ids on all."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from redtrack.faces.glances import Closeness, Glancing
from redtrack.faces.link import SEEN, Linker, agree
from redtrack.faces.overlap import Boxes
from redtrack.faces.rows import FaceBoxes, RowWriter

if TYPE_CHECKING:
    from torch import Tensor

    from redtrack.faces.detect import Detector

GROUP = 16  # frames copied together for the detector, ...
GROUP_BYTES = 1 << 28  # ... fewer where they are large
WAITING_BYTES = 1 << 30  # of frames whose rows are not settled yet: where they are large, faces are detected more often


@dataclass(eq=False)
class Segment:
    """The frames after one key frame up to and including the next."""

    frames: list[tuple[int, Tensor]] = field(default_factory=list)  # index, uint8 (H, W, 3)
    starts: bool = False  # its one frame begins a shot
    ends: bool = False  # its last frame ends the shot
    stop: int = 0  # index after its last frame


class FaceFollower:
    """Boxes and ids of all faces of a video that is pushed in chunks of frames.

    Faces are detected on key frames: every `every` frames, and at both ends of every shot. Where two neighbouring key
    frames show the same faces, the boxes in between are interpolated; where a face has come, gone or moved far, faces
    are detected in every frame in between, so that a face starts and ends on the frame where it is seen. Frames between
    two sightings of a face at most 1.5 x `every` frames apart are interpolated; no face goes on across a cut. Rows are
    held back until nothing to come can change them, for 3 x `every` frames at most; `every` is less where so many take
    more than `WAITING_BYTES`.

    `max_faces` keeps the largest faces of each frame; a face that has a place loses it only to one 1.5 times as large.
    `min_face` is the size in px (square root of the box's area) that a face must reach at least once. Ids count from 0
    in order of appearance, larger faces first.

    `detector` is any `Detector`; where it also has `candidates` and `threshold` (as `NetworkDetector` has), a face that
    was once found with a high score is followed through frames in which its score is lower. If it can look at smaller
    pictures (`Glancing`), most key frames get no more than a glance.
    """

    def __init__(
        self, detector: Detector, every: int = 10, max_faces: int | None = None, min_face: float = 0.0
    ) -> None:
        assert every >= 1, f"detection every {every} frames"
        self.every = every
        self._look = getattr(detector, "candidates", detector.detect)
        self._closeness = Closeness(detector) if isinstance(detector, Glancing) else None
        self._min_face = min_face
        self._birth = float(getattr(detector, "threshold", 0.0))
        self._rows = RowWriter(max_faces)
        self._linker = self._new_linker()
        self._key: Boxes | None = None  # boxes of the last key frame, within the shot
        self._open = Segment(starts=True)
        self._first = 0  # frame that was pushed first
        self._count = 0  # frames pushed or skipped

    @property
    def settled(self) -> int:
        """Number of frames, from the first, whose rows have been given out."""
        return self._rows.settled

    @property
    def unused(self) -> int:
        """Boxes of the user's own on frames that have not come: there are none."""
        return 0

    def skip(self, cuts: Sized) -> None:
        """Leaves out frames, one for each of cuts, before the first that is pushed; rows count them."""
        self._first = self._count = self._rows.settled = self._rows.shot = self._count + len(cuts)

    def push(self, frames: Tensor, cuts: Sequence[bool] | NDArray[np.bool_]) -> FaceBoxes:
        """Takes N frames uint8 (N, H, W, 3), cuts[i] true where a shot begins; returns the rows newly settled."""
        assert len(frames) == len(cuts), f"{len(frames)} frames, {len(cuts)} cuts"
        if len(frames) and self._count == self._first:
            self._look_often_enough(frames[0].nbytes)
        segments: list[Segment] = []
        for frame, cut in zip(frames, cuts, strict=True):
            if cut and self._count > self._first:
                segments.append(self._close(ends=True))
            self._open.frames.append((self._count, frame))
            self._count += 1
            if self._open.starts or len(self._open.frames) == self.every:
                segments.append(self._close())
        return self._follow(segments)

    def finish(self) -> FaceBoxes:
        """The rows of all frames that are not settled yet. Nothing can be pushed after."""
        return self._follow([self._close(ends=True)])

    def _look_often_enough(self, nbytes: int) -> None:
        """Bounds the bytes that wait, of frames of so many bytes; before the first frame is taken."""
        self.every = min(self.every, max(1, WAITING_BYTES // (3 * nbytes)))
        self._linker = self._new_linker()

    def _new_linker(self) -> Linker:
        return Linker(max(1, 3 * self.every // 2), self._birth, self._min_face)

    def _close(self, ends: bool = False) -> Segment:
        done, self._open = self._open, Segment(starts=ends)
        done.ends, done.stop = ends, self._count
        return done

    def _follow(self, segments: list[Segment]) -> FaceBoxes:
        """Detects on the key frames of all segments at once, then wherever two disagree, then links."""
        keys = self._look_at_keys(segments)
        doubtful = []
        for segment, key in zip(segments, keys, strict=True):
            unsure = bool(key) and self._key is not None and not agree(self._key, key[0][1])
            doubtful.append(segment.frames[:-1] if unsure else [])
            self._key = None if segment.ends else key[0][1]
        between = self._detect(doubtful)
        for segment, *found in zip(segments, between, keys, strict=True):
            for index, rows in [row for group in found for row in group]:
                self._linker.push(index, rows)
            self._settle(segment)
        return self._rows.take()

    def _look_at_keys(self, segments: list[Segment]) -> list[list[tuple[int, Boxes]]]:
        """The faces of each segment's last frame, with its index; of none where it is empty."""
        if self._closeness is None:
            return self._detect([segment.frames[-1:] for segment in segments])
        rows: list[Boxes] = []
        for is_edge, group in groupby((s for s in segments if s.frames), lambda s: s.starts or s.ends):
            own = list(group)
            if is_edge:
                rows += [self._closeness.edge(segment.frames[-1], segment.ends) for segment in own]
            else:
                rows += self._closeness.inside([segment.frames[-1] for segment in own])
        found = iter(rows)
        return [[(index, next(found)) for index, _ in segment.frames[-1:]] for segment in segments]

    def _detect(self, groups: list[list[tuple[int, Tensor]]]) -> list[list[tuple[int, Boxes]]]:
        """The faces of all frames of all groups, with the frames' indices, group by group."""
        import torch

        flat = [frame for group in groups for _, frame in group]
        found: list[Boxes] = []
        at_once = min(GROUP, max(1, GROUP_BYTES // flat[0].nbytes)) if flat else GROUP
        for start in range(0, len(flat), at_once):
            found += self._look(flat[start][None] if at_once == 1 else torch.stack(flat[start : start + at_once]))
        rows = iter(found)
        return [[(index, next(rows)) for index, _ in group] for group in groups]

    def _settle(self, segment: Segment) -> None:
        """Writes the rows that nothing after this segment can change."""
        linker = self._linker
        if segment.ends:
            linker.conclude(segment.stop - self._rows.shot)
            self._rows.write(linker, segment.stop)
            self._rows.shot, self._linker = segment.stop, self._new_linker()
        else:
            linker.give_up(segment.stop - 1, max(SEEN, self.every))
            self._rows.write(linker, linker.held(segment.stop))

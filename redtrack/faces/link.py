"""Linking boxes into faces: which box of a frame belongs to which face of the frames before. Plain numpy.

Boxes are x0 y0 x1 y1 in frame pixels; frames are counted from the first one seen.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from redtrack.faces.overlap import Boxes, centre, covered_share, not_explained, sizes, widened
from redtrack.geometry import box_iou

DETECTED, INTERPOLATED = 0, 1  # states of a row, as in `Tracks`
SEEN = 3  # frames that a face has to last, unless its whole shot is shorter
MEMORY = 8  # sightings that a face's speed is taken from, a third of a second, so that the boxes' jitter averages out;
# and whose mean score has to be high: over a long video, something that is no face scores high for a frame or two
LONG_MEMORY, USUAL_SIZE = 32, 0.7  # sightings that its size is taken from, and the quantile of theirs
WHOLE = 0.85  # share of its usual width and height below which a face is partly hidden
NEAR = 0.6  # centre distance over size within which boxes that no longer overlap may still be one face
ALIKE = 1.8  # ratio of widths or of heights above which two boxes are never one face
AWAY = 4  # a face may come back where its motion leads within this many times the longest gap that is filled, ...
BACK, SAME_PLACE = 20, 0.4  # ... and within so many times at the place where it was last, with so much of its box (IoU)
USUAL_BRIDGE = 15  # frames; where detections are more frequent, faces are remembered as long
DOUBLE = 0.7  # share of the smaller box inside a stronger one above which it starts no face of its own
EMERGING, PART = 0.7, 0.5  # share of a box inside the expected one of a hidden face, and of its width, from which on it
# may be the part that shows
HIDDEN = 0.5  # share of an expected box inside a face that was seen, from which on it is hidden by that
STILL = 0.8  # IoU of a face on two key frames above which it counts as not moving
AGREE = 0.5  # IoU of a face on two key frames above which no detection is done on the frames between


@dataclass(eq=False)
class Track:
    """One face of one shot: where it was seen."""

    frames: list[int] = field(default_factory=list)
    boxes: list[Boxes] = field(default_factory=list)  # (4,) each
    scores: list[float] = field(default_factory=list)
    real: bool = False  # long, strong and large enough to be a face
    face: int = -1  # id, assigned with the first row

    def add(self, frame: int, row: Boxes) -> None:
        """Adds a sighting: row is (5,) x0 y0 x1 y1 score."""
        self.frames.append(frame)
        self.boxes.append(row[:4])
        self.scores.append(float(row[4]))

    @property
    def first(self) -> int:
        """The first frame that is still remembered."""
        return self.frames[0]

    @property
    def last(self) -> int:
        """The frame of the last sighting."""
        return self.frames[-1]

    def predict(self, frame: int) -> Boxes:
        """Returns the box (4,) that a steady motion would have reached, of the face's usual size.

        The size of late is no guide: a face that goes behind something shows less and less of itself.
        """
        shape = self.shape()
        frames, centres = self._path(shape)
        ahead = centres.mean(0) + _slope(frames, centres) * (frame - frames.mean())
        half = shape / 2
        return np.concatenate([ahead - half, ahead + half]).astype(np.float32)

    def shape(self) -> NDArray[np.floating]:
        """Returns the usual width and height of the last sightings, px: large, for many may show a part of it only."""
        boxes = np.array(self.boxes[-LONG_MEMORY:])
        return np.quantile(boxes[:, 2:] - boxes[:, :2], USUAL_SIZE, axis=0)

    def speed(self) -> NDArray[np.float64]:
        """Returns x, y in px a frame: the slope of a line through the last sightings' centres."""
        return _slope(*self._path(self.shape()))

    def _path(self, shape: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Frames (n,) and centres (n, 2) of the last sightings that show the whole face, of that shape."""
        frames, boxes = np.array(self.frames[-LONG_MEMORY:], float), np.array(self.boxes[-LONG_MEMORY:])
        whole = np.flatnonzero(((boxes[:, 2:] - boxes[:, :2]) >= WHOLE * shape).all(1))
        chosen = whole[-MEMORY:] if len(whole) > 1 else np.arange(len(frames))[-MEMORY:]
        return frames[chosen], centre(boxes[chosen]).astype(np.float64)

    def row(self, frame: int, bridge: int) -> tuple[Boxes, float, int] | None:
        """Returns box, score and state at a frame; None before, after, and in gaps longer than `bridge`."""
        after = bisect_left(self.frames, frame)
        if after == len(self.frames):
            return None
        if self.frames[after] == frame:
            return self.boxes[after], self.scores[after], DETECTED
        if after == 0 or self.frames[after] - self.frames[after - 1] > bridge:
            return None
        start, end = self.frames[after - 1], self.frames[after]
        part = (frame - start) / (end - start)
        box = self.boxes[after - 1] * (1 - part) + self.boxes[after] * part
        return (
            box.astype(np.float32),
            self.scores[after - 1] * (1 - part) + self.scores[after] * part,
            INTERPOLATED,
        )

    def forget(self, frame: int) -> None:
        """Drops the sightings that neither rows from `frame` on nor the speed need."""
        keep = min(bisect_right(self.frames, frame) - 1, len(self.frames) - LONG_MEMORY)
        if keep > 0:
            del self.frames[:keep], self.boxes[:keep], self.scores[:keep]


def _slope(frames: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns x, y in px a frame of centres (n, 2) at frames (n,)."""
    if len(frames) < 2:
        return np.zeros(2)
    away = frames - frames.mean()
    slope: NDArray[np.float64] = away @ (centres - centres.mean(0)) / (away @ away)
    return slope


class Linker:
    """Links the boxes of one shot, frame after frame.

    `bridge` is the longest step between two sightings, in frames, that is filled. A face that comes back within four
    times as many where its motion leads, or within twenty times as many where it was last, is the same one. `birth` is
    the score, as the mean of the last sightings, and `min_face` the size in px (square root of the area) that a face
    must reach once; later boxes may be weaker, and smaller by a fifth. `shortest` is the length in frames of the
    shortest face, unless its shot is shorter still.
    """

    doubts = True  # whether a box may be a part of a hidden face, and a face may be hidden

    def __init__(self, bridge: int = 15, birth: float = 0.0, min_face: float = 0.0, shortest: int = SEEN) -> None:
        self.bridge, self.birth, self.min_face, self.shortest = bridge, birth, min_face, shortest
        self._away, self._back = AWAY * max(bridge, USUAL_BRIDGE), BACK * max(bridge, USUAL_BRIDGE)
        self.tracks: list[Track] = []

    def push(self, frame: int, rows: Boxes) -> None:
        """Takes the boxes (M, 5) of the next frame in which faces were detected, best first."""
        rows = not_explained(rows[sizes(rows) >= 0.8 * self.min_face])
        near = self.linkable(frame)
        known = pair(near, frame, rows, self._away)
        lost = [track for index, track in enumerate(near) if index not in known.values()]
        slivers = np.any(parts([widened(track.predict(frame)) for track in lost], rows, 0.0), axis=0) & self.doubts
        for index, row in enumerate(rows):
            if slivers[index] and index not in known:
                continue
            track = near[known[index]] if index in known else self.start(rows, index)
            if track is not None:
                track.add(frame, row)
                track.real = track.real or self.proven(track, self.shortest)

    def linkable(self, frame: int) -> list[Track]:
        """Returns the faces that a box of the frame may belong to."""
        return [track for track in self.tracks if frame - track.last <= self._back]

    def start(self, rows: Boxes, index: int) -> Track | None:
        """Returns a new track for a row, None where it looks like a second box on a stronger row's face."""
        others = np.delete(rows, index, axis=0)
        others = others[others[:, 4] >= rows[index, 4]]
        if (covered_share(rows[index, :4], others[:, :4]) > DOUBLE).any():
            return None
        self.tracks.append(Track())
        return self.tracks[-1]

    def proven(self, track: Track, shortest: int) -> bool:
        """Returns whether a track is a face: strong, large and long enough."""
        return (
            track.last - track.first + 1 >= shortest
            and float(np.mean(track.scores[-MEMORY:])) >= self.birth
            and sizes(np.array(track.boxes)).max() >= self.min_face
        )

    def held(self, stop: int) -> int:
        """Returns the first frame whose rows may still change, once all frames below `stop` have been linked."""
        waiting = [track.last + 1 for track in self.tracks if track.real and stop - track.last <= self.bridge]
        return min([stop, *waiting, *(track.first for track in self.tracks if not track.real)])

    def give_up(self, frame: int, patience: int) -> None:
        """Drops what has not become a face within `patience` frames, and faces too long gone to come back."""
        self.tracks = [
            track
            for track in self.tracks
            if (frame - track.last <= self._back if track.real else frame - track.first < patience)
        ]

    def conclude(self, length: int) -> None:
        """Decides what is still open at the end of a shot of `length` frames."""
        for track in self.tracks:
            track.real = track.real or self.proven(track, min(self.shortest, length))


def pair(tracks: Sequence[Track], frame: int, rows: Boxes, away_for: int = 1 << 30) -> dict[int, int]:
    """Returns row index -> track index, best pairs first, each used once.

    A pair is judged by the overlap (IoU) of the row with where the track's motion leads, and a little by that with
    where the track was last; boxes too far apart or of too different sizes never pair. A face that was not seen for
    more than `away_for` frames is expected where it was last, and nowhere else.
    """
    if not tracks or not len(rows):
        return {}
    ahead = np.array([track.predict(frame) for track in tracks])
    behind = np.array([track.boxes[-1] for track in tracks])
    overlap, before = box_iou(ahead, rows[:, :4]), box_iou(behind, rows[:, :4])
    side = np.sqrt(sizes(ahead)[:, None] * sizes(rows)[None])
    away = np.linalg.norm(centre(ahead)[:, None] - centre(rows)[None], axis=-1) / side
    ratio = np.log((ahead[:, 2:] - ahead[:, :2])[:, None] / (rows[:, 2:4] - rows[:, :2])[None])
    alike = np.abs(ratio).max(-1) <= np.log(ALIKE)
    possible = ((overlap >= 0.15) | (before >= 0.3) | (away <= NEAR)) & alike
    unseen = np.array([frame - track.last for track in tracks])[:, None]
    possible |= parts(list(ahead), rows, PART) & (unseen > 1)
    possible = np.where(unseen > away_for, (before >= SAME_PLACE) & alike, possible)
    value = overlap + 0.1 * before + 0.1 * (1 - away.clip(0, 1))
    value -= 0.1 * (unseen > 1)  # seen just now goes first
    value -= np.array([not track.real for track in tracks])[:, None]  # and faces before what may be none
    return greedy(np.where(possible, value, -np.inf))


def parts(expected: Sequence[Boxes], rows: Boxes, least: float) -> NDArray[np.bool_]:
    """Returns (N, M), whether a row (M, 5) is as high as an expected box (4,), and a narrower part of it.

    So a face shows that goes behind another or comes out. least: share of the width that has to show.
    """
    boxes = np.array(expected, np.float32).reshape(-1, 4)
    width, height = np.split((rows[:, 2:4] - rows[:, :2])[None] / (boxes[:, 2:] - boxes[:, :2])[:, None], 2, -1)
    inside = np.array([covered_share(box, rows[:, :4]) for box in boxes]).reshape(len(boxes), len(rows))
    is_as_high = np.abs(np.log(height[..., 0])) <= np.log(ALIKE)
    found: NDArray[np.bool_] = (inside >= EMERGING) & (width[..., 0] >= least) & (width[..., 0] <= 1) & is_as_high
    return found


def greedy(value: NDArray[np.float64]) -> dict[int, int]:
    """Returns column -> row of the largest entries of a matrix, each row and column once; -inf is never taken."""
    value, taken = value.copy(), {}
    while value.size and np.isfinite(best := value.max()):
        row, column = np.argwhere(value == best)[0]
        taken[int(column)] = int(row)
        value[row], value[:, column] = -np.inf, -np.inf
    return taken


def agree(before: Boxes, after: Boxes) -> bool:
    """Returns whether two key frames show the same faces so alike that nothing can have happened between them.

    They do not where a face has come or gone, has moved by a third of its size, or moves close to another.
    """
    if len(before) != len(after):
        return False
    overlap = box_iou(before[:, :4], after[:, :4])
    partner = greedy(np.where(overlap >= AGREE, overlap, -np.inf))
    if len(partner) < len(after):
        return False
    moving = np.array([overlap[partner[index], index] < STILL for index in range(len(after))], bool)
    grown = after[:, :4] + (sizes(after) * 0.15)[:, None] * np.array([-1, -1, 1, 1])
    close = (box_iou(grown, grown) > 0).sum(1) > 1
    return not (close & moving).any()

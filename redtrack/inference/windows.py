"""Clip windows: T consecutive frames of one face; and the one book of how far each window is.

A `FaceRun` is a face without a gap, within one shot. It owns its windows. Each is planned (waits for its crops), then
looked at by the network, then seen (its points wait for its neighbours), then final. `FaceRuns` are all runs of a video
that are not final yet. Which windows follow one another, what is outstanding, and which frames are still needed is
known here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from redtrack.geometry import LANDMARK_SCALE, CropTransform, Floats
from redtrack.inference.crop import detector_crop
from redtrack.points import SEVEN

if TYPE_CHECKING:
    from redtrack.faces import FaceBoxes
    from redtrack.inference.rows import WindowPoints

__all__ = ["FaceRun", "FaceRuns", "Key", "Stage", "Window", "WindowEntry"]

POINTS_REACH, CROPS_REACH = 1, 2  # windows before one on which its points depend, and its crops


@dataclass(frozen=True, eq=False)
class Window:
    """n consecutive frames of one face, from frame `first` on, and where to crop each of them.

    boxes (n, 4) float32 in frame pixels and state (n,) uint8 as in `Tracks`; `again` marks a second look, `peek` a look
    at one frame that only says where to crop. seven (n, 7, 2) in crop pixels: the points that earlier looks have shown,
    which spare the network its first spatial step; None where they have not.
    """

    face: int
    first: int
    boxes: NDArray[np.float32]
    state: NDArray[np.uint8]
    crop: CropTransform
    again: bool = False
    peek: bool = False
    seven: Floats | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def end(self) -> int:
        """The frame after the last."""
        return self.first + len(self)

    @property
    def frames(self) -> NDArray[np.int64]:
        """(n,) the frames' indices."""
        return np.arange(self.first, self.end, dtype=np.int64)

    def look_again(self, crop: CropTransform, points: Floats) -> Window:
        """Returns the window with other crops, made after its points (n, 68, 2) in frame pixels."""
        return replace(self, crop=crop, again=True, seven=crop.to_crop(points[:, list(SEVEN)].astype(np.float64)))

    def peek_at(self, index: int) -> Window:
        """Returns the look at one of its frames."""
        at = slice(index, index + 1)
        return Window(self.face, self.first + index, self.boxes[at], self.state[at], self.crop[at], peek=True)


@dataclass(frozen=True, eq=False)
class Key:
    """What a look at a key frame gave: one crop, and the seven points (7, 2) in its pixels, None if not believed."""

    crop: CropTransform
    seven: Floats | None = None


class Stage(IntEnum):
    """How far a window is."""

    PLANNED = 0
    LOOKED_AT = 1
    SEEN = 2
    FINAL = 3


@dataclass(eq=False)
class WindowEntry:
    """A window of a run, how far it is, and what the network said of it.

    `is_wanted` is false where an earlier run made its rows, and only the crops of later windows depend on it. `found`
    and evidence (n, D, P, E) are there once it is seen; what is wanted by nobody is final without them.
    """

    window: Window
    is_wanted: bool = True
    stage: Stage = Stage.PLANNED
    found: WindowPoints | None = None
    evidence: NDArray[np.floating] | None = None

    def give_crops(self, crop: CropTransform, seven: Floats | None = None) -> Window | None:
        """Takes the window's crops and the seven points in them; returns it if it is to be looked at now."""
        self.window = replace(self.window, crop=crop, seven=seven)
        self.stage = Stage.LOOKED_AT if self.is_wanted else Stage.FINAL
        return self.window if self.is_wanted else None

    def see(self, window: Window, found: WindowPoints, evidence: NDArray[np.floating]) -> None:
        """Takes what the network says of the window, as it was cropped in the end."""
        self.window, self.found, self.evidence = window, found, evidence
        self.stage = Stage.SEEN


@dataclass(eq=False)
class FaceRun:
    """Consecutive frames of one face, from `first` to `end`, exclusive; `closed`: no frame follows.

    keys: what the looks at key frames gave, None while the look there is under way.
    """

    face: int
    first: int
    end: int
    boxes: list[NDArray[np.float32]] = field(default_factory=list)  # of the rows that are in no window yet
    state: list[int] = field(default_factory=list)
    entries: list[WindowEntry] = field(default_factory=list)
    closed: bool = False
    keys: dict[int, Key | None] = field(default_factory=dict)

    @property
    def unfinished(self) -> list[int]:
        """Where the windows begin whose rows are not final, and the rows that are in no window yet."""
        firsts = [entry.window.first for entry in self.entries if entry.is_wanted and entry.stage is not Stage.FINAL]
        return [*firsts, self.end - len(self.boxes)] if self.boxes else firsts

    @property
    def uncut(self) -> list[int]:
        """Where the windows begin that may still be cropped, and the rows that are in no window yet."""
        firsts = [entry.window.first for entry in self.entries if entry.stage < Stage.SEEN]
        return [*firsts, self.end - len(self.boxes)] if self.boxes else firsts

    @property
    def planned(self) -> list[WindowEntry]:
        """The windows that wait for their crops."""
        return [entry for entry in self.entries if entry.stage is Stage.PLANNED]

    @property
    def is_final(self) -> bool:
        """Whether nothing more is to be done."""
        return self.closed and all(entry.stage is Stage.FINAL for entry in self.entries)

    def look_at(self, entry: WindowEntry, index: int) -> list[Window]:
        """Returns the look at one frame of a window, unless it was asked for before."""
        frame = int(entry.window.frames[index])
        if frame in self.keys:
            return []
        self.keys[frame] = None
        return [entry.window.peek_at(frame - entry.window.first)]

    def add(self, box: NDArray[np.float32], state: int) -> None:
        """Takes the row of the next frame."""
        self.boxes.append(box)
        self.state.append(state)
        self.end += 1

    def forget(self) -> None:
        """Drops the final windows whose neighbours are final too."""
        while len(self.entries) > 1 and all(entry.stage is Stage.FINAL for entry in self.entries[:2]):
            del self.entries[0]


class FaceRuns:
    """The runs of a video: rows become windows of `length` frames; the last of a run is shorter.

    done: frames whose rows an earlier run has made. Windows among them are left out, but for those on which later ones
    depend. crop_size, crop_scale: those of the network's crops, as in `CropTransform`.
    """

    def __init__(self, length: int, crop_size: int, done: int = 0, crop_scale: float = LANDMARK_SCALE) -> None:
        self._length, self._crop, self._done = length, (crop_size, crop_scale), done
        self._settled = 0
        self._cuts: set[int] = set()
        self._open: dict[int, FaceRun] = {}  # by face: the run that may go on
        self._runs: list[FaceRun] = []
        self.faces: set[int] = set()

    def __iter__(self) -> Iterator[FaceRun]:
        return iter(self._runs)

    @property
    def done(self) -> int:
        """The first frame whose rows are not final."""
        return min([self._settled, *(first for run in self._runs for first in run.unfinished)])

    @property
    def needed(self) -> int:
        """The first frame from which crops may still be cut: of a window that was seen none is."""
        return min([self._settled, *(first for run in self._runs for first in run.uncut)])

    def all_are(self, stage: Stage) -> bool:
        """Whether all windows whose rows are wanted have come so far."""
        return all(entry.stage >= stage for run in self._runs for entry in run.entries if entry.is_wanted)

    def cut(self, frames: Iterable[int]) -> None:
        """Says before which frames, none of them settled, every window ends."""
        self._cuts.update(frames)

    def push(self, rows: FaceBoxes | None, settled: int) -> list[WindowEntry]:
        """Takes the rows of the frames up to `settled`, exclusive; returns the windows that this ends, by time."""
        ended = [entry for row in _each(rows) for entry in self._add(*row)]
        for run in list(self._open.values()):
            if run.end < settled or (run.end in self._cuts and not run.boxes):
                ended += self._close(run)
        self._cuts = {frame for frame in self._cuts if frame >= settled}
        self._settled = settled  # the last step: a run may be broken off between any two lines
        return sorted(ended, key=lambda entry: (entry.window.first, entry.window.face))

    def finish(self) -> list[WindowEntry]:
        """Returns the windows that are left at the end of the video."""
        return [entry for _, run in sorted(self._open.items()) for entry in self._close(run)]

    def of(self, window: Window) -> FaceRun:
        """Returns the run of a window or a look."""
        return next(run for run in self._runs if run.face == window.face and run.first <= window.first < run.end)

    def entry(self, window: Window) -> WindowEntry:
        """Returns the entry of a window that is not final."""
        return next(entry for entry in self.of(window).entries if entry.window.first == window.first)

    def forget(self) -> None:
        """Drops what no window to come can need."""
        for run in self._runs:
            run.forget()
        self._runs = [run for run in self._runs if not run.is_final]

    def _add(self, face: int, box: NDArray[np.float32], state: int, frame: int) -> Iterator[WindowEntry]:
        run = self._open.get(face)
        if run is not None and (run.end != frame or frame in self._cuts):
            yield from self._close(run)
            run = None
        if run is None:
            run = self._open[face] = FaceRun(face, frame, frame)
            self._runs.append(run)
        run.add(box, state)
        if len(run.boxes) == self._length:
            yield from self._window(run)

    def _close(self, run: FaceRun) -> list[WindowEntry]:
        ended = self._window(run) if run.boxes else []
        run.closed = True
        del self._open[run.face]
        return ended

    def _window(self, run: FaceRun) -> list[WindowEntry]:
        """Makes a window of the run's rows; returns it unless nothing depends on it."""
        boxes, first = np.array(run.boxes, np.float32).reshape(-1, 4), run.end - len(run.boxes)
        crop = detector_crop(boxes, *self._crop)
        window = Window(run.face, first, boxes, np.array(run.state, np.uint8), crop)
        self.faces.add(run.face)
        near = [first + (1 + reach) * len(window) > self._done for reach in (POINTS_REACH, CROPS_REACH)]
        made = [WindowEntry(window, is_wanted=near[0])] if near[1] else []
        run.entries += made
        run.boxes, run.state = [], []
        return made


def _each(rows: FaceBoxes | None) -> Iterator[tuple[int, NDArray[np.float32], int, int]]:
    """Yields face, box, state and frame of each row."""
    if rows is not None:
        for row in range(len(rows)):
            yield int(rows.face[row]), rows.boxes[row], int(rows.state[row]), int(rows.frame[row])

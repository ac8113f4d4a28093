"""The user's own boxes in place of the detector: `--boxes FILE`.

The file is CSV, one box a line, with the columns

    frame      the frame's number, from 0
    x0 y0      left and top edge in px of the upright frame; (0, 0) is the centre of the top-left pixel
    x1 y1      right and bottom edge
    face_id    optional: a number from 0; where the column is missing, boxes are linked into faces

named in a first line in any order (`face` is `face_id`, other columns are left alone), or, without that line,
in this order. Empty lines and lines that begin with # are skipped.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence, Sized
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from redtrack.errors import FormatError
from redtrack.faces.link import Linker, Track
from redtrack.faces.overlap import Boxes
from redtrack.faces.rows import FaceBoxes, RowWriter

COLUMNS = ("frame", "x0", "y0", "x1", "y1", "face_id")
FARTHEST = 1e9  # frames and px: beyond, and for what is no number, a box is refused
REMEDY = "give one line a box: frame, x0, y0, x1, y1 and, if you like, face_id"

Line = tuple[int, tuple[float, ...], int]  # frame, x0 y0 x1 y1, face id or -1


class BoxesFile:
    """Rows of the boxes in a file, given out as `FaceFollower` does: same `skip`, `push`, `finish`, `settled`.

    Between two boxes of a face that are at most 1.5 x `every` frames apart, the frames are interpolated. Given face ids
    are kept, also across cuts; boxes without one are linked to each other and get ids that are not given.

    Raises FormatError, which names the line, for a file that is not as described above.
    """

    def __init__(self, path: str | Path, every: int = 10, max_faces: int | None = None, min_face: float = 0.0) -> None:
        self.path = Path(path)
        self._bridge, self._min_face = max(1, 3 * every // 2), min_face
        self._boxes = read_boxes(self.path)
        self._largest = _largest(self._boxes)
        self._rows = RowWriter(max_faces, taken=self._largest)
        self._linker = self._new_linker()
        self._first = 0  # frame from which on rows are wanted
        self._count = 0

    @property
    def settled(self) -> int:
        """Number of frames, from the first, whose rows have been given out."""
        return max(self._first, self._rows.settled)

    @property
    def unused(self) -> int:
        """Boxes on frames that have not been pushed: after `finish`, boxes that the video has no frame for."""
        return sum(len(lines) for frame, lines in self._boxes.items() if frame >= self._count)

    def skip(self, cuts: Sequence[bool] | NDArray[np.bool_]) -> None:
        """Goes through frames, one for each of cuts, before the first that is pushed; they have no rows."""
        self.push(cuts, cuts)
        self._first = self._count

    def push(self, frames: Sized, cuts: Sequence[bool] | NDArray[np.bool_]) -> FaceBoxes:
        """Takes N frames, of which only the number matters, and where shots begin; returns the rows newly settled."""
        assert len(frames) == len(cuts), f"{len(frames)} frames, {len(cuts)} cuts"
        for cut in cuts:
            if cut and self._count:
                self._end_shot()
            self._linker.push_lines(self._count, self._boxes.get(self._count, []))
            self._count += 1
            self._rows.write(self._linker, self._linker.held(self._count))  # before any face is given up
            self._linker.give_up(self._count - 1, patience=self._bridge)
        return self._rows.take().since(self._first)

    def finish(self) -> FaceBoxes:
        """The rows of all frames that are not settled yet."""
        self._end_shot()
        return self._rows.take().since(self._first)

    def _new_linker(self) -> GivenLinker:
        large = {face for face, size in self._largest.items() if size >= self._min_face}
        return GivenLinker(large, self._bridge, min_face=self._min_face, shortest=1)

    def _end_shot(self) -> None:
        self._rows.write(self._linker, self._count)
        self._linker = self._new_linker()


class GivenLinker(Linker):
    """Links boxes by the face ids that came with them, or by motion where none did.

    large: the given ids of faces that are large enough, somewhere in the file.
    """

    doubts = False  # the boxes are as the user wants them

    def __init__(self, large: set[int], bridge: int, min_face: float, shortest: int) -> None:
        super().__init__(bridge, min_face=min_face, shortest=shortest)
        self._large = large
        self._given: dict[int, Track] = {}

    def push_lines(self, frame: int, lines: list[Line]) -> None:
        """The boxes of one frame."""
        loose = [line for line in lines if line[2] < 0]
        if loose:
            self.push(frame, as_rows(loose))
        for line in lines:
            if line[2] >= 0:
                self.add(frame, line)

    def add(self, frame: int, line: Line) -> None:
        """One box on the face of its id."""
        track = self._given.get(line[2])
        if track is None or track not in self.tracks:
            track = self._given[line[2]] = Track(face=line[2], real=line[2] in self._large)
            self.tracks.append(track)
        track.add(frame, as_rows([line])[0])

    def linkable(self, frame: int) -> list[Track]:
        """Returns the faces that a box without an id may belong to: none that has a given one."""
        given = set(self._given.values())
        return [track for track in super().linkable(frame) if track not in given]


def _largest(boxes: dict[int, list[Line]]) -> dict[int, float]:
    """Returns the size in px (square root of the area) of the largest box of each given id."""
    largest: dict[int, float] = {}
    for _, (x0, y0, x1, y1), face in (line for lines in boxes.values() for line in lines):
        if face >= 0:
            largest[face] = max(largest.get(face, 0.0), float(np.sqrt((x1 - x0) * (y1 - y0))))
    return largest


def as_rows(lines: list[Line]) -> Boxes:
    """(M, 5) x0 y0 x1 y1 and a score of 1."""
    return np.array([(*box, 1.0) for _, box, _ in lines], np.float32)


def read_boxes(path: Path) -> dict[int, list[Line]]:
    """The lines of a file by frame. Raises FormatError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _by_frame(path, [(n, c) for n, c in enumerate(csv.reader(file), 1) if _says_something(c)])
    except UnicodeDecodeError as error:
        raise FormatError("is no text, and boxes are", path=path, remedy=REMEDY) from error
    except (OSError, csv.Error) as error:
        raise FormatError(f"unreadable boxes ({error})", path=path, remedy=REMEDY) from error


def _says_something(cells: list[str]) -> bool:
    return any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#")


def _by_frame(path: Path, lines: list[tuple[int, list[str]]]) -> dict[int, list[Line]]:
    if not lines:
        return {}
    names = [name.strip().lower() for name in lines[0][1]]
    if "frame" in names:
        lines = lines[1:]
    else:
        names = list(COLUMNS[: len(names)])
    names = ["face_id" if name == "face" else name for name in names]
    if missing := [name for name in COLUMNS[:5] if name not in names]:
        raise FormatError(f"boxes without {', '.join(missing)}", path=path, remedy=REMEDY)
    found: dict[int, list[Line]] = {}
    taken: set[tuple[int, int]] = set()
    for number, cells in lines:
        line = _line(path, number, dict(zip(names, cells, strict=False)))
        if line[2] >= 0 and (line[0], line[2]) in taken:
            raise FormatError(f"line {number}: face {line[2]} twice on frame {line[0]}", path=path, remedy=REMEDY)
        taken.add((line[0], line[2]))
        found.setdefault(line[0], []).append(line)
    return found


def _line(path: Path, number: int, cells: dict[str, str]) -> Line:
    try:
        frame, *box = (_number(cells, name) for name in COLUMNS[:5])
        face = _number(cells, "face_id") if cells.get("face_id", "").strip() else -1.0
    except (KeyError, ValueError) as error:
        raise FormatError(f"line {number}: not a box ({error})", path=path, remedy=REMEDY) from error
    if not (frame >= 0 and frame.is_integer() and face >= -1 and face.is_integer()):
        raise FormatError(f"line {number}: frames and faces are whole numbers from 0", path=path, remedy=REMEDY)
    if not (box[2] > box[0] and box[3] > box[1]):
        raise FormatError(f"line {number}: a box without area", path=path, remedy=REMEDY)
    return int(frame), tuple(box), int(face)


def _number(cells: dict[str, str], name: str) -> float:
    value = float(cells[name])
    if not abs(value) <= FARTHEST:
        raise ValueError(f"{name} is {cells[name].strip()}")
    return value

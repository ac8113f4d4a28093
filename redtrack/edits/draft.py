"""The rows of tracks while they are edited: found by frame and face, moved, renamed, added and taken out."""

from __future__ import annotations

from typing import Any

import numpy as np

from redtrack.tracks import ROW_FIELDS, RowState, Tracks

__all__ = ["Draft"]


class Draft:
    """A copy of the rows of tracks in `rows`, by name of column, sorted as in Tracks.

    Two columns are added: `mark` (R,) uint8, and `moved` (R, 68) bool, the points that `move` has set.
    """

    def __init__(self, tracks: Tracks, mark: np.ndarray, moved: np.ndarray) -> None:
        columns = tracks.rows | {"mark": mark, "moved": moved}
        self.rows: dict[str, Any] = {name: array.copy() for name, array in columns.items() if array is not None}

    def find(self, frame: int, face: int) -> int | None:
        """Returns the row of a face in a frame, None where it has none."""
        first, end = np.searchsorted(self.rows["frame"], [frame, frame + 1])
        found = np.flatnonzero(self.rows["face"][first:end] == face)
        return int(first + found[0]) if len(found) else None

    def of(self, face: int | None, first: int = 0, last: int | None = None) -> np.ndarray:
        """Returns (n,) int64, the rows of a face (None: of all) in the frames first to last (None: the end)."""
        frame = self.rows["frame"]
        start = int(np.searchsorted(frame, first))
        end = len(frame) if last is None else int(np.searchsorted(frame, last, "right"))
        rows = np.arange(start, end)
        return rows if face is None else rows[self.rows["face"][start:end] == face]

    def move(self, row: int, indices: np.ndarray, places: np.ndarray) -> None:
        """Sets points (n,) of a row to places (n, 2) px; the box goes with the face, the row's state becomes EDITED.

        What the network said of these points is unknown from then on; pose and points in 3D stay, for `refit`.
        """
        for name, array in self.rows.items():
            about = ROW_FIELDS.get(name)
            if about is not None and "point" in about.axes and about.unknown is not None and name != "points":
                array[row, indices] = about.unknown
        points = self.rows["points"][row]
        before = points.copy()
        points[indices] = places
        self.rows["boxes"][row] += np.tile(_mean_way(before, points), 2)
        self.rows["moved"][row, indices] = True
        self.rows["state"][row] = RowState.EDITED

    def insert(self, frames: np.ndarray, face: int, points: np.ndarray) -> None:
        """Adds rows of a face in frames (n,) that lack it, with points (n, 68, 2); the rest of them is unknown."""
        count = len(frames)
        boxes = np.concatenate([np.nanmin(points, axis=1), np.nanmax(points, axis=1)], axis=1)
        known = {"frame": frames, "face": np.full(count, face), "points": points, "boxes": boxes}
        for name, array in self.rows.items():
            shape = array.shape[1:]
            unknown = ROW_FIELDS[name].filled(count, shape) if name in ROW_FIELDS else np.zeros((count, *shape))
            self.rows[name] = np.concatenate([array, known.get(name, unknown).astype(array.dtype)])
        self._sort()

    def rename(self, rows: np.ndarray, face: int, others: np.ndarray | None = None, other: int = 0) -> None:
        """Gives rows (n,) the id `face`, and at the same time `others` (m,) the id `other`."""
        self.rows["face"][rows] = face
        if others is not None:
            self.rows["face"][others] = other
        self._sort()

    def drop(self, rows: np.ndarray) -> None:
        """Takes rows (n,) out."""
        kept = np.ones(len(self.rows["frame"]), bool)
        kept[rows] = False
        self.rows = {name: array[kept] for name, array in self.rows.items()}
        self._sort()

    def _sort(self) -> None:
        order = np.lexsort((self.rows["face"], self.rows["frame"]))
        if (np.diff(order) != 1).any():
            self.rows = {name: array[order] for name, array in self.rows.items()}


def _mean_way(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Returns (2,) px, how far points (68, 2) that were known before have moved on average."""
    ways = (after - before)[np.isfinite(before).all(axis=1)]
    mean: np.ndarray = ways.mean(axis=0) if len(ways) else np.zeros(2, np.float32)
    return mean

"""The 3D columns of rows: `points3d`, `pose`, `visible`, and dense points if wanted, fitted once all rows are there.

At the end, and not stretch by stretch as the rows come: one person's face for the whole of a track needs rows of all
of it, and the first frames deserve it as much as the last. Two passes over the rows keep memory bounded: the first
gathers some rows of each face, for its person's shape; the second fits each stretch. DFF, part 2 ("landmarks, pose and
3D shape"); see `redtrack.shape3d`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from redtrack.points import N_POINTS
from redtrack.shape3d.basis import ShapeBasis, default_basis
from redtrack.shape3d.dense import dense_points
from redtrack.shape3d.fit import certainties, fit_person, fit_rows, person_rows
from redtrack.shape3d.visible import visible
from redtrack.tracks import Tracks

__all__ = ["RowStore", "add_shape", "with_shape"]

STRETCH = 2048  # rows that are held at once


class RowStore(Protocol):
    """The rows of one video, of which columns can be read and written; `rows` is their number."""

    rows: int

    def read(self, name: str, start: int, stop: int) -> np.ndarray | None:
        """Returns some rows of a column; None for an optional one that is absent."""
        ...

    def put(self, start: int, columns: dict[str, np.ndarray]) -> None:
        """Writes some rows of optional columns; stretches come in order."""
        ...


def add_shape(store: RowStore, basis: ShapeBasis | None = None, dense: int | None = None) -> None:
    """Fits all rows of a store, and puts their `points3d`, `pose` and `visible` into it; so many dense points, too."""
    if not store.rows:
        return
    basis = basis or default_basis()
    face = store.read("face", 0, store.rows)
    assert face is not None, "rows without a face id"
    faces, place = np.unique(face, return_inverse=True)
    people = _people(store, place, len(faces), basis)
    for start, points, certainty in _stretches(store):
        fit = fit_rows(points, certainty, people[place[start : start + len(points)]], basis)
        columns = {"points3d": fit.points3d.astype(np.float32), "pose": fit.pose.astype(np.float32)}
        columns["visible"] = visible(fit.pose, basis)
        if dense:
            columns["dense_points"], columns["dense_visible"] = dense_points(fit.points3d, fit.pose, dense, basis)
        store.put(start, columns)


def with_shape(tracks: Tracks, basis: ShapeBasis | None = None, dense: int | None = None) -> Tracks:
    """Returns the tracks with `points3d`, `pose` and `visible`; with so many dense points and their visibility, too."""
    store = _InMemory(tracks)
    add_shape(store, basis, dense)
    columns: dict[str, Any] = {name: np.concatenate(parts) for name, parts in store.parts.items()}
    return replace(tracks, **columns) if columns else tracks


class _InMemory:
    """A store of tracks in memory, which collects what is put."""

    def __init__(self, tracks: Tracks) -> None:
        self.rows = len(tracks)
        self.parts: dict[str, list[np.ndarray]] = {}
        self._tracks = tracks

    def read(self, name: str, start: int, stop: int) -> np.ndarray | None:
        column: np.ndarray | None = self._tracks.rows[name]
        return None if column is None else column[start:stop]

    def put(self, start: int, columns: dict[str, np.ndarray]) -> None:
        for name, array in columns.items():
            self.parts.setdefault(name, []).append(array)


def _stretches(store: RowStore) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yields the first row, the points (R, 68, 2) and their certainties (R, 68), some rows at a time."""
    for start in range(0, store.rows, STRETCH):
        stop = min(start + STRETCH, store.rows)
        points, scores = store.read("points", start, stop), store.read("scores", start, stop)
        assert points is not None and scores is not None, "rows without points"
        yield start, points, certainties(points, scores, store.read("sigma", start, stop))


def _people(store: RowStore, place: np.ndarray, faces: int, basis: ShapeBasis) -> np.ndarray:
    """Returns (faces, 68, 3) mm, each face at rest, from rows that are spread evenly over its track."""
    chosen = np.zeros(len(place), bool)
    order = np.argsort(place, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(place, minlength=faces))[:-1]):
        chosen[rows[person_rows(len(rows))]] = True
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    for start, points, certainty in _stretches(store):
        mine = chosen[start : start + len(points)]
        kept.append((points[mine], certainty[mine]))
    people = np.zeros((faces, N_POINTS, 3))
    if not kept:
        return people
    points, certainty = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    of = place[chosen]
    for face in range(faces):
        mine = of == face
        people[face] = fit_person(points[mine], certainty[mine], basis)
    return people

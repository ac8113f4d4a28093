"""DeepLabCut's CSV (`.dlc.csv`), as `analyze_videos` writes it: one line a frame, counted from 0.

    scorer,redtrack,redtrack,redtrack,…
    individuals,face_0,face_0,face_0,…
    bodyparts,jaw_0,jaw_0,jaw_0,jaw_1,…
    coords,x,y,likelihood,x,…
    0,411.204,273.551,0.981,…

The line of individuals is left out where face 0 is the only one, as in a project of one animal. Pixels and
likelihoods have three decimals; what is unknown, as a face that is absent from a frame, is NaN (pandas takes a first
line of empty cells for names). Body parts are named as in `redtrack.points.NAMES`.

Read: with or without individuals, with or without likelihood; 68 body parts in our order or under our names; an
individual named `face_N` is face N. A likelihood above 1 is taken for 1.

Cannot hold: times (a frame counts as one second), disagreement, boxes, states, info.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np

from redtrack.errors import FormatError
from redtrack.formats.common import (
    MAX_FRAMES,
    PathLike,
    face_ids,
    foreign_scores,
    known_rows,
    naming,
    replacing,
    whole_numbers,
)
from redtrack.formats.table import LONGEST_LINE, open_table, read_blocks, split_line
from redtrack.points import N_POINTS, NAMES
from redtrack.timing import unknown_times
from redtrack.tracks import Tracks

__all__ = ["read_deeplabcut", "write_deeplabcut"]

COORDS = ("x", "y", "likelihood")
SCORER = "redtrack"
_LEVELS = ("scorer", "individuals", "bodyparts", "coords")


class Animal(NamedTuple):
    """One individual: its face id, and the table's columns of x, y and likelihood, each (68,)."""

    face: int
    columns: dict[str, list[int]]


def write_deeplabcut(tracks: Tracks, path: PathLike) -> None:
    """Writes one CSV file; raises OutputError."""
    faces = tracks.faces or [0]
    with replacing(path) as file:
        for level in _LEVELS:
            if level != "individuals" or faces != [0]:
                cells = [_cell(level, face, name, axis) for face in faces for name in NAMES for axis in COORDS]
                file.write(",".join([level, *cells]) + "\n")
        place = {face: i for i, face in enumerate(faces)}
        cells = [_ABSENT] * len(faces)
        row = 0
        for frame in range(tracks.frames):
            line = cells.copy()
            while row < len(tracks) and tracks.frame[row] == frame:
                line[place[int(tracks.face[row])]] = _numbers(tracks, row)
                row += 1
            file.write(f"{frame}{''.join(line)}\n")


_ABSENT = ",NaN" * (len(COORDS) * N_POINTS)
_PRESENT = ",%.3f,%.3f,%.3f" * N_POINTS


def _cell(level: str, face: int, name: str, axis: str) -> str:
    return {"scorer": SCORER, "individuals": f"face_{face}", "bodyparts": name, "coords": axis}[level]


def _numbers(tracks: Tracks, row: int) -> str:
    numbers = _PRESENT % tuple(np.column_stack([tracks.points[row], tracks.scores[row]]).ravel().tolist())
    return numbers.replace("nan", "NaN")


def read_deeplabcut(path: PathLike) -> Tracks:
    """Returns the tracks in a DeepLabCut CSV; raises FormatError."""
    with naming(path), open_table(path) as file:
        animals = _read_header(file)
        return assemble([rows_of(block, animals) for block in read_blocks(file, wanted_columns(animals))])


def _read_header(file: IO[str]) -> list[Animal]:
    """Returns the individuals that the first three or four lines tell of."""
    levels: dict[str, list[str]] = {}
    while "coords" not in levels:
        cells = split_line(file.readline(LONGEST_LINE))
        if not cells or cells[0] not in _LEVELS or cells[0] in levels:
            raise FormatError("does not begin with the lines scorer, (individuals,) bodyparts, coords")
        levels[cells[0]] = cells[1:]
    return animals_of(levels)


def animals_of(levels: dict[str, list[str]]) -> list[Animal]:
    """Returns the individuals of a table from the names of its columns, by level; raises FormatError."""
    width = len(levels["coords"])
    if "bodyparts" not in levels or any(len(cells) != width for cells in levels.values()):
        raise FormatError("has header lines of different length")
    names = levels.get("individuals", ["face_0"] * width)
    order = list(dict.fromkeys(names))
    return [Animal(face, _columns(name, names, levels)) for face, name in zip(face_ids(order), order, strict=True)]


def wanted_columns(animals: list[Animal]) -> list[int]:
    """Returns the table's columns that `rows_of` takes: the frame, then those of each individual."""
    return [0, *(i for animal in animals for axis in COORDS for i in animal.columns.get(axis, []))]


def _columns(animal: str, names: list[str], levels: dict[str, list[str]]) -> dict[str, list[int]]:
    """Returns the columns of one individual, in the order of our points."""
    found: dict[str, dict[str, int]] = {}
    for i, (name, part, axis) in enumerate(zip(names, levels["bodyparts"], levels["coords"], strict=True)):
        if name == animal and axis in COORDS:
            found.setdefault(axis, {})[part] = i + 1
    parts = list(found.get("x", {}))
    if len(parts) != N_POINTS or any(
        found.get(axis, {}).keys() != set(parts) for axis in ("y", *(found.keys() - {"x"}))
    ):
        raise FormatError(f"'{animal}' has {len(parts)} body parts with x and y, not {N_POINTS}")
    ordered = NAMES if set(parts) == set(NAMES) else parts
    return {axis: [columns[part] for part in ordered] for axis, columns in found.items()}


Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # frame, face, points, scores


def rows_of(block: np.ndarray, animals: list[Animal]) -> Rows:
    """Returns the rows of a block of `wanted_columns` that hold any number; the last frame also as a row of face -1."""
    frame = whole_numbers(block[:, 0], "frame", MAX_FRAMES - 1)
    parts = [*_parts(block, frame, animals), _nothing(frame[-1:])]
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return joined[0], joined[1], joined[2], joined[3]


def _parts(block: np.ndarray, frame: np.ndarray, animals: list[Animal]) -> Iterator[Rows]:
    start = 1
    for animal in animals:
        cells = block[:, start : start + N_POINTS * len(animal.columns)].reshape(len(block), -1, N_POINTS)
        start += N_POINTS * len(animal.columns)
        seen = ~np.isnan(cells[:, :2]).all(axis=(1, 2))
        scores = cells[seen, 2] if "likelihood" in animal.columns else np.full((int(seen.sum()), N_POINTS), np.nan)
        yield frame[seen], np.full(int(seen.sum()), animal.face), cells[seen, :2].swapaxes(1, 2), scores


def _nothing(frame: np.ndarray) -> Rows:
    unknown = np.full((len(frame), N_POINTS), np.nan)
    return frame, np.full(len(frame), -1), np.full((len(frame), N_POINTS, 2), np.nan), unknown


def assemble(blocks: list[Rows]) -> Tracks:
    """Returns the tracks of all blocks."""
    frame, face, points, scores = (
        np.concatenate(arrays) for arrays in zip(_nothing(np.zeros(0, np.int64)), *blocks, strict=True)
    )
    about = unknown_times(int(frame.max()) + 1 if len(frame) else 0)
    seen = known_rows(points)
    return Tracks.from_rows(frame[seen], face[seen], points[seen], scores=foreign_scores(scores[seen]), **about)

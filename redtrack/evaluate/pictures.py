"""The image protocol of 300-W: the network on every picture of a folder, from detected, given or true boxes.

All boxes go one way: a detector's box, forehead to chin, becomes a crop, the crop landmarks, and where those say that
the crop was off, there is a second look. A true box is the one that a detector would ideally give for the truth.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from redtrack.errors import FormatError, UsageError
from redtrack.evaluate.pairs import Truth, read_tracks
from redtrack.evaluate.score import Pair
from redtrack.inference.crop import face_box
from redtrack.tracks import Tracks
from redtrack.video import read_picture

if TYPE_CHECKING:
    from torch import Tensor

    from redtrack.inference.landmarker import Landmarker

__all__ = ["BoxSource", "box_source", "predict_pairs", "read_boxes"]

_BATCH = 32  # pictures whose faces go through the network together

BoxSource = Callable[[str, "Tensor", Tracks], np.ndarray]
"""From a picture's name, its pixels uint8 (H, W, 3) and its truth to the boxes (M, 4) of its faces, px."""


def box_source(kind: str, landmarker: Landmarker, truth: Truth) -> BoxSource:
    """Returns where boxes come from: `detected`, `truth`, or a CSV file; raises UsageError for anything else."""
    if kind == "detected":
        return lambda name, pixels, tracks: landmarker.detect(pixels)
    if kind == "truth":
        return lambda name, pixels, tracks: face_box(tracks.points)
    if not Path(kind).is_file():
        raise UsageError(f"--boxes {kind} is no file", remedy="give detected, truth, or a CSV file")
    given = read_boxes(Path(kind), truth.pictures)
    return lambda name, pixels, tracks: given[name]


def read_boxes(path: Path, pictures: Mapping[str, Path]) -> dict[str, np.ndarray]:
    """Returns the boxes (M, 4) of each picture, by name, from a CSV with the columns file, x0, y0, x1 and y1.

    `file` is the picture's name, or its path below the folder. A picture without a line has no boxes.
    """
    found: dict[str, list[list[float]]] = defaultdict(list)
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        try:
            for row in rows:
                found[row["file"]].append(_box([float(row[key]) for key in ("x0", "y0", "x1", "y1")]))
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"has no box in file,x0,y0,x1,y1 of line {rows.line_num} ({error})", path) from error
    named = {name: found.get(f"{name}{p.suffix}") or found.get(p.name, []) for name, p in pictures.items()}
    if not any(named.values()):
        raise FormatError("has a box for none of the pictures", path, "its column 'file' is to hold their names")
    return {name: np.array(rows, np.float64).reshape(-1, 4) for name, rows in named.items()}


def _box(box: list[float]) -> list[float]:
    x0, y0, x1, y1 = box
    if not (all(map(math.isfinite, box)) and x1 > x0 and y1 > y0):
        raise ValueError("it has no area")
    return box


def predict_pairs(
    truth: Truth, landmarker: Landmarker, boxes: BoxSource, looks: int = 2, origin: float | None = None
) -> Iterator[Pair]:
    """Yields each picture of a 300-W folder with its truth and what the network says of it, in order."""
    names = iter(truth.pictures)
    while some := list(islice(names, _BATCH)):
        pictures = [landmarker.held(read_picture(truth.pictures[name])) for name in some]
        truths = [read_tracks(truth.videos[name], origin) for name in some]
        given = [boxes(*picture) for picture in zip(some, pictures, truths, strict=True)]
        found = landmarker.points_of(pictures, given, looks)
        for name, own, (points, scores, used, sigma) in zip(some, truths, found, strict=True):
            faces = np.arange(len(points))
            rows = Tracks.from_rows(faces * 0, faces, points, [0.0], scores=scores, boxes=used, sigma=sigma)
            yield Pair(name, own, rows)

"""The image protocol of 300-W: the network on every picture of a folder, from detected, given or true boxes.

All boxes go one way: a detector's box, forehead to chin, becomes a crop, the crop landmarks, and where those say that
the crop was off, there is a second look. A true box is the one that a detector would ideally give for the truth.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redtrack.errors import FormatError, UsageError
from redtrack.evaluate.pairs import Truth, read_tracks
from redtrack.evaluate.score import Pair
from redtrack.geometry import CropTransform
from redtrack.inference.crop import cut_crops, detector_crop, face_box
from redtrack.inference.options import Options
from redtrack.inference.recrop import second_crops
from redtrack.tracks import Tracks
from redtrack.video import read_picture

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from redtrack.inference.landmarker import Models

__all__ = ["BoxSource", "box_source", "predict_pairs", "read_boxes"]

_BATCH = 32  # pictures whose faces are looked at together

BoxSource = Callable[[str, "Tensor", Tracks], np.ndarray]
"""From a picture's name, its pixels uint8 (1, H, W, 3) and its truth to the boxes (M, 4) of its faces, px."""


@dataclass
class _Picture:
    """One picture on its way: its crops, and points and scores once there are some."""

    name: str
    pixels: Tensor
    truth: Tracks
    boxes: np.ndarray
    crops: CropTransform


def box_source(kind: str, models: Models, truth: Truth) -> BoxSource:
    """Returns where boxes come from: `detected`, `truth`, or a CSV file; raises UsageError for anything else."""
    if kind == "detected":
        assert models.detector is not None, "no detector was loaded"
        detect = models.detector.detect
        return lambda name, pixels, tracks: detect(pixels)[0][:, :4]
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
    truth: Truth, models: Models, boxes: BoxSource, looks: int = 2, origin: float | None = None
) -> Iterator[Pair]:
    """Yields each picture of a 300-W folder with its truth and what the network says of it, in order."""
    waiting: list[_Picture] = []
    for name, path in truth.pictures.items():
        waiting.append(_prepare(name, path, read_tracks(truth.videos[name], origin), models, boxes))
        if len(waiting) == _BATCH:
            yield from _predict(waiting, models, looks)
            waiting = []
    yield from _predict(waiting, models, looks)


def _prepare(name: str, path: Path, tracks: Tracks, models: Models, boxes: BoxSource) -> _Picture:
    import torch

    pixels = torch.from_numpy(read_picture(path))[None].to(models.device)
    found = np.asarray(boxes(name, pixels, tracks), np.float64).reshape(-1, 4)
    return _Picture(name, pixels, tracks, found, detector_crop(found, models.crop_size))


def _predict(pictures: list[_Picture], models: Models, looks: int) -> Iterator[Pair]:
    """Yields the pairs of some pictures, whose faces go through the network together."""
    points, scores = _look(pictures, models)
    for _ in range(looks - 1):
        better = [_again(picture, found) for picture, found in zip(pictures, points, strict=True)]
        for picture, crops in zip(pictures, better, strict=True):
            picture.crops = crops
        points, scores = _look(pictures, models)
    for picture, found, sure in zip(pictures, points, scores, strict=True):
        faces = np.arange(len(found))
        rows = Tracks.from_rows(faces * 0, faces, found, [0.0], scores=sure.clip(0, 1), boxes=picture.boxes)
        yield Pair(picture.name, picture.truth, rows)


def _again(picture: _Picture, points: np.ndarray) -> CropTransform:
    """Returns the crops of a picture for another look; those that were good enough stay."""
    each = [picture.crops[index : index + 1] for index in range(len(picture.crops))]
    each = [second_crops(points[i : i + 1], crop) or crop for i, crop in enumerate(each)]
    if not each:
        return picture.crops
    centre, side, angle = (np.concatenate([getattr(c, field) for c in each]) for field in ("centre", "side", "angle"))
    return CropTransform(centre, side, angle, picture.crops.size)


def _look(pictures: list[_Picture], models: Models) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Returns for each picture the points (M, 68, 2) px and the scores (M, 68) of its M faces."""
    import torch

    crops = [_cut(picture) for picture in pictures]
    counts = [len(crop) for crop in crops]
    if not sum(counts):
        return [np.zeros((0, 68, 2)) for _ in counts], [np.zeros((0, 68)) for _ in counts]
    windows = torch.cat(crops)[:, None]  # (N, 1, 3, S, S)
    found = models.predict(windows, np.ones(len(windows), np.int64), Options())
    ends = np.cumsum(counts)[:-1]
    points, scores = (np.split(array[:, 0], ends) for array in (found.points, found.scores))
    return [p.crops.to_frame(own) for p, own in zip(pictures, points, strict=True)], scores


def _cut(picture: _Picture) -> torch.Tensor:
    """Returns the crops (M, 3, S, S) of a picture's faces, each averaged as its own size asks for."""
    import torch

    one: Any = np.zeros(1, np.int64)
    crops = [cut_crops(picture.pixels, one, picture.crops[i : i + 1]) for i in range(len(picture.crops))]
    size = picture.crops.size
    return torch.cat(crops) if crops else picture.pixels.new_zeros(0, 3, size, size, dtype=torch.float32)

"""Labelled faces in memory: folders of labelled pictures, cut out, held-out part set aside.

Three layouts: 300-W folders (`any/depth/NAME.jpg` beside `NAME.pts`), identity folders (`PERSON/CLIP/FRAME.jpg` beside
`FRAME.pts`), told apart by whether pictures lie two folders deep, and 300-VW folders (`footage.py`).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from redtrack.errors import FormatError, UsageError
from redtrack.files import files_below
from redtrack.formats.pts import read_68
from redtrack.geometry import LANDMARK_SCALE, CropTransform, landmark_crop
from redtrack.points import LEFT_EYE_OUTER, RIGHT_EYE_OUTER
from redtrack.video import read_picture

STORED_SCALE = 1.9  # stored square over the tight landmark box: room for turning and shifting
STORED_SIZE = 224  # px; at STORED_SCALE a training crop of 128 px is read from about 165 px
PICTURE_ENDINGS = (".jpg", ".jpeg", ".png")
HOLD_OUT = 10  # one name in ten is for validation


def stored_size(size: int, scale: float = LANDMARK_SCALE) -> int:
    """The side at which faces are stored, so that no crop of this size and scale is blown up: a multiple of 8."""
    return max(STORED_SIZE, 8 * math.ceil(size * STORED_SCALE / scale / 8))


@dataclass
class FaceSet:
    """N faces. images uint8 (N, 3, S, S), S = `stored_size`; points float32 (N, 68, 2) in their pixels; weight (N,) of
    the labels; identity (N,) a class per person, -1 where unknown; names, and source: the folder below the data
    folder; axis (N,): how far the labels lie off the faces' middle (`geometry.mirrored_points`)."""

    images: Tensor
    points: np.ndarray
    weight: np.ndarray
    identity: np.ndarray
    names: list[str]
    source: list[str]
    axis: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    def subset(self, keep: np.ndarray) -> FaceSet:
        """The faces at these indices."""
        index = np.asarray(keep, dtype=np.int64)

        def kept(values: Any) -> Any:
            if isinstance(values, list):
                return [values[i] for i in index]
            return values[torch.from_numpy(index)] if isinstance(values, Tensor) else values[index]

        return FaceSet(**{f.name: kept(getattr(self, f.name)) for f in fields(self)})

    def to(self, device: str) -> FaceSet:
        """The set with its pictures on a device, where crops are then cut."""
        return replace(self, images=self.images.to(device))


def held_out(name: str) -> bool:
    """Whether this name (a picture's stem, or a person) belongs to the validation split: by its checksum."""
    return zlib.crc32(name.encode()) % HOLD_OUT == 0


def labelled_pictures(folder: Path) -> list[tuple[Path, Path]]:
    """Every (picture, .pts) pair below a folder, sorted.

    Raises UsageError where there is none.
    """
    pairs = []
    files = (file for file in files_below(folder) if isinstance(file, Path))  # folders that cannot be read are empty
    for pts in sorted(file for file in files if file.suffix == ".pts"):
        picture = next((pts.with_suffix(e) for e in PICTURE_ENDINGS if pts.with_suffix(e).exists()), None)
        if picture is not None:
            pairs.append((picture, pts))
    if not pairs:
        remedy = "name such a folder, or one of labelled videos: NAME/vid.* and NAME/annot/000001.pts"
        raise UsageError("no pictures with .pts files beside them", folder, remedy)
    return pairs


def cut_face(image: np.ndarray, points: np.ndarray, size: int = STORED_SIZE) -> tuple[Tensor, np.ndarray]:
    """The face with room around it: uint8 (3, S, S), and its points there. Black outside the picture."""
    crop = landmark_crop(points[None].astype(np.float64), size, STORED_SCALE)
    return cut_square(image, crop), crop.to_crop(points[None])[0].astype(np.float32)


def read_labels(path: Path, height: int, width: int) -> np.ndarray:
    """The points (68, 2) of a `.pts` file that lies beside a picture.

    Raises FormatError where fewer than half of them are in the picture, or where they make no face.
    """
    points = read_68(path)
    inside = (points >= -0.5).all(-1) & (points <= (width - 0.5, height - 0.5)).all(-1)
    remedy = "mend or remove the file"
    if inside.mean() < 0.5:
        message = f"has {int((~inside).sum())} of 68 points outside its picture of {width} x {height}"
        raise FormatError(message, path, remedy)
    if np.hypot(*(points[LEFT_EYE_OUTER] - points[RIGHT_EYE_OUTER])) < 1:
        raise FormatError("has both eyes' outer corners (points 36 and 45) at one place", path, remedy)
    return points


def cut_square(image: np.ndarray, crop: CropTransform) -> Tensor:
    """One upright crop of a picture, averaged where it shrinks. image (H, W, 3) uint8 -> uint8 (3, S, S)."""
    height, width = image.shape[:2]
    picture = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float()
    shrink = max(1.0, float(crop.side[0]) / crop.size)
    small = (max(1, round(height / shrink)), max(1, round(width / shrink)))
    if shrink > 1:
        picture = F.interpolate(picture, small, mode="bilinear", antialias=True, align_corners=False)
    theta = torch.from_numpy(crop.theta(height, width)).float()
    grid = F.affine_grid(theta, [1, 3, crop.size, crop.size], align_corners=False)
    return F.grid_sample(picture, grid, align_corners=False)[0].round().byte()


def read_faces(
    folder: Path, weight: float = 1.0, *, axis: float = 0.0, size: int = STORED_SIZE, show: bool = False
) -> tuple[FaceSet, FaceSet]:
    """The faces of a folder of labelled pictures: those to train on and those held out.

    weight, axis: of all of them (`FaceSet`); size: the side at which they are stored; show: a progress bar.
    Raises UsageError where there are none, and FormatError for labels that cannot be those of their picture.
    """
    pairs = labelled_pictures(folder)
    parts = [p.relative_to(folder).parts for p, _ in pairs]
    by_person = all(len(x) == 3 for x in parts)
    keys = [x[0] if by_person else Path(x[-1]).stem for x in parts]
    images = torch.empty(len(pairs), 3, size, size, dtype=torch.uint8)
    points = np.empty((len(pairs), 68, 2), dtype=np.float32)
    for i, (picture, pts) in enumerate(tqdm(pairs, f"reading {folder.name}", disable=not show, leave=False)):
        image = read_picture(picture)
        images[i], points[i] = cut_face(image, read_labels(pts, *image.shape[:2]), size)
    people = {key: i for i, key in enumerate(sorted(set(keys)))} if by_person else {}
    everything = FaceSet(
        images,
        points,
        np.full(len(pairs), weight, dtype=np.float32),
        np.array([people.get(k, -1) for k in keys]),
        ["/".join(x) for x in parts],
        [folder.name if by_person else x[0] if len(x) > 1 else folder.name for x in parts],
        np.full(len(pairs), axis, dtype=np.float32),
    )
    return split(everything, np.array([held_out(k) for k in keys]))


def make_set(
    images: list[Tensor],
    points: list[np.ndarray],
    names: list[str],
    source: str,
    *,
    size: int,
    weight: float = 1.0,
    axis: float = 0.0,
) -> FaceSet:
    """Cut-out faces (3, size, size) of one source and of nobody known, with their points (68, 2), as a set."""
    n = len(names)
    return FaceSet(
        torch.stack(images) if images else torch.empty(0, 3, size, size, dtype=torch.uint8),
        np.array(points, np.float32).reshape(n, 68, 2),
        np.full(n, weight, np.float32),
        np.full(n, -1),
        names,
        [source] * n,
        np.full(n, axis, np.float32),
    )


def split(faces: FaceSet, out: np.ndarray) -> tuple[FaceSet, FaceSet]:
    """The faces that are not, and those that are, held out. out (N,) bool."""
    return faces.subset(np.flatnonzero(~out)), faces.subset(np.flatnonzero(out))


def join(sets: Iterable[FaceSet]) -> FaceSet:
    """Several sets as one, their people kept apart."""
    sets = list(sets)
    assert len({s.images.shape[1:] for s in sets}) == 1, [s.images.shape for s in sets]
    offsets = np.cumsum([0, *(int(s.identity.max(initial=-1)) + 1 for s in sets)])
    people = [np.where(s.identity >= 0, s.identity + o, -1) for s, o in zip(sets, offsets, strict=False)]
    return FaceSet(
        torch.cat([s.images for s in sets]),
        np.concatenate([s.points for s in sets]),
        np.concatenate([s.weight for s in sets]),
        np.concatenate(people),
        [n for s in sets for n in s.names],
        [n for s in sets for n in s.source],
        np.concatenate([s.axis for s in sets]),
    )


def turned(points: np.ndarray) -> np.ndarray:
    """How much oftener a face is drawn for its turn, 1 to 2: by how far the tip of the nose lies nearer to one side of
    the jaw than to the other. points (N, 68, 2) -> (N,)."""
    right, left = (np.linalg.norm(points[:, 30] - points[:, k], axis=-1) for k in (2, 14))
    chances: np.ndarray = 1 + np.clip(2 * np.abs(right - left) / (right + left), 0, 1)
    return chances

"""Labelled faces in memory: folders of pictures with `.pts` files, cut out, held-out part set aside.

Two layouts: 300-W folders (`any/depth/NAME.jpg` beside `NAME.pts`) and identity folders
(`PERSON/CLIP/FRAME.jpg` beside `FRAME.pts`), told apart by whether pictures lie two folders deep.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from redtrack.errors import UsageError
from redtrack.files import files_below
from redtrack.formats.pts import read_68
from redtrack.geometry import CropTransform, landmark_crop
from redtrack.video import read_picture

STORED_SIZE = 224  # px; at STORED_SCALE a training crop of 128 px is read from about 165 px
STORED_SCALE = 1.9  # stored square over the tight landmark box: room for turning and shifting
PICTURE_ENDINGS = (".jpg", ".jpeg", ".png")
HOLD_OUT = 10  # one name in ten is for validation


@dataclass
class FaceSet:
    """N faces. images uint8 (N, 3, 224, 224); points float32 (N, 68, 2) in their pixels; weight (N,) of the labels;
    identity (N,) a class per person, -1 where unknown; names, and source: the folder below the data folder."""

    images: Tensor
    points: np.ndarray
    weight: np.ndarray
    identity: np.ndarray
    names: list[str]
    source: list[str]

    def __len__(self) -> int:
        return len(self.names)

    def subset(self, keep: np.ndarray) -> FaceSet:
        """The faces at these indices."""
        index = [int(i) for i in keep]
        return FaceSet(
            self.images[torch.as_tensor(index, dtype=torch.long)],
            self.points[index],
            self.weight[index],
            self.identity[index],
            [self.names[i] for i in index],
            [self.source[i] for i in index],
        )


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
        raise UsageError("no pictures with .pts files beside them", path=folder, remedy="name a 300-W folder")
    return pairs


def cut_face(image: np.ndarray, points: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """The face with room around it: uint8 (3, 224, 224), and its points there. Black outside the picture."""
    crop = landmark_crop(points[None].astype(np.float64), STORED_SIZE, STORED_SCALE)
    return cut_square(image, crop), crop.to_crop(points[None])[0].astype(np.float32)


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


def read_faces(folder: Path, weight: float = 1.0) -> tuple[FaceSet, FaceSet]:
    """The faces to train on and those held out."""
    pairs = labelled_pictures(folder)
    parts = [p.relative_to(folder).parts for p, _ in pairs]
    by_person = all(len(x) == 3 for x in parts)
    keys = [x[0] if by_person else Path(x[-1]).stem for x in parts]
    images = torch.empty(len(pairs), 3, STORED_SIZE, STORED_SIZE, dtype=torch.uint8)
    points = np.empty((len(pairs), 68, 2), dtype=np.float32)
    for i, (picture, pts) in enumerate(pairs):
        images[i], points[i] = cut_face(read_picture(picture), read_68(pts))
    people = {key: i for i, key in enumerate(sorted(set(keys)))} if by_person else {}
    everything = FaceSet(
        images,
        points,
        np.full(len(pairs), weight, dtype=np.float32),
        np.array([people.get(k, -1) for k in keys]),
        ["/".join(x) for x in parts],
        [folder.name if by_person else x[0] if len(x) > 1 else folder.name for x in parts],
    )
    out = np.array([held_out(k) for k in keys])
    return everything.subset(np.flatnonzero(~out)), everything.subset(np.flatnonzero(out))


def join(sets: list[FaceSet]) -> FaceSet:
    """Several sets as one."""
    assert len({s.images.shape[1:] for s in sets}) == 1, [s.images.shape for s in sets]
    offsets = np.cumsum([0, *(int(s.identity.max(initial=-1)) + 1 for s in sets)])
    return FaceSet(
        torch.cat([s.images for s in sets]),
        np.concatenate([s.points for s in sets]),
        np.concatenate([s.weight for s in sets]),
        np.concatenate(
            [np.where(s.identity >= 0, s.identity + o, -1) for s, o in zip(sets, offsets, strict=False)]
        ),
        [n for s in sets for n in s.names],
        [n for s in sets for n in s.source],
    )

"""Boxes and square crops: the only place where a point changes its frame of reference.

Frame pixels and crop pixels both count from the centre of the top-left pixel. Boxes are x0 y0 x1 y1 in frame pixels.
N boxes or crops, P points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from redtrack.points import LEFT_EYE_OUTER, MIRROR, RIGHT_EYE_OUTER

Floats = NDArray[np.floating]

LANDMARK_SCALE = 1.4  # crop side over the longer side of the tight landmark box, where a network does not say another


def box_iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of every pair. a (N, 4), b (M, 4) -> (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(-1)
    total = box_area(a)[:, None] + box_area(b)[None, :] - shared
    return np.divide(shared, total, out=np.zeros_like(shared), where=total > 0)


def box_area(boxes: Floats) -> Floats:
    """Area in square pixels. (..., 4) -> (...)."""
    return np.maximum(boxes[..., 2] - boxes[..., 0], 0) * np.maximum(boxes[..., 3] - boxes[..., 1], 0)


def landmark_box(points: Floats) -> Floats:
    """The tight box around the points, of which NaN are passed over. (..., P, 2) -> (..., 4)."""
    return np.concatenate((np.fmin.reduce(points, axis=-2), np.fmax.reduce(points, axis=-2)), -1)


@dataclass(frozen=True)
class CropTransform:
    """N square crops of a frame, and the way from frame pixels to crop pixels and back.

    centre (N, 2) and side (N,) in frame pixels; angle (N,) in radians, by which the crop's axes are turned in the
    frame (clockwise as seen, y points down); size is the crop's side in crop pixels. scale: side over the longer side
    of the landmarks' tight box, as the network wants its crops; crops that are made from these have the same.
    """

    centre: Floats
    side: Floats
    angle: Floats
    size: int
    scale: float = LANDMARK_SCALE

    def __post_init__(self) -> None:
        n = len(self.side)
        assert self.centre.shape == (n, 2) and self.angle.shape == (n,), (self.centre.shape, self.angle.shape, n)

    def __len__(self) -> int:
        return len(self.side)

    def __getitem__(self, index: slice | Floats) -> CropTransform:
        return replace(self, centre=self.centre[index], side=self.side[index], angle=self.angle[index])

    def matrix(self) -> Floats:
        """Crop pixels to frame pixels: (N, 2, 3)."""
        scale = self.side / self.size
        cos, sin = np.cos(self.angle) * scale, np.sin(self.angle) * scale
        linear = np.empty((len(self), 2, 2), cos.dtype)
        linear[:, 0, 0], linear[:, 0, 1], linear[:, 1, 0], linear[:, 1, 1] = cos, -sin, sin, cos
        middle = np.full(2, (self.size - 1) / 2)
        return np.concatenate((linear, (self.centre - linear @ middle)[..., None]), -1)

    def to_frame(self, points: Floats) -> Floats:
        """Points in crop pixels, in frame pixels. (N, P, 2) -> (N, P, 2)."""
        m = self.matrix()
        return points @ m[:, :, :2].swapaxes(1, 2) + m[:, None, :, 2]

    def to_crop(self, points: Floats) -> Floats:
        """Points in frame pixels, in crop pixels. (N, P, 2) -> (N, P, 2)."""
        m = self.matrix()
        return (points - m[:, None, :, 2]) @ np.linalg.inv(m[:, :, :2]).swapaxes(1, 2)

    def sigma_to_frame(self, sigma: Floats) -> Floats:
        """Covariances xx, xy, yy in square crop pixels, in square frame pixels. (N, P, 3) -> (N, P, 3)."""
        a, b, c, d = self.matrix()[:, :, :2].reshape(-1, 4).T[..., None]  # (N, 1) each
        xx, xy, yy = np.moveaxis(sigma, -1, 0)  # (N, P) each
        x = a * a * xx + 2 * a * b * xy + b * b * yy
        both = a * c * xx + (a * d + b * c) * xy + b * d * yy
        return np.stack((x, both, c * c * xx + 2 * c * d * xy + d * d * yy), -1)

    def theta(self, height: int, width: int) -> Floats:
        """The (N, 2, 3) matrix that `affine_grid(align_corners=False)` wants for a frame of this size."""
        m = self.matrix()
        half = self.size / 2
        linear = m[:, :, :2] * half  # crop coordinates -1..1 span the crop's full side
        offset = m[:, :, :2] @ np.full(2, half - 0.5) + m[:, :, 2]
        frame = np.array([width, height], dtype=m.dtype)
        return np.concatenate((linear * 2, (2 * offset + 1 - frame)[..., None]), -1) / frame[:, None]


def landmark_crop(points: Floats, size: int, scale: float = LANDMARK_SCALE) -> CropTransform:
    """The square crop around landmarks. points (N, P, 2) in frame pixels."""
    box = landmark_box(points)
    centre = (box[:, :2] + box[:, 2:]) / 2
    side = (box[:, 2:] - box[:, :2]).max(-1) * scale
    return CropTransform(centre, np.maximum(side, 2.0), np.zeros(len(box), dtype=box.dtype), size, scale)


def mirrored_points(points: np.ndarray, width: int, axis: np.ndarray | float) -> np.ndarray:
    """What labels (N, 68, 2) by the same convention are in the mirror image of a picture of this width.

    A set's labels may lie off the middle of the faces, all to one side: by `axis` times the distance of the outer eye
    corners, along the line from the corner on the left of the picture to that on the right. In the mirror image they
    are wanted on the same side, so that they move by twice as much beside being mirrored.
    """
    flipped = points[:, MIRROR].copy()
    flipped[..., 0] = width - 1 - flipped[..., 0]
    eyes = flipped[:, LEFT_EYE_OUTER] - flipped[:, RIGHT_EYE_OUTER]
    moved: np.ndarray = flipped + (2 * np.asarray(axis, np.float32).reshape(-1, 1) * eyes)[:, None]
    return moved

"""Crops of faces: where they lie, and their pixels, cut on the device that holds the frames.

N crops of side S crop pixels; boxes are x0 y0 x1 y1 and points are x, y in frame pixels.
"""

from __future__ import annotations

from math import floor, log2
from typing import TYPE_CHECKING

import numpy as np

from redtrack.device import hardware
from redtrack.geometry import LANDMARK_SCALE, CropTransform, Floats, landmark_box

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = [
    "Region",
    "as_windows",
    "cut_crops",
    "detector_crop",
    "face_box",
    "region_of",
    "resample",
    "sample",
    "shrunk",
]

# The landmarks' tight box within a detector's box (forehead to chin, cheek to cheek), in parts of the latter: the
# medians over 212 boxed faces, whose quartiles of position and size lie about 3 and 5 % apart.
LANDMARK_WIDTH = 1.03
LANDMARK_HEIGHT = 0.745
LANDMARK_DROP = 0.13  # of the height: from the middle of the detector's box down to the middle of the landmarks

Region = tuple[int, int, int, int]
"""x0 y0 x1 y1 in whole frame pixels, x1 and y1 exclusive."""


def detector_crop(boxes: Floats, size: int, scale: float = LANDMARK_SCALE) -> CropTransform:
    """Returns the crops (N) that belong to a detector's boxes (N, 4)."""
    boxes = boxes.astype(np.float64)
    extent = boxes[:, 2:] - boxes[:, :2]
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    centre[:, 1] += LANDMARK_DROP * extent[:, 1]
    side = scale * (extent * (LANDMARK_WIDTH, LANDMARK_HEIGHT)).max(axis=1)
    return CropTransform(centre, np.maximum(side, 2.0), np.zeros(len(boxes)), size, scale)


def face_box(points: Floats) -> Floats:
    """Returns the boxes (N, 4) that a detector would give for landmarks (N, 68, 2): `detector_crop` backwards."""
    box = landmark_box(points)
    extent = (box[:, 2:] - box[:, :2]) / (LANDMARK_WIDTH, LANDMARK_HEIGHT)
    centre = (box[:, :2] + box[:, 2:]) / 2
    centre[:, 1] -= LANDMARK_DROP * extent[:, 1]
    return np.concatenate((centre - extent / 2, centre + extent / 2), axis=1)


def cut_crops(frames: Tensor, frame_index: np.ndarray, transform: CropTransform) -> Tensor:
    """Returns crop n of frame `frame_index[n]`: float32 (N, 3, S, S) in 0..1 from frames uint8 (F, H, W, 3)."""
    assert len(frame_index) == len(transform), f"{len(frame_index)} frames for {len(transform)} crops"
    x0, y0, x1, y1 = region = region_of(transform, *frames.shape[1:3])
    return sample(frames[:, y0:y1, x0:x1][frame_index], region, transform)


def as_windows(crops: Tensor, length: int) -> tuple[Tensor, np.ndarray]:
    """Returns crops (B, 3, S, S) as windows (N, T, 3, S, S), the last one padded, and their lengths (N,)."""
    n = -(-len(crops) // length)
    padded = crops.new_zeros(n * length, *crops.shape[1:])
    padded[: len(crops)] = crops
    lengths = np.full(n, length)
    lengths[-1] = len(crops) - (n - 1) * length
    return padded.unflatten(0, (n, length)), lengths


def region_of(transform: CropTransform, height: int, width: int) -> Region:
    """Returns the part of a frame (height, width) that all the crops together look at, at least one pixel of it.

    It begins at multiples of the pooling that `sample` does, so that the same pixels are averaged whichever crops
    are cut together.
    """
    reach = transform.side / 2 * (np.abs(np.cos(transform.angle)) + np.abs(np.sin(transform.angle)))
    step = _pooling(transform)
    low = np.floor((transform.centre - reach[:, None]).min(axis=0) / step).astype(int) * step - step
    high = np.ceil((transform.centre + reach[:, None]).max(axis=0)).astype(int) + 2 * step
    x0, x1 = _within(low[0], high[0], width, step)
    y0, y1 = _within(low[1], high[1], height, step)
    return x0, y0, x1, y1


def _within(low: int, high: int, length: int, step: int) -> tuple[int, int]:
    low = min(max(low, 0), (length - 1) // step * step)
    return low, min(max(high, low + 1), length)


def _pooling(transform: CropTransform) -> int:
    """Returns the side of the squares of frame pixels that are averaged first, so that large faces do not alias.

    A power of two for which the finest of the crops still has at least one averaged pixel a crop pixel.
    """
    scale = float(transform.side.min()) / transform.size
    return 1 << max(0, floor(log2(scale)))


def sample(pixels: Tensor, region: Region, transform: CropTransform) -> Tensor:
    """Returns float32 (N, 3, S, S) in 0..1: crop n from `pixels[n]`, the region of its frame, uint8 (N, h, w, 3)."""
    return resample(pixels, region, transform).div_(255)


def resample(pixels: Tensor, region: Region, transform: CropTransform) -> Tensor:
    """Returns what `sample` does, in 0..255.

    Bilinear, from a picture that is averaged first where the crop shrinks it twice or more; black outside.
    """
    import torch

    step = _pooling(transform)
    count = hardware(pixels.device).sampled_together(len(pixels), 4 * pixels[0].numel() / step**2)
    parts = [slice(start, start + count) for start in range(0, len(pixels), count)]
    found = [_sample(pixels[part], region, transform[part], step) for part in parts]
    return found[0] if len(found) == 1 else torch.cat(found)


def _sample(pixels: Tensor, region: Region, transform: CropTransform, step: int) -> Tensor:
    from torch.nn import functional as F

    picture = shrunk(pixels.permute(0, 3, 1, 2), step)  # (N, 3, h, w), channels last in memory
    centre = (transform.centre - region[:2] + 0.5) / step - 0.5
    local = CropTransform(centre, transform.side / step, transform.angle, transform.size)
    grid = _grid(local.theta(*picture.shape[2:]), transform.size, picture.device)
    return F.grid_sample(picture, grid, align_corners=False)


def shrunk(picture: Tensor, step: int) -> Tensor:
    """Returns the picture (N, 3, h, w) as float32, `step` times smaller; a rest at its end is left out.

    By torch's antialiased resizing, a triangle of 2 * step pixels: on bytes it is faster than any pooling.
    """
    from torch.nn import functional as F

    if step == 1:
        return picture.float()
    if not hardware(picture.device).resizes_bytes:
        picture = picture.float()
    height, width = (max(1, length // step) for length in picture.shape[2:])
    whole = picture[:, :, : height * step, : width * step]
    return F.interpolate(whole, size=(height, width), mode="bilinear", antialias=True).float()


def _grid(theta: Floats, size: int, device: torch.device) -> Tensor:
    """Returns what `affine_grid(theta, ..., align_corners=False)` does, (N, S, S, 2), quicker; x and y lie apart."""
    import torch

    axis = torch.from_numpy((2 * np.arange(size) + 1) / size - 1).float().to(device)
    m = torch.from_numpy(theta).float().to(device)[:, :, :, None, None]  # (N, 2, 3, 1, 1)
    grid = m[:, :, 0] * axis + m[:, :, 1] * axis[:, None]  # (N, 2, S, S)
    return grid.add_(m[:, :, 2]).permute(0, 2, 3, 1)

"""Made-up variety: random crops, light, blur, noise and occluders, for a whole batch at once.

The paper's own (section 5.1): scale 0.9 to 1.1, rotation to 15 degrees, shift of 7 px of 256, mirror. Ours is wider,
since our detector's boxes are rougher than theirs and our faces fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from redtrack.geometry import CropTransform, landmark_crop
from redtrack.points import MIRROR


@dataclass(frozen=True)
class Augmentation:
    """How far a training crop strays. Angles in degrees, shift in crop sides; the rest are chances of 0 to 1."""

    rotation: float = 18.0  # standard deviation, cut off at 2.2 of them
    scale: float = 0.11  # standard deviation of the logarithm
    shift: float = 0.045  # standard deviation
    flip: float = 0.5
    light: float = 0.8
    grey: float = 0.1
    blur: float = 0.3
    noise: float = 0.3
    occlude: float = 0.35


PAPER = Augmentation(
    rotation=7.5, scale=0.05, shift=0.014, light=0.0, grey=0.0, blur=0.0, noise=0.0, occlude=0.0
)
OURS = Augmentation()
NONE = Augmentation(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def _normal(rng: np.random.Generator, n: int | tuple[int, ...], deviation: float) -> np.ndarray:
    return np.clip(rng.standard_normal(n), -2.2, 2.2) * deviation


def random_crops(points: np.ndarray, size: int, how: Augmentation, rng: np.random.Generator) -> CropTransform:
    """Crops around landmarks (N, 68, 2), strayed as a detector's boxes stray and turned as heads turn."""
    n = len(points)
    exact = landmark_crop(points.astype(np.float64), size)
    side = exact.side * np.exp(_normal(rng, n, how.scale))
    centre = exact.centre + _normal(rng, (n, 2), how.shift) * side[:, None]
    return CropTransform(centre, side, np.radians(_normal(rng, n, how.rotation)), size)


def mirror(images: Tensor, points: np.ndarray, which: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """Pictures (N, 3, H, W) and points (N, 68, 2) with those of `which` (N,) bool seen in a mirror."""
    flipped = points[:, MIRROR].copy()
    flipped[..., 0] = images.shape[-1] - 1 - flipped[..., 0]
    chosen = torch.from_numpy(which).view(-1, 1, 1, 1)
    return torch.where(chosen, images.flip(-1), images), np.where(which[:, None, None], flipped, points)


def cut(images: Tensor, crops: CropTransform) -> Tensor:
    """Crop n of picture n, 0..1. images uint8 (N, 3, H, W) -> float32 (N, 3, S, S)."""
    theta = torch.from_numpy(crops.theta(*images.shape[-2:])).float().to(images.device)
    grid = F.affine_grid(theta, [len(images), 3, crops.size, crops.size], align_corners=False)
    return F.grid_sample(images.float() / 255, grid, align_corners=False)


def _some(rng: np.random.Generator, n: int, chance: float) -> Tensor:
    return torch.from_numpy(rng.random(n) < chance).view(-1, 1, 1, 1)


def _uniform(rng: np.random.Generator, low: float, high: float, *shape: int) -> Tensor:
    return torch.from_numpy(rng.uniform(low, high, shape).astype(np.float32))


def relight(crops: Tensor, how: Augmentation, rng: np.random.Generator) -> Tensor:
    """Other exposure, contrast, tint, saturation, a slope of light across the picture, or no colour at all."""
    n, _, height, width = crops.shape
    grey = crops.mean(1, keepdim=True)
    saturation = _uniform(rng, 0.3, 1.5, n, 1, 1, 1)
    lit = grey + (crops - grey) * saturation
    lit = lit.clamp(1e-4, 1) ** _uniform(rng, -0.6, 0.6, n, 1, 1, 1).exp()
    tint = _uniform(rng, -0.15, 0.15, n, 3, 1, 1) + _uniform(rng, -0.45, 0.35, n, 1, 1, 1)
    slope = _uniform(rng, -0.5, 0.5, n, 1, 1, 1) * torch.linspace(-1, 1, width) + _uniform(
        rng, -0.3, 0.3, n, 1, 1, 1
    ) * torch.linspace(-1, 1, height).view(-1, 1)
    lit = lit * (tint + slope * 0.7).exp() + _uniform(rng, -0.06, 0.06, n, 1, 1, 1)
    out = torch.where(_some(rng, n, how.light), lit, crops)
    return torch.where(_some(rng, n, how.grey), out.mean(1, keepdim=True), out)


def soften(crops: Tensor, how: Augmentation, rng: np.random.Generator) -> Tensor:
    """Low resolution, as of a small or compressed face: shrunk to 28 to 96 px and back."""
    n, size = len(crops), crops.shape[-1]
    small = int(rng.integers(size // 5, size * 3 // 4))
    shrunk = F.interpolate(crops, (small, small), mode="bilinear", antialias=True, align_corners=False)
    blurred = F.interpolate(shrunk, (size, size), mode="bilinear", align_corners=False)
    return torch.where(_some(rng, n, how.blur), blurred, crops)


def add_noise(crops: Tensor, how: Augmentation, rng: np.random.Generator) -> Tensor:
    """Sensor noise of a standard deviation up to 0.07."""
    n = len(crops)
    strength = _uniform(rng, 0.0, 0.07, n, 1, 1, 1) * _some(rng, n, how.noise)
    return crops + strength * torch.from_numpy(rng.standard_normal(crops.shape, dtype=np.float32))


def occlude(crops: Tensor, how: Augmentation, rng: np.random.Generator) -> Tensor:
    """A rectangle of another face of the batch, or of one colour, over part of the crop."""
    out, size = crops.clone(), crops.shape[-1]
    for i in np.flatnonzero(rng.random(len(crops)) < how.occlude):
        h, w = rng.integers(size // 8, size // 2, 2)
        y, x = rng.integers(-h // 3, size - h // 2), rng.integers(-w // 3, size - w // 2)
        rows, columns = slice(max(0, y), y + h), slice(max(0, x), x + w)
        if rng.random() < 0.5:
            out[i, :, rows, columns] = crops[rng.integers(len(crops)), :, rows, columns].flip(-2)
        else:
            out[i, :, rows, columns] = _uniform(rng, 0, 1, 3, 1, 1)
    return out


def training_crops(
    images: Tensor, points: np.ndarray, size: int, how: Augmentation, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """A batch as the network sees it: crops float32 (N, 3, S, S) in 0..1 and points (N, 68, 2) in crop pixels."""
    images, points = mirror(images, points, rng.random(len(points)) < how.flip)
    transform = random_crops(points, size, how, rng)
    crops = cut(images, transform)
    for change in (occlude, relight, soften, add_noise):
        crops = change(crops, how, rng)
    return crops.clamp(0, 1), torch.from_numpy(transform.to_crop(points)).float()

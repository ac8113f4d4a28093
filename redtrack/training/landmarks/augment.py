"""Made-up variety: random crops, shut eyes, glasses, light, blur, noise and occluders, for a batch on whatever device.

What is drawn for each picture comes from a NumPy generator; the noise of the pixels from a generator of the pictures'
device, which the former seeds. The paper's own (section 5.1): scale 0.9 to 1.1, rotation to 15 degrees, shift of 7 px
of 256, mirror. Ours is wider, since our detector's boxes are rougher than theirs and our faces fewer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from redtrack.geometry import LANDMARK_SCALE, CropTransform, landmark_crop, mirrored_points
from redtrack.training.landmarks.glasses import put_glasses_on
from redtrack.training.landmarks.lids import close_eyes


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
    shut: float = 0.2  # eyes closed by their own lids; in clips they blink
    talk: float = 0.0  # clips in which the lower lip goes up and down
    glasses: float = 0.2  # drawn on


PAPER = Augmentation(
    rotation=7.5, scale=0.05, shift=0.014, light=0.0, grey=0.0, blur=0.0, noise=0.0, occlude=0.0, shut=0.0, glasses=0.0
)
OURS = Augmentation()
EASED = replace(OURS, rotation=9.0, scale=0.055, shift=0.022, light=0.5, grey=0.05, blur=0.15, noise=0.15, occlude=0.2)
EYES = replace(EASED, shut=0.5, glasses=0.35)
NONE = Augmentation(*[0.0] * 12)
NAMED = {"ours": OURS, "eased": EASED, "eyes": EYES, "paper": PAPER}


def _normal(rng: np.random.Generator, n: int | tuple[int, ...], deviation: float) -> np.ndarray:
    return np.clip(rng.standard_normal(n), -2.2, 2.2) * deviation


def random_crops(
    points: np.ndarray, size: int, how: Augmentation, rng: np.random.Generator, scale: float = LANDMARK_SCALE
) -> CropTransform:
    """Crops around landmarks (N, 68, 2), strayed as a detector's boxes stray and turned as heads turn.

    scale: side of an unstrayed crop over the longer side of the landmarks' box, as the network's config has it.
    """
    n = len(points)
    exact = landmark_crop(points.astype(np.float64), size, scale)
    side = exact.side * np.exp(_normal(rng, n, how.scale))
    centre = exact.centre + _normal(rng, (n, 2), how.shift) * side[:, None]
    return CropTransform(centre, side, np.radians(_normal(rng, n, how.rotation)), size)


def mirror(images: Tensor, points: np.ndarray, which: np.ndarray, axis: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """Pictures (N, 3, H, W) and points (N, 68, 2) with those of `which` (N,) bool seen in a mirror.

    axis (N,): how far the labels lie off the face's own middle (`mirrored_points`).
    """
    flipped = mirrored_points(points, images.shape[-1], axis)
    chosen = torch.from_numpy(which).view(-1, 1, 1, 1).to(images.device)
    return torch.where(chosen, images.flip(-1), images), np.where(which[:, None, None], flipped, points)


def cut(images: Tensor, crops: CropTransform) -> Tensor:
    """Crop n of picture n, 0..1. images uint8 (N, 3, H, W) -> float32 (N, 3, S, S)."""
    theta = torch.from_numpy(crops.theta(*images.shape[-2:])).float().to(images.device)
    grid = F.affine_grid(theta, [len(images), 3, crops.size, crops.size], align_corners=False)
    return F.grid_sample(images.float() / 255, grid, align_corners=False)


def _some(rng: np.random.Generator, chance: float, like: Tensor) -> Tensor:
    """Which pictures are changed: bool (N, 1, 1, 1)."""
    return torch.from_numpy(rng.random(len(like)) < chance).view(-1, 1, 1, 1).to(like.device)


def _uniform(rng: np.random.Generator, low: float, high: float, like: Tensor, *shape: int) -> Tensor:
    return torch.from_numpy(rng.uniform(low, high, shape).astype(np.float32)).to(like.device)


def relight(crops: Tensor, how: Augmentation, rng: np.random.Generator) -> Tensor:
    """Other exposure, contrast, tint, saturation, a slope of light across the picture, or no colour at all."""
    n, _, height, width = crops.shape

    def drawn(low: float, high: float, channels: int = 1) -> Tensor:
        return _uniform(rng, low, high, crops, n, channels, 1, 1)

    grey = crops.mean(1, keepdim=True)
    lit = grey + (crops - grey) * drawn(0.3, 1.5)
    lit = lit.clamp(1e-4, 1) ** drawn(-0.6, 0.6).exp()
    tint = drawn(-0.15, 0.15, 3) + drawn(-0.45, 0.35)
    across, down = (torch.linspace(-1, 1, side, device=crops.device) for side in (width, height))
    slope = drawn(-0.5, 0.5) * across + drawn(-0.3, 0.3) * down.view(-1, 1)
    lit = lit * (tint + slope * 0.7).exp() + drawn(-0.06, 0.06)
    out = torch.where(_some(rng, how.light, crops), lit, crops)
    return torch.where(_some(rng, how.grey, crops), out.mean(1, keepdim=True), out)


def soften(crops: Tensor, how: Augmentation, rng: np.random.Generator) -> Tensor:
    """Low resolution, as of a small or compressed face: shrunk to 28 to 96 px and back."""
    size = crops.shape[-1]
    small = int(rng.integers(size // 5, size * 3 // 4))
    shrunk = F.interpolate(crops, (small, small), mode="bilinear", antialias=True, align_corners=False)
    blurred = F.interpolate(shrunk, (size, size), mode="bilinear", align_corners=False)
    return torch.where(_some(rng, how.blur, crops), blurred, crops)


def add_noise(crops: Tensor, how: Augmentation, rng: np.random.Generator) -> Tensor:
    """Sensor noise of a standard deviation up to 0.07."""
    strength = _uniform(rng, 0.0, 0.07, crops, len(crops), 1, 1, 1) * _some(rng, how.noise, crops)
    generator = torch.Generator(crops.device).manual_seed(int(rng.integers(1 << 62)))
    return crops + strength * torch.randn(crops.shape, generator=generator, device=crops.device)


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
            out[i, :, rows, columns] = _uniform(rng, 0, 1, crops, 3, 1, 1)
    return out


class Batch(NamedTuple):
    """crops float32 (N, 3, S, S) in 0..1 as the network sees them, points (N, 68, 2) in crop pixels, on the pictures'
    device; clean: the crops before they were covered and changed."""

    crops: Tensor
    points: Tensor
    clean: Tensor


def training_crops(
    images: Tensor,
    points: np.ndarray,
    size: int,
    how: Augmentation,
    rng: np.random.Generator,
    *,
    axis: np.ndarray | None = None,
    scale: float = LANDMARK_SCALE,
) -> Batch:
    """A batch of random crops of pictures (N, 3, H, W) with points (N, 68, 2), mirrored about the labels' axis (N,)."""
    n = len(points)
    if how.shut:
        images, points = close_eyes(images, points, rng.random(n) < how.shut, rng)
    images, points = mirror(images, points, rng.random(n) < how.flip, np.zeros(n) if axis is None else axis)
    transform = random_crops(points, size, how, rng, scale)
    seen = transform.to_crop(points)
    clean = cut(images, transform)
    crops = put_glasses_on(clean, seen, rng.random(n) < how.glasses, rng)
    for change in (occlude, relight, soften, add_noise):
        crops = change(crops, how, rng)
    truth = torch.from_numpy(seen).float().to(images.device)
    return Batch(crops.clamp(0, 1), truth, clean)

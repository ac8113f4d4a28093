"""Pictures spoilt as cameras and codecs spoil them: light, colour, night, blur, noise, compression, occlusion.

Everything works on a batch: float (B, 3, S, S) in 0..1, S a multiple of 8.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Damage = Callable[[Tensor, torch.Generator], Tensor]


def spoil(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """The batch with every kind of damage at its own rate, clamped to 0..1. Changes `pictures`."""
    pictures = colours(pictures, generator)
    pictures = some(pictures, 0.12, generator, blur)
    pictures = some(pictures, 0.06, generator, smear)
    pictures = some(pictures, 0.05, generator, night)
    pictures = some(pictures, 0.1, generator, noise)
    return some(pictures, 0.2, generator, compress).clamp_(0, 1)


def some(pictures: Tensor, rate: float, generator: torch.Generator, damage: Damage) -> Tensor:
    """`damage(pictures, generator)` done to a random share of the batch."""
    chosen = torch.rand(len(pictures), generator=generator) < rate
    if chosen.any():
        pictures[chosen] = damage(pictures[chosen], generator)
    return pictures


def draw(count: int, low: float, high: float, generator: torch.Generator, channels: int = 1) -> Tensor:
    """Uniform numbers (count, channels, 1, 1)."""
    return torch.rand(count, channels, 1, 1, generator=generator) * (high - low) + low


def colours(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Gain per channel, contrast and saturation moved, in place; one picture in seven is grey."""
    count = len(pictures)
    grey = pictures.mean(1, keepdim=True)
    keep = draw(count, 0.3, 1.3, generator)
    keep = torch.where(torch.rand(count, 1, 1, 1, generator=generator) < 0.15, torch.zeros_like(keep), keep)
    contrast = draw(count, 0.6, 1.3, generator)
    light = draw(count, 0.7, 1.35, generator) * draw(count, 0.88, 1.12, generator, channels=3)
    mean = grey.mean((2, 3), keepdim=True)
    pictures = pictures.sub_(grey).mul_(keep * contrast).add_(grey.sub_(mean).mul_(contrast).add_(mean))
    return pictures.mul_(light).clamp_(0, 1)


def night(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Little light and much sensor noise."""
    gain = draw(len(pictures), 0.15, 0.5, generator)
    dark = pictures.clamp(0, 1) ** draw(len(pictures), 1.0, 1.6, generator) * gain
    return noise(dark, generator)


def noise(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian noise of 0.01 to 0.07."""
    return pictures + torch.randn(pictures.shape, generator=generator) * draw(len(pictures), 0.01, 0.07, generator)


def blur(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian blur, sigma 0.5 to 2.2 px, one for the whole group."""
    sigma = float(draw(1, 0.5, 2.2, generator))
    offsets = torch.arange(-5, 6, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, 11)
    pictures = F.conv2d(pictures, kernel[..., None], padding=(5, 0), groups=3)
    return F.conv2d(pictures, kernel[..., None, :], padding=(0, 5), groups=3)


def smear(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Motion blur along one random direction, up to 9 px long."""
    angle, length = float(draw(1, 0, math.pi, generator)), float(draw(1, 2, 9, generator))
    steps = torch.linspace(-0.5, 0.5, 5) * length
    shifts = [(round(float(s) * math.sin(angle)), round(float(s) * math.cos(angle))) for s in steps]
    height, width = pictures.shape[-2:]
    padded = F.pad(pictures, (5, 5, 5, 5), mode="replicate")
    parts = [padded[..., 5 + dy : 5 + dy + height, 5 + dx : 5 + dx + width] for dy, dx in shifts]
    return torch.stack(parts).mean(0)


def compress(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Blocks of 8 x 8 with coarse cosine coefficients: what codecs leave of a picture."""
    count, _, height, width = pictures.shape
    k = torch.arange(8, dtype=torch.float32)
    basis = torch.cos(math.pi / 8 * (k[None] + 0.5) * k[:, None]) * 0.5  # (frequency, pixel)
    basis[0] /= math.sqrt(2)
    step = (0.3 + (k[None] + k[:, None]) / 4)[None, None, None] * draw(count, 0.02, 0.14, generator)[..., None]
    blocks = pictures.reshape(count, 3, height // 8, 8, width // 8, 8).permute(0, 1, 2, 4, 3, 5)
    spectrum = (basis @ blocks @ basis.T).reshape(count, -1, 1, 8, 8)
    rounded = ((spectrum / step).round() * step).reshape(blocks.shape)
    return (basis.T @ rounded @ basis).permute(0, 1, 2, 4, 3, 5).reshape(pictures.shape)


def cover(pictures: Tensor, faces: Sequence[np.ndarray], random: np.random.Generator, rate: float = 0.08) -> None:
    """Puts a patch of another picture, or of a plain colour, in front of up to 45 % of some faces, in place."""
    for index, boxes in enumerate(faces):
        for box in boxes[random.random(len(boxes)) < rate]:
            x0, y0, x1, y1 = covered_part(box, random)
            height, width = pictures.shape[-2:]
            left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
            if right <= left or bottom <= top:
                continue
            source = pictures[int(random.integers(len(pictures)))]
            tall, wide = bottom - top, right - left
            row, column = int(random.integers(height - tall + 1)), int(random.integers(width - wide + 1))
            patch = source[:, row : row + tall, column : column + wide].clone()
            if random.random() < 0.5:
                patch = torch.from_numpy(random.random((3, 1, 1), np.float32)).expand(3, tall, wide)
            pictures[index, :, top:bottom, left:right] = patch


def covered_part(box: np.ndarray, random: np.random.Generator) -> tuple[int, int, int, int]:
    """x0 y0 x1 y1 of a strip that hides up to 45 % of a face from one side."""
    x0, y0, x1, y1 = (float(v) for v in box)
    share = random.uniform(0.15, 0.45)
    side = int(random.integers(4))
    if side == 0:
        x1 = x0 + share * (x1 - x0)
    elif side == 1:
        x0 = x1 - share * (x1 - x0)
    elif side == 2:
        y1 = y0 + share * (y1 - y0) * 0.8
    else:
        y0 = y1 - share * (y1 - y0)
    return int(x0), int(y0), int(np.ceil(x1)), int(np.ceil(y1))

"""Drawn glasses, of which photographed sets have too few to show shut eyes behind them: rims, bridge, arms, and lenses
that tint and reflect.

In units of the distance of the outer eye corners, with x along the line between them and y downwards, so that glasses
turn with the head in the picture. N crops of side S.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from redtrack.points import LEFT_EYE_OUTER, RIGHT_EYE_OUTER
from redtrack.training.landmarks.lids import EYES

WIDTH, HEIGHT = (0.21, 0.33), (0.12, 0.29)  # half axes of a lens
SHAPE = 2.0, 5.0  # exponent of its outline: an ellipse, or a box with round corners
RIM = 0.004, 0.028  # half the thickness; a third of the glasses have rims hardly seen
TINT, GLARE = 0.45, 0.7  # the most that a lens darkens, and that a reflection covers


def put_glasses_on(crops: Tensor, points: np.ndarray, which: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Crops float32 (N, 3, S, S) in 0..1 with drawn glasses on those of `which` (N,) bool. points (N, 68, 2) px."""
    out = crops
    for index in np.flatnonzero(which):
        if out is crops:
            out = crops.clone()
        out[index] = _worn(crops[index], points[index].astype(np.float64), rng)
    return out


def wear(crops: Tensor, points: np.ndarray, rng: np.random.Generator) -> Tensor:
    """The frames (T, 3, S, S) of a clip whose face, with points (T, 68, 2), wears the same glasses throughout."""
    seed = int(rng.integers(1 << 62))
    frames = zip(crops, points.astype(np.float64), strict=True)
    return torch.stack([_worn(crop, face, np.random.default_rng(seed)) for crop, face in frames])


def _worn(crop: Tensor, points: np.ndarray, rng: np.random.Generator) -> Tensor:
    """One crop (3, S, S) of a face with points (68, 2), glasses drawn on it."""
    x, y = _face_coordinates(points, crop)
    a, b, power = rng.uniform(*WIDTH), rng.uniform(*HEIGHT), rng.uniform(*SHAPE)
    thin = rng.uniform(*RIM)
    left, right = (_eye_centre(points, eye) for eye in EYES)
    down, apart = rng.uniform(-0.02, 0.06), rng.uniform(-0.02, 0.06)
    lenses = [(left[0] - apart, left[1] + down), (right[0] + apart, right[1] + down)]
    frame, glass = torch.zeros_like(x), torch.zeros_like(x)
    for middle in lenses:
        away = _from_outline(x - middle[0], y - middle[1], a, b, power)
        frame = torch.maximum(frame, _line(away.abs(), thin))
        glass = torch.maximum(glass, (-away / 0.01).sigmoid())
    height = (lenses[0][1] + lenses[1][1]) / 2 - b * rng.uniform(0.1, 0.6)
    is_bridge = (x > lenses[0][0] + a * 0.9) & (x < lenses[1][0] - a * 0.9)
    is_arm = (x < lenses[0][0] - a * 0.95) & (x > lenses[0][0] - a - 0.4)
    is_arm |= (x > lenses[1][0] + a * 0.95) & (x < lenses[1][0] + a + 0.4)
    frame = torch.maximum(frame, _line((y - height).abs(), thin) * (is_bridge | is_arm))
    return _blended(crop, frame, glass, _reflection(x, y, lenses, rng), rng)


def _blended(crop: Tensor, frame: Tensor, glass: Tensor, shine: Tensor, rng: np.random.Generator) -> Tensor:
    """The crop under lenses (S, S), what they reflect, and their frame."""
    tint = torch.from_numpy(1 - rng.uniform(0, TINT) * rng.uniform(0, 1) * rng.uniform(0.7, 1, 3)).to(crop)
    seen = crop * (1 - glass + glass * tint.view(3, 1, 1))
    light = torch.from_numpy(rng.uniform(0.7, 1.0, 3)).to(crop).view(3, 1, 1)
    seen = seen + (light - seen) * (glass * shine)
    dark = rng.random() < 0.75
    colour = rng.uniform(0, 0.3, 3) if dark else rng.uniform(0.3, 0.9, 3)
    rim = torch.from_numpy(colour).to(crop).view(3, 1, 1)
    return seen + (rim - seen) * (frame * rng.choice([rng.uniform(0.1, 0.5), rng.uniform(0.6, 1.0)], p=[0.33, 0.67]))


def _reflection(x: Tensor, y: Tensor, lenses: list[tuple[float, float]], rng: np.random.Generator) -> Tensor:
    """How much of each place a reflection covers: (S, S) in 0..1, a soft patch at the same place of both lenses."""
    strength = rng.uniform(0, GLARE) if rng.random() < 0.5 else 0.0
    (dx, dy), (w, h) = rng.uniform(-0.15, 0.15, 2), rng.uniform(0.03, 0.15, 2)
    shine = torch.zeros_like(x)
    for middle in lenses:
        away = _from_outline(x - middle[0] - dx, y - middle[1] - dy, w, h, 3.0)
        shine = torch.maximum(shine, (-away / 0.02).sigmoid())
    return strength * shine


def _face_coordinates(points: np.ndarray, crop: Tensor) -> tuple[Tensor, Tensor]:
    """x and y of each pixel, (S, S) each."""
    first, along, unit = _axes(points)
    side = crop.shape[-1]
    pixel = torch.arange(side, dtype=torch.float32, device=crop.device)
    dx, dy = pixel.view(1, -1) - float(first[0]), pixel.view(-1, 1) - float(first[1])
    ax, ay = (float(v) / unit for v in along)
    return (dx * ax + dy * ay), (dy * ax - dx * ay)


def _eye_centre(points: np.ndarray, eye: tuple[int, ...]) -> np.ndarray:
    """Where the middle between an eye's corners lies, (2,)."""
    first, along, unit = _axes(points)
    away = points[[eye[0], eye[3]]].mean(0) - first
    across = np.array([-along[1], along[0]])
    centre: np.ndarray = np.array([away @ along, away @ across]) / unit
    return centre


def _axes(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The outer corner of the eye on the left (2,), the way to the other's (2,), and its squared length."""
    first = points[RIGHT_EYE_OUTER]
    along = points[LEFT_EYE_OUTER] - first
    return first, along, float(max(along @ along, 1.0))


def _from_outline(x: Tensor, y: Tensor, a: float, b: float, power: float) -> Tensor:
    """About how far each place lies outside of |x/a|^p + |y/b|^p = 1; less than 0 within."""
    radius = ((x / a).abs() ** power + (y / b).abs() ** power + 1e-12) ** (1 / power)
    return (radius - 1) * min(a, b)


def _line(away: Tensor, thin: float) -> Tensor:
    """A line of half this thickness with soft edges, by the distance from its middle."""
    return ((thin - away) / 0.006).sigmoid()

"""Drawn pictures that show no face: discs, rings, bars, letters' strokes in loud or skin-like colours.

Photos of people teach a detector that round, warm-coloured things are faces; logos and titles in real videos
are round and warm too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def doodle(random: np.random.Generator, size: int = 320) -> NDArray[np.uint8]:
    """One drawn picture, uint8 (size, size, 3)."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    across = (x * np.cos(turn := random.uniform(0, 6.3)) + y * np.sin(turn))[..., None]
    picture = colour(random) * (1 - across) + colour(random) * across
    for _ in range(int(random.integers(3, 25))):
        if random.random() < 0.3:
            paint(picture, stroke_row(random, x, y), random)
        else:
            paint(picture, blob(random, x, y), random)
    grain = random.normal(0, random.uniform(0, 0.04), (size, size, 1))
    return (np.clip(picture + grain, 0, 1) * 255).round().astype(np.uint8)


def colour(random: np.random.Generator) -> Floats:
    """A colour (3,): any, or half the time between pale and dark skin, or gold."""
    if random.random() < 0.5:
        return random.random(3).astype(np.float32)
    warm = np.array([1.0, random.uniform(0.6, 0.85), random.uniform(0.1, 0.75)])
    return (warm * random.uniform(0.3, 1.0)).astype(np.float32)


def paint(picture: Floats, shade: Floats, random: np.random.Generator) -> None:
    """Lays a shape, whose opacity is `shade` (H, W), on the picture, with a light falling across it."""
    height = np.linspace(1.0, random.uniform(0.4, 1.0), len(picture), dtype=np.float32)[:, None, None]
    picture += (colour(random) * height - picture) * shade[..., None]


def soft(distance: Floats, random: np.random.Generator) -> Floats:
    """Opacity from a signed distance in picture widths, positive inside; sharp or blurred edge."""
    return np.clip(0.5 + distance / random.choice([0.004, 0.01, 0.04]), 0, 1)


def blob(random: np.random.Generator, x: Floats, y: Floats) -> Floats:
    """Opacity of one ellipse, ring or rounded bar anywhere."""
    turn = random.uniform(0, 3.2)
    across, down = x - random.random(), y - random.random()
    u, v = across * np.cos(turn) + down * np.sin(turn), down * np.cos(turn) - across * np.sin(turn)
    width, height = np.exp(random.uniform(-4.2, -1.0, 2))
    power = random.choice([2.0, 2.0, 4.0, 8.0])
    reach = ((np.abs(u) / width) ** power + (np.abs(v) / height) ** power) ** (1 / power)
    inside = (1 - reach) * min(width, height)
    if random.random() < 0.3:
        inside = np.minimum(inside, (reach - random.uniform(0.4, 0.85)) * min(width, height))
    return soft(inside, random)


def stroke_row(random: np.random.Generator, x: Floats, y: Floats) -> Floats:
    """Opacity of a row of letter-like shapes: bars, rings and arcs side by side."""
    size, left, middle = np.exp(random.uniform(-3.2, -1.5)), random.uniform(-0.1, 0.5), random.random()
    thick = size * random.uniform(0.1, 0.28)
    shade = np.zeros_like(x)
    for index in range(int(random.integers(3, 12))):
        u, v = x - left - index * size * 0.85, y - middle
        ring = thick - np.abs(np.hypot(u, v) - size * 0.32)
        if random.random() < 0.4:
            ring = np.where(u > v * random.uniform(-1, 1), ring, -1)
        bar = np.minimum(thick - np.abs(u - random.choice([-0.3, 0, 0.3]) * size), size / 2 - np.abs(v))
        shade = np.maximum(shade, soft(np.maximum(ring, bar) if index % 3 else ring, random))
    return shade

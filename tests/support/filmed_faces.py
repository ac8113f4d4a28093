"""Films of a still face of soft dots that a camera moves over, with tracks of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import videos
from turned_faces import turned

from redtrack.tracks import Tracks
from redtrack.video import digest

WIDTH, HEIGHT = 320, 240
DOTS = (30, 36, 45, 48, 54)  # landmarks that are seen
Camera = Callable[[int], tuple[float, float, float, float]]
"""Gives x and y in px, scale and turn in degrees of a frame."""


def shaken(frame: int) -> tuple[float, float, float, float]:
    """A hand-held camera: some px of shift at 1 to 2 Hz, a little zoom and turn."""
    t = frame / 25
    x, y = 14 * np.sin(2 * np.pi * 0.7 * t) + 3 * np.sin(2 * np.pi * 1.6 * t), 9 * np.sin(2 * np.pi * 0.9 * t + 1)
    return x, y, 1 + 0.08 * np.sin(2 * np.pi * 0.5 * t), 6 * np.sin(2 * np.pi * 0.6 * t)


def still(frame: int) -> tuple[float, float, float, float]:
    """A camera on a tripod."""
    return 0.0, 0.0, 1.0, 0.0


def seen(camera: Camera, frame: int, points: np.ndarray) -> np.ndarray:
    """Returns points (n, 2) of the scene as the camera sees them in a frame."""
    x, y, scale, turn = camera(frame)
    angle = np.radians(turn)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    found: np.ndarray = (points - middle) @ matrix.T + middle + [x, y]
    return found


def face(size: float = 80) -> np.ndarray:
    """Returns (68, 2), a face in the middle of the picture, `size` px between the outer eye corners."""
    points = turned(3, 5, 0, size=size)
    points += np.array([WIDTH / 2, HEIGHT / 2]) - points.mean(axis=0)
    return points


def picture(points: np.ndarray, sigma: float = 4.0) -> np.ndarray:
    """Returns uint8 (HEIGHT, WIDTH, 3), a soft dot on each of DOTS of points (68, 2)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    light = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * sigma**2)) for px, py in points[list(DOTS)])
    return np.repeat((40 + 200 * np.minimum(light, 1)).round().astype(np.uint8)[..., None], 3, axis=2)


def filmed(
    path: Path, frames: int = 50, camera: Camera = shaken, noise: float = 0.25, sound: bool = False, **about: Any
) -> Tracks:
    """Writes a film of the face, without loss unless it has sound; returns its tracks, whose points err by noise px."""
    every = [seen(camera, frame, face()) for frame in range(frames)]
    pictures = [picture(points) for points in every]
    if sound:
        videos.clip(path, pictures)
    else:
        videos.clip(path, pictures, codec="ffv1", pixel_format="yuv444p")
    points = np.stack(every) + np.random.default_rng(0).normal(0, noise, (frames, 68, 2))
    info = {"source": str(path), "source_digest": digest(path), "width": WIDTH, "height": HEIGHT} | about
    return Tracks.from_rows(np.arange(frames), np.zeros(frames), points, np.arange(frames) / 25, info=info)

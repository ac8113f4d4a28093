"""A face drawn from its points, which the networks take for a face, and a clip of it for measurements."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from redtrack.inference.crop import face_box
from redtrack.points import MEAN_SHAPE, PARTS
from redtrack.render.draw import Image, dots, polyline
from redtrack.video import write_video

__all__ = ["draw_face", "made_up_clip"]

_SKIN, _DARK, _LIPS, _WHITE = (205, 160, 135), (60, 40, 35), (165, 75, 75), (235, 230, 225)


def draw_face(image: Image, points: np.ndarray) -> None:
    """Draws a face of points (68, 2) on a picture (H, W, 3), in place: skin, brows, nose, lips and eyes."""
    size = float(np.ptp(points[:, 0]))
    _draw_skin(image, points)
    for name, width, colour, closed in (
        ("right_brow", 0.035, _DARK, False),
        ("left_brow", 0.035, _DARK, False),
        ("nose", 0.025, (130, 85, 70), False),
        ("mouth", 0.035, _LIPS, True),
    ):
        polyline(image, points[list(PARTS[name])], width * size, colour, 0.9, closed)
    for name in ("right_eye", "left_eye"):
        lid = points[list(PARTS[name])]
        polyline(image, lid, 0.02 * size, _WHITE, closed=True)
        dots(image, [lid.mean(axis=0)], 0.028 * size, _DARK)
        polyline(image, lid, 0.008 * size, _DARK, closed=True)


def _draw_skin(image: Image, points: np.ndarray) -> None:
    """An ellipse down to the chin, and as far above the ears as the chin is below; its sides are in the shade."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    middle, half = points[[0, 16]].mean(axis=0), np.ptp(points[[0, 16], 0]) / 2
    across, along = (x - middle[0]) / half, (y - middle[1]) / (points[8, 1] - middle[1])
    shade = np.array(_SKIN) * (1 - 0.25 * abs(across[..., None]))
    image[:] = np.where(across[..., None] ** 2 + along[..., None] ** 2 < 1, shade, image).astype(np.uint8)


def made_up_clip(folder: Path, frames: int = 200) -> tuple[Path, Path]:
    """Writes a clip of a drawn face before moving stripes, 640 x 360, and a file of its boxes; returns both."""
    rows, columns = np.mgrid[:360, :640].astype(np.float32)
    shape = np.array(MEAN_SHAPE) * 200 + (180, 90)
    points = np.array([shape + (k / 4, 0) for k in range(frames)])  # (F, 68, 2)

    def images() -> Iterator[np.ndarray]:
        for k in range(frames):
            wave = 127 + 60 * np.sin(rows / 17 + k / 9) * np.cos(columns / 23 - k / 7)
            image = np.repeat(wave[..., None], 3, 2).astype(np.uint8)
            draw_face(image, points[k])
            yield image

    clip, boxes = folder / "made_up.mp4", folder / "boxes.csv"
    write_video(clip, images(), np.arange(frames) / 25)
    lines = [",".join(map(str, (k, *box))) for k, box in enumerate(face_box(points))]
    boxes.write_text("frame,x0,y0,x1,y1\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return clip, boxes

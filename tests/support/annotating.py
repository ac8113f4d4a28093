"""A world in which the right points are known: faces are coloured squares, and the network sees where they are.

`clip_of` films squares, `SquareDetector` boxes them, `square_models` gives the mean face in the box that landmarks
have in a detector's box, so that every point of a run can be foretold by `true_points`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from videos import clip

from redtrack.device import Precision
from redtrack.geometry import LANDMARK_SCALE
from redtrack.inference.crop import LANDMARK_DROP, LANDMARK_HEIGHT, LANDMARK_WIDTH
from redtrack.inference.landmarker import Landmarker
from redtrack.points import MEAN_SHAPE
from redtrack.rednet.predict import WindowEstimate

SIZE = 64  # px of the world's crops
WIDTH, HEIGHT = 320, 240
RED, GREEN, BLUE = (230, 40, 40), (40, 230, 40), (40, 40, 230)
GREY = 60

Way = Callable[[int], tuple[float, float] | None]
"""Where a square's top-left corner is in a frame; None where it is not to be seen."""


@dataclass(frozen=True)
class Square:
    """A face: its colour, its side in px, its way."""

    colour: tuple[int, int, int]
    side: int
    at: Way


def still(x: float, y: float) -> Way:
    """A square that stays where it is."""
    return lambda _: (x, y)


def drift(x: float, y: float, dx: float, dy: float = 0.0) -> Way:
    """A square that moves steadily."""
    return lambda frame: (x + dx * frame, y + dy * frame)


ONE = Square(RED, 60, drift(40, 80, 1.5, 0.25))
TWO = Square(BLUE, 48, drift(230, 60, -0.5, 1.0))


def picture(squares: tuple[Square, ...], frame: int) -> np.ndarray:
    """The frame (HEIGHT, WIDTH, 3) with its squares; corners are whole pixels."""
    image = np.full((HEIGHT, WIDTH, 3), GREY, np.uint8)
    for square in squares:
        where = square.at(frame)
        if where is not None:
            x, y = round(where[0]), round(where[1])
            image[max(y, 0) : y + square.side, max(x, 0) : x + square.side] = square.colour
    return image


def clip_of(path: Path, squares: tuple[Square, ...] = (ONE,), frames: int = 30, **how: Any) -> Path:
    """Writes a film of squares, without loss unless told otherwise."""
    how = {"codec": "ffv1", "pixel_format": "bgr0"} | how
    return clip(path, [picture(squares, i) for i in range(frames)], **how)


def true_box(square: Square, frame: int) -> np.ndarray:
    """The square's box (4,), x0 y0 x1 y1."""
    where = square.at(frame)
    assert where is not None
    x, y = round(where[0]), round(where[1])
    return np.array([x, y, x + square.side - 1, y + square.side - 1], np.float32)


def true_points(square: Square, frame: int) -> np.ndarray:
    """The points (68, 2) that a run should find."""
    return points_in(true_box(square, frame))


def points_in(box: np.ndarray) -> np.ndarray:
    """The mean face (68, 2) where landmarks lie in a detector's box (4,)."""
    extent = box[2:] - box[:2]
    middle = (box[:2] + box[2:]) / 2 + (0, LANDMARK_DROP * extent[1])
    shape = (MEAN_SHAPE - (MEAN_SHAPE.min(0) + MEAN_SHAPE.max(0)) / 2) / np.ptp(MEAN_SHAPE, axis=0)
    return middle + shape * extent * (LANDMARK_WIDTH, LANDMARK_HEIGHT)


def masks(pictures: torch.Tensor) -> torch.Tensor:
    """(..., 3, H, W) in 0..1 -> (..., 3, H, W) bool: pixels that are red, green or blue."""
    others = pictures.sum(-3, keepdim=True) - pictures
    return pictures - others / 2 > 0.3


def extent(mask: torch.Tensor) -> np.ndarray:
    """The box (4,) around the true pixels of (H, W)."""
    y, x = torch.nonzero(mask, as_tuple=True)
    return np.array([x.min(), y.min(), x.max(), y.max()], np.float64)


class SquareDetector:
    """Finds every square of 8 pixels or more; counts the frames that it saw."""

    def __init__(self) -> None:
        self.frames = 0

    def detect(self, frames: torch.Tensor) -> list[np.ndarray]:
        self.frames += len(frames)
        found = []
        for colours in masks(frames.permute(0, 3, 1, 2).float() / 255):
            boxes = [np.append(extent(mask), 0.9) for mask in colours if mask.sum() >= 8]
            found.append(np.array(boxes, np.float32).reshape(-1, 5))
        return found


@dataclass(frozen=True, eq=False)
class SquareModels(Landmarker):
    """A `Landmarker` without networks. `calls` keeps the shape of each call; `score` is what the world believes of
    faces."""

    net: Any
    detector: Any
    device: torch.device
    about: dict[str, Any]
    precision: Precision = Precision()
    decoder: str | None = None
    calls: list[tuple[int, ...]] = None  # type: ignore[assignment]
    score: float = 0.8

    @property
    def crop_size(self) -> int:
        return SIZE

    @property
    def crop_scale(self) -> float:
        return LANDMARK_SCALE

    def predict(self, crops: torch.Tensor, lengths: np.ndarray, options: Any, seven: Any = None) -> WindowEstimate:
        self.calls.append(tuple(crops.shape))
        n, t = crops.shape[:2]
        points = np.zeros((n, t, 68, 2), np.float32)
        for window, frame in np.ndindex(n, t):
            if frame < lengths[window]:
                points[window, frame] = self._points(crops[window, frame])
        return WindowEstimate.final(points, np.full((n, t, 68), self.score), np.full((n, t, 68), 0.5, np.float32))

    def _points(self, crop: torch.Tensor) -> np.ndarray:
        colours = masks(crop)
        middle = colours[:, SIZE // 4 : -SIZE // 4, SIZE // 4 : -SIZE // 4]
        mask = colours[middle.sum((1, 2)).argmax()]
        if not mask.any():
            return np.full((68, 2), SIZE / 2) + MEAN_SHAPE
        return points_in(extent(mask))


def square_models(**how: Any) -> SquareModels:
    """Models of this world."""
    about = {"weights": "squares", "weights_digest": "1", "detector": "squares", "detector_digest": "2"}
    how = {"detector": SquareDetector(), "calls": [], "about": about, "device": torch.device("cpu")} | how
    return SquareModels(net=None, **how)  # type: ignore[arg-type]

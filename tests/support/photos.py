"""Made-up photos with boxed faces, for the tests of the face detector's training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from redtrack.faces.detector import DetectorConfig
from redtrack.training.detector.scenes import Scene, pyramid

TINY = DetectorConfig(stem=4, widths=(4, 4, 4), depths=(1, 1, 1), neck=4)
UPRIGHT = np.array([[1.0, 0, 0], [0, 1.0, 0]])


def scene(*boxes: tuple[int, int, int, int], size: int = 160, ignore: bool = False, name: str = "a.jpg") -> Scene:
    """A grey photo whose faces are red."""
    picture = torch.full((3, size, size), 90, dtype=torch.uint8)
    for x0, y0, x1, y1 in boxes:
        picture[0, y0 : y1 + 1, x0 : x1 + 1] = 255
    faces = np.array(boxes, np.float32).reshape(-1, 4)
    return Scene(name, pyramid(picture), faces, np.full(len(faces), ignore))


def redness(picture: torch.Tensor) -> np.ndarray:
    """How much redder than green each pixel of (3, H, W) is, 0..1."""
    return (picture[0] - picture[1]).clamp(min=0).numpy()


def write_photos(folder: Path, count: int) -> Path:
    """A data folder of photos with one red face each."""
    image = pytest.importorskip("PIL.Image")
    lines = ["file,width,height,x0,y0,x1,y1,score,ignore"]
    for index in range(count):
        picture = scene((40, 30, 79, 85)).pyramid[0].permute(1, 2, 0).numpy()
        image.fromarray(picture).save(folder / f"p{index}.jpg")
        lines += [f"p{index}.jpg,160,160,40,30,79,85,1.00,0", f"p{index}.jpg,160,160,5,5,15,15,0.30,1"]
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n")
    return folder

"""Whole photos with boxed faces, from which the face detector learns, and the tiles that are cut out of them.

M faces; boxes are x0 y0 x1 y1 in pixels of their picture. A map (2, 3) takes a position p in a photo, as x and y, to
map[:, :2] @ p + map[:, 2] in a tile.
"""

from __future__ import annotations

import csv
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from redtrack.errors import FormatError, UsageError
from redtrack.geometry import box_area
from redtrack.training.detector.doodles import doodle
from redtrack.training.landmarks.faces import held_out
from redtrack.video import read_picture

ROUNDNESS = 1.5  # dual exponent of a face's outline between an ellipse (2) and a rectangle (1), see `turn_boxes`
SMALLEST = 8.0  # px, sqrt of the area: smaller faces are neither taught nor punished
VISIBLE = 0.35  # share of a face inside its tile below which it is neither taught nor punished
FACELESS = ("brick", "cell", "chelsea", "chessboard_GRAY", "clock_motion", "coffee", "color", "grass",
            "gravel", "horse", "hubble_deep_field", "ihc", "logo", "moon", "motorcycle_left", "motorcycle_right",
            "page", "retina", "rocket", "text")  # scikit-image's pictures that show no face  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """A photo, halved again and again (for sampling without aliasing), with its faces."""

    name: str
    pyramid: tuple[Tensor, ...]  # uint8 (3, H / 2**k, W / 2**k)
    boxes: np.ndarray  # (M, 4) float32
    ignore: np.ndarray  # (M,) bool: maybe a face, neither taught nor punished

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in px."""
        return self.pyramid[0].shape[1], self.pyramid[0].shape[2]


@dataclass(frozen=True)
class Labelled:
    """One training picture, float (3, S, S) in 0..1, with its faces."""

    picture: Tensor
    boxes: np.ndarray  # (M, 4) float32
    ignore: np.ndarray  # (M,) bool


def is_validation(file: str) -> bool:
    """Whether a photo is kept for validation: by the checksum of its name, with or without its ending."""
    return held_out(file) or held_out(Path(file).stem)


def read_scenes(folder: str | Path, validation: bool) -> list[Scene]:
    """The photos of `folder`/boxes.csv that are for validation, or those that are not.

    The table has the columns file, x0, y0, x1, y1, ignore (and others, unread), one line a face.
    """
    folder = Path(folder)
    table = folder / "boxes.csv"
    if not table.is_file():
        raise UsageError("there is no table of faces", path=table, remedy="give a folder that holds boxes.csv")
    lines: dict[str, list[list[float]]] = {}
    with table.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        try:
            for row in rows:
                lines.setdefault(row["file"], []).append([float(row[k]) for k in ("x0", "y0", "x1", "y1", "ignore")])
        except (KeyError, TypeError, ValueError) as error:
            problem = f"has no face in file,x0,y0,x1,y1,ignore of line {rows.line_num} ({error})"
            raise FormatError(problem, table) from error
    chosen = sorted(name for name in lines if is_validation(name) == validation)
    return [make_scene(folder / name, np.array(lines[name], np.float32)) for name in chosen]


def make_scene(path: Path, faces: np.ndarray) -> Scene:
    """A scene from a picture file and (M, 5) rows of x0 y0 x1 y1 ignore."""
    picture = torch.from_numpy(np.ascontiguousarray(read_picture(path))).permute(2, 0, 1).contiguous()
    faces = faces.reshape(-1, 5)
    return Scene(path.name, pyramid(picture), faces[:, :4].astype(np.float32), faces[:, 4] > 0)


def pyramid(picture: Tensor) -> tuple[Tensor, ...]:
    """The picture (3, H, W) and its halvings, as long as both sides have 32 px."""
    levels = [picture]
    while min(levels[-1].shape[1:]) >= 64:
        half = F.avg_pool2d(levels[-1].float()[None], 2)[0]
        levels.append(half.round().to(torch.uint8))
    return tuple(levels)


def faceless_scenes() -> list[Scene]:
    """The pictures of scikit-image that show no face; none where it is not installed."""
    if importlib.util.find_spec("skimage") is None:
        return []
    import skimage.data
    from skimage.io import imread

    folder = Path(skimage.data.__file__).parent
    files = sorted(file for file in folder.iterdir() if file.stem in FACELESS and file.suffix in (".png", ".jpg"))
    return [plain_scene(file.name, imread(file)) for file in files]


def plain_scene(name: str, image: np.ndarray) -> Scene:
    """A scene without faces from uint8 (H, W), (H, W, 3) or (H, W, 4)."""
    colours = np.dstack([image] * 3) if image.ndim == 2 else image[..., :3]
    picture = torch.from_numpy(np.ascontiguousarray(colours)).permute(2, 0, 1).contiguous()
    return Scene(name, pyramid(picture), np.zeros((0, 4), np.float32), np.zeros(0, bool))


def drawn_scenes(count: int, seed: int = 0) -> list[Scene]:
    """Drawn pictures without faces."""
    random = np.random.default_rng(seed)
    return [plain_scene(f"drawn {index}", doodle(random)) for index in range(count)]


def turn_boxes(boxes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The tight boxes (M, 4) that faces in `boxes` (M, 4) have after the map `matrix`.

    A face is neither a rectangle, whose turned corners would leave a loose box, nor an ellipse: its outline is taken as
    a superellipse with exponent 3, whose extent in a direction is a norm with the dual exponent, 1.5.
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2  # (M, 2)
    reach = (np.abs(half[:, None, :] * matrix[:, :2]) ** ROUNDNESS).sum(-1) ** (1 / ROUNDNESS)
    return np.concatenate([centre - reach, centre + reach], axis=1).astype(np.float32)


def sample(scene: Scene, inverse: np.ndarray, height: int, width: int, padding: str = "zeros") -> Tensor:
    """The tile float (3, height, width) in 0..1 of which `inverse` (2, 3) is the map back to the photo."""
    shrink = float(np.sqrt(abs(np.linalg.det(inverse[:, :2]))))
    level = min(max(int(np.floor(np.log2(max(shrink, 1.0)) + 0.3)), 0), len(scene.pyramid) - 1)
    factor = 2**level
    picture = scene.pyramid[level]
    move = inverse.copy()
    move[:, 2] = (inverse[:, 2] + 0.5) / factor - 0.5
    move[:, :2] = inverse[:, :2] / factor
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]]) @ move[:, :2].T + move[:, 2]
    limits = np.array([picture.shape[2], picture.shape[1]])
    low = np.clip(np.floor(corners.min(0)) - 1, 0, limits - 2).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + 2, low + 2, limits).astype(int)
    part = picture[:, low[1] : high[1], low[0] : high[0]].float()[None] / 255
    # normalised coordinates of grid_sample(align_corners=False): pixel i of n is at (2 i + 1) / n - 1
    span = (high - low).astype(np.float64)
    x = np.arange(width, dtype=np.float64)
    y = np.arange(height, dtype=np.float64)
    u = (2 * (move[0, 0] * x[None] + move[0, 1] * y[:, None] + move[0, 2] - low[0]) + 1) / span[0] - 1
    v = (2 * (move[1, 0] * x[None] + move[1, 1] * y[:, None] + move[1, 2] - low[1]) + 1) / span[1] - 1
    grid = torch.from_numpy(np.stack([u, v], axis=-1).astype(np.float32))[None]
    return F.grid_sample(part, grid, padding_mode=padding, align_corners=False)[0]


def cut(scene: Scene, matrix: np.ndarray, height: int, width: int, padding: str = "zeros") -> Labelled:
    """The tile to which the map `matrix` leads, with the faces in it."""
    linear = np.linalg.inv(matrix[:, :2])
    picture = sample(scene, np.concatenate([linear, -linear @ matrix[:, 2:]], axis=1), height, width, padding)
    whole = turn_boxes(scene.boxes, matrix)
    inside = np.stack([whole[:, 0::2].clip(0, width), whole[:, 1::2].clip(0, height)], axis=-1)
    boxes = inside.reshape(-1, 4)  # x0 y0 x1 y1 again: (M, corner, axis)
    area, shown = box_area(whole), box_area(boxes)
    ignore = scene.ignore | (shown < VISIBLE * area) | (shown < SMALLEST**2)
    keep = shown > 0
    return Labelled(picture, boxes[keep].astype(np.float32), ignore[keep])


def cut_whole(scene: Scene, scale: float, degrees: float, wider: float = 1.0) -> tuple[Labelled, np.ndarray]:
    """The photo scaled, turned about its centre and then made so many times wider for its height, its area kept, on a
    canvas that holds all of it; and the map (2, 3) to there.
    """
    height, width = scene.size
    turn = stretch(wider) @ (scale * rotation(np.radians(degrees)))
    wide, tall = np.maximum((np.abs(turn) @ [width, height]).round().astype(int), 32)
    move = np.array([wide - 1, tall - 1]) / 2 - turn @ (np.array([width - 1, height - 1]) / 2)
    matrix = np.concatenate([turn, move[:, None]], axis=1)
    return cut(scene, matrix, int(tall), int(wide)), matrix


def stretch(wider: float) -> np.ndarray:
    """The matrix (2, 2) that makes a picture so many times wider for its height, and leaves its area."""
    return np.diag([wider**0.5, wider**-0.5])


def rotation(angle: float) -> np.ndarray:
    """The matrix (2, 2) of a turn by `angle` radians, clockwise as seen."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def as_frame(picture: Tensor) -> Tensor:
    """A picture float (3, H, W) in 0..1 as detectors take it: uint8 (H, W, 3)."""
    return (picture * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous()

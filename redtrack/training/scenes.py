"""Whole photos with boxed faces, and mosaics of them at every size: what the face detector learns from.

Pictures are uint8 (H, W, 3) tensors, boxes are x0 y0 x1 y1 in pixels of their picture.
"""

import csv
import importlib.util
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from redtrack.errors import FormatError, UsageError
from redtrack.training.doodles import doodle

ROUNDNESS = 1.5  # dual exponent of a face's outline between an ellipse (2) and a rectangle (1), see `turn_boxes`
SMALLEST = 8.0  # px, sqrt of the area: smaller faces are neither taught nor punished
NATURAL = 0.6  # share of training pictures that are no mosaics; without them hard faces of real photos stay unlearnt
HARD = 0.5  # share of those that show a place where the network was wrong, once such places are known
MOST = 5  # faces of a photo above which it is not drawn more often still
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


Anchor = tuple[Scene, np.ndarray]  # a place in a photo, (4,) x0 y0 x1 y1


@dataclass(frozen=True)
class Labelled:
    """One training picture, float (3, S, S) in 0..1, with its faces."""

    picture: Tensor
    boxes: np.ndarray  # (M, 4) float32
    ignore: np.ndarray  # (M,) bool


def is_validation(file: str) -> bool:
    """True where a photo is kept for validation: a tenth by the CRC of its name, with or without its ending."""
    return any(zlib.crc32(name.encode()) % 10 == 0 for name in (file, Path(file).stem))


def read_scenes(folder: str | Path, validation: bool) -> list[Scene]:
    """The photos of `folder`/boxes.csv that are for validation, or those that are not.

    The table has the columns file, x0, y0, x1, y1, ignore (and others, unread), one line a face.
    """
    folder = Path(folder)
    table = folder / "boxes.csv"
    if not table.is_file():
        raise UsageError("there is no table of faces", path=table, remedy="give the folder with scenes/boxes.csv")
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
    from redtrack.video import read_picture

    picture = torch.from_numpy(np.ascontiguousarray(read_picture(path))).permute(2, 0, 1).contiguous()
    faces = faces.reshape(-1, 5)
    return Scene(path.name, pyramid(picture), faces[:, :4].astype(np.float32), faces[:, 4] > 0)


def pyramid(picture: Tensor, smallest: int = 32) -> tuple[Tensor, ...]:
    """The picture (3, H, W) and its halvings while both sides stay above `smallest` px."""
    levels = [picture]
    while min(levels[-1].shape[1:]) >= 2 * smallest:
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
    """Tight boxes (M, 4) of faces that were in `boxes` after p -> matrix[:, :2] @ p + matrix[:, 2].

    A face is neither a rectangle, whose turned corners would leave a loose box, nor an ellipse: its outline
    is taken as a superellipse with exponent 3, whose extent in a direction is a norm with the dual exponent
    1.5.
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2  # (M, 2)
    reach = (np.abs(half[:, None, :] * matrix[:, :2]) ** ROUNDNESS).sum(-1) ** (1 / ROUNDNESS)
    return np.concatenate([centre - reach, centre + reach], axis=1).astype(np.float32)


def sample(scene: Scene, inverse: np.ndarray, height: int, width: int, padding: str = "zeros") -> Tensor:
    """The tile float (3, height, width) in 0..1 whose pixel p shows scene position inverse[:, :2] @ p +
    inverse[:, 2].
    """
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
    """The tile that scene position p falls on at matrix[:, :2] @ p + matrix[:, 2], with the faces in it."""
    linear = np.linalg.inv(matrix[:, :2])
    picture = sample(scene, np.concatenate([linear, -linear @ matrix[:, 2:]], axis=1), height, width, padding)
    whole = turn_boxes(scene.boxes, matrix)
    inside = np.stack([whole[:, 0::2].clip(0, width), whole[:, 1::2].clip(0, height)], axis=-1)
    boxes = inside.reshape(-1, 4)  # x0 y0 x1 y1 again: (M, corner, axis)
    area, shown = box_area(whole), box_area(boxes)
    ignore = scene.ignore | (shown < VISIBLE * area) | (shown < SMALLEST**2)
    keep = shown > 0
    return Labelled(picture, boxes[keep].astype(np.float32), ignore[keep])


def photo_mask(scene: Scene, matrix: np.ndarray, height: int, width: int) -> Tensor:
    """(height, width) bool: where a tile is covered by the photo itself."""
    inverse = np.linalg.inv(matrix[:, :2])
    x, y = np.arange(width)[None] - matrix[0, 2], np.arange(height)[:, None] - matrix[1, 2]
    tall, wide = scene.size
    u, v = inverse[0, 0] * x + inverse[0, 1] * y, inverse[1, 0] * x + inverse[1, 1] * y
    return torch.from_numpy((u >= 0) & (u <= wide - 1) & (v >= 0) & (v <= tall - 1))


def lay_over(below: Labelled, above: Labelled, mask: Tensor) -> Labelled:
    """`above` where the mask (H, W) is set, else `below`, whose hidden faces go and half-hidden ones are
    ignored.
    """
    picture = torch.where(mask, above.picture, below.picture)
    hidden = np.array([hidden_share(mask, box) for box in below.boxes], np.float32)
    stays = hidden < 0.9
    boxes = np.concatenate([above.boxes, below.boxes[stays]])
    ignore = np.concatenate([above.ignore, (below.ignore | (hidden > 0.3))[stays]])
    return Labelled(picture, boxes, ignore)


def hidden_share(mask: Tensor, box: np.ndarray) -> float:
    """The share of a box's pixels that are set in the mask."""
    x0, y0, x1, y1 = (int(v) for v in box)
    part = mask[y0 : y1 + 1, x0 : x1 + 1]
    return float(part.float().mean()) if part.numel() else 1.0


def box_area(boxes: np.ndarray) -> np.ndarray:
    """(M,) areas in px²."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


class Mosaics:
    """Random training pictures: one photo, or a mosaic of up to 3 x 3, each tile turned, scaled and flipped."""

    def __init__(
        self, scenes: Sequence[Scene], faceless: Sequence[Scene], seed: int = 0, cutouts: Sequence[Scene] = ()
    ) -> None:
        assert scenes, "no scenes to make mosaics of"
        self.scenes, self.faceless, self.cutouts = list(scenes), list(faceless), list(cutouts)
        crowd = np.array([min(len(scene.boxes), MOST) for scene in self.scenes]) + 1.0  # hard faces are in crowds
        self.odds = np.cumsum(crowd / crowd.sum())
        self.random = np.random.default_rng(seed)
        self.hard: list[list[Anchor]] = []  # kinds of places to show more often than chance would

    def draw(self, size: int) -> Labelled:
        """One picture of size x size px: often a part of one photo at about its own scale, else a mosaic."""
        if self.random.random() < NATURAL:
            return self.natural(size)
        grid = int(self.random.choice([1, 2, 3], p=[0.55, 0.25, 0.2]))
        edges = np.linspace(0, size, grid + 1).round().astype(int)
        if grid == 2:
            edges[1] = int(size * self.random.uniform(0.3, 0.7))
        picture, boxes, ignore = torch.zeros(3, size, size), [], []
        for top, bottom in zip(edges[:-1], edges[1:], strict=True):
            for left, right in zip(edges[:-1], edges[1:], strict=True):
                tile = self.tile(int(bottom - top), int(right - left))
                picture[:, top:bottom, left:right] = tile.picture
                boxes.append(tile.boxes + np.array([left, top, left, top], np.float32))
                ignore.append(tile.ignore)
        return Labelled(picture, np.concatenate(boxes), np.concatenate(ignore))

    def natural(self, size: int) -> Labelled:
        """A part of a photo with one of its faces, near the scale that the detector will see it at."""
        scene, anchor = self.place()
        focus = np.array(scene.size[::-1]) / 2 if anchor is None else (anchor[:2] + anchor[2:]) / 2
        target = size * self.random.uniform(0.15, 0.85, 2)
        matrix = self.affine(np.exp(self.random.uniform(-0.4, 0.5)), focus, target, turned=0.4)
        return cut(scene, matrix, size, size)

    def place(self) -> tuple[Scene, np.ndarray | None]:
        """A photo and a face in it, or a place where the network was wrong; all kinds of these equally often."""
        kinds = [kind for kind in self.hard if kind]
        if kinds and self.random.random() < HARD:
            kind = kinds[int(self.random.integers(len(kinds)))]
            return kind[int(self.random.integers(len(kind)))]
        scene = self.pick_photo()
        return scene, self.face(scene)

    def tile(self, height: int, width: int) -> Labelled:
        """One tile: around a face of a size drawn at random, somewhere in a photo, or of a picture without
        faces.
        """
        kind = self.random.random()
        if kind < 0.1 and self.faceless:
            scene, anchor = self.pick(self.faceless), None
        elif kind < 0.35 and self.cutouts:
            scene = self.pick(self.cutouts)
            anchor = self.face(scene)
        else:
            scene = self.pick_photo()
            anchor = self.face(scene) if kind < 0.85 else None
        matrix = self.placement(scene, anchor, height, width)
        inside = photo_mask(scene, matrix, height, width)
        if inside.float().mean() > 0.85 or self.random.random() < 0.15:
            return cut(scene, matrix, height, width, "border" if self.random.random() < 0.3 else "zeros")
        below = self.backdrop(height, width)
        return lay_over(below, cut(scene, matrix, height, width), inside)

    def backdrop(self, height: int, width: int) -> Labelled:
        """A tile wholly filled by a part of one photo, upright."""
        plain = self.faceless and self.random.random() < 0.3
        scene = self.pick(self.faceless) if plain else self.pick_photo()
        tall, wide = scene.size
        scale = max(height / tall, width / wide) * np.exp(self.random.uniform(0.0, 0.9))
        slack = np.array([wide * scale - width, tall * scale - height])
        move = -slack * self.random.random(2)
        return cut(scene, np.array([[scale, 0, move[0]], [0, scale, move[1]]]), height, width, "border")

    def pick(self, scenes: list[Scene]) -> Scene:
        return scenes[int(self.random.integers(len(scenes)))]

    def pick_photo(self) -> Scene:
        """A photo, those with more faces more often."""
        return self.scenes[min(int(np.searchsorted(self.odds, self.random.random())), len(self.scenes) - 1)]

    def face(self, scene: Scene) -> np.ndarray | None:
        """A face's box (4,) drawn at random from a scene, or None."""
        sure = np.flatnonzero(~scene.ignore)
        return scene.boxes[self.random.choice(sure)] if len(sure) else None

    def placement(self, scene: Scene, anchor: np.ndarray | None, height: int, width: int) -> np.ndarray:
        """A random affine map (2, 3) from the scene to a tile."""
        random = self.random
        limit = min(height, width)
        if anchor is None:
            tall, wide = scene.size
            focus = random.random(2) * [wide, tall]
            scale = limit / max(tall, wide) * np.exp(random.uniform(-0.2, 1.6))
            target = np.array([width, height]) / 2
        else:
            focus = (anchor[:2] + anchor[2:]) / 2
            own = float(np.sqrt((anchor[2] - anchor[0]) * (anchor[3] - anchor[1])))
            wanted = np.exp(random.uniform(np.log(max(9.0, 0.06 * limit)), np.log(0.95 * limit)))
            scale = min(wanted / own, 2.5)  # beyond 2.5 there is only blur to learn
            slack = np.maximum(np.array([width, height]) - 0.8 * own * scale, 0.15 * limit) / 2
            target = np.array([width, height]) / 2 + random.uniform(-1, 1, 2) * slack
        return self.affine(scale, focus, target, turned=0.6)

    def affine(self, scale: float, focus: np.ndarray, target: np.ndarray, turned: float) -> np.ndarray:
        """A map (2, 3) that brings `focus` to `target`, mirrored or not, turned up to 40 degrees at the rate
        `turned`.
        """
        random = self.random
        angle = np.radians(random.uniform(-40, 40) if random.random() < turned else random.normal() * 5)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = turn @ np.diag(scale * np.exp(random.uniform(-0.1, 0.1, 2)) * [random.choice([-1, 1]), 1])
        return np.concatenate([linear, (target - linear @ focus)[:, None]], axis=1)

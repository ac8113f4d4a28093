"""Random training pictures for the face detector: parts of photos, and mosaics of photos, faces at every size.

Boxes are x0 y0 x1 y1 in pixels of their picture; maps (2, 3) lead from a photo to a tile, as in `scenes`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from redtrack.training.detector.scenes import Labelled, Scene, cut, rotation, stretch

NATURAL = 0.6  # share of training pictures that are no mosaics; without them hard faces of real photos stay unlearnt
HARD = 0.5  # share of those that show a place where the network was wrong, once such places are known
MOST = 5  # faces of a photo above which it is not drawn more often still
STRETCHED, STRETCH = 0.4, 0.6  # share of tiles squeezed or stretched, and the most of it, as the logarithm of how many
# times wider: pictures fitted into a frame, and wide-screen video whose pixels were not square

Anchor = tuple[Scene, np.ndarray]
"""A place in a photo: the photo, and (4,) x0 y0 x1 y1."""


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
        matrix = self.affine(np.exp(self.random.uniform(-0.9, 0.5)), focus, target, turned=0.4)
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
        """One tile: around a face of a size drawn at random, somewhere in a photo, or of a picture without faces."""
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
        """One of the scenes."""
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
        """A map (2, 3) that takes `focus` to `target`: half of them mirrored, a share `turned` turned by up to 40°, and
        some stretched as a whole.
        """
        random = self.random
        angle = np.radians(random.uniform(-40, 40) if random.random() < turned else random.normal() * 5)
        wider = np.exp(random.uniform(-STRETCH, STRETCH) if random.random() < STRETCHED else random.uniform(-0.2, 0.2))
        linear = scale * stretch(wider) @ rotation(angle) @ np.diag([random.choice([-1, 1]), 1])
        return np.concatenate([linear, (target - linear @ focus)[:, None]], axis=1)


def photo_mask(scene: Scene, matrix: np.ndarray, height: int, width: int) -> Tensor:
    """(height, width) bool: where a tile is covered by the photo itself."""
    inverse = np.linalg.inv(matrix[:, :2])
    x, y = np.arange(width)[None] - matrix[0, 2], np.arange(height)[:, None] - matrix[1, 2]
    tall, wide = scene.size
    u, v = inverse[0, 0] * x + inverse[0, 1] * y, inverse[1, 0] * x + inverse[1, 1] * y
    return torch.from_numpy((u >= 0) & (u <= wide - 1) & (v >= 0) & (v <= tall - 1))


def lay_over(below: Labelled, above: Labelled, mask: Tensor) -> Labelled:
    """`above` where the mask (H, W) is set, else `below`, whose hidden faces go and half-hidden ones are ignored."""
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

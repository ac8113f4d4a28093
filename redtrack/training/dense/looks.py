"""Looks at faces on which the same places of the face are known: what the head of dense features learns from.

Each face is looked at on its photograph and on views of it from other sides: `training.views`, where the way back to
the photograph is known for each pixel (DFF's "ground-truth correspondence"). Each look is a crop of its own that strays
as a detector's do. The places, the vertices of the 3D face and the middles of its triangles, are the same on all
people, which is ours: so a place can also be sought on another person's face.

N faces, L looks at each, S places; C channels and M side of the maps that the head reads.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from redtrack.evaluate.protocol import eye_distance
from redtrack.geometry import CropTransform
from redtrack.points import N_POINTS
from redtrack.rednet.dense import frozen_features
from redtrack.rednet.maps import crop_to_map
from redtrack.rednet.model import RedNet
from redtrack.shape3d.basis import ShapeBasis, default_basis
from redtrack.shape3d.dense import dense_shape
from redtrack.shape3d.fit import fit_rows
from redtrack.shape3d.pose import project
from redtrack.shape3d.visible import SEEN, visible_vertices
from redtrack.training.landmarks.augment import OURS, Augmentation, cut, random_crops
from redtrack.training.landmarks.faces import FaceSet
from redtrack.training.shape.learn import free
from redtrack.training.views import HARDLY, turn_face

__all__ = ["Looks", "look_at", "places_of"]

STRAYED = replace(OURS, rotation=12.0, scale=0.08, shift=0.035)
_NEAR = 1.0  # px of the stored face: a pixel of a view whose origin is farther from a place does not show it


class Looks(NamedTuple):
    """features float16 (N, L, C, M, M); cells float32 (N, L, S, 2), where each place lies in the maps, and points
    (N, L, 68, 2), where the labels do, NaN where the face hides them; found (N, L, 68, 2), where the network has them;
    eyes (N, L), the distance of the outer eye corners on the photograph, in cells of each look; places (S, 3) mm on the
    mean face."""

    features: Tensor
    cells: Tensor
    points: Tensor
    found: Tensor
    eyes: Tensor
    places: Tensor


def look_at(
    net: RedNet,
    faces: FaceSet,
    views: int,
    rng: np.random.Generator,
    *,
    turn: tuple[float, float] = (45.0, 20.0),
    how: Augmentation = STRAYED,
    show: bool = False,
) -> Looks:
    """Returns looks at faces: each photograph, then views of it, turned at random by up to `turn` (yaw, pitch) degrees.

    Where a view cannot be made the photograph is looked at again. Faces that no 3D face fits have no places.
    """
    basis = default_basis()
    triples = places_of(basis)
    parts: list[tuple[Tensor, ...]] = []
    for k in tqdm(range(len(faces)), "looking at faces", disable=not show, leave=False):
        photo, points = faces.images[k].permute(1, 2, 0).numpy(), faces.points[k]
        seen = _places_on(points, triples, basis)
        shown = [(photo, points, seen, np.ones(N_POINTS, bool))]
        for _ in range(views):
            yaw, pitch = rng.uniform(-1, 1, 2) * turn
            view = turn_face(photo, points, yaw, pitch, basis)
            if view is None or view.stretched > HARDLY:
                shown.append(shown[0])
            else:
                shown.append((view.picture, view.points, carried(seen, view.origin), view.seen))
        pictures, labels, there, clear = (np.stack(column) for column in zip(*shown, strict=True))
        crops = random_crops(labels, net.config.size, how, rng, net.config.crop_scale)
        labels = np.where(clear[..., None], labels, np.nan)
        eyes = torch.from_numpy(eye_distance(points[None]) / crops.side * net.map_size).float()
        images = cut(torch.from_numpy(pictures).permute(0, 3, 1, 2), crops)
        cells = [in_map(net, crops, known) for known in (there, labels)]
        features, found = frozen_features(net, images)
        parts.append((features.half(), *cells, found, eyes))
    stacked: list[Any] = [torch.stack(column) for column in zip(*parts, strict=True)]
    stacked.append(torch.from_numpy(basis.mean[triples].mean(axis=1)).float())
    return Looks(*stacked)


def places_of(basis: ShapeBasis) -> np.ndarray:
    """Returns (S, 3) int, the vertices whose middle each place is: one vertex thrice, or a triangle's corners."""
    alone = np.repeat(np.arange(len(basis.mean))[:, None], 3, axis=1)
    return np.concatenate([alone, basis.triangles])


def _places_on(points: np.ndarray, triples: np.ndarray, basis: ShapeBasis) -> np.ndarray:
    """Returns (S, 2) px, the places on a photograph by its labels (68, 2); NaN where the face hides them."""
    fit = fit_rows(points[None].astype(np.float64), None, basis.mean[:N_POINTS], free(basis))
    vertices = project(dense_shape(fit.points3d, fit.pose, basis), fit.pose)[0]
    shown = visible_vertices(fit.pose, basis)[0] == SEEN
    return np.where(shown[triples].all(axis=1)[:, None], vertices[triples].mean(axis=1), np.nan)


def carried(places: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """Returns (S, 2) px, places (S, 2) of a photograph on a view of it; NaN where the view does not show them.

    origin (H, W, 2): where on the photograph each pixel of the view is from.
    """
    height, width = origin.shape[:2]
    y, x = np.nonzero(np.isfinite(origin).all(axis=-1))
    from_x, from_y = np.rint(origin[y, x]).astype(int).T
    there = (from_x >= 0) & (from_x < width) & (from_y >= 0) & (from_y < height)
    pixel = np.full((height + 2, width + 2), -1)
    pixel[from_y[there] + 1, from_x[there] + 1] = (y * width + x)[there]
    with np.errstate(invalid="ignore"):
        known = ((places > -0.5) & (places < [width - 0.5, height - 0.5])).all(axis=1)
    column, row = np.rint(places[known]).astype(int).T + 1
    near = np.stack([pixel[row + dy, column + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)], axis=1)  # (K, 9)
    away = np.linalg.norm(origin.reshape(-1, 2)[near] - places[known][:, None], axis=2)
    away = np.where((near >= 0) & np.isfinite(away), away, np.inf)
    best = np.take_along_axis(near, away.argmin(axis=1)[:, None], axis=1)[:, 0]
    found = np.full(places.shape, np.nan)
    found[known] = np.where(away.min(axis=1)[:, None] <= _NEAR, np.stack([best % width, best // width], axis=1), np.nan)
    return found


def in_map(net: RedNet, crops: CropTransform, places: np.ndarray) -> Tensor:
    """Returns map cells (L, P, 2) of places (L, P, 2) in the pictures; NaN outside of the crops (L)."""
    cells = crop_to_map(torch.from_numpy(crops.to_crop(places)).float(), net.stride)
    there = ((cells >= -0.5) & (cells <= net.map_size - 0.5)).all(-1, keepdim=True)
    return torch.where(there, cells, torch.nan)

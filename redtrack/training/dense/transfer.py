"""How well features find the same place elsewhere: places of one look at a face are sought in another look.

No landmark is looked for: the feature at a place of the first look is compared with the whole map of the second one.
Errors are in percent of the distance of the outer eye corners, as those of landmarks are.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from redtrack.rednet.dense import at, find
from redtrack.training.dense.looks import Looks

__all__ = ["Features", "between_people", "carry", "dense_to_views", "to_views"]

Features = Callable[[Tensor], Tensor]
"""Makes (B, D, M, M) of what the head reads, (B, C, M, M)."""


def between_people(looks: Looks, features: Features) -> Tensor:
    """Returns (N, 68) errors of landmarks that are carried from each face's photograph to the next face's."""
    maps, points = features(looks.features[:, 0].float()), looks.points[:, 0]
    return carry(maps, points, maps.roll(-1, 0), points.roll(-1, 0), looks.eyes[:, 0].roll(-1, 0))


def to_views(looks: Looks, features: Features) -> Tensor:
    """Returns (N, 68) errors of landmarks that are carried from photographs to their first views."""
    maps = [features(looks.features[:, k].float()) for k in (0, 1)]
    return carry(maps[0], looks.points[:, 0], maps[1], looks.points[:, 1], looks.eyes[:, 1])


def dense_to_views(looks: Looks, features: Features) -> Tensor:
    """Returns (N, S) errors of all places, cheeks and foreheads too, from photographs to their first views."""
    maps = [features(looks.features[:, k].float()) for k in (0, 1)]
    return carry(maps[0], looks.cells[:, 0], maps[1], looks.cells[:, 1], looks.eyes[:, 1])


def carry(from_maps: Tensor, places: Tensor, to_maps: Tensor, truth: Tensor, eyes: Tensor) -> Tensor:
    """Returns (B, P) errors of places (B, P, 2) that are sought where truth (B, P, 2) has them; NaN where hidden."""
    found, _ = find(at(from_maps, places.nan_to_num()), to_maps)
    off = (found - truth).norm(dim=-1) / eyes[:, None]
    return torch.where(torch.isfinite(places).all(-1), 100 * off, torch.nan)

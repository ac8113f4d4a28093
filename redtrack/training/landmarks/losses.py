"""The paper's losses, eq. 6, 8 and 13, and the coordinate term.

B pictures, C maps, M map side, P points. Every loss is a mean over the batch, weighted by `weight` (B,): how far the
labels can be trusted.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from redtrack.points import N_POINTS

FOREGROUND = 15.0  # section 4.2: the positive loss is enlarged by a constant, which the paper does not give
# How much each term counts: lambda and gamma of eq. 9 and 14, and the coordinate term's own.
DETECTION, REGRESSION, COORDINATE, IDENTITY = 1.0, 20.0, 1.0, 0.1
TEACHER = 10.0  # of a teacher's heat maps beside those of the labels
LIDS = (37, 38, 40, 41, 43, 44, 46, 47)
LID_WEIGHT = 3.0  # of a lid's point in the coordinate term: whether an eye is shut hangs on a pixel


def _mean(per_picture: Tensor, weight: Tensor) -> Tensor:
    return (per_picture * weight).sum() / weight.sum().clamp_min(1e-6)


def _balanced(pixels: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean over the pixels with the foreground enlarged. pixels, target (B, C, M, M)."""
    emphasis = 1 + (FOREGROUND - 1) * target
    return _mean((pixels * emphasis).flatten(1).sum(1) / emphasis.flatten(1).sum(1), weight)


def detection_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Pixel-wise sigmoid cross-entropy, eq. 6, per pixel rather than per map: no size of map needs its own weight."""
    return _balanced(F.binary_cross_entropy_with_logits(logits, target, reduction="none"), target, weight)


def regression_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Pixel-wise squared distance of the heat maps, eq. 8."""
    return _balanced((logits.sigmoid() - target).square(), target, weight)


def coordinate_loss(points: Tensor, truth: Tensor, size: int, weight: Tensor) -> Tensor:
    """Wing loss of the distance in hundredths of the crop's side (Feng et al. 2018): ours, not the paper's.

    Near-logarithmic for small distances, so that the last half pixel still counts. Points whose truth lies outside the
    crop, which no map can show, do not count. points, truth (B, P, 2).
    """
    width, curvature = 6.0, 1.0
    distance = ((points - truth).square().sum(-1) + 1e-8).sqrt() * (100 / size)
    offset = width - width * math.log1p(width / curvature)
    wing = torch.where(distance < width, width * torch.log1p(distance / curvature), distance - offset)
    share = point_weight(points.shape[1]).to(points.device) * inside(truth, size)
    return _mean((wing * share).sum(1) / share.sum(1).clamp_min(1e-6), weight)


def inside(truth: Tensor, size: int) -> Tensor:
    """1 for points in the crop, 0 for those outside. (B, P, 2) -> (B, P)."""
    return ((truth >= -0.5) & (truth <= size - 0.5)).all(-1).float()


@cache
def point_weight(count: int) -> Tensor:
    """How much each point counts: (P,)."""
    lids = [LID_WEIGHT if k in LIDS and count == N_POINTS else 1.0 for k in range(count)]
    return torch.tensor(lids)


def identity_loss(logits: Tensor, identity: Tensor) -> Tensor:
    """N-way softmax cross-entropy, eq. 13, over the pictures whose person is known (identity >= 0)."""
    known = identity >= 0
    if not known.any():
        return logits.sum() * 0
    return F.cross_entropy(logits[known], identity[known])

"""Landmarks to maps and back: the targets of eq. 6 and 8, and the points of a heat map.

Two frames of reference: crop pixels (0 is the centre of the crop's first pixel) and map cells (0 is the centre of
the map's first cell). A map of side M over a crop of side S has a stride S / M.

N pictures, P points, M map side.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

RADIUS = 5 / 128  # section 4.2: discs of 5 px and Gaussians of sigma 5 px, on maps of 128
SIGMA = 5 / 128


def crop_to_map(points: Tensor, stride: float) -> Tensor:
    """Map cells of crop pixels."""
    return (points + 0.5) / stride - 0.5


def map_to_crop(cells: Tensor, stride: float) -> Tensor:
    """Crop pixels of map cells."""
    return (cells + 0.5) * stride - 0.5


def _squared_distance(cells: Tensor, side: int) -> Tensor:
    """Squared distance of every cell to every point, in cells. cells (N, P, 2) -> (N, P, M, M)."""
    axis = torch.arange(side, dtype=cells.dtype, device=cells.device)
    dx = (axis - cells[..., 0:1]).square()  # (N, P, M)
    dy = (axis - cells[..., 1:2]).square()
    return dy[..., :, None] + dx[..., None, :]


def disc_maps(cells: Tensor, side: int) -> Tensor:
    """Binary detection targets, 1 within the radius (section 4.2). cells (N, P, 2) -> (N, P, M, M)."""
    return (_squared_distance(cells, side) <= (RADIUS * side) ** 2).to(cells.dtype)


def soft_disc_maps(cells: Tensor, side: int) -> Tensor:
    """Discs as a detection step draws them, with a soft edge: the feedback of points that are known already.

    cells (N, P, 2) -> (N, P, M, M) in 0..1.
    """
    distance = _squared_distance(cells, side).sqrt()
    return torch.sigmoid((RADIUS * side - distance) * 4)


def gaussian_maps(cells: Tensor, side: int) -> Tensor:
    """Gaussian regression targets with peak 1 (section 4.2). cells (N, P, 2) -> (N, P, M, M)."""
    return torch.exp(_squared_distance(cells, side) / (-2 * (SIGMA * side) ** 2))


class Reading(NamedTuple):
    """What the softmax of each map says of its point: where it is, x, y in map cells (N, P, 2), and its spread, xx, xy,
    yy in square cells (N, P, 3)."""

    cells: Tensor
    spread: Tensor


def read(logits: Tensor) -> Reading:
    """Mean and covariance of the position under the softmax of each map (N, P, M, M).

    The paper takes the peak of the map; the expectation is the same point with a gradient and below a cell's size.
    """
    side = logits.shape[-1]
    middle = (side - 1) / 2
    axis = torch.arange(side, dtype=torch.float32, device=logits.device) - middle
    x, y = axis.repeat(side), axis.repeat_interleave(side)
    basis = torch.stack((x, y, x * x, x * y, y * y))  # (5, M * M), which adds up alike wherever a map lies in its batch
    with torch.autocast(logits.device.type, enabled=False):
        x, y, xx, xy, yy = F.linear(logits.float().flatten(2).softmax(-1), basis).unbind(-1)
    return Reading(torch.stack((x, y), -1) + middle, torch.stack((xx - x * x, xy - x * y, yy - y * y), -1))


def soft_argmax(logits: Tensor) -> Tensor:
    """The mean position under the softmax of each map. (N, P, M, M) -> (N, P, 2) map cells."""
    return read(logits).cells


def peak(logits: Tensor) -> Tensor:
    """The height of each heat map's peak, 0..1: the point's confidence. (N, P, M, M) -> (N, P).

    By way of 64 bits: of 32 the last one would depend on how many pictures there are.
    """
    return logits.float().flatten(2).amax(-1).double().sigmoid().float()

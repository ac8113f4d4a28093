"""Dense features: a head that gives each map cell numbers by which the same place of another face is found.

DFF (deep face feature): "a feature vector for each pixel of a face image, which distinguishes different facial
regions". Ours: the network is RED-Net's, which stays as it is; the head reads its stem (fine, and local) and its last
decoder layer (what the landmark maps are read from).

B pictures, C channels, D numbers of a feature, M map side, P places; cells are those of `redtrack.rednet.maps`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redtrack.rednet.model import RedNet

__all__ = ["DenseConfig", "DenseHead", "at", "find", "frozen_features"]

_REACH = 2.0  # cells around the best one that the place is averaged over
_SHARPNESS = 20.0  # of that average: by how much a cell counts more for a likeness that is higher by 1


@dataclass(frozen=True)
class DenseConfig:
    """The head's sizes: channels that it reads, of its middle layer, and numbers of a feature."""

    channels: int
    width: int = 64
    numbers: int = 32


class DenseHead(nn.Module):
    """Features of unit length for each cell: DFF's "feature vector for each pixel", at the maps' size."""

    def __init__(self, config: DenseConfig) -> None:
        super().__init__()
        self.config = config
        self.reduce = nn.Conv2d(config.channels, config.width, 1)
        self.around = nn.Conv2d(config.width, config.width, 3, padding=1)
        self.last = nn.Conv2d(config.width, config.numbers, 1)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, M, M) -> (B, D, M, M)."""
        x = F.relu(self.reduce(features))
        return F.normalize(self.last(F.relu(self.around(x)) + x), dim=1)


def frozen_features(net: RedNet, crops: Tensor) -> tuple[Tensor, Tensor]:
    """What the head reads of crops (B, 3, S, S): the stem, where it has the maps' size, and the last decoder layer.

    (B, C, M, M), each part scaled to unit length a cell on average; and the network's points (B, 68, 2) in cells.
    """
    with torch.no_grad():
        stem, out = net.look(crops)[-1], net.image_steps(crops)[-1]
        parts = [part for part in (stem, out.features) if part.shape[-1] == net.map_size]
        scaled = [part / part.square().sum(1).mean((1, 2)).sqrt()[:, None, None, None] for part in parts]
        return torch.cat(scaled, 1), out.reading.cells


def at(features: Tensor, cells: Tensor) -> Tensor:
    """Features between cells, of unit length. (B, D, M, M) at (B, P, 2) -> (B, P, D)."""
    side = features.shape[-1]
    grid = ((cells + 0.5) / side * 2 - 1)[:, None]  # (B, 1, P, 2)
    found = F.grid_sample(features, grid, padding_mode="border", align_corners=False)[:, :, 0]
    return F.normalize(found.transpose(1, 2), dim=2)


def find(wanted: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
    """Where features (B, P, D) are most alike in other maps (B, D, M, M): cells (B, P, 2) and likeness (B, P).

    The likest cell, and the mean of its neighbourhood, weighed by likeness (a soft-argmax).
    """
    side = features.shape[-1]
    alike = torch.einsum("bpd,bdm->bpm", wanted, F.normalize(features, dim=1).flatten(2))
    best, place = alike.max(-1)
    axis = torch.arange(side, device=alike.device, dtype=alike.dtype)
    cells = torch.stack((axis.repeat(side), axis.repeat_interleave(side)), -1)  # (M * M, 2)
    near = (cells - cells[place][:, :, None]).abs().amax(-1) <= _REACH  # (B, P, M * M)
    weight = ((alike - best[..., None]) * _SHARPNESS).exp() * near
    return weight @ cells / weight.sum(-1, keepdim=True), best

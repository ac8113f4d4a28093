"""How far off each point may be: a covariance from the heat map, the features under the point, and the whole crop.

Not the paper's. The head learns on residuals that it does not touch (everything that it reads is detached), so it
changes no point. Its output is calibrated on held-out faces by one factor, kept with the weights.

B crops, P points, F features, M map side.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redtrack.points import N_POINTS
from redtrack.rednet import maps

SMALLEST = 2e-3  # crop sides: the least standard deviation that is believed, a quarter of a pixel of 128
FACTS = 5  # what the map says of its own point: log variances in x and y, correlation, peak, mass


class Certainty(nn.Module):
    """The covariance of each point's error, (B, P, 3): xx, xy, yy in square crop sides."""

    def __init__(self, features: int, bottleneck: int, width: int = 64) -> None:
        super().__init__()
        self.local = nn.Linear(features, 24)
        self.whole = nn.Linear(4 * bottleneck, 24)
        self.point = nn.Parameter(nn.init.uniform_(torch.empty(N_POINTS, 16), -0.17, 0.17))
        self.mix = nn.Sequential(
            nn.Linear(FACTS + 24 + 24 + 16, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 3)
        )
        self.drop = nn.Dropout(0.25)  # there are few faces
        self.factor: Tensor
        self.register_buffer("factor", torch.ones(()))  # of the variances, by calibration

    def forward(self, logits: Tensor, reading: maps.Reading, features: Tensor, e: Tensor) -> Tensor:
        """Covariances of the points of maps before the sigmoid (B, P, M, M) and what was read of them, features
        (B, F, M, M), bottleneck e."""
        with torch.autocast(logits.device.type, enabled=False):
            facts = self.facts(logits.detach().float(), reading.spread.detach())
            local = self.local(self.drop(sample_at(features.detach(), reading.cells.detach()))).relu()
            whole = self.whole(self.drop(F.adaptive_avg_pool2d(e.detach().float(), 2).flatten(1))).relu()
            b = len(logits)
            parts = (facts, local, whole[:, None].expand(b, N_POINTS, -1), self.point.expand(b, -1, -1))
            return covariance(self.mix(torch.cat(parts, -1))) * self.factor

    @staticmethod
    def facts(logits: Tensor, spread: Tensor) -> Tensor:
        """What each map says of its point: (B, P, FACTS)."""
        xx, xy, yy = spread.unbind(-1)
        alike = xy / (xx * yy + 1e-6).sqrt()
        flat = logits.flatten(2)
        height = flat.amax(-1)
        mass = flat.sigmoid().sum(-1).clamp_min(1e-3).log()
        return torch.stack(((xx + 1e-3).log(), (yy + 1e-3).log(), alike, height, mass), -1)


def sample_at(features: Tensor, cells: Tensor) -> Tensor:
    """Features (B, F, M, M) at points (B, P, 2) in map cells, bilinear, float32: (B, P, F).

    Only the cells around the points are read, so that half-precision features need not become float32 as a whole.
    """
    side = features.shape[-1]
    inside = cells.clamp(0, side - 1)
    corner = inside.floor().clamp(0, side - 2)
    (u, v), (x, y) = (inside - corner).unbind(-1), corner.long().unbind(-1)
    flat = features.flatten(2).transpose(1, 2)  # (B, M * M, F)
    rows = torch.arange(len(features), device=features.device)[:, None]
    at = y * side + x
    parts = [((1 - v) * (1 - u), at), ((1 - v) * u, at + 1), (v * (1 - u), at + side), (v * u, at + side + 1)]
    return torch.stack([weight[..., None] * flat[rows, cell].float() for weight, cell in parts]).sum(0)


def covariance(said: Tensor) -> Tensor:
    """A covariance xx, xy, yy from three free numbers: two logarithms of scale, and a shear. (..., 3) -> (..., 3)."""
    a = 0.01 * said[..., 0].clamp(-6, 6).exp()
    c = 0.01 * said[..., 1].clamp(-6, 6).exp()
    b = 0.01 * said[..., 2].clamp(-20, 20)  # the Cholesky factor is [[a, 0], [b, c]]
    floor = SMALLEST**2
    return torch.stack((a * a + floor, a * b, b * b + c * c + floor), -1)


def surprise(error: Tensor, sigma: Tensor) -> Tensor:
    """Squared Mahalanobis length of errors (..., 2) under covariances (..., 3)."""
    xx, xy, yy = sigma.unbind(-1)
    x, y = error.unbind(-1)
    return (yy * x * x - 2 * xy * x * y + xx * y * y) / (xx * yy - xy * xy)


def negative_log_likelihood(error: Tensor, sigma: Tensor, freedom: float = 4.0) -> Tensor:
    """Of errors (..., 2) under a bivariate Student t of these covariances' scale: far outliers count little."""
    xx, xy, yy = sigma.unbind(-1)
    determinant = (xx * yy - xy * xy).log() / 2
    return determinant + (freedom + 2) / 2 * torch.log1p(surprise(error, sigma) / freedom)

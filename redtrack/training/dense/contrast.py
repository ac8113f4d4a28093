"""The contrastive loss of dense features: the same place is alike, all other places are not."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redtrack.errors import UsageError
from redtrack.rednet.dense import at
from redtrack.training.dense.looks import Looks
from redtrack.training.loop import BatchLoss

__all__ = ["contrast", "contrastive_loss"]

PLACES = 256  # correspondences of a pair
APART = 5.0  # mm on the face: 3 px of a crop of 128. What is nearer is neither the same nor another place
_TEMPERATURE = 0.07
_STRANGERS = 0.5  # share of the batches whose pairs are of two people


def contrastive_loss(looks: Looks, *, batch: int = 8) -> BatchLoss:
    """InfoNCE over 256 places of each of a batch's pairs of looks, which are at one face, or at two people's.

    DFF "is trained using correspondence between face images rendered from different views". Ours: this loss, that the
    same place of other faces is no negative, and that in half of the batches it is what is sought. Raises UsageError
    where hardly a face shows places.
    """
    counts = torch.isfinite(looks.cells[..., 0]).sum(-1)  # (N, L)
    usable = np.flatnonzero((counts >= PLACES // 2).all(1).numpy())
    if len(usable) < 2:
        raise UsageError("the 3D face fits the labels of hardly a face", remedy="check the .pts files")

    def loss(net: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        face = rng.choice(usable, batch, replace=len(usable) < batch)
        other = np.roll(face, 1) if rng.random() < _STRANGERS else face
        first, second = (rng.permuted(np.tile(np.arange(counts.shape[1]), (batch, 1)), axis=1)[:, :2]).T
        cells = [looks.cells[face, first], looks.cells[other, second]]  # (B, S, 2) each
        chosen = drawn(torch.isfinite(cells[0][..., 0] + cells[1][..., 0]), rng)  # (B, K)
        maps = net(torch.cat((looks.features[face, first], looks.features[other, second])).float()).chunk(2)
        index = chosen[..., None].expand(-1, -1, 2)
        spots = [c.gather(1, index) for c in cells]
        a, b = (at(m, spot.nan_to_num()) for m, spot in zip(maps, spots, strict=True))
        known = torch.isfinite(spots[0] + spots[1]).all(-1)  # (B, K)
        value = contrast(a[known], b[known], looks.places[chosen][known])
        return value, {"contrast": value}

    return loss


def drawn(shared: Tensor, rng: np.random.Generator) -> Tensor:
    """Returns (B, K), places drawn from those that both looks of a pair show, (B, S) bool, repeatedly where few are.

    Of a pair that shares none, place 0, which `contrastive_loss` then leaves out.
    """
    rows = [np.flatnonzero(row) for row in shared.numpy()]
    rows = [row if len(row) else np.zeros(1, int) for row in rows]
    picked = [rng.choice(row, PLACES, replace=len(row) < PLACES) for row in rows]
    return torch.from_numpy(np.stack(picked))


def contrast(a: Tensor, b: Tensor, places: Tensor) -> Tensor:
    """InfoNCE of features a, b (P, D) of the same places (P, 3) mm on the two looks of their pairs, of all pairs.

    Each place is told from those that are farther than `APART` on the mean face, of all faces.
    """
    alike = a @ b.T / _TEMPERATURE  # (P, P)
    near = torch.cdist(places, places) < APART
    near.fill_diagonal_(False)
    alike = alike.masked_fill(near, -torch.inf)
    same = torch.arange(len(a), device=a.device)
    return (F.cross_entropy(alike, same) + F.cross_entropy(alike.T, same)) / 2

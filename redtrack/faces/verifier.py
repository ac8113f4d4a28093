"""The detector's second opinion: a network that looks at one square around each box that may be no face.

Axes: N pictures, K boxes, S = 64 px, the side of a square.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from redtrack.faces.layers import Residual, conv_unit

SIZE = 64  # px of a square
CONTEXT = 2.2  # side of the square in sides of the box (square root of its area): neck, hair and shoulders show


class Verifier(nn.Module):
    """Squares (K, 3, S, S) in 0..1 -> logit (K,) of a face of the box's size in the middle."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.width = width
        a, b, c, d = width, 2 * width, 4 * width, 9 * width // 2
        self.body = nn.Sequential(
            conv_unit(3, a, 3, stride=2),  # (K, a, 32, 32)
            conv_unit(a, b, 3, stride=2), Residual(b),  # (K, b, 16, 16)
            conv_unit(b, c, 3, stride=2), Residual(c), Residual(c),  # (K, c, 8, 8)
            conv_unit(c, d, 3, stride=2), Residual(d),  # (K, d, 4, 4)
        )  # fmt: skip
        self.out = nn.Linear(16 * d, 1)

    def forward(self, squares: Tensor) -> Tensor:
        return self.out(self.body((squares - 0.5) * 4.0).flatten(1))[:, 0]


def squares(pictures: Tensor, boxes: NDArray[np.floating], owner: Sequence[int]) -> Tensor:
    """The squares (K, 3, S, S) around boxes (K, 4 or more) of pictures (N, 3, h, w), each in the picture `owner`.

    Outside the picture there is black. Large ones are averaged down by powers of two first.
    """
    levels: dict[tuple[int, int], Tensor] = {}
    found = [_square(pictures, index, box, levels) for index, box in zip(owner, boxes, strict=True)]
    return torch.cat(found) if found else pictures.new_zeros(0, 3, SIZE, SIZE)


def _square(pictures: Tensor, index: int, box: NDArray[np.floating], levels: dict[tuple[int, int], Tensor]) -> Tensor:
    x0, y0, x1, y1 = (float(v) for v in box[:4])
    side = CONTEXT * max((x1 - x0) * (y1 - y0), 1.0) ** 0.5
    level = max(int(np.floor(np.log2(side / SIZE) + 0.3)), 0)
    picture = _halved(pictures, index, level, levels)
    step = side / SIZE / 2**level  # px of the halved picture between two of the square
    left = ((x0 + x1 + 1) / 2 - side / 2) / 2**level  # from the picture's corner, not its first pixel's centre
    top = ((y0 + y1 + 1) / 2 - side / 2) / 2**level
    height, width = picture.shape[-2:]
    at = (torch.arange(SIZE, device=pictures.device) + 0.5) * step
    u, v = 2 * (at + left) / width - 1, 2 * (at + top) / height - 1  # grid_sample(align_corners=False): -1 and 1 are
    grid = torch.stack([u.expand(SIZE, SIZE), v[:, None].expand(SIZE, SIZE)], dim=-1)[None]  # the outer edges
    return F.grid_sample(picture, grid.to(picture.dtype), align_corners=False)


def _halved(pictures: Tensor, index: int, level: int, levels: dict[tuple[int, int], Tensor]) -> Tensor:
    """Picture `index` (1, 3, h / 2**level, w / 2**level), made once."""
    if level == 0:
        return pictures[index : index + 1]
    if (index, level) not in levels:
        finer = _halved(pictures, index, level - 1, levels)
        levels[index, level] = F.avg_pool2d(finer, 2, ceil_mode=True) if min(finer.shape[-2:]) > 1 else finer
    return levels[index, level]

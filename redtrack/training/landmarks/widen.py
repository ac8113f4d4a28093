"""A wider network that says what a narrow one says: the start of a body with more channels.

Ours, not the paper's. After Chen, Goodfellow, Shlens, *Net2Net: Accelerating Learning via Knowledge Transfer* (2016),
section 2.2: each channel is repeated, and what reads it shares its weights out among the copies.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEAST, MOST = 0.2, 0.8  # share of a weight that goes to the first copy: at a half copies would never part


def widened(narrow: dict[str, Tensor], wide: dict[str, Tensor], seed: int = 0) -> dict[str, Tensor]:
    """The numbers of a narrow network in the shapes of one with twice as many channels, where its are wider.

    narrow, wide: state dicts with the same names; a name of only one of them is left out.
    """
    chance = torch.Generator().manual_seed(seed)
    return {k: _fitted(value, wide[k].shape, chance) for k, value in narrow.items() if k in wide}


def _fitted(value: Tensor, shape: torch.Size, chance: torch.Generator) -> Tensor:
    """A tensor with its first axis (what is written) repeated, and its second (what is read) shared out, to a shape."""
    if value.shape == shape:
        return value
    if value.shape[0] != shape[0]:
        value = value.repeat(2, *[1] * (value.ndim - 1))
    if value.ndim > 1 and value.shape[1] != shape[1]:
        share = torch.rand(value.shape, generator=chance) * (MOST - LEAST) + LEAST
        value = torch.cat([value * share, value * (1 - share)], 1)
    return value

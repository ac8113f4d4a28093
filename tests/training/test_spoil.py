"""Spoilt pictures stay pictures, and things in front hide less than half of a face."""

from __future__ import annotations

import numpy as np
import torch

from redtrack.training.detector.spoil import compress, cover, smear, spoil


def test_damage_keeps_pictures_pictures() -> None:
    """Shape and range stay, the same seed spoils the same, and something happens."""
    pictures = torch.rand(8, 3, 64, 64)
    spoilt = [spoil(pictures.clone(), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert spoilt[0].shape == pictures.shape
    assert spoilt[0].min() >= 0 and spoilt[0].max() <= 1
    assert torch.equal(spoilt[0], spoilt[1]) and not torch.equal(spoilt[0], spoilt[2])


def test_compression_and_smear_leave_what_is_flat() -> None:
    """A smooth picture survives both."""
    flat = torch.full((2, 3, 32, 32), 0.5)
    generator = torch.Generator().manual_seed(0)
    assert torch.allclose(smear(flat, generator), flat, atol=1e-5)
    assert torch.allclose(compress(flat, generator), flat, atol=0.02)


def test_things_in_front_hide_less_than_half_of_a_face() -> None:
    """And nothing outside it."""
    box, shares = np.array([[10, 8, 40, 50]], np.float32), []
    for seed in range(6):
        pictures = torch.full((6, 3, 64, 64), -1.0)
        pictures[1:] = 0.3
        cover(pictures, [box], np.random.default_rng(seed), rate=1.0)
        changed = pictures[0, 0] != -1
        shares.append(float(changed.float().sum() / (31 * 43)))
        changed[8:51, 10:41] = False
        assert not changed.any()
    assert 0.1 < max(shares) < 0.55

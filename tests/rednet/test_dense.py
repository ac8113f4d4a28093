"""The head of dense features, and how places are found by them."""

import torch

from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.dense import DenseConfig, DenseHead, at, find, frozen_features
from redtrack.rednet.model import RedNet


def test_features_have_unit_length() -> None:
    """32 numbers for each map cell, of what the frozen network has for it: stem and last decoder layer."""
    torch.manual_seed(0)
    net = RedNet(RedNetConfig()).eval()
    read, points = frozen_features(net, torch.rand(2, 3, 128, 128))
    assert points.shape == (2, 68, 2) and read.shape == (2, 48 + 96, 32, 32) and not read.requires_grad
    assert torch.allclose(read[:, :48].square().sum(1).mean((1, 2)), torch.ones(2), atol=1e-4)
    features = DenseHead(DenseConfig(144))(read)
    assert features.shape == (2, 32, 32, 32)
    assert torch.allclose(features.norm(dim=1), torch.ones(2, 32, 32), atol=1e-5)


def test_a_place_is_found_where_its_feature_is() -> None:
    """In a map that is moved by three cells each place is found three cells away, also between cells."""
    coarse = torch.randn(1, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.interpolate(coarse, size=32, mode="bilinear", align_corners=False)
    cells = torch.tensor([[[8.0, 9.0], [12.5, 20.25], [20.0, 14.75]]])
    found, likeness = find(at(smooth, cells), smooth.roll((3, -2), (2, 3)))
    assert (found - cells - torch.tensor([-2.0, 3.0])).norm(dim=-1).max() < 0.5
    assert (likeness > 0.95).all()


def test_features_between_cells_are_between_theirs() -> None:
    features = torch.nn.functional.normalize(torch.randn(1, 8, 4, 4), dim=1)
    there = at(features, torch.tensor([[[1.0, 2.0], [1.5, 2.0]]]))[0]
    assert torch.allclose(there[0], features[0, :, 2, 1], atol=1e-5)
    middle = torch.nn.functional.normalize(features[0, :, 2, 1] + features[0, :, 2, 2], dim=0)
    assert torch.allclose(there[1], middle, atol=1e-5)

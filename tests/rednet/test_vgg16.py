"""`vgg16` is the paper's table 1; its pooling and unpooling are torch's, with 2-bit switches."""

from __future__ import annotations

import pytest
import torch
from drawn_faces import convolutions, overfit
from paper_body import Pass, pass_through
from torch import Tensor
from torch.nn import functional as F

from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.rednet.vgg16 import Vgg16Body, pool_with_switches, unpool_with_switches

# Table 1: module, output size, number of convolutions, filters.
TABLE_1_ENCODER = [
    ("A0", 128, 2, 64),
    ("A1", 64, 2, 128),
    ("A2", 32, 3, 256),
    ("A3", 16, 3, 512),
    ("A4", 8, 3, 512),
]
TABLE_1_DECODER = [("B4", 16, 3, 512), ("B3", 32, 3, 512), ("B2", 64, 3, 256), ("B1", 128, 2, 128)]


@pytest.fixture(scope="module")
def passed() -> Pass:
    return pass_through(Vgg16Body().eval())


@pytest.mark.parametrize(("name", "side", "n", "filters"), TABLE_1_ENCODER)
def test_an_encoder_module_is_its_row_of_table_1(passed: Pass, name: str, side: int, n: int, filters: int) -> None:
    convs = convolutions(passed.body.encoder[name])
    assert [(c.kernel_size, c.stride, c.out_channels) for c in convs] == [((3, 3), (1, 1), filters)] * n
    assert passed.shapes[f"encoder.{name}"] == (filters, 2 * side, 2 * side)  # before its pooling


@pytest.mark.parametrize(("name", "side", "n", "filters"), TABLE_1_DECODER)
def test_a_decoder_module_is_its_row_of_table_1(passed: Pass, name: str, side: int, n: int, filters: int) -> None:
    convs = convolutions(passed.body.decoder[name])
    assert [(c.kernel_size, c.stride, c.out_channels) for c in convs] == [((3, 3), (1, 1), filters)] * n
    assert passed.shapes[f"decoder.{name}"] == (filters, side, side)


def test_the_encoder_has_13_convolutions_and_the_papers_parameters(passed: Pass) -> None:
    """Section 4.1: 13 convolutional layers, 14.8 M parameters without the fully connected layers."""
    assert len(convolutions(passed.body.encoder)) == 13
    assert sum(p.numel() for p in passed.body.encoder.parameters()) / 1e6 == pytest.approx(14.8, abs=0.1)


def test_five_poolings_lead_to_the_bottleneck_and_four_of_them_are_undone(passed: Pass) -> None:
    assert passed.e.shape == (1, 512, 8, 8)
    assert [tuple(s.shape[1:]) for s in passed.skips] == [
        (128, 64, 64),
        (256, 32, 32),
        (512, 16, 16),
        (512, 8, 8),
    ]
    assert passed.features.shape == (1, Vgg16Body.features, Vgg16Body.map_size, Vgg16Body.map_size)


def test_the_skips_are_2_bit_switches(passed: Pass) -> None:
    assert all(s.dtype == torch.uint8 and s.max() <= 3 for s in passed.skips)


def test_the_halves_of_e_average_to_256_numbers(passed: Pass) -> None:
    """Eq. 3 and section 4.3: C_e = C_i + C_p, and a 256-d vector of each."""
    body = passed.body
    assert body.id_channels + body.pe_channels == passed.e.shape[1]
    assert body.id_channels * body.pool**2 == body.pe_channels * body.pool**2 == 256


def test_every_convolution_is_normalised_and_rectified(passed: Pass) -> None:
    modules = [*passed.body.encoder.values(), *passed.body.decoder.values()]
    kinds = [[type(layer).__name__ for layer in triple] for module in modules for triple in module]
    assert kinds == [["Conv2d", "BatchNorm2d", "ReLU"]] * 24


def tied_pictures() -> Tensor:
    """Random maps with many equal values in a window, as a rectifier leaves them."""
    return torch.randint(-2, 3, (2, 6, 8, 12), generator=torch.Generator().manual_seed(0)).relu().double()


def test_pooling_is_torchs_and_its_switches_are_torchs_indices() -> None:
    x = tied_pictures()
    pooled, switches = pool_with_switches(x)
    wanted, index = F.max_pool2d(x, 2, return_indices=True)
    assert torch.equal(pooled, wanted)
    row, column = index // 12, index % 12
    assert torch.equal(switches, (2 * (row % 2) + column % 2).to(torch.uint8))


def test_unpooling_is_torchs() -> None:
    x = tied_pictures()
    pooled, index = F.max_pool2d(x, 2, return_indices=True)
    values = pooled + torch.rand_like(pooled)
    unpooled = unpool_with_switches(values, pool_with_switches(x)[1])
    assert torch.equal(unpooled, F.max_unpool2d(values, index, 2))


def test_gradients_flow_through_pooling_and_unpooling_as_through_torchs() -> None:
    x = torch.rand(1, 2, 4, 6, dtype=torch.double, requires_grad=True)
    weight = torch.rand(1, 2, 4, 6, dtype=torch.double)
    (ours,) = torch.autograd.grad((unpool_with_switches(*pool_with_switches(x)) * weight).sum(), x)
    pooled, index = F.max_pool2d(x, 2, return_indices=True)
    (torchs,) = torch.autograd.grad((F.max_unpool2d(pooled, index, 2) * weight).sum(), x)
    assert torch.equal(ours, torchs)
    assert torch.autograd.gradcheck(lambda v: unpool_with_switches(*pool_with_switches(v)), (x,))


def test_a_switch_can_place_two_neighbouring_channels() -> None:
    switches = torch.tensor([0, 3], dtype=torch.uint8).view(1, 2, 1, 1)
    unpooled = unpool_with_switches(torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 4, 1, 1), switches)
    assert unpooled.flatten(2).tolist() == [[[1, 0, 0, 0], [2, 0, 0, 0], [0, 0, 0, 3], [0, 0, 0, 4]]]


def test_a_clip_goes_forward_and_backward_through_the_whole_network() -> None:
    """Both spatial steps and the LSTM: each parameter of the body gets a gradient, z's weights among them."""
    net = RedNet(RedNetConfig(body="vgg16", temporal=True))
    points, _, _ = net(torch.rand(1, 2, 3, 32, 32))
    points.square().mean().backward()
    gradients = {name: p.grad for name, p in net.bodies[0].named_parameters()}
    assert all(g is not None and g.isfinite().all() for g in gradients.values())
    assert gradients["encoder.A0.0.0.weight"][:, 3:].abs().sum() > 0


@pytest.mark.slow
def test_eight_faces_are_learnt_by_heart() -> None:
    losses = overfit("vgg16", n=8, side=64, steps=36)
    assert losses[-1] < 0.25 * losses[0], f"the loss fell from {losses[0]:.3f} to {losses[-1]:.3f} only"

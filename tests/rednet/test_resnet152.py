"""`resnet152` is the paper's tables 2 and 3."""

from __future__ import annotations

import pytest
import torch
from drawn_faces import convolutions, overfit
from paper_body import Pass, pass_through
from torch import nn

from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.rednet.resnet152 import Resnet152Body, Unit

# Table 2: module, output size, residual units, (kernel, filters) of each unit.
TABLE_2_ENCODER = [
    ("C1", 64, 3, [(1, 64), (3, 64), (1, 256)]),
    ("C2", 32, 8, [(1, 128), (3, 128), (1, 512)]),
    ("C3", 16, 36, [(1, 256), (3, 256), (1, 1024)]),
    ("C4", 8, 3, [(1, 512), (3, 512), (1, 2048)]),
]
# Table 2: module, output size, filters of the 2 x 2 deconvolution and of the 1 x 1 convolution.
TABLE_2_DECODER = [("D4", 16, 512, 1024), ("D3", 32, 256, 512), ("D2", 64, 128, 256), ("D1", 128, 64, 128)]
# Table 3.
TABLE_3 = [
    ("E3", 16, 3, [(1, 256), (3, 256), (1, 1024)]),
    ("E2", 32, 3, [(1, 128), (3, 128), (1, 512)]),
    ("E1", 64, 3, [(1, 64), (3, 64), (1, 256)]),
]


@pytest.fixture(scope="module")
def passed() -> Pass:
    return pass_through(Resnet152Body().eval())


def rows(units: nn.Module) -> list[list[tuple[int, int]]]:
    """Kernel and filters of the convolutions of each unit."""
    return [[(c.kernel_size[0], c.out_channels) for c in convolutions(unit)] for unit in units]


def test_c0_is_one_7_by_7_convolution_of_stride_2(passed: Pass) -> None:
    (conv,) = convolutions(passed.body.encoder["C0"])
    assert (conv.kernel_size, conv.stride, conv.in_channels) == ((7, 7), (2, 2), 3 + 7)
    assert passed.shapes["encoder.C0"] == (64, 128, 128)


@pytest.mark.parametrize(("name", "side", "n", "unit"), TABLE_2_ENCODER)
def test_an_encoder_module_is_its_row_of_table_2(
    passed: Pass, name: str, side: int, n: int, unit: list[tuple[int, int]]
) -> None:
    assert rows(passed.body.encoder[name]) == [unit] * n
    assert passed.shapes[f"encoder.{name}"] == (unit[-1][1], side, side)


@pytest.mark.parametrize(("name", "side", "n", "unit"), TABLE_2_ENCODER)
def test_the_stride_of_2_is_at_the_end_of_an_encoder_module(
    passed: Pass, name: str, side: int, n: int, unit: list[tuple[int, int]]
) -> None:
    strides = [c.stride[0] for c in convolutions(passed.body.encoder[name]) if c.kernel_size == (3, 3)]
    assert strides == [1] * (n - 1) + [2]


@pytest.mark.parametrize(("name", "side", "deconv", "filters"), TABLE_2_DECODER)
def test_a_decoder_module_is_its_row_of_table_2(passed: Pass, name: str, side: int, deconv: int, filters: int) -> None:
    module = passed.body.decoder[name]
    (up,), (conv,) = convolutions(module, nn.ConvTranspose2d), convolutions(module)
    assert (up.kernel_size, up.stride, up.out_channels) == ((2, 2), (2, 2), deconv)
    assert (conv.kernel_size, conv.stride, conv.out_channels) == ((1, 1), (1, 1), filters)
    assert passed.shapes[f"decoder.{name}"] == (filters, side, side)


@pytest.mark.parametrize(("name", "side", "n", "unit"), TABLE_3)
def test_a_skip_module_is_its_row_of_table_3(
    passed: Pass, name: str, side: int, n: int, unit: list[tuple[int, int]]
) -> None:
    assert rows(passed.body.skips[name]) == [unit] * n
    assert passed.shapes[f"skips.{name}"] == (unit[-1][1], side, side)


def test_the_encoder_has_50_units_and_151_convolutions(passed: Pass) -> None:
    """Section 4.1: "50 residual units of totally 151 convolutional layers"."""
    assert sum(isinstance(m, Unit) for m in passed.body.encoder.modules()) == 50
    assert len(convolutions(passed.body.encoder)) == 151


def test_there_is_no_max_pooling(passed: Pass) -> None:
    assert not any(isinstance(m, nn.MaxPool2d) for m in passed.body.modules())


def test_the_bottleneck_and_the_features_have_the_tables_shapes(passed: Pass) -> None:
    body = passed.body
    assert passed.e.shape == (1, body.id_channels + body.pe_channels, 8, 8) == (1, 2048, 8, 8)
    assert passed.features.shape == (1, body.features, body.map_size, body.map_size) == (1, 128, 128, 128)


def test_the_skips_reach_the_features(passed: Pass) -> None:
    """Figure 6: E3, E2 and E1 are added to the outputs of D4, D3 and D2."""
    with torch.inference_mode():
        for k in range(3):
            skips = [s + (i == k) for i, s in enumerate(passed.skips)]
            assert not torch.equal(passed.body.decode(passed.e, skips), passed.features)


def test_a_fresh_unit_of_stride_1_is_its_shortcut() -> None:
    x = torch.rand(2, 32, 4, 4)
    assert torch.equal(Unit(32, 8).eval()(x), x)
    assert torch.equal(Unit(32, 8, stride=2).eval()(x), x[..., ::2, ::2])


def test_a_clip_goes_forward_and_backward_through_the_whole_network() -> None:
    """Both spatial steps and the LSTM: each parameter of the body gets a gradient, z's weights among them."""
    net = RedNet(RedNetConfig(body="resnet152", temporal=True))
    points, _, _ = net(torch.rand(1, 2, 3, 32, 32))
    points.square().mean().backward()
    gradients = {name: p.grad for name, p in net.bodies[0].named_parameters()}
    assert all(g is not None and g.isfinite().all() for g in gradients.values())
    assert gradients["encoder.C0.0.weight"][:, 3:].abs().sum() > 0


@pytest.mark.slow
def test_eight_faces_are_learnt_by_heart() -> None:
    losses = overfit("resnet152", n=8, side=64, steps=36)
    assert losses[-1] < 0.25 * losses[0], f"the loss fell from {losses[0]:.3f} to {losses[-1]:.3f} only"

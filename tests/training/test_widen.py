"""A wider network that starts from a narrow one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from redtrack import checkpoint
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.training.landmarks.recipe import Recipe
from redtrack.training.landmarks.stages import make_net
from redtrack.training.landmarks.widen import widened


def narrow() -> RedNet:
    """A small network with everything that reads its body, and norms that have seen something."""
    torch.manual_seed(0)
    net = RedNet(RedNetConfig(temporal=True, certainty=True))
    with torch.no_grad():
        net.train().image_steps(torch.rand(4, 3, 128, 128))
    return net.eval()


def test_a_widened_network_says_what_the_narrow_one_says() -> None:
    """Points and certainties of both steps, but for rounding."""
    small = narrow()
    large = RedNet(replace(small.config, body="large"))
    large.load_state_dict(widened(small.state_dict(), large.state_dict()))
    crops = torch.rand(2, 3, 128, 128)
    with torch.inference_mode():
        steps = zip(small.image_steps(crops), large.eval().image_steps(crops), strict=True)
        for before, after in steps:
            assert (small.points_of(before) - large.points_of(after)).abs().max() < 0.01
        assert torch.allclose(small.sigma_of(before), large.sigma_of(after), rtol=1e-3)  # of the last one's 68 points


def test_copies_of_a_channel_part_when_they_learn() -> None:
    """What reads them gives each its own share, so that their gradients differ."""
    small = narrow()
    large = RedNet(replace(small.config, body="large"))
    large.load_state_dict(widened(small.state_dict(), large.state_dict()))
    large.train().image_steps(torch.rand(2, 3, 128, 128))[-1].logits.square().mean().backward()
    first, second = large.body().stage8[0].first[0].weight.grad.chunk(2)
    assert (first - second).abs().mean() > 0.1 * first.abs().mean()


def test_large_starts_from_small_weights(tmp_path: Path) -> None:
    """By `--body large --start`; all else of the config is that of the weights."""
    small = narrow()
    checkpoint.save(tmp_path / "small.safetensors", small, "rednet", {})
    config = replace(small.config, body="large")
    net = make_net(Recipe(stage="image", data=(), out=tmp_path, start=tmp_path / "small.safetensors", config=config))
    assert net.config.body == "large" and net.body().skip_channels == (96, 192)
    crops = torch.rand(1, 3, 128, 128)
    with torch.inference_mode():
        points = small.points_of(small.image_steps(crops)[-1])
        assert (net.eval().points_of(net.image_steps(crops)[-1]) - points).abs().max() < 0.2  # stored in 16 bits

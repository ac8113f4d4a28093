"""EVAE-CNN's spatial step: local response maps decoded from a sampled code.

"An EVAE is used to learn the response maps of the landmarks, and a DCNN to regress landmark locations": here the first
is a spatial step of task `var68`, whose 68 maps are fed to a second step, `reg68`. "Once we remove the sampling
operation, the network becomes a FCN": that is `RedNetConfig(sampled=False)`.

From the seed: the code and its sampling, the maps as the second network's guide, the name. Ours, as the seed is an
abstract: the code lies on RED-Net's bottleneck grid, learnt constants replace the skips (with skips the maps would go
around the code), free bits, and the spread of samples as an uncertainty.

B pictures, C channels of the bottleneck, M map side, P points, K samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from redtrack.rednet import maps

if TYPE_CHECKING:
    from redtrack.rednet.model import RedNet

__all__ = ["FREE_BITS", "Code", "SampledBottleneck", "divergence", "spread"]

LOG_VARIANCE = (-8.0, 4.0)  # limits, so that no step of training throws the code away
FREE_BITS = 0.05  # nats of each unit that cost nothing: below, a unit would be switched off for good


class Code(NamedTuple):
    """The distribution of the code of pictures: mean and log variance, each (B, C, h, w)."""

    mean: Tensor
    log_variance: Tensor


class SampledBottleneck(nn.Module):
    """The bottleneck e as a distribution that is sampled in training, and its mean at inference.

    channels: of e. skips: channels of each skip that has numbers; switches of pooling need none.
    """

    def __init__(self, channels: int, skips: tuple[int, ...], sampled: bool) -> None:
        super().__init__()
        self.sampled = sampled
        self.mean = nn.Conv2d(channels, channels, 1)
        self.log_variance = nn.Conv2d(channels, channels, 1)
        self.constants = nn.ParameterList(torch.zeros(1, width, 1, 1) for width in skips)
        nn.init.dirac_(self.mean.weight)
        nn.init.zeros_(self.log_variance.weight)
        nn.init.constant_(self.log_variance.bias, -4.0)  # type: ignore[arg-type]

    def code(self, e: Tensor) -> Code:
        """The distribution of a bottleneck e (B, C, h, w)."""
        return Code(self.mean(e), self.log_variance(e).clamp(*LOG_VARIANCE))

    def draw(self, code: Code, noise: Tensor | None = None) -> Tensor:
        """One sample of the code (B, C, h, w): by normal noise (C, h, w), or by noise of its own for each picture."""
        noise = torch.randn_like(code.mean) if noise is None else noise
        return code.mean + noise * (code.log_variance / 2).exp()

    def forward(self, e: Tensor, skips: list[Tensor]) -> tuple[Tensor, list[Tensor], Code]:
        """What is decoded in place of e and its skips, and the code's distribution."""
        code = self.code(e)
        return self.draw(code) if self.sampled and self.training else code.mean, self.without_skips(skips), code

    def without_skips(self, skips: list[Tensor]) -> list[Tensor]:
        """Learnt constants in the place of skips (B, C, H, W); switches all say the first corner."""
        constants = iter(self.constants)
        return [
            next(constants).to(skip.dtype).expand_as(skip) if skip.is_floating_point() else torch.zeros_like(skip)
            for skip in skips
        ]


def divergence(code: Code, free: float = FREE_BITS) -> Tensor:
    """Kullback-Leibler divergence from the unit normal, nats a picture, of which each unit has some free."""
    mean, log_variance = code.mean.float(), code.log_variance.float()
    units = (mean.square() + log_variance.exp() - 1 - log_variance).mean(0) / 2  # (C, h, w)
    return units.clamp_min(free).sum()


@torch.inference_mode()
def spread(net: RedNet, crops: Tensor, samples: int, steps: tuple[str, ...] | None = None) -> Tensor:
    """How far the points of K samples of the code lie apart, px of the crop: (B, P).

    crops (B, 3, S, S); steps default to the config's. The root mean square distance of the last step's points from
    their mean, of each picture by itself. Ours: an uncertainty. All pictures have the same noise, and so do all calls:
    what a picture shares a batch with changes nothing, and what differs between two frames is the frames.
    """
    steps = steps or net.config.steps
    assert steps[0] == "var68", f"no step of {steps} has a code"
    seen, z = net.look(crops), net.first_feedback(len(crops))
    body = net.body(net.body_of_step(0, len(steps)))
    e, skips = body.encode(seen[0], z)
    code, blank = net.variational.code(e), net.variational.without_skips(skips)
    noise = torch.randn((samples, *e.shape[1:]), generator=torch.Generator().manual_seed(0)).to(e)
    drawn = []
    for own in noise:
        logits = net.head("var68", body.decode(net.variational.draw(code, own), blank))
        for k in range(1, len(steps)):
            logits = net.step(k, steps, seen, logits.sigmoid()).logits
        drawn.append(maps.map_to_crop(maps.soft_argmax(logits), net.stride))
    points = torch.stack(drawn)  # (K, B, P, 2)
    return (points - points.mean(0)).square().sum(-1).mean(0).sqrt()

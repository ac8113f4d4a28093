"""The body `small` in 8-bit integers, for CPUs that multiply them four at a time (VNNI): half the time of bfloat16.

Not the paper's. Everything between the feedback and the maps' features is rectified, hence an unsigned number of steps
of its largest value; weights are signed, with a step for each channel they make. Sums are exact; the bottleneck and
the features under the maps come out as floating-point numbers. How large each layer's values get is measured once, on
faces (`ranges_of`), and travels in the network's config.

B pictures, C channels, M map side.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redtrack.rednet.model import RedNet
from redtrack.rednet.small import SmallBody

__all__ = ["Int8Body", "ranges_of", "to_int8"]

STEPS = 255  # of a value
WEIGHT_STEPS = 127  # of a weight, on each side of 0
EVEN = 64  # channels that are made together: with a stride, 96 take three times as long as 128
STAGES = ("stage32", "stage16", "stage8", "back16", "back32")
FLOAT = ("bottleneck.0", "last.0")  # layers that make floating-point numbers


def to_int8(net: RedNet, dtype: torch.dtype) -> None:
    """Puts 8-bit bodies in the place of a fused network's; dtype is that of the arithmetic around them."""
    ranges = net.config.ranges
    each = len(ranges) // len(net.bodies)
    for k, body in enumerate(net.bodies):
        net.bodies[k] = Int8Body(cast(SmallBody, body), ranges[k * each : (k + 1) * each], dtype)


class Convolution:
    """A convolution of unsigned 8-bit values up to `largest`, rectified.

    It makes values of 8 bits up to `largest_out`, or floating-point numbers of `dtype` where that is given.
    """

    def __init__(
        self, conv: nn.Conv2d, largest: float, largest_out: float = STEPS, dtype: torch.dtype = torch.uint8
    ) -> None:
        weight, bias = conv.weight.detach().float(), cast(Tensor, conv.bias).detach().float()
        self.channels, self.stride, self.padding = len(bias), list(conv.stride), [int(side) for side in conv.padding]
        spare = -len(bias) % EVEN if self.stride[0] > 1 else 0
        weight, self.bias = F.pad(weight, (0, 0, 0, 0, 0, 0, 0, spare)), F.pad(bias, (0, spare))
        self.step = (weight.abs().flatten(1).amax(1) / WEIGHT_STEPS).clamp_min(1e-12)
        rounded = (weight / self.step.view(-1, 1, 1, 1)).round().to(torch.int8)
        self.step_in, self.step_out, self.dtype = largest / STEPS, largest_out / STEPS, dtype
        self.weight = torch.ops.onednn.qconv_prepack(
            rounded, self.step, self.step_in, 0, self.stride, self.padding, [1, 1], 1, None
        )
        self.zero = torch.zeros(len(self.step), dtype=torch.int32)

    def __call__(self, x: Tensor) -> Tensor:
        """Returns the rectified convolution of x (B, C, h, w)."""
        made: Tensor = torch.ops.onednn.qconv2d_pointwise(*self._first(x), *self._rest(), "relu", [], "")
        return made[:, : self.channels].contiguous(memory_format=torch.channels_last)

    def added(self, x: Tensor, shortcut: Tensor, largest: float) -> Tensor:
        """Returns the rectified sum of the convolution and a shortcut of values up to `largest`, in its place."""
        sum_and_relu: tuple[Any, ...] = (largest / STEPS, 0, "sum", 1.0, "relu", [], "")
        made: Tensor = torch.ops.onednn.qconv2d_pointwise.binary(
            *self._first(x), shortcut, *self._rest(), *sum_and_relu
        )
        return made

    def _first(self, x: Tensor) -> tuple[Tensor, float, int, Tensor, Tensor, Tensor]:
        return x, self.step_in, 0, self.weight, self.step, self.zero

    def _rest(self) -> tuple[Tensor, list[int], list[int], list[int], int, float, int, torch.dtype]:
        return self.bias, self.stride, self.padding, [1, 1], 1, self.step_out, 0, self.dtype


class Int8Body(SmallBody):
    """Encoder and decoder of `small` (eq. 1 and 2) from a trained one whose batch norms are folded away.

    The stem and the feedback stay as they are. ranges: as `ranges_of` gives them for this body; dtype: of what leaves.
    """

    def __init__(self, body: SmallBody, ranges: tuple[float, ...], dtype: torch.dtype) -> None:
        nn.Module.__init__(self)
        self.stem, self.feedback = body.stem, body.feedback
        convolutions = body.convolutions()
        self.depth = {name: len(cast(nn.Sequential, getattr(body, name))) for name in STAGES}
        self.largest = dict(zip(convolutions, ranges, strict=True))
        self.made = {}
        for (name, conv), following in zip(convolutions.items(), (*ranges[1:], 0.0), strict=True):
            out: tuple[Any, ...] = (STEPS, dtype) if name in FLOAT else (following, torch.uint8)
            self.made[name] = Convolution(conv, self.largest[name], *out)

    def encode(self, seen: Tensor, z: Tensor) -> tuple[Tensor, list[Tensor]]:
        """e and the skips, eq. 1, the latter in 8 bits."""
        x = self._rounded(self.feedback(z).add_(seen), "stage32.0.first.0")
        at32 = self._stage("stage32", x)
        at16 = self._stage("stage16", self.made["down16.0"](at32))
        at8 = self._stage("stage8", self.made["down8.0"](at16))
        return self.made["bottleneck.0"](at8), [at32, at16]

    def decode(self, e: Tensor, skips: list[Tensor]) -> Tensor:
        """The features under the maps, eq. 2; the skips stay as they are."""
        at32, at16 = skips
        x = self._up("up16.0", self._rounded(e, "up16.0"), at16, self.largest["down8.0"])
        x = self._up("up32.0", self._stage("back16", x), at32, self.largest["down16.0"])
        return self.made["last.0"](self._stage("back32", x))

    def _stage(self, name: str, x: Tensor) -> Tensor:
        """Returns what a stage's residual blocks make of x, in its place."""
        for block in (f"{name}.{k}" for k in range(self.depth[name])):
            inside = self.made[f"{block}.first.0"](x)
            x = self.made[f"{block}.second.0"].added(inside, x, self.largest[f"{block}.first.0"])
        return x

    def _up(self, name: str, x: Tensor, skip: Tensor, largest: float) -> Tensor:
        """Returns x at twice its side and with the skip's channels, added to the skip."""
        return self.made[name].added(F.interpolate(x, scale_factor=2.0, mode="nearest"), skip.clone(), largest)

    def _rounded(self, x: Tensor, name: str) -> Tensor:
        """Returns numbers, rectified, as the 8 bits that a convolution reads."""
        steps = x.mul(STEPS / self.largest[name]).clamp_(0, STEPS).round_()
        return steps.to(torch.uint8, memory_format=torch.channels_last)


@torch.no_grad()
def ranges_of(net: RedNet, crops: Tensor) -> tuple[float, ...]:
    """The largest value that each convolution of a network's bodies reads, body after body, on crops (B, 3, S, S).

    Nothing for a network that has no 8-bit form: a body of the paper's, or a variational step.
    """
    if net.config.body not in ("small", "large") or "var68" in net.config.steps:
        return ()
    convolutions = [conv for body in net.bodies for conv in cast(SmallBody, body).convolutions().values()]
    largest = dict.fromkeys(convolutions, 0.0)

    def note(conv: nn.Module, given: tuple[Tensor, ...]) -> None:
        largest[cast(nn.Conv2d, conv)] = max(largest[cast(nn.Conv2d, conv)], float(given[0].max()))

    hooks = [conv.register_forward_pre_hook(note) for conv in convolutions]
    try:
        net.image_steps(crops)
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(round(largest[conv], 3) for conv in convolutions)

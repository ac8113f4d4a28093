"""`vgg16`: the VGGNet-based encoder-decoder of section 4.1, figure 4 and table 1, layer for layer.

C channels; h, w the pooled size. The shape after a line is (C, H, W), without the batch.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redtrack.rednet.layers import PICTURE, conv_bn_relu, gaussian_start, stack
from redtrack.rednet.small import N_FEEDBACK

# Table 1: the filters of each module's 3 x 3 convolutions, and its output size.
ENCODER = {
    "A0": (64, 64),  # 128 x 128, after its pooling
    "A1": (128, 128),  # 64 x 64
    "A2": (256, 256, 256),  # 32 x 32
    "A3": (512, 512, 512),  # 16 x 16
    "A4": (512, 512, 512),  # 8 x 8
}
DECODER = {
    "B4": (512, 512, 512),  # 16 x 16, after its unpooling
    "B3": (512, 512, 512),  # 32 x 32
    "B2": (256, 256, 256),  # 64 x 64
    "B1": (128, 128),  # 128 x 128
}


def pool_with_switches(x: Tensor) -> tuple[Tensor, Tensor]:
    """Max-pooling 2 x 2 with the 2-bit switches of figure 5. (C, 2h, 2w) -> (C, h, w), uint8 (C, h, w).

    A switch says where the window's largest value was, the first of equals: 0 1 above, 2 3 below.
    """
    corners = F.pixel_unshuffle(x, 2).unflatten(1, (-1, 4))  # (C, 4, h, w)
    pooled, switches = corners.max(dim=2)
    return pooled, switches.to(torch.uint8)


def unpool_with_switches(x: Tensor, switches: Tensor) -> Tensor:
    """Puts each value back where its switch says, zero elsewhere. (C, h, w), uint8 (S, h, w) -> (C, 2h, 2w).

    Where S < C, each switch places C / S neighbouring channels.
    """
    switches = switches.repeat_interleave(x.shape[1] // switches.shape[1], dim=1)  # (C, h, w)
    corner = torch.arange(4, dtype=torch.uint8, device=x.device).view(4, 1, 1)
    corners = torch.where(switches.unsqueeze(2) == corner, x.unsqueeze(2), 0.0)  # (C, 4, h, w)
    return F.pixel_shuffle(corners.flatten(1, 2), 2)


def _modules(table: dict[str, tuple[int, ...]], c_in: int) -> nn.ModuleDict:
    """The modules of one half of table 1, without their pooling."""
    modules = nn.ModuleDict()
    for name, filters in table.items():
        modules[name] = nn.Sequential(*(conv_bn_relu(a, b) for a, b in pairwise((c_in, *filters))))
        c_in = filters[-1]
    return modules


class Vgg16Body(nn.Module):
    """Encoder and decoder of table 1: 13 + 11 convolutions, five poolings, four unpoolings; eq. 1 and 2.

    e has 256 + 256 channels at 8 x 8 (eq. 3); averaged, each half is the 256-d vector of figure 7.

    Where the paper contradicts itself:
    - Table 1 prints "-" where A4's pooling would be, but its sizes 128, 64, 32, 16, 8 and the text want five
      poolings of a 256 x 256 picture, and B4 an index to unpool with: A4 is pooled.
    - B3 gives 512 channels and B2 256, but the indices they are unpooled with, of A2 and A1, have 256 and
      128. The table's filters are kept: two channels share an index. (The other way out, to end B3 with 256
      filters as A2 mirrored would, gives up the table.)
    - Section 4.2 has last convolutions of 512 x 1 x 1, table 1 has 128 channels in B1: the heads read 128.
    - The encoder has one stage more than the decoder, so A0's indices are dropped.
    """

    map_size = 128
    features = 128  # channels of B1, which the heads read
    id_channels = 256
    pe_channels = 256
    pool = 1  # 256 x 1 x 1 = 256

    skip_channels = ()  # switches have no numbers

    def __init__(self, feedback: int = N_FEEDBACK) -> None:
        super().__init__()
        self.encoder = _modules(ENCODER, PICTURE + feedback)
        self.decoder = _modules(DECODER, self.id_channels + self.pe_channels)
        self.apply(gaussian_start)

    def look(self, pictures: Tensor) -> Tensor:
        """What the spatial steps share: the picture itself, as z enters the first convolution with it."""
        return pictures

    def encode(self, seen: Tensor, z: Tensor) -> tuple[Tensor, list[Tensor]]:
        """e and the switches of A1 to A4, eq. 1. (3, 256, 256), (7, 128, 128) -> (512, 8, 8), 4 x uint8."""
        x, skips = stack(seen, z), []  # (10, 256, 256)
        for module in self.encoder.values():
            x, switches = pool_with_switches(module(x))  # half the side
            skips.append(switches)
        return x, skips[1:]

    def decode(self, e: Tensor, skips: list[Tensor]) -> Tensor:
        """The features under the maps, eq. 2. (512, 8, 8), the switches of `encode` -> (128, 128, 128)."""
        x = e
        for module, switches in zip(self.decoder.values(), reversed(skips), strict=True):
            x = module(unpool_with_switches(x, switches))  # twice the side
        return x

"""`resnet152`: the ResNet-based encoder-decoder of section 4.1, figure 6 and tables 2 and 3, layer for layer.

C channels; the shape after a line is (C, H, W), without the batch.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from redtrack.rednet.layers import PICTURE, conv_bn_relu, gaussian_start, stack
from redtrack.rednet.small import N_FEEDBACK, conv_bn

WIDEN = 4  # a unit's last convolution over its first two: [64, 64, 256] and so on, tables 2 and 3

# Table 2: residual units and the filters of their first two convolutions. C0, 7 x 7, gives 128 x 128.
ENCODER = {
    "C1": (3, 64),  # 64 x 64, halved by its last unit
    "C2": (8, 128),  # 32 x 32
    "C3": (36, 256),  # 16 x 16
    "C4": (3, 512),  # 8 x 8
}
# Table 2: the filters of the 2 x 2 deconvolution and of the 1 x 1 convolution behind it.
DECODER = {
    "D4": (512, 1024),  # 16 x 16
    "D3": (256, 512),  # 32 x 32
    "D2": (128, 256),  # 64 x 64
    "D1": (64, 128),  # 128 x 128
}
# Table 3: units and filters of the skip modules.
SKIPS = {
    "E1": (3, 64),  # 64 x 64, from C1 to D2
    "E2": (3, 128),  # 32 x 32, from C2 to D3
    "E3": (3, 256),  # 16 x 16, from C3 to D4
}


class Unit(nn.Module):
    """The residual unit of figure 5, right: 1 x 1, 3 x 3 and 1 x 1 convolutions beside a shortcut.

    As in ResNet-152, the first unit of a module projects its shortcut to the new channels. Where a unit
    halves the map, its 3 x 3 convolution has the stride, and the shortcut keeps every second pixel: the
    identity, without parameters. The last normalisation starts at zero: a fresh tower of 50 units is near the
    identity, where it would otherwise double its variance with every unit until the running statistics are
    known.
    """

    def __init__(self, c_in: int, width: int, stride: int = 1) -> None:
        super().__init__()
        c_out = WIDEN * width
        self.stride = stride
        self.conv1 = conv_bn_relu(c_in, width, kernel=1)
        self.conv2 = conv_bn_relu(width, width, kernel=3, stride=stride)
        self.conv3 = conv_bn(width, c_out, kernel=1)
        nn.init.zeros_(self.conv3.get_parameter("1.weight"))
        self.shortcut = nn.Identity() if c_in == c_out else conv_bn(c_in, c_out, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """(C_in, H, W) -> (4 width, H / stride, W / stride)."""
        shortcut = self.shortcut(x[..., :: self.stride, :: self.stride])
        return F.relu(shortcut + self.conv3(self.conv2(self.conv1(x))))


def _units(c_in: int, n: int, width: int, last_stride: int) -> nn.Sequential:
    """n residual units, the last of them with the stride."""
    units = [Unit(WIDEN * width if i else c_in, width, last_stride if i == n - 1 else 1) for i in range(n)]
    return nn.Sequential(*units)


def _upsample(c_in: int, width: int, c_out: int) -> nn.Sequential:
    """A decoder module of table 2: a 2 x 2 deconvolution with stride 2, then a 1 x 1 convolution."""
    deconv = nn.ConvTranspose2d(c_in, width, kernel_size=2, stride=2, bias=False)
    norm = nn.BatchNorm2d(width)
    return nn.Sequential(deconv, norm, nn.ReLU(inplace=True), *conv_bn_relu(width, c_out, kernel=1))


class Resnet152Body(nn.Module):
    """Encoder and decoder of tables 2 and 3; eq. 1 and 2.

    The encoder is 1 + 3 x 50 = 151 convolutions; the shortcuts do not count, as in ResNet-152's own name. A
    stride of 2 ends each of C0 to C4 and there is no max-pooling, so all units but a module's last work at
    twice the side that the ImageNet network gives them. The skips E1 to E3 are added to D2 to D4. e has
    1024 + 1024 channels at 8 x 8 (eq. 3).

    Where the paper leaves room:
    - 151 convolutions leave none for halving beside the units: the last unit of a module has the stride.
    - The text counts 4 layers in the decoder, table 2 has a 1 x 1 convolution behind each of the 4
      deconvolutions: both are here.
    - Section 4.2 has last convolutions of 512 x 1 x 1, table 2 has 128 channels in D1: the heads read 128.
    - 1024 channels are not the 256-d vector of figure 7: the temporal and the identity module project them.
    """

    map_size = 128
    features = 128  # channels of D1, which the heads read
    id_channels = 1024
    pe_channels = 1024
    pool = 1

    skip_channels = (256, 512, 1024)

    def __init__(self, feedback: int = N_FEEDBACK) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict({"C0": conv_bn_relu(PICTURE + feedback, 64, kernel=7, stride=2)})
        c_in = 64
        for name, (n, width) in ENCODER.items():
            self.encoder[name] = _units(c_in, n, width, last_stride=2)
            c_in = WIDEN * width
        self.skips = nn.ModuleDict({e: _units(WIDEN * width, n, width, 1) for e, (n, width) in SKIPS.items()})
        self.decoder = nn.ModuleDict()
        for name, (width, c_out) in DECODER.items():
            self.decoder[name] = _upsample(c_in, width, c_out)
            c_in = c_out
        self.apply(gaussian_start)

    def look(self, pictures: Tensor) -> Tensor:
        """What the spatial steps share: the picture itself, as z enters the first convolution with it."""
        return pictures

    def encode(self, seen: Tensor, z: Tensor) -> tuple[Tensor, list[Tensor]]:
        """e and the skips E1 to E3, eq. 1. (3, 256, 256), (7, 128, 128) -> (2048, 8, 8),
        [(256, 64, 64), (512, 32, 32), (1024, 16, 16)].

        The skip modules run here, not in `decode`, so that a frame decoded once for each direction of time
        has them computed once.
        """
        x, stages = stack(seen, z), []  # (10, 256, 256)
        for module in self.encoder.values():
            x = module(x)  # half the side
            stages.append(x)
        return x, [skip(stage) for skip, stage in zip(self.skips.values(), stages[1:4], strict=True)]

    def decode(self, e: Tensor, skips: list[Tensor]) -> Tensor:
        """The features under the maps, eq. 2. (2048, 8, 8), the skips of `encode` -> (128, 128, 128)."""
        *upper, last = self.decoder.values()
        x = e
        for module, skip in zip(upper, reversed(skips), strict=True):
            x = module(x) + skip  # twice the side
        return last(x)

"""`small` and `large`: the encoder-decoders that ship, the paper's section 3.1 at a laptop's size, and twice as wide.

Not the paper's: 128 x 128 in, maps at a quarter (32 x 32), residual blocks, additive skips. On a CPU, channels
at low resolution are cheap and large maps are not, so the feedback maps enter after the stem, which is then
computed once for all spatial steps.

N faces, C channels; the shape after a line is (C, H, W).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (48, 96, 192)  # channels at 32, 16 and 8 pixels
LARGE = (96, 192, 384)  # of `large`
DEPTHS = (2, 3, 3)  # residual blocks there
N_FEEDBACK = 7


def conv_bn(c_in: int, c_out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution and batch normalisation, without the rectifier."""
    conv = nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out))


class Residual(nn.Module):
    """Two 3 x 3 convolutions and a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv_bn(channels, channels)
        self.second = conv_bn(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(F.relu(self.first(x), inplace=True)).add_(x), inplace=True)


def _stage(channels: int, depth: int) -> nn.Sequential:
    return nn.Sequential(*(Residual(channels) for _ in range(depth)))


class SmallBody(nn.Module):
    """Encoder and decoder of `small`; eq. 1 and 2. Of `large` with its widths.

    The bottleneck has 64 + 64 channels at 8 x 8 (eq. 3); pooled to 2 x 2 each half is a 256-d vector (figure 7). It and
    the last layer are as wide in `large`, so that all that reads them fits both.
    """

    map_size = 32
    features = 96  # channels of the decoder's last layer, which the heads read
    id_channels = 64
    pe_channels = 64
    pool = 2  # 64 x 2 x 2 = 256

    def __init__(self, feedback: int = N_FEEDBACK, widths: tuple[int, int, int] = WIDTHS) -> None:
        super().__init__()
        w32, w16, w8 = widths
        self.skip_channels = widths[:2]
        self.stem = nn.Sequential(conv_bn(3, 24, stride=2), nn.ReLU(inplace=True), conv_bn(24, w32, stride=2))
        self.feedback = nn.Conv2d(feedback, w32, 3, padding=1)
        self.stage32 = _stage(w32, DEPTHS[0])
        self.down16 = conv_bn(w32, w16, stride=2)
        self.stage16 = _stage(w16, DEPTHS[1])
        self.down8 = conv_bn(w16, w8, stride=2)
        self.stage8 = _stage(w8, DEPTHS[2])
        self.bottleneck = conv_bn(w8, self.id_channels + self.pe_channels, kernel=1)
        self.up16 = conv_bn(self.id_channels + self.pe_channels, w16, kernel=1)
        self.back16 = _stage(w16, 1)
        self.up32 = conv_bn(w16, w32, kernel=1)
        self.back32 = _stage(w32, 2)
        self.last = conv_bn(w32, self.features)

    def convolutions(self) -> dict[str, nn.Conv2d]:
        """Those from the feedback to the maps' features by name, in the order in which they run."""
        parts = {n: m for n, m in self.named_modules() if isinstance(m, nn.Conv2d)}
        return {n: m for n, m in parts.items() if n.split(".")[0] not in ("stem", "feedback")}

    def look(self, crops: Tensor) -> Tensor:
        """What the spatial steps share: the stem. (3, 128, 128) -> (48, 32, 32)."""
        return self.stem(crops)

    def encode(self, seen: Tensor, z: Tensor) -> tuple[Tensor, list[Tensor]]:
        """e and the skips, eq. 1. seen (48, 32, 32), z (7, 32, 32) -> (128, 8, 8), [(48, 32, 32), (96, 16, 16)]."""
        at32 = self.stage32(F.relu(self.feedback(z).add_(seen), inplace=True))  # (48, 32, 32)
        at16 = self.stage16(F.relu(self.down16(at32), inplace=True))  # (96, 16, 16)
        at8 = self.stage8(F.relu(self.down8(at16), inplace=True))  # (192, 8, 8)
        return F.relu(self.bottleneck(at8), inplace=True), [at32, at16]

    def decode(self, e: Tensor, skips: list[Tensor]) -> Tensor:
        """The features under the maps, eq. 2. e (128, 8, 8) -> (96, 32, 32)."""
        at32, at16 = skips
        up = F.interpolate(self.up16(e), scale_factor=2.0, mode="nearest")
        x = self.back16(F.relu(up.add_(at16), inplace=True))  # (96, 16, 16)
        up = F.interpolate(self.up32(x), scale_factor=2.0, mode="nearest")
        x = self.back32(F.relu(up.add_(at32), inplace=True))  # (48, 32, 32)
        return F.relu(self.last(x), inplace=True)

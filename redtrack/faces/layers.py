"""What the detector's networks are built of. Axes: B pictures, C channels, h and w cells."""

from __future__ import annotations

from torch import Tensor, nn


def conv_unit(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution, batch normalisation and ReLU; `same` padding."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """A bottleneck block: 1x1 to half the channels, 3x3 back, added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = conv_unit(channels, channels // 2, 1)
        self.expand = conv_unit(channels // 2, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.expand(self.reduce(x))  # (B, C, h, w)

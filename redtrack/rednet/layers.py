"""What the paper's two encoder-decoders share: convolution + normalisation + rectifier, and eq. 1's stacking.

C channels; the shape after a line is (C, H, W), without the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redtrack.rednet.small import N_FEEDBACK, conv_bn

PICTURE = 3  # channels
C_IN = PICTURE + N_FEEDBACK  # the picture and the seven detection maps of the step before


def conv_bn_relu(c_in: int, c_out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution as section 4.1 has it: "batch normalization and ReLU are applied after each"."""
    return conv_bn(c_in, c_out, kernel, stride).append(nn.ReLU(inplace=True))


def stack(pictures: Tensor, z: Tensor) -> Tensor:
    """The encoder's input, eq. 1: x and z. (3, H, W), (7, H / 2, W / 2) -> (10, H, W).

    Section 3.1 has z as large as x; section 4.1 has it at half of x, so it is enlarged here. Without aligned
    corners the centres of map cells stay where `maps.map_to_crop` puts them.
    """
    z = F.interpolate(z, size=pictures.shape[-2:], mode="bilinear", align_corners=False)  # (7, H, W)
    return torch.cat((pictures, z), dim=1)


def gaussian_start(module: nn.Module) -> None:
    """Fills one convolution's weights with Gaussian noise (section 5.1); to be given to `Module.apply`.

    The paper's Caffe of 2014 leaves the deviation open; He's keeps the variance through the rectifiers.
    """
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

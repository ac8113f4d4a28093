"""Batch normalisation folded into the convolution before it: the same numbers, fewer passes, for inference only."""

from __future__ import annotations

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights


def fuse(net: nn.Module) -> nn.Module:
    """Returns the network, in eval mode, with each convolution + batch norm of its `nn.Sequential`s fused, in place."""
    assert not net.training, "only a network in eval mode can be fused"
    for module in net.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                conv, norm = module[i], module[i + 1]
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    known = norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
                    conv.weight, conv.bias = fuse_conv_bn_weights(conv.weight, conv.bias, *known)  # type: ignore[arg-type]
                    module[i + 1] = nn.Identity()
    return net

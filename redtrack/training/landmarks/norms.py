"""Normalisations of an ImageNet start, fitted to our pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from redtrack.rednet.body import Body


@torch.no_grad()
def fit_norms(body: Body, seen: Tensor, z: Tensor) -> None:
    """Gives every batch norm of an encoder the statistics of a batch, without changing what the encoder computes.

    A network that was trained without normalisations, as plain VGG-16, gets norms that leave its scales as they are;
    in training they would divide them out, by the batch's own deviation. Where weight and bias undo exactly that, the
    scales stay in training as well. seen, z: what `body.encode` takes.
    """
    assert isinstance(body, nn.Module)
    norms = [module for module in body.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(_fit) for norm in norms]
    was_training = body.training
    body.eval()
    body.encode(seen, z)
    for hook in hooks:
        hook.remove()
    body.train(was_training)


def _fit(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Moves a norm's statistics to those of its input, and weight and bias so that its output stays."""
    assert isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None
    scale = module.weight / (module.running_var + module.eps).sqrt()
    shift = module.bias - module.running_mean * scale
    variance, mean = torch.var_mean(inputs[0].float(), (0, 2, 3), correction=0)
    module.weight.copy_(scale * (variance + module.eps).sqrt())
    module.bias.copy_(shift + scale * mean)
    module.running_mean.copy_(mean)
    module.running_var.copy_(variance)

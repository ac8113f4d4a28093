"""An ImageNet start keeps its scales in training."""

import copy

import torch
from torch import nn

from redtrack.rednet.vgg16 import Vgg16Body
from redtrack.training.landmarks.norms import fit_norms


def test_a_start_without_norms_computes_the_same_before_after_and_in_training():
    """Plain VGG-16's encoder: its norms are the identity but for the biases, which training would divide out."""
    torch.manual_seed(0)
    body = Vgg16Body().eval()
    for norm in (m for m in body.encoder.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.running_mean.normal_()
        norm.weight.data.uniform_(0.5, 3.0)
    pictures, z = torch.rand(2, 3, 64, 64), torch.zeros(2, 7, 32, 32)
    with torch.no_grad():
        before = body.encode(pictures, z)[0]
        lost = copy.deepcopy(body).train().encode(pictures, z)[0]
        fit_norms(body.eval(), pictures, z)
        after, learning = body.encode(pictures, z)[0], body.train().encode(pictures, z)[0]
    scale = before.abs().max()
    assert (after - before).abs().max() < 1e-3 * scale and (learning - after).abs().max() < 1e-2 * scale
    assert (lost - before).abs().max() > 0.1 * scale

"""The recurrence of the points in numpy."""

import numpy as np
import pytest
import torch
from evidence import made_evidence

from redtrack.rednet.temporal import PointRecurrence
from redtrack.rednet.tie import recur
from redtrack.rednet.walk import PointWalk


@pytest.mark.parametrize(("certain", "aligned"), [(False, False), (True, False), (False, True), (True, True)])
@torch.inference_mode()
def test_the_walk_is_the_recurrence(certain: bool, aligned: bool):
    """Chains that begin at different frames have torch's points, frames seen and variances, but for rounding."""
    torch.manual_seed(0)
    recurrence = PointRecurrence(certain, aligned).eval()
    for parameter in recurrence.parameters():
        parameter.add_(0.3 * torch.randn_like(parameter))
    evidence = np.stack([made_evidence(20, seed)[:, seed % 2] for seed in range(8)])
    evidence[..., 3] = np.random.default_rng(0).uniform(-6, -3, evidence.shape[:3])
    active = np.ones((8, 20), np.float32)
    active[1, :10] = active[2, :17] = 0
    expected = recur(recurrence, torch.from_numpy(evidence), torch.from_numpy(active))
    for own, of_torch in zip(PointWalk(recurrence).along(evidence, active), expected, strict=True):
        assert np.abs(own - of_torch.numpy())[active > 0].max() < 1e-5


@pytest.mark.filterwarnings("error")
@torch.inference_mode()
def test_what_the_gain_has_no_doubt_of_is_no_warning():
    """A gain of which a network is as sure as numbers can be says nothing on stderr, and the points are numbers."""
    recurrence = PointRecurrence(True, True).eval()
    recurrence.gain[-1].bias.fill_(-1000.0)
    evidence = made_evidence(20, 0)[None, :, 0]
    points, _, _ = PointWalk(recurrence).along(evidence, np.ones((1, 20), np.float32))
    assert np.isfinite(points).all()

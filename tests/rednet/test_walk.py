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

"""Temporal recurrence: the LSTM on e_pe, and the points that recur."""

import torch

from redtrack.rednet.identity import IdentityHead
from redtrack.rednet.temporal import HIDDEN, PointRecurrence, TemporalUpdate, first_motion


def test_an_untrained_update_changes_nothing():
    """q starts at zero, so e_pe* = e_pe before the third stage."""
    update = TemporalUpdate(64, 2)
    e_pe = torch.rand(6, 64, 8, 8)
    hidden, _ = update.walk(update.squeeze_frames(e_pe).view(2, 3, -1), torch.zeros(2, HIDDEN), torch.zeros(2, HIDDEN))
    assert torch.equal(update.unpool(hidden.flatten(0, 1), e_pe), e_pe)


def test_pooling_gives_the_papers_256_numbers():
    """64 channels on a 2 x 2 grid and 256 on one cell need no projection; 1024 channels get one (section 4.2)."""
    for channels, pool, projected in ((64, 2, False), (256, 1, False), (1024, 1, True)):
        update = TemporalUpdate(channels, pool)
        assert update.squeeze_frames(torch.rand(3, channels, 8, 8)).shape == (3, 256)
        assert isinstance(update.squeeze, torch.nn.Linear) == projected


def test_unpooling_moves_levels_and_keeps_patterns():
    """Inside a pooled cell, differences between pixels stay."""
    update = TemporalUpdate(64, 2)
    torch.nn.init.normal_(update.expand.weight)
    e_pe = torch.rand(1, 64, 8, 8)
    moved = update.unpool(torch.rand(1, HIDDEN), e_pe) - e_pe
    assert moved.abs().max() > 0.1
    assert (moved[:, :, :4, :4].amax((2, 3)) - moved[:, :, :4, :4].amin((2, 3))).max() < 1e-5


def walk(points: torch.Tensor, recurrence: PointRecurrence) -> torch.Tensor:
    """The recurrence over points (N, T, 68, 2) with confident maps and a silent LSTM."""
    n, t = points.shape[:2]
    evidence = recurrence.evidence(torch.zeros(n, t, HIDDEN), points, torch.ones(n, t, 68))
    return recurrence(evidence, first_motion(n, points))[0]


def test_the_first_frame_is_the_maps_own():
    """Without a past, the points are what the maps say."""
    points = torch.rand(2, 1, 68, 2)
    assert torch.allclose(walk(points, PointRecurrence()), points)


def test_noise_is_damped_from_the_start():
    """Even untrained, the recurrence lowers the second difference of points that tremble about a place."""
    points = 0.5 + 0.01 * torch.randn(4, 30, 68, 2, generator=torch.Generator().manual_seed(0))
    mixed = walk(points, PointRecurrence()).detach()

    def tremble(x: torch.Tensor) -> float:
        return float((x[:, 2:] - 2 * x[:, 1:-1] + x[:, :-2]).norm(dim=-1).mean())

    assert tremble(mixed) < 0.8 * tremble(points)


def test_steady_motion_is_followed_without_lag():
    """Points that move evenly are met again after a few frames: the recurrence carries their speed."""
    t = torch.arange(60.0).view(1, -1, 1, 1)
    points = (0.1 + 0.01 * t).expand(1, -1, 68, 2)
    assert (walk(points, PointRecurrence()) - points)[:, -1].abs().max() < 0.002


def test_identity_head_gives_a_score_for_each_person():
    """A 256-d vector, dropout 0.6 and one layer (section 4.3)."""
    head = IdentityHead(64, 2, people=5)
    assert head.vector(torch.rand(3, 64, 8, 8)).shape == (3, 256)
    assert head(torch.rand(3, 64, 8, 8)).shape == (3, 5)
    assert head.dropout.p == 0.6

"""The video stage: what it is tried on, and what learns in it."""

import numpy as np
import pytest
import torch
from dotted_faces import dotted_faces
from labelled_faces import write_folders
from torch import nn

from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.training.landmarks import trials, video
from redtrack.training.landmarks.clips import Clip
from redtrack.training.landmarks.faces import FaceSet, read_faces


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A 300-W folder `faces` of dotted faces."""
    return write_folders(tmp_path_factory.mktemp("data"))


def test_a_still_trial_measures_jitter_against_exact_truth(folder):
    """The truth itself has neither error nor jitter; the trial's frames differ."""
    faces, _ = read_faces(folder / "faces")
    trial = trials.still_trial(faces, 2, 5, 128, occluded=True)
    assert trial.crops.shape == (2, 5, 3, 128, 128) and trial.truth.shape == (2, 5, 68, 2)
    assert not torch.equal(trial.crops[0, 0], trial.crops[0, 4])


def stills(people: int = 2) -> FaceSet:
    """A dotted face of each person."""
    images, points = dotted_faces(people)
    return FaceSet(images, points, np.ones(people, np.float32), np.arange(people), ["a"] * people, ["x"] * people,
                   np.zeros(people, np.float32))  # fmt: skip


def test_the_whole_network_learns_all_losses_where_it_is_not_frozen():
    """Detection and identity too (eq. 14); batch norms keep their statistics, and step 1 gets a gradient."""
    torch.manual_seed(0)
    net = RedNet(RedNetConfig(temporal=True, identities=2)).train()
    video.set_frozen(net, False)
    loss = video.video_loss(video.ClipSet(stills()), frames=3, batch=1, frozen=False)
    before = [m.running_mean.clone() for m in net.bodies.modules() if isinstance(m, nn.BatchNorm2d)]
    total, parts = loss(net, np.random.default_rng(0))
    assert set(parts) == {"regression", "coordinate", "unsteady", "opening", "first_detection", "identity"}
    total.backward()
    after = [m.running_mean for m in net.bodies.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert net.heads["det7"].weight.grad is not None and net.identity.people.weight.grad is not None


def test_a_frozen_body_gets_no_gradient():
    """And neither detection nor identity is asked of it."""
    net = RedNet(RedNetConfig(temporal=True)).train()
    video.set_frozen(net, True)
    total, parts = video.video_loss(video.ClipSet(stills()), frames=3, batch=1)(net, np.random.default_rng(0))
    assert set(parts) == {"regression", "coordinate", "unsteady", "opening"}
    total.backward()
    assert all(p.grad is None for p in net.bodies.parameters())


def test_real_clips_are_drawn_at_any_length(monkeypatch):
    """Clips of as many frames as two windows have; the crops follow the config's scale."""
    monkeypatch.setattr(video, "REAL", 1.0)
    images, points = dotted_faces(1)
    clip = Clip(images.expand(34, -1, -1, -1), points.repeat(34, 0))
    batch = video.random_batch(video.ClipSet(stills(), [clip]), 2, 34, 64, np.random.default_rng(0), 1.4)
    assert batch.crops.shape == (2, 34, 3, 64, 64) and batch.truth.shape == (2, 34, 68, 2)
    assert batch.identity.tolist() == [-1, -1] and batch.trust.tolist() == [video.REAL_TRUST] * 2


def test_a_lid_that_trembles_hardly_counts():
    """What steadies lids smooths blinks away."""
    truth = torch.zeros(1, 9, 68, 2)
    moved, trust = [], torch.ones(1)
    for point in (37, 30):
        points = truth.clone()
        points[0, 4, point, 0] = 1000.0
        moved.append(video.unsteadiness(points, truth, 128, trust) - video.unsteadiness(truth, truth, 128, trust))
    assert torch.isclose(27 * moved[0], moved[1], rtol=1e-3)


def eyes_open_by(*heights: float) -> torch.Tensor:
    """Points (1, T, 68, 2) of eyes 20 px wide and so many px high, all else in one place."""
    points = torch.zeros(1, len(heights), 68, 2)
    points[0, :, [39, 45], 0] = 20.0
    points[0, :, [40, 41, 46, 47], 1] = torch.tensor(heights)[:, None]
    return points


def test_shut_eyes_that_are_found_open_count():
    """By the distance of their lids, and not by where they are; frames with open eyes do not count."""
    truth, trust = eyes_open_by(8.0, 1.0, 1.0), torch.ones(1)
    assert video.opening(truth + 5.0, truth, 128, trust) == 0
    assert video.opening(eyes_open_by(9.0, 1.0, 1.0), truth, 128, trust) == 0
    half_open = video.opening(eyes_open_by(8.0, 3.0, 1.0), truth, 128, trust)
    assert torch.isclose(half_open, torch.tensor(100 / 128))
    assert video.opening(eyes_open_by(8.0), eyes_open_by(8.0), 128, trust) == 0

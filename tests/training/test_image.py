"""The image stage's batches, losses and figures."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from dotted_faces import dotted_faces

from redtrack.points import SEVEN
from redtrack.rednet import maps
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.training.landmarks import image
from redtrack.training.landmarks.augment import NONE
from redtrack.training.landmarks.faces import FaceSet


def test_errors_are_in_percent_of_the_eye_distance():
    """A shift of a tenth of the outer eye corners' distance is an error of 10."""
    _, points = dotted_faces(2)
    shifted = points + np.array([0.1 * image.eye_distance(points)[0], 0])
    assert np.allclose(image.face_errors(shifted, points), 10, atol=1e-3)


@pytest.fixture(scope="module")
def net() -> RedNet:
    """An untrained network."""
    torch.manual_seed(0)
    return RedNet(RedNetConfig())


@pytest.fixture(scope="module")
def faces() -> FaceSet:
    """Four dotted faces."""
    images, points = dotted_faces(4)
    return FaceSet(images, points, np.ones(4, np.float32), np.full(4, -1), list("abcd"), ["x"] * 4,
                   np.zeros(4, np.float32))  # fmt: skip


def test_a_neighbours_points_stand_in_for_the_first_step(net):
    """Such a batch has no first step; its feedback are discs at about the true seven points."""
    crops, truth = torch.rand(2, 3, 128, 128), torch.full((2, 68, 2), 60.0)
    tasks = [out.task for out in image.run_steps(net, crops, truth, np.random.default_rng(1), neighbour=1.0)]
    assert set(tasks) == {"reg68"}
    tasks = [out.task for out in image.run_steps(net, crops, truth, np.random.default_rng(1), neighbour=0.0)]
    assert tasks[:2] == ["det7", "reg68"]


def test_a_neighbours_maps_lie_a_little_off(net):
    """The face by half a map cell, each point by a third; about a hundred faces of seven points."""
    truth = torch.full((100, 68, 2), 63.5)
    z = image.neighbour_maps(net, truth, np.random.default_rng(0))
    assert z.shape == (100, 7, 32, 32) and z.min() >= 0 and z.max() <= 1
    axis = torch.arange(32.0)
    x = (z.sum(2) * axis).sum(-1) / z.sum((2, 3)) - maps.crop_to_map(torch.tensor(63.5), net.stride)
    assert x.mean(1).std() == pytest.approx(0.5, abs=0.15) and (x - x.mean(1, keepdim=True)).std() > 0.25


def test_soft_discs_are_discs_with_a_soft_edge():
    """One inside the radius, nothing outside, a half on the edge."""
    discs = maps.soft_disc_maps(torch.tensor([[[15.0, 10.0]]]), 128)
    radius = maps.RADIUS * 128
    assert discs[0, 0, 10, 15] > 0.999 and discs[0, 0, 10, 15 + int(radius)] == pytest.approx(0.5)
    assert discs[0, 0, 10, 15 + int(radius) + 2] < 0.001
    assert len(SEVEN) == 7


def test_a_teachers_heat_maps_are_learnt(net, faces):
    """A part of the loss that is small where the network is its own teacher, whatever the labels are."""
    loss = image.image_loss(faces, np.full(4, 0.25), NONE, batch=2, teacher=net)
    net.eval()
    parts = loss(net, np.random.default_rng(3))[1]
    torch.manual_seed(1)
    other = image.image_loss(faces, np.full(4, 0.25), NONE, batch=2,
                             teacher=RedNet(RedNetConfig()).eval())  # fmt: skip
    assert parts["teacher"] < 1e-3 < other(net, np.random.default_rng(3))[1]["teacher"]


def test_validation_looks_at_crops_as_the_network_knows_them(net, faces, monkeypatch):
    """Of the scale in its config."""
    sides = []
    cut = image.cut
    monkeypatch.setattr(image, "cut", lambda images, crops: sides.append(crops.side.mean()) or cut(images, crops))
    image.predict_faces(net, faces)
    monkeypatch.setattr(net, "config", replace(net.config, crop_scale=1.2))
    image.predict_faces(net, faces)
    assert sides[1] / sides[0] == pytest.approx(1.2 / 1.4, abs=1e-6)

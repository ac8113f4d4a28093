"""Landmarks become maps and maps become the same landmarks."""

import torch

from redtrack.rednet import maps


def test_crop_and_map_coordinates_undo_each_other():
    """A crop pixel to a map cell and back is itself, and corners of the picture are corners of the map."""
    points = torch.tensor([[0.0, 5.5], [127.0, 64.0]])
    assert torch.allclose(maps.map_to_crop(maps.crop_to_map(points, 4.0), 4.0), points)
    assert maps.crop_to_map(torch.tensor(-0.5), 4.0) == -0.5  # the outer edge of the first pixel and the first cell


def test_soft_argmax_finds_the_centre_of_a_gaussian():
    """The expectation under a sharp map is the point that made it, below a tenth of a cell."""
    cells = torch.tensor([[[10.3, 20.7], [15.0, 8.25]]])
    logits = torch.log(maps.gaussian_maps(cells, 32) + 1e-9)
    assert (maps.soft_argmax(logits) - cells).abs().max() < 0.1


def test_disc_maps_have_the_papers_radius():
    """At 128 cells the disc reaches 5 cells from its centre (section 4.2)."""
    disc = maps.disc_maps(torch.tensor([[[64.0, 64.0]]]), 128)[0, 0]
    assert disc[64, 59] == 1 and disc[64, 58] == 0 and disc[69, 64] == 1


def test_gaussian_maps_have_the_papers_width():
    """At 128 cells the value 5 cells away is that of one standard deviation."""
    heat = maps.gaussian_maps(torch.tensor([[[64.0, 64.0]]]), 128)[0, 0]
    assert heat[64, 64] == 1 and torch.isclose(heat[64, 69], torch.exp(torch.tensor(-0.5)))


def test_peak_is_the_highest_heat():
    """A map's confidence is its highest value through the sigmoid."""
    logits = torch.full((1, 1, 4, 4), -9.0)
    logits[0, 0, 2, 3] = 2.0
    assert torch.isclose(maps.peak(logits)[0, 0], torch.tensor(2.0).sigmoid())

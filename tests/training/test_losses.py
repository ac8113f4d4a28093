"""The losses are small where the network is right and weigh pictures by trust."""

import pytest
import torch

from redtrack.rednet import maps
from redtrack.training.landmarks.losses import coordinate_loss, detection_loss, identity_loss, regression_loss


def targets():
    """Two pictures' discs and Gaussians of two points."""
    cells = torch.tensor([[[8.0, 9.0], [20.0, 5.0]], [[15.0, 15.0], [3.0, 30.0]]])
    return maps.disc_maps(cells, 32), maps.gaussian_maps(cells, 32)


def test_a_perfect_map_costs_nearly_nothing():
    """Sure and right maps have a loss near zero, unsure ones do not (eq. 6 and 8)."""
    disc, heat = targets()
    sure = torch.logit(heat, 1e-4)
    assert detection_loss((disc * 2 - 1) * 12, disc, torch.ones(2)) < 1e-4
    assert regression_loss(sure, heat, torch.ones(2)) < 1e-6
    assert detection_loss(torch.zeros_like(disc), disc, torch.ones(2)) > 0.6
    assert regression_loss(torch.zeros_like(heat), heat, torch.ones(2)) > 0.1


@pytest.mark.parametrize("loss", [detection_loss, regression_loss])
def test_the_foreground_counts_more(loss):
    """Missing a landmark costs more than as many false pixels elsewhere (section 4.2)."""
    disc, _ = targets()
    right = (disc * 2 - 1) * 6
    missed, false = right.clone(), right.clone()
    missed[disc > 0] *= -1
    false.view(-1)[torch.nonzero(disc.flatten() == 0)[: int(disc.sum())]] *= -1
    assert loss(missed, disc, torch.ones(2)) > 3 * loss(false, disc, torch.ones(2))


def test_untrusted_pictures_do_not_count():
    """A picture of weight 0 leaves the loss to the others."""
    truth = torch.zeros(2, 68, 2)
    wrong = truth.clone()
    wrong[1] += 50
    assert coordinate_loss(wrong, truth, 128, torch.tensor([1.0, 0.0])) < 0.01
    assert coordinate_loss(wrong, truth, 128, torch.tensor([1.0, 1.0])) > 5


def test_wing_is_continuous_and_grows():
    """Where the logarithm meets the line there is no step."""
    truth, one = torch.zeros(1, 1, 2), torch.ones(1)

    def at(distance: float) -> float:
        return float(coordinate_loss(torch.tensor([[[distance, 0.0]]]), truth, 100, one))

    assert abs(at(6.001) - at(5.999)) < 0.01
    values = [at(d) for d in (0.0, 0.5, 1, 3, 6, 12)]
    assert values == sorted(values) and at(1) - at(0.5) > at(12) - at(11.5)


def test_unknown_people_are_left_out():
    """Pictures without a name do not teach names (eq. 13)."""
    logits = torch.tensor([[9.0, -9.0], [-9.0, 9.0]])
    assert identity_loss(logits, torch.tensor([0, -1])) < 1e-3
    assert identity_loss(logits, torch.tensor([-1, -1])) == 0
    assert identity_loss(logits, torch.tensor([1, -1])) > 5


def test_points_outside_the_crop_do_not_count():
    """No map can show them: only those inside are asked for."""
    truth = torch.full((1, 68, 2), 60.0)
    truth[0, :10] = torch.tensor([-3.0, 60.0])
    found = torch.full((1, 68, 2), 60.0)
    assert coordinate_loss(found, truth, 128, torch.ones(1)) < 0.01
    assert coordinate_loss(found, truth - 200, 128, torch.ones(1)) == 0


def test_the_lids_count_three_times():
    """An error of a lid's point weighs as much as the same error of three others."""
    truth = torch.full((1, 68, 2), 60.0)
    losses, least = [], coordinate_loss(truth, truth, 128, torch.ones(1))
    for moved in ([37], [0], [0, 1, 2]):
        found = truth.clone()
        found[0, moved, 0] += 5
        losses.append(coordinate_loss(found, truth, 128, torch.ones(1)) - least)
    assert losses[0] == pytest.approx(float(losses[2]), rel=1e-3) and losses[0] > 2.8 * losses[1]

"""The face detector's loss: which cells stand for a face, and what they learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from redtrack.faces.detector import cells
from redtrack.training.detector.loss import assign, detector_loss, generalised_iou, pair_iou, stack_truth


def truth(*boxes: tuple[float, ...], ignore: bool = False):  # noqa: ANN201
    """The faces of a batch of one."""
    faces = np.array(boxes, np.float32).reshape(-1, 4)
    return stack_truth([faces], [np.full(len(faces), ignore)])


def test_boxes_overlap_as_they_should() -> None:
    """IoU and generalised IoU of the same, half-shifted and distant boxes."""
    box = torch.tensor([0.0, 0, 10, 10])
    others = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [30, 0, 40, 10]])
    assert torch.allclose(pair_iou(box, others), torch.tensor([1, 1 / 3, 0]))
    assert torch.allclose(generalised_iou(box, others), torch.tensor([1, 1 / 3, -0.5]))


def test_cells_in_the_middle_of_a_face_stand_for_it() -> None:
    """On the levels that suit its size, with a target of the overlap that the best one reaches."""
    centres, strides = cells(128, 128)
    faces = truth((40, 40, 72, 80), (90, 10, 106, 30))
    boxes = faces.boxes[0, :1].expand(len(centres), 4).clone()
    boxes[centres[:, 0] > 80] = faces.boxes[0, 1]
    target, owner = assign(torch.full((1, len(centres)), 0.3), boxes[None], centres, strides, faces)
    chosen = target[0] > 0
    assert 2 <= chosen.sum() <= 40 and target.max() == pytest.approx(1.0)
    assert (strides[chosen] <= 16).all(), "no face of 36 px on the coarsest level"
    near = torch.where(owner[0][chosen, None] == 0, torch.tensor([56.0, 60]), torch.tensor([98.0, 20]))
    assert ((centres[chosen] - near).abs() <= 13).all()


def test_a_perfect_answer_costs_nothing() -> None:
    """And a wrong one does."""
    centres, strides = cells(64, 64)
    faces = truth((16, 16, 48, 56))
    boxes = faces.boxes[:, 0, None].expand(1, len(centres), 4).clone().requires_grad_()
    target, _ = assign(torch.full((1, len(centres)), 0.5), boxes.detach(), centres, strides, faces)
    right = torch.where(target > 0.5, 12.0, -12.0)
    good = detector_loss(right, boxes, centres, strides, faces)["total"]
    bad = detector_loss(-right, boxes + 20, centres, strides, faces)["total"]
    assert good < 0.1 < 1 < bad


def test_ignored_faces_teach_nothing() -> None:
    """Whatever the score inside them, the loss is that of the rest."""
    centres, strides = cells(64, 64)
    boxes = torch.zeros(1, len(centres), 4) + torch.tensor([0.0, 0, 8, 8])
    inside = ((centres > 12) & (centres < 52)).all(1)
    doubtful = truth((10, 10, 54, 54), ignore=True)
    losses = [
        detector_loss(torch.where(inside, value, -9.0)[None], boxes, centres, strides, doubtful)
        for value in (-9.0, 9.0)
    ]
    assert losses[0]["total"] == losses[1]["total"] < 0.01
    taught = detector_loss(torch.where(inside, 9.0, -9.0)[None], boxes, centres, strides, truth())
    assert taught["total"] > 1

"""Boxes and crops keep points where they are, whatever the frame of reference."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from redtrack.geometry import CropTransform, box_area, box_iou, landmark_box, landmark_crop


@pytest.fixture
def crops() -> CropTransform:
    """Four turned crops well inside a 110 x 90 frame."""
    rng = np.random.default_rng(0)
    return CropTransform(rng.uniform(40, 50, (4, 2)), rng.uniform(20, 40, 4), rng.uniform(-1, 1, 4), 32)


def test_to_crop_undoes_to_frame(crops):
    """A point sent to the frame and back is where it was."""
    points = np.random.default_rng(1).uniform(0, 31, (4, 5, 2))
    assert np.allclose(crops.to_crop(crops.to_frame(points)), points)


def test_grid_sample_reads_where_to_frame_points(crops):
    """The picture's own coordinates, sampled through theta, are to_frame of the crop's pixels."""
    rows, columns = np.mgrid[:90, :110]
    picture = torch.tensor(np.stack((columns, rows)).astype("float32"))[None].expand(4, -1, -1, -1)
    grid = F.affine_grid(torch.from_numpy(crops.theta(90, 110)).float(), [4, 2, 32, 32], align_corners=False)
    sampled = F.grid_sample(picture, grid, align_corners=False).numpy()
    pixels = np.stack(np.meshgrid(np.arange(32.0), np.arange(32.0)), -1).reshape(1, -1, 2).repeat(4, 0)
    expected = np.moveaxis(crops.to_frame(pixels).reshape(4, 32, 32, 2), -1, 1)
    assert np.abs(sampled - expected).max() < 1e-3


def test_an_upright_crop_of_its_own_size_is_a_shift():
    """With as many crop pixels as frame pixels, crop and frame differ by the corner."""
    crop = CropTransform(np.array([[9.5, 14.5]]), np.array([10.0]), np.zeros(1), 10)
    assert np.allclose(crop.to_frame(np.zeros((1, 1, 2))), [[[5, 10]]])


def test_a_crop_turned_clockwise_reads_down_the_frame_along_its_rows():
    """At a quarter turn the crop's x runs along the frame's y."""
    crop = CropTransform(np.array([[50.0, 50.0]]), np.array([11.0]), np.array([np.pi / 2]), 11)
    assert np.allclose(crop.to_frame(np.array([[[10.0, 5.0]]])), [[[50, 55]]])


def test_iou_of_known_boxes():
    """Equal boxes 1, half-overlapping ones a third, apart and empty ones 0."""
    a = np.array([[0, 0, 2, 2], [5, 5, 5, 5]], dtype=np.float32)
    b = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [9, 9, 10, 10]], dtype=np.float32)
    assert np.allclose(box_iou(a, b), [[1, 1 / 3, 0], [0, 0, 0]])


def test_area_of_an_inverted_box_is_nothing():
    """A box whose corners are swapped has no area, not a negative one."""
    assert box_area(np.array([[3.0, 3.0, 1.0, 1.0]]))[0] == 0


def test_landmark_crop_is_square_around_the_box():
    """The crop's centre is the box's, its side a multiple of the longer side."""
    points = np.array([[[10.0, 20.0], [30.0, 60.0]]])
    crop = landmark_crop(points, 128, scale=1.5)
    assert landmark_box(points).tolist() == [[10, 20, 30, 60]]
    assert crop.centre.tolist() == [[20, 40]] and crop.side.tolist() == [60]


def test_indexing_keeps_a_subset(crops):
    """crops[1:3] are the second and third."""
    assert len(crops[1:3]) == 2 and np.array_equal(crops[1:3].side, crops.side[1:3])


def test_covariances_turn_and_stretch_with_their_points():
    """Errors drawn in crop pixels and taken to the frame have the covariance that is told for the frame."""
    crop = CropTransform(np.array([[50.0, 40.0]]), np.array([64.0]), np.array([0.6]), 32)
    rng = np.random.default_rng(0)
    errors = rng.multivariate_normal([0, 0], [[2.0, 0.7], [0.7, 1.0]], 200_000)
    moved = crop.to_frame(errors[None]) - crop.to_frame(np.zeros((1, 1, 2)))
    xx, xy, yy = crop.sigma_to_frame(np.array([[[2.0, 0.7, 1.0]]]))[0, 0]
    assert np.allclose(np.cov(moved[0].T), [[xx, xy], [xy, yy]], rtol=0.03)

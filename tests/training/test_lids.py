"""Shut eyes: the lid's skin covers the eye, its points go down, all else stays."""

import numpy as np
import pytest
import torch
from dotted_faces import dotted_faces

from redtrack.training.landmarks.lids import EYES, close_eyes, lower_lids

UPPER = [37, 38, 43, 44]


def eyed_faces(n: int = 3) -> tuple[torch.Tensor, np.ndarray]:
    """Skin of 200 with white openings of 255 between the lids, on which a black dot is the pupil."""
    _, points = dotted_faces(n)
    points = (points - 112) * 1.6 + 112  # eyes of 28 px
    for eye in EYES:  # wide open
        points[:, list(eye[1:3]), 1] -= 4
        points[:, list(eye[4:6]), 1] += 4
    images = torch.full((n, 3, 224, 224), 200, dtype=torch.uint8)
    for eye in EYES:
        x0, x1 = points[0, eye[0], 0], points[0, eye[3], 0]
        y0, y1 = points[0, eye[1], 1], points[0, eye[4], 1]
        images[:, :, round(y0) : round(y1), round(x0 + 4) : round(x1 - 4)] = 0
    return images, points.astype(np.float32)


def dark(images: torch.Tensor) -> torch.Tensor:
    """The number of dark pixels of each picture."""
    return (images[:, 0] < 100).flatten(1).sum(1)


def test_a_shut_eye_shows_skin_and_its_upper_lid_lies_on_the_lower(monkeypatch):
    """The four points of the upper lids move, all others stay; faces that were not chosen stay as they are."""
    for name in ("MOST_OPEN", "ONE_EYE"):
        monkeypatch.setattr(f"redtrack.training.landmarks.lids.{name}", 0.0)
    images, points = eyed_faces()
    shut, moved = close_eyes(images, points, np.array([True, False, True]), np.random.default_rng(1))
    assert torch.equal(shut[1], images[1]) and np.array_equal(moved[1], points[1])
    others = [k for k in range(68) if k not in UPPER]
    assert np.array_equal(moved[:, others], points[:, others])
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        assert moved[0, upper, 1] == pytest.approx(points[0, lower, 1], abs=0.6)
    assert dark(images)[0] > 200 and dark(shut)[0] < 0.15 * dark(images)[0]
    assert images.data_ptr() != shut.data_ptr() and dark(images)[0] == dark(images)[2]


def test_lashes_hang_from_a_lowered_lid_and_its_points_do_not():
    """A shut eye with lashes is darker just below the lid's edge; the points are those of one without."""
    images, points = eyed_faces(2)
    lashes = np.array([[0.9, 0.14], [0.0, 0.0]])
    shut, moved = lower_lids(images, points, np.zeros(2), [EYES, EYES], lashes)
    assert np.array_equal(moved[0], moved[1])
    x, y = round(float(moved[0, 37, 0])), round(float(moved[0, 37, 1]))
    with_lashes, without = (shut[k, 0, y + 1 : y + 4, x].float().mean() for k in range(2))
    assert with_lashes < 0.6 * without
    ajar, _ = lower_lids(images, points, np.full(2, 0.99), [EYES, EYES], lashes)
    assert (ajar[0].int() - ajar[1].int()).abs().max() <= 3


def test_pixels_away_from_the_eyes_stay():
    """Below the eyes and between them nothing changes."""
    images, points = eyed_faces(1)
    images[:, :, ::7] = 90
    shut, _ = close_eyes(images, points, np.array([True]), np.random.default_rng(0))
    bottom, middle = int(points[0, 29, 1]), int(points[0, 27, 0])
    assert torch.equal(shut[0, :, bottom:], images[0, :, bottom:])
    assert torch.equal(shut[0, :, :, middle - 3 : middle + 3], images[0, :, :, middle - 3 : middle + 3])
    assert not torch.equal(shut, images)


def test_skin_beyond_the_picture_is_not_black():
    """A lid whose skin lies outside of the picture is as light as the picture's border."""
    images, points = eyed_faces(1)
    off = int(points[0, 36:48, 1].min()) - 3
    images[:], points = 200, points - np.array([0, off], np.float32)
    shut, _ = lower_lids(images, points, np.zeros(1), [EYES], np.zeros((1, 2)))
    assert shut.min() > 150


def test_eyes_that_are_no_open_eyes_are_left_alone():
    """Labels without width or opening are not stretched, whatever they are."""
    images, points = eyed_faces(2)
    points[0, 36:48] = points[0, 36]
    points[1, UPPER] = points[1, [41, 40, 47, 46]]
    shut, moved = close_eyes(images, points, np.ones(2, bool), np.random.default_rng(0))
    assert torch.equal(shut, images) and np.array_equal(moved, points)


def test_turned_faces_shut_along_their_own_eyes():
    """A face turned by a quarter is the same picture turned: its points move sideways."""
    images, points = eyed_faces(1)
    turned = np.stack((223 - points[..., 1], points[..., 0]), -1)
    pictures = torch.rot90(images, -1, (2, 3)).contiguous()
    upright, there = close_eyes(images, points, np.array([True]), np.random.default_rng(4))
    lying, here = close_eyes(pictures, turned, np.array([True]), np.random.default_rng(4))
    assert np.allclose(here, np.stack((223 - there[..., 1], there[..., 0]), -1), atol=0.01)
    apart = (torch.rot90(upright, -1, (2, 3)).int() - lying.int()).abs() > 8
    assert apart.float().mean() < 0.001

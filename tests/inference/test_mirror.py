"""Looks in a mirror: at pictures by default, at videos where asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import redtrack
from redtrack.geometry import mirrored_points
from redtrack.video import Video

BRIEFLY = 0.4  # seconds


@pytest.fixture(scope="module")
def picture(clip: Path) -> np.ndarray:
    return next(iter(Video(clip).frames())).image


def test_a_picture_and_its_mirror_image_have_the_same_points(picture: np.ndarray) -> None:
    """Up to where crops are rounded, and nearer to each other than without the look in the mirror."""
    landmarker, box = redtrack.Landmarker(device="cpu", precision="fp32"), np.array([[228.0, 62, 348, 226]])
    width = picture.shape[1]
    other = np.c_[width - 1 - box[:, 2], box[:, 1], width - 1 - box[:, 0], box[:, 3]]
    here = landmarker.points(picture, box, looks=1).points
    there = landmarker.points(np.ascontiguousarray(picture[:, ::-1]), other, looks=1).points
    back = mirrored_points(there, width, landmarker._axis)
    assert np.abs(back - here).max() < 0.05, "px"


def test_a_video_of_one_frame_is_looked_at_in_a_mirror(clip: Path) -> None:
    """Windows of more frames are not, unless asked for."""
    one = {choice: redtrack.annotate(clip, end=0.01, mirror=choice) for choice in (None, True, False)}
    assert len(one[None].frame) == 1
    np.testing.assert_array_equal(one[None].points, one[True].points)
    assert 0.01 < np.abs(one[None].points - one[False].points).mean() < 2
    some = {choice: redtrack.annotate(clip, end=BRIEFLY, mirror=choice) for choice in (None, True, False)}
    np.testing.assert_array_equal(some[None].points, some[False].points)
    assert 0.01 < np.abs(some[True].points - some[False].points).mean() < 2
    assert np.isfinite(some[True].disagreement).all()

"""Drawn glasses sit on the eyes, turn with the head, and leave the rest of the face alone."""

import numpy as np
import torch
from dotted_faces import dotted_faces

from redtrack.training.landmarks.glasses import put_glasses_on, wear

EYES, MOUTH = slice(36, 48), slice(48, 68)


def grey_crops(n: int) -> tuple[torch.Tensor, np.ndarray]:
    """Grey crops of 128 px with faces that fill most of them."""
    _, points = dotted_faces(n)
    return torch.full((n, 3, 128, 128), 0.5), (points - 112) * 1.1 + 64


def turned(points: np.ndarray) -> np.ndarray:
    """Points of crops of 128 px turned by a quarter, clockwise as seen."""
    return np.stack((127 - points[..., 1], points[..., 0]), -1)


def changed(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Where a crop's pixels are others, (N, S, S)."""
    return (before - after).abs().amax(1) > 0.02


def test_glasses_are_about_the_eyes_and_nowhere_else():
    """They cover places on both sides of each eye, none below the nose, and stay within 0..1."""
    for seed in range(20):
        crops, points = grey_crops(1)
        worn = put_glasses_on(crops, points, np.array([True]), np.random.default_rng(seed))
        where = changed(crops, worn)[0]
        x0, x1 = points[0, 36, 0], points[0, 45, 0]
        assert where[:, : int(x0)].any() and where[:, int(x1) + 1 :].any() and where[:, int(x0) : int(x1)].any()
        assert not where[int(points[0, MOUTH, 1].min()) :].any()
        assert worn.min() >= 0 and worn.max() <= 1


def test_faces_without_glasses_are_not_touched():
    """Those that were not chosen stay, and so do the crops that were given."""
    crops, points = grey_crops(3)
    worn = put_glasses_on(crops, points, np.array([False, True, False]), np.random.default_rng(0))
    assert changed(crops, worn).flatten(1).any(1).tolist() == [False, True, False]
    assert (crops == 0.5).all()


def test_glasses_turn_with_the_head():
    """A face turned by a quarter wears the same glasses, turned."""
    crops, points = grey_crops(1)
    upright = put_glasses_on(crops, points, np.array([True]), np.random.default_rng(3))
    lying = put_glasses_on(crops, turned(points), np.array([True]), np.random.default_rng(3))
    assert torch.allclose(torch.rot90(upright, -1, (2, 3)), lying, atol=0.02)


def test_glasses_stay_on_through_a_clip():
    """A face that moves by whole pixels wears the same glasses, moved with it."""
    _, points = grey_crops(1)
    moved = np.concatenate([points, points + 5])
    worn = wear(torch.full((2, 3, 128, 128), 0.5), moved, np.random.default_rng(2))
    assert (
        torch.allclose(worn[0, :, :-5, :-5], worn[1, :, 5:, 5:], atol=1e-3)
        and changed(worn[:1] * 0 + 0.5, worn[:1]).any()
    )


def test_labels_without_an_eye_distance_are_survived():
    """All points in one place: whatever is drawn, it is finite."""
    crops, points = grey_crops(1)
    assert put_glasses_on(crops, points * 0 + 50, np.array([True]), np.random.default_rng(0)).isfinite().all()

"""A second look happens when the landmarks ask for it, through crops that are upright and move smoothly."""

import numpy as np
import pytest

from redtrack.geometry import CropTransform, landmark_crop
from redtrack.inference import recrop as second_look
from redtrack.points import MEAN_SHAPE


def face(n: int = 10, size: float = 100.0, at: tuple[float, float] = (300.0, 200.0), turn: float = 0.0) -> np.ndarray:
    """The mean face (n, 68, 2) of `size` px around a point, turned clockwise by `turn` radians."""
    points = (MEAN_SHAPE - 0.5) * size
    cos, sin = np.cos(turn), np.sin(turn)
    turned = points @ np.array([[cos, sin], [-sin, cos]])
    return np.repeat((turned + at)[None], n, axis=0).astype(np.float32)


def shifted(crop: CropTransform, by: float = 0.0, scale: float = 1.0) -> CropTransform:
    return CropTransform(crop.centre + by * crop.side[:, None], crop.side * scale, crop.angle, crop.size, crop.scale)


def used(points: np.ndarray) -> CropTransform:
    return landmark_crop(points.astype(np.float64), 128)


def test_crop_that_fits_needs_no_second_look() -> None:
    assert second_look.second_crops(face(), used(face())) is None


@pytest.mark.parametrize(("by", "scale"), [(0.1, 1.0), (0.0, 1.25), (0.0, 0.8)])
def test_crop_that_is_off_is_cut_again_from_the_landmarks(by: float, scale: float) -> None:
    right = used(face())
    again = second_look.second_crops(face(), shifted(right, by, scale))
    assert again is not None
    assert np.allclose(again.centre, right.centre, atol=1e-3) and np.allclose(again.side, right.side, atol=1e-3)


def test_one_frame_that_is_off_takes_its_window_along() -> None:
    crop = used(face())
    crop.centre[4] += 30
    assert second_look.second_crops(face(), crop) is not None


@pytest.mark.parametrize("turn", [-2.0, -0.6, 0.3, 0.6, 1.5])
def test_roll_is_the_angle_by_which_a_face_is_turned(turn: float) -> None:
    assert np.allclose(second_look.roll(face(turn=turn)), turn, atol=1e-5)


def test_slightly_turned_face_is_left_alone() -> None:
    points = face(turn=0.15)
    assert second_look.second_crops(points, used(points)) is None


@pytest.mark.parametrize("turn", [-0.9, 0.6, 1.6, 3.0])
def test_turned_face_is_upright_in_its_second_crop(turn: float) -> None:
    points = face(turn=turn)
    again = second_look.second_crops(points, used(points))
    assert again is not None
    in_crop = again.to_crop(points.astype(np.float64))
    assert np.allclose(second_look.roll(in_crop), 0, atol=1e-4)
    assert np.allclose(in_crop, used(face()).to_crop(face()), atol=0.1)


def test_second_crops_move_smoothly() -> None:
    """Points that tremble by a pixel give crops that tremble less than half as much."""
    rng = np.random.default_rng(0)
    points = face(60) + rng.normal(0, 3, (60, 1, 2)).astype(np.float32)
    crops = second_look.landmark_crops(points, used(points))
    raw = used(points)
    assert np.diff(crops.centre, axis=0).std() < 0.35 * np.diff(raw.centre, axis=0).std()


def test_steady_motion_is_followed_and_not_flattened() -> None:
    points = face(10) + np.arange(10, dtype=np.float32)[:, None, None] * 4
    crops = second_look.landmark_crops(points, used(points))
    assert np.allclose(crops.centre[2:-2], used(points).centre[2:-2], atol=1e-3)


def test_roll_through_half_a_turn_is_smoothed_without_a_jump() -> None:
    turns = np.linspace(np.pi - 0.2, np.pi + 0.2, 10)
    points = np.concatenate([face(1, turn=turn) for turn in turns])
    crops = second_look.landmark_crops(points, used(points))
    assert np.allclose(np.angle(np.exp(1j * (crops.angle - turns))), 0, atol=0.05)


def test_window_of_one_frame_can_be_looked_at_again() -> None:
    assert second_look.second_crops(face(1), shifted(used(face(1)), 0.2)) is not None

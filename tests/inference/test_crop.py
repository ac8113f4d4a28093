"""Crops lie where boxes and landmarks say, and hold the frame's pixels in place."""

import numpy as np
import pytest
import torch
from annotating import points_in

from redtrack.geometry import LANDMARK_SCALE, CropTransform, landmark_box
from redtrack.inference.crop import cut_crops, detector_crop, face_box, region_of, sample


def smooth_frames(count: int, height: int, width: int) -> torch.Tensor:
    """Frames whose red is x / 4, green is y / 4 and blue the frame's number."""
    y, x = np.mgrid[:height, :width]
    frames = [np.stack([x / 4, y / 4, np.full_like(x, n, float)], -1) for n in range(count)]
    return torch.from_numpy(np.stack(frames).round().astype(np.uint8))


def transform(centre: tuple[float, float], side: float, size: int = 32, angle: float = 0.0) -> CropTransform:
    return CropTransform(np.array([centre], float), np.array([side], float), np.array([angle], float), size)


def where(crop: torch.Tensor) -> np.ndarray:
    """The frame coordinates (S, S, 2) that a crop of `smooth_frames` shows."""
    return crop[:2].permute(1, 2, 0).numpy() * 255 * 4


def expected(crop: CropTransform) -> np.ndarray:
    """The frame coordinates (S, S, 2) of a crop's pixels."""
    y, x = np.mgrid[: crop.size, : crop.size]
    grid = np.stack([x, y], -1).reshape(1, -1, 2).astype(float)
    return crop.to_frame(grid).reshape(crop.size, crop.size, 2)


@pytest.mark.parametrize("side", [20.0, 40.0, 70.0, 150.0, 333.3])
@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_pixel_of_a_crop_is_the_frame_pixel_that_the_transform_names(side: float, angle: float) -> None:
    frames = smooth_frames(1, 500, 600)
    crop = transform((300.3, 250.7), side, angle=angle)
    seen = where(cut_crops(frames, np.array([0]), crop)[0])
    assert np.abs(seen - expected(crop)).max() < 2.5  # brightness is rounded to 4 px


def test_each_crop_comes_from_its_own_frame() -> None:
    frames = smooth_frames(4, 60, 60)
    crops = CropTransform(np.full((3, 2), 30.0), np.full(3, 40.0), np.zeros(3), 16)
    cut = cut_crops(frames, np.array([3, 0, 2]), crops)
    assert (cut[:, 2].mean((1, 2)) * 255).round().tolist() == [3, 0, 2]


def test_crops_are_the_same_alone_and_together() -> None:
    frames = torch.randint(0, 255, (5, 300, 400, 3), dtype=torch.uint8)
    centre = np.array([[200.0 + 7 * n, 150.0 - 9 * n] for n in range(5)])
    crops = CropTransform(centre, np.full(5, 170.0), np.zeros(5), 64)
    together = cut_crops(frames, np.arange(5), crops)
    alone = torch.cat([cut_crops(frames, np.array([n]), crops[n : n + 1]) for n in range(5)])
    assert (together - alone).abs().max() < 0.01  # bytes are rounded once where a picture is shrunk


@pytest.mark.parametrize("side", [50.0, 170.0])
def test_crops_do_not_depend_on_what_a_cache_holds(side: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """One by one, or all at once, with pictures that are shrunk first and not: bit for bit."""
    frames = torch.randint(0, 255, (5, 300, 400, 3), dtype=torch.uint8)
    crops = CropTransform(np.array([[200.0 + 7 * n, 150.0] for n in range(5)]), np.full(5, side), np.full(5, 0.2), 64)
    cut = []
    for cache in (1, 1 << 18, 1 << 40):
        monkeypatch.setattr("redtrack.device.cpu.CACHE", cache)
        cut.append(cut_crops(frames, np.arange(5), crops))
    assert torch.equal(cut[0], cut[1]) and torch.equal(cut[0], cut[2])


def test_outside_of_the_frame_is_black() -> None:
    frames = torch.full((1, 50, 50, 3), 255, dtype=torch.uint8)
    crop = cut_crops(frames, np.array([0]), transform((0.0, 25.0), 40.0))[0]
    assert crop[:, :, :14].max() == 0 and crop[:, 8:24, 18:].min() == pytest.approx(1)


@pytest.mark.parametrize("centre", [(-500.0, 20.0), (20.0, 900.0), (9e4, -9e4)])
@pytest.mark.parametrize("side", [10.0, 500.0])
def test_crop_beside_the_frame_is_black_and_no_error(centre: tuple[float, float], side: float) -> None:
    frames = torch.full((1, 50, 50, 3), 255, dtype=torch.uint8)
    crop = cut_crops(frames, np.array([0]), transform(centre, side))
    assert crop.shape == (1, 3, 32, 32) and crop.mean() < 0.05


def test_large_face_does_not_alias() -> None:
    """A fine chequerboard is grey where it is shrunk twice or more."""
    board = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    frames = torch.from_numpy(np.repeat(board[None, :, :, None], 3, axis=3))
    crop = cut_crops(frames, np.array([0]), transform((128, 128), 200.0, size=50))[0]
    assert (crop - 0.5).abs().max() < 0.03


def test_region_holds_all_that_is_sampled() -> None:
    frames = torch.randint(0, 255, (1, 500, 600, 3), dtype=torch.uint8)
    crop = transform((300.2, 260.9), 290.0, angle=0.3)
    x0, y0, x1, y1 = region = region_of(crop, 500, 600)
    assert (x1 - x0) * (y1 - y0) < 500 * 600
    part = sample(frames[:, y0:y1, x0:x1], region, crop)
    assert torch.allclose(part, sample(frames, (0, 0, 600, 500), crop), atol=1e-4)


def test_detector_crop_holds_the_landmarks_at_the_trained_scale() -> None:
    boxes = np.array([[100, 50, 180, 150], [10, 10, 40, 30]], np.float32)
    crops = detector_crop(boxes, 128)
    for box, centre, side in zip(boxes, crops.centre, crops.side, strict=True):
        landmarks = landmark_box(points_in(box))
        assert np.allclose((landmarks[:2] + landmarks[2:]) / 2, centre)
        assert side == pytest.approx(LANDMARK_SCALE * (landmarks[2:] - landmarks[:2]).max())


def test_face_box_is_the_box_that_landmarks_were_put_in() -> None:
    boxes = np.array([[100, 50, 180, 150], [10, 10, 40, 30]], np.float32)
    points = np.stack([points_in(box) for box in boxes])
    assert np.allclose(face_box(points), boxes, atol=1e-4)


def test_box_without_size_still_gives_a_crop() -> None:
    crop = detector_crop(np.array([[5, 5, 5, 5]], np.float32), 32)
    assert crop.side[0] >= 2

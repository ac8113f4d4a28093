"""Alignments of known data sets, against their definitions written out, and our own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from turned_faces import HEAD, turned

from redtrack.cropping import PRESETS, make_alignment
from redtrack.cropping.alignment import _ARCFACE_FACE, _LIPS_FACE, _OPENFACE_POINTS, _OPENFACE_SHAPE
from redtrack.errors import UsageError

FACES = [
    turned(roll, yaw, pitch, HEAD + np.random.default_rng(seed).normal(0, 0.03, HEAD.shape), size=150)
    for seed, (roll, yaw, pitch) in enumerate([(0, 0, 0), (25, 10, -5), (-40, -30, 12), (5, 40, 0)])
]


def laid(preset: str, points: np.ndarray, **options: float) -> np.ndarray:
    """Returns (68, 2), where the landmarks of a face come in its crop."""
    scale, shift = make_alignment(preset, **options).fit(points[None])
    found = scale[0] * (points @ [1, 1j]) + shift[0]
    return np.stack([found.real, found.imag], axis=1)


def openface(points: np.ndarray) -> np.ndarray:
    """OpenFace's AlignFace (Face_utils.cpp): AlignShapesWithScale on the rigid points, then the warp's translation.

    params_global's translation is where the origin of the mean shape comes, the mean of all landmarks.
    """
    source, target = points[list(_OPENFACE_POINTS)], _OPENFACE_SHAPE * 0.7
    source, target = source - source.mean(axis=0), target - target.mean(axis=0)
    s_source, s_target = (np.sqrt((shape**2).sum() / len(shape)) for shape in (source, target))
    u, _, vt = np.linalg.svd((source / s_source).T @ (target / s_target))
    correct = np.diag([1, np.sign(np.linalg.det(vt.T @ u.T))])
    turn = s_target / s_source * (vt.T @ correct @ u.T)
    return points @ turn.T - turn @ points.mean(axis=0) + [112 // 2, 112 // 2]


def umeyama(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """skimage's SimilarityTransform.estimate, which both others use: matrix (2, 2) and translation."""
    about, to = source - source.mean(axis=0), target - target.mean(axis=0)
    u, sizes, vt = np.linalg.svd(to.T @ about / len(source))
    signs = np.array([1, np.sign(np.linalg.det(u @ vt))])
    turn = u @ np.diag(signs) @ vt * (sizes @ signs) / about.var(axis=0).sum()
    return turn, target.mean(axis=0) - turn @ source.mean(axis=0)


def arcface(points: np.ndarray) -> np.ndarray:
    """InsightFace's norm_crop on pupils, tip of the nose and corners of the mouth."""
    five = np.stack([points[36:42].mean(axis=0), points[42:48].mean(axis=0), *points[[30, 48, 54]]])
    turn, shift = umeyama(five, _ARCFACE_FACE)
    return points @ turn.T + shift


def lips(points: np.ndarray) -> np.ndarray:
    """Martinez et al.: warped to the mean face of 256 px, then 96 px cut out around the mouth's mean."""
    turn, shift = umeyama(points[[33, 36, 39, 42, 45]], _LIPS_FACE)
    warped = points @ turn.T + shift
    corner = np.round(warped[48:68].mean(axis=0)) - 48
    return warped - corner


@pytest.mark.parametrize("points", FACES)
@pytest.mark.parametrize(("preset", "definition"), [("openface", openface), ("arcface", arcface), ("lips", lips)])
def test_landmarks_come_where_the_data_set_has_them(
    preset: str, definition: Callable[[np.ndarray], np.ndarray], points: np.ndarray
) -> None:
    """Within half a pixel, which is the rounding of the third."""
    assert np.abs(laid(preset, points) - definition(points)).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("points", FACES[:3])
def test_a_face_that_is_moved_turned_and_larger_has_the_same_crop(preset: str, points: np.ndarray) -> None:
    turn = 1.7 * np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    assert np.abs(laid(preset, points) - laid(preset, points @ turn.T + [90, -40])).max() < 1e-6


@pytest.mark.parametrize(
    ("preset", "part"), [("mouth", slice(48, 68)), ("eyes", slice(36, 48)), ("face", slice(0, 68))]
)
def test_a_part_lies_in_the_middle_with_its_margin(preset: str, part: slice) -> None:
    """Of a mean face: as much room on both sides as the margin says, however large the crop."""
    for size, margin in ((96, 0.25), (200, 1.0)):
        places = laid(preset, FACES[0], size=size, margin=margin)[part]
        middle, extent = (places.min(axis=0) + places.max(axis=0)) / 2, np.ptp(places, axis=0).max()
        assert np.abs(middle - (size - 1) / 2).max() < 0.06 * size
        assert extent == pytest.approx(size / (1 + 2 * margin), rel=0.12)


def test_another_size_is_the_same_part_of_the_face() -> None:
    """Pixel areas, not pixel centres, are scaled."""
    small, large = laid("arcface", FACES[0]), laid("arcface", FACES[0], size=224)
    assert np.abs((small + 0.5) * 2 - 0.5 - large).max() < 1e-6


def test_an_upright_crop_does_not_turn() -> None:
    """A head that is rolled stays rolled in its crop."""
    rolled = turned(30, 0, 0)
    eyes = [laid("face", rolled, align=align)[[36, 45]] for align in ("face", "upright")]
    angles = [np.degrees(np.arctan2(*(pair[1] - pair[0])[::-1])) for pair in eyes]
    assert abs(angles[0]) < 1 and angles[1] == pytest.approx(30, abs=1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"preset": "dlib"}, "there is no preset 'dlib'; known are openface, arcface, lips, face"),
        ({"preset": "face", "size": 2}, "a crop of 2 px cannot be made"),
        ({"preset": "face", "margin": -1}, "the margin is -1"),
        ({"preset": "openface", "margin": 0.2}, "the margin of openface is fixed"),
        ({"preset": "face", "align": "sideways"}, "there is no alignment 'sideways'"),
    ],
)
def test_what_cannot_be_made_is_told(options: dict[str, float], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        make_alignment(**options)

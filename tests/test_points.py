"""The 68-point scheme: its parts, its mirror image and its mean agree with each other."""

import numpy as np

from redtrack import points
from redtrack.points import INNER_49, INNER_51, LINES, MEAN_SHAPE, MIRROR, N_POINTS, NAMES, PARTS, SEVEN


def test_parts_cover_each_point_once() -> None:
    """Every point belongs to exactly one part, and has one name."""
    assert [i for part in PARTS.values() for i in part] == list(range(N_POINTS))
    assert len(set(NAMES)) == N_POINTS
    assert (NAMES[0], NAMES[36], NAMES[67]) == ("jaw_0", "right_eye_0", "mouth_19")


def test_lines_draw_each_point_once() -> None:
    """Each point is on exactly one polyline, and only eyes and lips are closed."""
    assert sorted(i for line, _ in LINES for i in line) == list(range(N_POINTS))
    assert [line[0] for line, closed in LINES if closed] == [36, 42, 48, 60]


def test_mirror_is_its_own_inverse() -> None:
    """Mirroring twice changes nothing, and exactly the points on the middle line stay."""
    assert (MIRROR[MIRROR] == np.arange(N_POINTS)).all()
    assert np.flatnonzero(np.arange(N_POINTS) == MIRROR).tolist() == [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]


def test_mirror_swaps_parts() -> None:
    """The right eye becomes the left one, the right brow the left one; jaw, nose and mouth stay what they are."""
    swapped = {"right_eye": "left_eye", "right_brow": "left_brow", "jaw": "jaw", "nose": "nose", "mouth": "mouth"}
    for part, other in swapped.items():
        assert set(MIRROR[list(PARTS[part])]) == set(PARTS[other])


def test_mean_shape_is_symmetric_in_the_unit_square() -> None:
    """The mean face fills the width of the unit square and equals its mirror image."""
    mirrored = MEAN_SHAPE[MIRROR] * [-1, 1] + [1, 0]
    assert np.abs(mirrored - MEAN_SHAPE).max() < 1e-6
    assert MEAN_SHAPE[:, 0].min() == 0 and MEAN_SHAPE[:, 0].max() == 1
    assert MEAN_SHAPE[:, 1].min() >= 0 and MEAN_SHAPE[:, 1].max() <= 1


def test_mean_shape_is_a_face() -> None:
    """Brows are above eyes, eyes above the nose tip, that above the mouth, that above the chin; right is left."""
    height = {name: MEAN_SHAPE[list(part), 1].mean() for name, part in PARTS.items()}
    assert height["right_brow"] < height["right_eye"] < MEAN_SHAPE[30, 1] < height["mouth"] < MEAN_SHAPE[8, 1]
    assert MEAN_SHAPE[36, 0] < MEAN_SHAPE[39, 0] < MEAN_SHAPE[42, 0] < MEAN_SHAPE[45, 0]


def test_subsets_have_the_size_of_their_name() -> None:
    """51 points leave out the jaw, 49 also the inner mouth corners, and seven are corners and the nose tip."""
    assert (len(INNER_51), len(INNER_49), len(SEVEN)) == (51, 49, 7)
    assert set(INNER_51) - set(INNER_49) == {60, 64}
    assert set(SEVEN) <= set(INNER_49)


def test_all_lists_what_there_is() -> None:
    """Every public name is there."""
    assert all(hasattr(points, name) for name in points.__all__)

"""Which points of a face its own shape hides."""

import numpy as np
from heads import poses

from redtrack.shape3d.basis import default_basis
from redtrack.shape3d.visible import HIDDEN, SEEN, UNKNOWN, visible


def test_all_of_a_face_that_looks_ahead_is_seen() -> None:
    """But for the jaw, which is the outline."""
    assert (visible(poses(np.zeros((1, 3))), default_basis())[0, 17:] == SEEN).all()


def test_the_far_side_of_a_turned_face_is_hidden() -> None:
    """A nose to the right of the picture hides the left eye's corners and brow; roll does not matter."""
    seen = visible(poses(np.array([[0, 75, 0], [40, 75, 0], [0, -75, 0]])), default_basis())
    assert (seen[:2, [45, 26]] == HIDDEN).all() and (seen[:2, [36, 17]] == SEEN).all()
    assert (seen[2, [36, 17]] == HIDDEN).all() and (seen[2, [45, 26]] == SEEN).all()


def test_without_a_pose_nothing_is_known() -> None:
    assert (visible(np.full((1, 6), np.nan), default_basis()) == UNKNOWN).all()

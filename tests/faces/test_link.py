"""Which box goes on which face: the parts of linking, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from worlds import face

from redtrack.faces.link import (
    Linker,
    Track,
    agree,
    greedy,
    pair,
    parts,
)
from redtrack.faces.overlap import covered_share, not_explained, sizes
from redtrack.faces.rows import FaceBoxes, RowWriter, not_hidden


def track(*sightings: tuple[int, list[float]]) -> Track:
    """A track with the given (frame, row) sightings."""
    made = Track()
    for frame, row in sightings:
        made.add(frame, np.array(row, np.float32))
    return made


def rows(*faces: list[float]) -> np.ndarray:
    """(M, 5) rows."""
    return np.array(faces, np.float32).reshape(-1, 5)


def test_speed_is_the_slope_of_the_last_sightings() -> None:
    """Pixels a frame, whatever the steps between the sightings."""
    moving = track((0, face(0, 50)), (2, face(6, 48)), (5, face(15, 45)))
    assert np.allclose(moving.speed(), [3, -1])
    assert np.allclose(moving.predict(7), face(21, 43)[:4])


def test_a_track_seen_once_is_expected_where_it_was() -> None:
    """Its speed is zero."""
    assert np.allclose(track((4, face(10, 10))).predict(9), face(10, 10)[:4])


def test_a_row_between_two_sightings_is_interpolated() -> None:
    """Box and score move linearly with time; the state says so."""
    found = track((0, face(0, 0, score=0.8)), (4, face(8, 4, score=0.4))).row(1, bridge=4)
    assert found is not None
    box, score, state = found
    assert np.allclose(box, face(2, 1)[:4])
    assert (pytest.approx(score), state) == (0.7, 1)


def test_there_is_no_row_outside_the_sightings_or_in_a_long_gap() -> None:
    """Neither before, nor after, nor between sightings further apart than the bridge."""
    seen = track((5, face(0, 0)), (20, face(0, 0)))
    assert [seen.row(frame, bridge=14) is None for frame in (4, 5, 10, 20, 21)] == [True, False, True, False, True]


def test_forgetting_keeps_what_later_rows_need() -> None:
    """Rows from the given frame on, and the speed, are the same after."""
    long = track(*[(i, face(2 * i, 0)) for i in range(0, 200, 2)])
    speed, row = long.speed(), long.row(181, 15)
    long.forget(180)
    assert len(long.frames) < 40
    assert np.allclose(long.speed(), speed)
    assert np.allclose(long.row(181, 15)[0], row[0])  # type: ignore[index]


def test_greedy_takes_the_best_pairs_first() -> None:
    """Each row and column once, never what is impossible."""
    value = np.array([[0.9, 0.8, -np.inf], [0.85, 0.1, -np.inf]])
    assert greedy(value) == {0: 0, 1: 1}
    assert greedy(np.zeros((0, 3))) == {}
    assert greedy(np.full((2, 2), -np.inf)) == {}


def test_pairs_follow_the_motion() -> None:
    """Two boxes that have just changed places belong to the faces that moved there."""
    right = track((0, face(0, 0)), (1, face(20, 0)))
    left = track((0, face(60, 0)), (1, face(40, 0)))
    assert pair([right, left], 2, rows(face(40, 0), face(20, 0))) == {0: 0, 1: 1}


def test_boxes_too_far_or_of_another_size_never_pair() -> None:
    """A face does not jump, nor double its size."""
    assert pair([track((0, face(0, 0)))], 1, rows(face(60, 0))) == {}
    assert pair([track((0, face(0, 0)))], 1, rows(face(0, 0, size=90))) == {}


def test_key_frames_agree_only_where_nothing_can_have_happened() -> None:
    """Not with another number of faces, a far move, or a move beside another face."""
    one, two = rows(face(0, 0)), rows(face(0, 0), face(50, 0))
    assert agree(one, rows(face(6, 0)))
    assert agree(rows(), rows())
    assert not agree(one, two)
    assert not agree(one, rows(face(30, 0)))
    assert agree(two, rows(face(50, 0), face(0, 0)))
    assert not agree(two, rows(face(8, 0), face(44, 0)))


def test_size_and_covered_share() -> None:
    """Size is the root of the area; the share is of the smaller box."""
    assert np.allclose(sizes(rows(face(0, 0, size=10))), np.sqrt(130))
    box = np.array([0, 0, 10, 10], np.float32)
    others = np.array([[5, 0, 15, 10], [0, 0, 100, 100], [20, 20, 30, 30]], np.float32)
    assert np.allclose(covered_share(box, others), [0.5, 1, 0])


def test_what_does_not_become_a_face_holds_nothing_back_for_long() -> None:
    """A box seen once keeps its frame unsettled only until patience ends."""
    linker = Linker(bridge=15)
    linker.push(0, rows(face(0, 0)))
    assert linker.held(5) == 0
    linker.give_up(10, patience=10)
    assert (linker.tracks, linker.held(11)) == ([], 11)


def test_a_lost_face_holds_rows_back_while_it_may_come_again() -> None:
    """Up to the length of the bridge after its last sighting."""
    linker = Linker(bridge=15)
    for frame in range(5):
        linker.push(frame, rows(face(0, 0)))
    assert (linker.held(10), linker.held(19), linker.held(20)) == (5, 5, 20)


def test_faces_are_forgotten_when_they_are_long_gone() -> None:
    """So that memory and time stay flat however long the shot is."""
    linker, writer = Linker(bridge=15), RowWriter()
    for frame in range(3000):
        if frame % 100 < 50:
            linker.push(frame, rows(face(0, 0)))
        linker.give_up(frame, 10)
        writer.write(linker, linker.held(frame + 1))
    assert len(linker.tracks) <= 1
    assert sum(len(one.frames) for one in linker.tracks) < 60
    assert len(writer.take()) == 1500
    assert len(writer.take()) == 0


def test_columns_of_different_lengths_are_refused() -> None:
    """A contract between parts, so an assertion."""
    good = FaceBoxes.from_rows([(0, 0, np.zeros(4, np.float32), 0, 0.5)], 1)
    assert (len(good), good.settled, good.boxes.shape) == (1, 1, (1, 4))
    with pytest.raises(AssertionError):
        FaceBoxes(good.frame, good.face[:0], good.boxes, good.state, good.score)


def test_a_box_made_of_two_stronger_ones_is_no_face() -> None:
    """A detector sees it between two faces that touch; beside them, or as strong as they are, it is one."""
    left, right = [0, 0, 40, 50, 0.9], [50, 0, 90, 50, 0.8]
    assert len(not_explained(rows(left, right, [20, 0, 70, 50, 0.5]))) == 2
    assert len(not_explained(rows(left, right, [20, 0, 70, 50, 0.75]))) == 3
    assert len(not_explained(rows(left, right, [20, 40, 70, 90, 0.5]))) == 3
    assert len(not_explained(rows())) == 0


def test_the_part_of_a_face_that_shows_is_known() -> None:
    """As high, narrower, and where the face is expected; neither a sliver nor something beside it."""
    expected = rows([100, 0, 200, 100, 1])[:, :4]
    shown = rows([90, 2, 150, 98, 1], [100, 0, 130, 100, 1], [100, 0, 160, 40, 1], [10, 0, 80, 100, 1])
    assert parts(expected, shown, 0.5).tolist() == [[True, False, False, False]]


def test_a_face_that_was_not_seen_does_not_stand_on_one_that_was() -> None:
    """Neither does it vanish beside it, nor where nothing was seen."""
    one, two = track((0, face(0, 0))), track((0, face(0, 0)))
    on, beside, seen = face(10, 0), face(60, 0), face(0, 0)
    as_row = lambda row, state: (np.array(row[:4], np.float32), 0.9, state)  # noqa: E731
    kept = [
        [state for _, (_, _, state) in not_hidden(found)]
        for found in (
            [(one, as_row(seen, 0)), (two, as_row(on, 1))],
            [(one, as_row(seen, 0)), (two, as_row(beside, 1))],
            [(one, as_row(seen, 1)), (two, as_row(on, 1))],
            [(one, as_row(seen, 0)), (two, as_row(on, 0))],
        )
    ]
    assert kept == [[0], [0, 1], [1, 1], [0, 0]]

"""Windows hold consecutive frames of one face, and every row is in exactly one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from redtrack.faces.rows import FaceBoxes
from redtrack.inference.windows import FaceRuns, Stage, WindowEntry


def rows(pairs: list[tuple[int, int]]) -> FaceBoxes:
    """Rows of (frame, face) pairs; a row's box tells its frame."""
    pairs = sorted(pairs)
    frame = np.array([f for f, _ in pairs], np.int64)
    face = np.array([i for _, i in pairs], np.int32)
    boxes = np.stack([frame, frame, frame + 10, frame + 10], -1).astype(np.float32).reshape(-1, 4)
    return FaceBoxes(frame, face, boxes, np.zeros(len(pairs), np.uint8), np.ones(len(pairs), np.float32))


def spans(entries: list[WindowEntry]) -> list[tuple[int, int, int]]:
    return [(entry.window.face, entry.window.first, len(entry.window)) for entry in entries]


def build(pairs: list[tuple[int, int]], frames: int, length: int = 10, cuts: tuple[int, ...] = ()) -> list[WindowEntry]:
    runs = FaceRuns(length, 32)
    runs.cut(cuts)
    return runs.push(rows(pairs), frames) + runs.finish()


def test_face_of_25_frames_gives_windows_of_10_10_and_5() -> None:
    assert spans(build([(f, 0) for f in range(25)], 25)) == [(0, 0, 10), (0, 10, 10), (0, 20, 5)]


def test_window_ends_where_the_face_is_gone() -> None:
    pairs = [(f, 0) for f in (0, 1, 2, 6, 7)]
    assert spans(build(pairs, 20)) == [(0, 0, 3), (0, 6, 2)]


def test_window_ends_before_a_cut_even_if_the_face_goes_on() -> None:
    assert spans(build([(f, 0) for f in range(10)], 10, cuts=(4,))) == [(0, 0, 4), (0, 4, 6)]


def test_windows_of_two_faces_come_by_time() -> None:
    pairs = [(f, 0) for f in range(12)] + [(f, 1) for f in range(5, 12)]
    assert spans(build(pairs, 12)) == [(0, 0, 10), (0, 10, 2), (1, 5, 7)]


def test_full_window_is_given_out_as_soon_as_its_last_frame_is_settled() -> None:
    runs = FaceRuns(10, 32)
    assert runs.push(rows([(f, 0) for f in range(9)]), 9) == []
    assert spans(runs.push(rows([(9, 0)]), 10)) == [(0, 0, 10)]


def test_short_window_is_given_out_once_a_frame_without_the_face_is_settled() -> None:
    runs = FaceRuns(10, 32)
    runs.push(rows([(f, 0) for f in range(4)]), 4)
    assert spans(runs.push(None, 5)) == [(0, 0, 4)]


def test_window_carries_the_boxes_and_frames_of_its_rows() -> None:
    window = build([(f, 3) for f in range(7, 12)], 12)[0].window
    assert window.frames.tolist() == [7, 8, 9, 10, 11]
    assert window.boxes[:, 0].tolist() == [7, 8, 9, 10, 11] and len(window.crop) == 5


@given(
    st.dictionaries(st.integers(0, 3), st.sets(st.integers(0, 60)), max_size=4),
    st.lists(st.integers(0, 61), max_size=6),
    st.sets(st.integers(0, 60), max_size=3),
    st.integers(1, 12),
)
def test_every_row_is_in_one_window_however_rows_are_pushed(
    faces: dict[int, set[int]], stops: list[int], cuts: set[int], length: int
) -> None:
    pairs = [(frame, face) for face, frames in faces.items() for frame in frames]
    runs, entries, done = FaceRuns(length, 32), [], 0
    runs.cut(cuts)
    for stop in [*sorted(stops), 61]:
        entries += runs.push(rows([p for p in pairs if done <= p[0] < stop]), stop)
        done = stop
    entries += runs.finish()
    windows = [entry.window for entry in entries]
    assert sorted(spans(entries)) == sorted(spans(build(pairs, 61, length, tuple(cuts))))
    assert sorted((f, w.face) for w in windows for f in w.frames.tolist()) == sorted(pairs)
    assert all(1 <= len(w) <= length and not cuts & set(w.frames.tolist()[1:]) for w in windows)


def test_frames_are_done_once_the_rows_of_all_windows_before_are_final() -> None:
    """Rows that are in no window yet count as well."""
    runs = FaceRuns(10, 32)
    entries = runs.push(rows([(f, face) for f in range(25) for face in (0, 1)]), 25)
    assert len(entries) == 4 and runs.done == 0
    for entry in entries[:3]:
        entry.stage = Stage.FINAL
    assert runs.done == 10
    entries[3].stage = Stage.FINAL
    assert runs.done == 20, "frames 20 to 24 are in no window yet"
    for entry in runs.finish():
        entry.stage = Stage.FINAL
    assert runs.done == 25


def test_windows_that_an_earlier_run_made_are_left_out_but_for_those_that_later_ones_need() -> None:
    """The points of a window depend on the one before, its crops on the two before."""
    runs = FaceRuns(10, 32, done=47)
    entries = runs.push(rows([(f, 0) for f in range(70)]), 70)
    assert [(entry.window.first, entry.is_wanted) for entry in entries] == [
        *((20, False), (30, True), (40, True), (50, True), (60, True))
    ]


def test_frames_are_needed_until_all_crops_are_cut_from_them() -> None:
    """Those of a window too whose rows are there already: the crops of later ones depend on looks at it."""
    runs = FaceRuns(10, 32, done=27)
    entries = runs.push(rows([(f, 0) for f in range(50)]), 50)
    assert runs.done == 10 and runs.needed == 0 and not entries[0].is_wanted
    assert entries[0].give_crops(entries[0].window.crop) is None and runs.needed == 10


def test_nothing_is_kept_of_what_is_final() -> None:
    """Of a face that goes on only the last window, of a face that is gone nothing."""
    runs = FaceRuns(10, 32)
    for face in range(50):
        for entry in runs.push(rows([(30 * face + f, face) for f in range(20)]), 30 * face + 20):
            entry.stage = Stage.FINAL
        runs.forget()
        assert sum(len(run.entries) for run in runs) <= 2
    assert len(runs.faces) == 50

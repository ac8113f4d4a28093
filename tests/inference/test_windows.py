"""Windows hold consecutive frames of one face, and every row is in exactly one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from redtrack.faces.rows import FaceBoxes
from redtrack.inference.windows import Window, WindowBuilder


def rows(pairs: list[tuple[int, int]]) -> FaceBoxes:
    """Rows of (frame, face) pairs; a row's box tells its frame."""
    pairs = sorted(pairs)
    frame = np.array([f for f, _ in pairs], np.int64)
    face = np.array([i for _, i in pairs], np.int32)
    boxes = np.stack([frame, frame, frame + 10, frame + 10], -1).astype(np.float32).reshape(-1, 4)
    return FaceBoxes(frame, face, boxes, np.zeros(len(pairs), np.uint8), np.ones(len(pairs), np.float32))


def spans(windows: list[Window]) -> list[tuple[int, int, int]]:
    return [(w.face, w.first, len(w)) for w in windows]


def build(pairs: list[tuple[int, int]], frames: int, length: int = 10, cuts: tuple[int, ...] = ()) -> list[Window]:
    builder = WindowBuilder(length, 32)
    builder.cut(cuts)
    return builder.push(rows(pairs), frames) + builder.finish()


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
    builder = WindowBuilder(10, 32)
    assert builder.push(rows([(f, 0) for f in range(9)]), 9) == []
    assert builder.settled == 0
    assert spans(builder.push(rows([(9, 0)]), 10)) == [(0, 0, 10)]
    assert builder.settled == 10


def test_short_window_is_given_out_once_a_frame_without_the_face_is_settled() -> None:
    builder = WindowBuilder(10, 32)
    builder.push(rows([(f, 0) for f in range(4)]), 4)
    assert spans(builder.push(None, 5)) == [(0, 0, 4)]
    assert builder.settled == 5


def test_window_carries_the_boxes_and_frames_of_its_rows() -> None:
    window = build([(f, 3) for f in range(7, 12)], 12)[0]
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
    builder, windows, done = WindowBuilder(length, 32), [], 0
    builder.cut(cuts)
    for stop in [*sorted(stops), 61]:
        windows += builder.push(rows([p for p in pairs if done <= p[0] < stop]), stop)
        done = stop
    windows += builder.finish()
    assert sorted(spans(windows)) == sorted(spans(build(pairs, 61, length, tuple(cuts))))
    assert sorted((f, w.face) for w in windows for f in w.frames.tolist()) == sorted(pairs)
    assert all(1 <= len(w) <= length and not cuts & set(w.frames.tolist()[1:]) for w in windows)

"""Following faces through whole videos, on worlds whose faces are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import DoubtfulDetector, WorldDetector, face, follow, frames_of, pictures, world

from redtrack.faces import FaceFollower


def still(start: int = 0, stop: int = 10**6, x: float = 100, **more: float):  # noqa: ANN201
    """A face that does not move, seen from `start` to before `stop`."""
    return lambda frame: face(x, 100, **more) if start <= frame < stop else None


def test_a_still_face_has_one_row_a_frame_and_is_looked_at_every_tenth_frame() -> None:
    """One id, all frames, eleven detections in 100 frames."""
    detector = WorldDetector(world(100, still()))
    rows = follow(detector)
    assert frames_of(rows, 0) == list(range(100))
    assert set(rows.face) == {0}
    assert detector.looked == [*range(0, 100, 10), 99]
    assert np.allclose(rows.boxes, face(100, 100)[:4])


def test_rows_say_whether_their_box_was_detected_or_interpolated() -> None:
    """Key frames are detected, the rest is interpolated with the scores of its neighbours."""
    rows = follow(WorldDetector(world(31, lambda i: face(100 + i, 100))))
    assert rows.frame[rows.state == 0].tolist() == [0, 10, 20, 30]
    assert np.allclose(rows.boxes[:, 0], 80 + np.arange(31), atol=1e-4)
    assert np.allclose(rows.score, 0.9)


@pytest.mark.parametrize(("start", "stop"), [(0, 57), (1, 99), (13, 88), (30, 40), (94, 100), (97, 100)])
def test_a_face_starts_and_ends_on_the_very_frames_where_it_is_seen(start: int, stop: int) -> None:
    """Births and deaths between key frames are found by looking at every frame between."""
    rows = follow(WorldDetector(world(100, still(start, stop))))
    assert frames_of(rows, 0) == list(range(start, stop))


@pytest.mark.parametrize("chunk", [1, 7, 10, 33, 1000])
def test_the_size_of_the_chunks_changes_nothing(chunk: int) -> None:
    """Frames one by one give what all at once gives."""
    faces = world(75, still(8, 60), lambda i: face(200 + 3 * i, 150) if i > 20 else None)
    rows, other = follow(WorldDetector(faces), chunk), follow(WorldDetector(faces), 75)
    assert (rows.frame.tolist(), rows.face.tolist()) == (other.frame.tolist(), other.face.tolist())
    assert np.array_equal(rows.boxes, other.boxes)


def test_no_id_goes_on_across_a_cut() -> None:
    """The same place in three shots is three faces, and each has all frames of its shot."""
    rows = follow(WorldDetector(world(60, still())), cuts=[23, 24, 45])
    assert [frames_of(rows, k) for k in range(4)] == [
        list(range(23)), [23], list(range(24, 45)), list(range(45, 60))
    ]  # fmt: skip


def test_boxes_are_never_interpolated_across_a_cut() -> None:
    """The last row before the cut and the first after it are where their own shot shows the face."""
    rows = follow(WorldDetector(world(50, lambda i: face(100 if i < 25 else 130, 100))), cuts=[25])
    left = rows.boxes[:, 0]
    assert set(left[:25]) == {80.0}
    assert set(left[25:]) == {110.0}


def test_a_cut_on_the_first_frame_is_no_news() -> None:
    """Frame 0 begins a shot whether marked or not."""
    rows = follow(WorldDetector(world(20, still())), cuts=[0])
    assert frames_of(rows, 0) == list(range(20))


def test_a_picture_is_a_video_of_one_frame() -> None:
    """Faces of a single frame count though they last no longer."""
    rows = follow(WorldDetector(world(1, still(), still(x=300, size=80))))
    assert rows.face.tolist() == [0, 1]
    assert rows.boxes[0, 0] == 260, "the larger face comes first"


def test_an_empty_video_has_no_rows() -> None:
    """Nothing pushed, nothing settled, no error."""
    assert len(FaceFollower(WorldDetector([])).finish()) == 0


def test_no_face_no_rows() -> None:
    """And no look beyond the key frames."""
    detector = WorldDetector(world(100))
    assert len(follow(detector)) == 0
    assert len(detector.looked) == 11


def test_a_flash_of_two_frames_is_no_face() -> None:
    """What is seen on fewer than three frames of a longer shot is the detector's mistake."""
    assert len(follow(WorldDetector(world(60, still(20, 22))))) == 0


@pytest.mark.parametrize("gap", [1, 5, 13])
def test_a_short_gap_is_bridged(gap: int) -> None:
    """Up to 1.5 x every frames without a sighting are interpolated under the same id."""
    seen = lambda i: None if 40 <= i < 40 + gap else face(100 + i, 100)  # noqa: E731
    rows = follow(WorldDetector(world(100, seen)))
    assert frames_of(rows, 0) == list(range(100))
    assert set(rows.state[40 : 40 + gap]) == {1}
    assert np.allclose(rows.boxes[:, 0], 80 + np.arange(100), atol=0.05)


def test_a_longer_gap_has_no_rows_but_keeps_the_id() -> None:
    """Between 1.5 and 6 x every frames the face is known again but not guessed at."""
    rows = follow(WorldDetector(world(100, lambda i: None if 40 <= i < 60 else face(100, 100))))
    assert frames_of(rows, 0) == [*range(40), *range(60, 100)]


@pytest.mark.parametrize(
    ("gap", "where", "same"),
    [(70, (100, 100), True), (70, (112, 106), True), (70, (150, 100), False), (280, (100, 100), True)],
)
def test_a_face_that_comes_back_to_its_place_has_its_id(gap: int, where: tuple[float, float], same: bool) -> None:
    """However it left; one that comes elsewhere is another."""
    path = lambda i: face(100, 100) if i < 30 else None if i < 30 + gap else face(*where)  # noqa: E731
    rows = follow(WorldDetector(world(60 + gap, path)))
    there = list(range(30 + gap, 60 + gap))
    assert frames_of(rows, 0) == [*range(30), *there] if same else list(range(30))
    assert frames_of(rows, 1) == ([] if same else there)


def test_a_face_of_another_size_is_another() -> None:
    rows = follow(WorldDetector(world(130, lambda i: None if 30 <= i < 100 else face(100, 100, 40 + i // 100 * 40))))
    assert set(rows.face) == {0, 1}


def test_a_face_that_was_long_away_is_a_new_one() -> None:
    """After 30 x every frames the id is not given again."""
    rows = follow(WorldDetector(world(400, lambda i: None if 30 <= i < 350 else face(100, 100))))
    assert (frames_of(rows, 0), frames_of(rows, 1)) == (list(range(30)), list(range(350, 400)))


@pytest.mark.parametrize("every", [1, 5, 10])
def test_two_faces_never_sit_on_one(every: int) -> None:
    """Where one goes behind another it is interrupted, and goes on under its id where it comes out."""
    front = lambda i: face(100 + 5 * i, 100, size=60)  # noqa: E731

    def behind(i: int) -> list[float] | None:
        row = face(500 - 5 * i, 100, size=60)
        x0, x1 = front(i)[0], front(i)[2]
        if row[2] > x1:
            row[0] = max(row[0], x1)
        else:
            row[2] = min(row[2], x0)
        return row if row[2] - row[0] > 30 else None

    rows = follow(WorldDetector(world(80, front, behind)), every=every)
    assert set(rows.face) == {0, 1}
    assert frames_of(rows, 0) == list(range(80))
    hidden = [i for i in range(80) if abs(front(i)[0] - (500 - 5 * i) + 30) < 20]
    assert hidden and not set(hidden) & set(frames_of(rows, 1))
    assert {0, 79} <= set(frames_of(rows, 1))


def test_a_face_that_goes_behind_another_shows_less_and_less_and_is_known_again() -> None:
    """Slivers of it are not rows, nor do they spoil the memory of its size and speed."""

    def behind(i: int) -> list[float] | None:
        x0, x1 = 480 - 4 * i, 560 - 4 * i
        wall = (110 + 4 * i, 260 + 4 * i)
        if x0 < wall[0] < x1:
            x1 = wall[0]
        elif x0 < wall[1] < x1:
            x0 = wall[1]
        elif wall[0] <= x0 and x1 <= wall[1]:
            return None
        return [x0, 60, x1, 160, 0.9 if x1 - x0 > 50 else 0.3] if x1 - x0 > 20 else None

    rows = follow(DoubtfulDetector(world(100, behind, lambda i: face(185 + 4 * i, 115, size=90))))
    assert set(rows.face) == {0, 1}
    widths = (rows.boxes[:, 2] - rows.boxes[:, 0])[rows.face == 1]
    assert widths.min() > 80 / 1.9, "a sliver"
    assert rows.frame[rows.face == 1].max() == 99


@pytest.mark.parametrize("speed", [1.0, 2.5, 6.0])
def test_faces_that_cross_keep_their_ids(speed: float) -> None:
    """Also where the front one hides the other for a while."""
    count = int(300 / speed)
    front = lambda i: face(60 + speed * i, 100)  # noqa: E731

    def behind(i: int) -> list[float] | None:
        x = 360 - speed * i
        return None if abs(x - front(i)[0] - 20) < 22 else face(x, 104)

    rows = follow(WorldDetector(world(count, front, behind)))
    first, last = rows.frame == 0, rows.frame == count - 1
    assert set(rows.face) == {0, 1}
    start = dict(zip(rows.face[first], rows.boxes[first, 0], strict=True))
    end = dict(zip(rows.face[last], rows.boxes[last, 0], strict=True))
    assert (start[0] < start[1]) != (end[0] < end[1]), f"from {start} to {end}"


def test_ids_count_in_order_of_appearance() -> None:
    """Whatever the order in which they are found out to be faces."""
    weak_at_first = lambda i: face(100, 100, score=0.5 if i < 16 else 0.9) if i >= 12 else None  # noqa: E731
    rows = follow(DoubtfulDetector(world(60, weak_at_first, still(14, x=300))))
    assert (frames_of(rows, 0)[0], frames_of(rows, 1)[0]) == (12, 14)


def test_a_face_seen_weakly_is_followed_but_never_begun() -> None:
    """Weak boxes continue a face that was sure once, and are nothing by themselves."""
    dims = lambda i: face(100, 100, score=0.3 if 30 <= i < 70 else 0.9)  # noqa: E731
    rows = follow(DoubtfulDetector(world(100, dims, still(x=300, score=0.4))))
    assert frames_of(rows, 0) == list(range(100))
    assert set(rows.face) == {0}


def test_a_detector_with_detect_alone_will_do() -> None:
    """The one method of the protocol is enough."""
    rows = follow(WorldDetector(world(30, still(score=0.01))))
    assert frames_of(rows, 0) == list(range(30))


def test_max_faces_keeps_the_largest_and_does_not_flicker() -> None:
    """Two faces of nearly the same size do not take turns; a much larger one takes over."""
    wobbling = lambda i: face(100, 100, size=40 + i % 3)  # noqa: E731
    big = lambda i: face(500, 200, size=90) if i >= 50 else None  # noqa: E731
    rows = follow(WorldDetector(world(100, wobbling, still(x=300, size=41), big)), max_faces=1)
    assert len(rows) == 100
    assert (frames_of(rows, 0), frames_of(rows, 1)) == (list(range(50)), list(range(50, 100)))


def test_min_face_leaves_small_faces_out_but_not_the_smaller_frames_of_large_ones() -> None:
    """A face that reached the size is followed while it shrinks by less than a fifth."""
    breathing = lambda i: face(100, 100, size=40 if i % 20 < 10 else 36)  # noqa: E731
    rows = follow(WorldDetector(world(60, breathing, still(x=300, size=30))), min_face=43)
    assert frames_of(rows, 0) == list(range(60))
    assert set(rows.face) == {0}


def test_a_fast_face_is_looked_at_on_every_frame() -> None:
    """A move by more than half of itself between key frames is not interpolated."""
    path = 100 + 60 * np.sin(np.arange(60) / 8)
    detector = WorldDetector(world(60, lambda i: face(path[i], 100)))
    rows = follow(detector)
    assert frames_of(rows, 0) == list(range(60))
    assert len(detector.looked) > 40
    assert np.abs(rows.boxes[:, 0] - (path - 20)).max() < 6, "more than where it turns round"


def test_a_second_box_inside_a_face_is_no_face() -> None:
    """A weaker box that lies mostly inside a stronger one starts nothing."""
    rows = follow(WorldDetector(world(50, still(size=80), still(size=30, score=0.6))))
    assert set(rows.face) == {0}


def test_damage_to_one_key_frame_is_bridged() -> None:
    """A key frame on which nothing is found does not end a face."""
    rows = follow(WorldDetector(world(60, lambda i: None if i == 20 else face(100, 100))))
    assert frames_of(rows, 0) == list(range(60))


@pytest.mark.parametrize("every", [1, 2, 3, 25])
def test_any_interval_works(every: int) -> None:
    """The lag is bounded (see `follow`) and births are exact for every interval."""
    rows = follow(WorldDetector(world(80, still(11, 63))), chunk=5, every=every)
    assert frames_of(rows, 0) == list(range(11, 63))


def test_frames_and_cuts_of_different_lengths_are_refused() -> None:
    """A contract between parts, so an assertion."""
    with pytest.raises(AssertionError, match="3 frames, 2 cuts"):
        FaceFollower(WorldDetector([])).push(pictures(3), [False, False])


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(3, 50), st.integers(0, 4)), max_size=5),
    st.sets(st.integers(1, 69), max_size=3),
    st.integers(1, 40),
)
def test_whatever_happens_rows_are_whole(spans: list[tuple[int, int, int]], cuts: set[int], chunk: int) -> None:
    """Rows in order, no id on both sides of a cut, ids in order of appearance, no row where no face was near."""
    faces = [still(start, start + length, x=100 + 150 * place) for start, length, place in spans]
    unique = world(70, *{place: one for (*_, place), one in zip(spans, faces, strict=True)}.values())
    rows = follow(WorldDetector(unique), chunk, sorted(cuts))
    shot = np.searchsorted(sorted(cuts), rows.frame, side="right")
    firsts = [rows.frame[rows.face == k].min() for k in range(len(set(rows.face)))]
    assert firsts == sorted(firsts)
    for k in set(rows.face):
        assert len(set(shot[rows.face == k])) == 1
        frames = rows.frame[rows.face == k]
        assert len(unique[frames[0]]) and len(unique[frames[-1]])

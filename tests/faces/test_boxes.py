"""The user's own boxes: what the file may look like, and the rows that come of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from worlds import frames_of, join

from redtrack.errors import FormatError
from redtrack.faces import BoxesFile, FaceBoxes

HEAD = "frame,x0,y0,x1,y1,face_id\n"


def write(folder: Path, text: str) -> Path:
    """A boxes file."""
    path = folder / "boxes.csv"
    path.write_text(text, encoding="utf-8")
    return path


def rows(path: Path, frames: int, chunk: int = 16, cuts: tuple[int, ...] = (), **options: float) -> FaceBoxes:
    """All rows for a video of so many frames."""
    boxes = BoxesFile(path, **options)  # type: ignore[arg-type]
    marks = np.isin(np.arange(frames), cuts)
    parts = []
    for start in range(0, frames, chunk):
        stop = min(start + chunk, frames)
        parts.append(boxes.push(range(start, stop), marks[start:stop]))
        assert stop - 30 <= boxes.settled <= stop
    return join([*parts, boxes.finish()])


def test_boxes_with_ids_become_rows_with_those_ids(tmp_path: Path) -> None:
    """Ids need not be dense nor in order of appearance."""
    path = write(tmp_path, HEAD + "0,10,10,50,60,7\n1,11,10,51,60,7\n1,100,10,150,70,2\n")
    found = rows(path, 3)
    assert list(zip(found.frame.tolist(), found.face.tolist(), strict=True)) == [(0, 7), (1, 2), (1, 7)]
    assert found.boxes[0].tolist() == [10, 10, 50, 60]
    assert found.score.tolist() == [1, 1, 1]


@pytest.mark.parametrize("text", [
    "frame,x0,y0,x1,y1\n4,1,2,30,40\n",
    "4,1,2,30,40\n",
    "x1,y1,label,frame,x0,y0\n30,40,me,4,1,2\n",
    "\ufeffFrame, X0, Y0, X1, Y1, Face_ID\n\n# a remark\n4, 1, 2, 30, 40, 0\n",
    "frame,x0,y0,x1,y1,face\r\n4,1.0,2.0,3e1,40,0\r\n",
    "frame,x0,y0,x1,y1,face_id\n4,1,2,30,40,\n",
])  # fmt: skip
def test_many_ways_to_write_the_same_box(tmp_path: Path, text: str) -> None:
    """With and without a head, ids, blanks, a byte order mark, remarks, Windows line ends, other columns."""
    found = rows(write(tmp_path, text), 6)
    assert (found.frame.tolist(), found.face.tolist(), found.boxes.tolist()) == ([4], [0], [[1, 2, 30, 40]])


def test_boxes_without_ids_are_linked(tmp_path: Path) -> None:
    """Two faces side by side, listed in changing order, keep an id each."""
    lines = [f"{i},{x + i},10,{x + i + 40},60" for i in range(20) for x in ((200, 10) if i % 3 else (10, 200))]
    found = rows(write(tmp_path, "\n".join(lines)), 20)
    assert len(found) == 40
    for k in (0, 1):
        assert np.ptp(found.boxes[found.face == k][:, 0] - np.arange(20)) == 0


@pytest.mark.parametrize("ids", [True, False])
def test_every_tenth_frame_is_enough(tmp_path: Path, ids: bool) -> None:
    """Frames between are interpolated and say so."""
    lines = [f"{i},{i},0,{i + 100},130{',0' if ids else ''}" for i in range(0, 41, 10)]
    found = rows(write(tmp_path, "\n".join(lines)), 41, chunk=7)
    assert frames_of(found, 0) == list(range(41))
    assert np.allclose(found.boxes[:, 0], np.arange(41), atol=1e-4)
    assert found.frame[found.state == 0].tolist() == [0, 10, 20, 30, 40]


def test_a_long_gap_stays_a_gap(tmp_path: Path) -> None:
    """More than 1.5 x every frames apart nothing is guessed; a given id goes on after it."""
    found = rows(write(tmp_path, HEAD + "0,0,0,40,50,3\n20,0,0,40,50,3\n90,0,0,40,50,3\n"), 100)
    assert frames_of(found, 3) == [0, 20, 90]


def test_nothing_is_interpolated_across_a_cut(tmp_path: Path) -> None:
    """Without ids a new shot is a new face; with an id it is the same face, unseen between."""
    lines = "{0},0,0,40,50{2}\n{1},0,0,40,50{2}\n"
    loose = rows(write(tmp_path, lines.format(5, 9, "")), 20, cuts=(7,))
    assert (loose.frame.tolist(), loose.face.tolist()) == ([5, 9], [0, 1])
    named = rows(write(tmp_path, lines.format(5, 9, ",4")), 20, cuts=(7,))
    assert (named.frame.tolist(), named.face.tolist()) == ([5, 9], [4, 4])


def test_limits_hold_for_given_boxes_too(tmp_path: Path) -> None:
    """The largest face of a frame, and none below the size."""
    path = write(tmp_path, HEAD + "0,0,0,40,50,0\n0,100,0,200,120,1\n1,0,0,40,50,0\n2,0,0,9,9,5\n")
    assert set(rows(path, 3, max_faces=1).face[:1]) == {1}
    assert set(rows(path, 3, min_face=30).face) == {0, 1}


def test_boxes_after_the_end_of_the_video_are_counted(tmp_path: Path) -> None:
    """They are not rows, and `unused` tells."""
    boxes = BoxesFile(write(tmp_path, "0,0,0,9,9\n5,0,0,9,9\n5,20,0,29,9\n"))
    found = boxes.push(range(3), [False] * 3)
    assert (len(found) + len(boxes.finish()), boxes.unused) == (1, 2)


def test_an_empty_file_gives_no_rows(tmp_path: Path) -> None:
    """As does one with only its head."""
    assert len(rows(write(tmp_path, ""), 5)) == len(rows(write(tmp_path, HEAD), 5)) == 0


@pytest.mark.parametrize(("text", "says"), [
    (HEAD + "0,1,2,3\n", "line 2: not a box"),
    ("frame,x,y,w,h\n0,1,2,3,4\n", "without x0, y0, x1, y1"),
    ("0,1,2\n", "without x1, y1"),
    (HEAD + "0,1,2,30,40,0\n1,1,2,x,40,0\n", "line 3: not a box"),
    (HEAD + "0,1,2,nan,40,0\n", "x1 is nan"),
    (HEAD + "0,30,2,1,40,0\n", "line 2: a box without area"),
    (HEAD + "-1,1,2,30,40,0\n", "whole numbers from 0"),
    (HEAD + "0.5,1,2,30,40,0\n", "whole numbers from 0"),
    (HEAD + "0,1,2,30,40,-3\n", "whole numbers from 0"),
    (HEAD + "0,1,2,30,40,1\n0,5,2,30,40,1\n", "line 3: face 1 twice on frame 0"),
])  # fmt: skip
def test_a_bad_file_is_refused_by_line(tmp_path: Path, text: str, says: str) -> None:
    """The message names the file, the line, and how it should be."""
    with pytest.raises(FormatError, match=says) as caught:
        BoxesFile(write(tmp_path, text))
    assert "boxes.csv" in str(caught.value)
    assert "face_id" in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00\x81"])
def test_an_unreadable_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Missing or not text."""
    path = tmp_path / "boxes.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FormatError, match="unreadable boxes|is no text, and boxes are"):
        BoxesFile(path)


@pytest.mark.parametrize("every", [1, 2, 3, 10])
def test_faces_that_end_before_the_video_does_keep_all_their_rows(tmp_path: Path, every: int) -> None:
    """However many frames are pushed at once, and however far apart boxes may be."""
    lines = "".join(f"{frame},{frame},10,{frame + 40},50,0\n" for frame in range(21))
    for chunk in (1, 7, 50):
        assert frames_of(rows(write(tmp_path, HEAD + lines), 50, chunk, every=every), 0) == list(range(21))


@pytest.mark.parametrize("seed", range(12))
def test_rows_do_not_depend_on_how_many_frames_are_pushed_at_once(tmp_path: Path, seed: int) -> None:
    """Random faces with gaps and cuts, with ids and without."""
    rng = np.random.default_rng(seed)
    frames, lines, least = int(rng.integers(5, 150)), "", float(rng.choice([0, 55]))
    for face in range(int(rng.integers(1, 5))):
        first, (x, y), speed = int(rng.integers(0, frames)), rng.uniform(0, 500, 2), rng.normal(0, 3)
        last, share, name = min(frames, first + int(rng.integers(1, 80))), rng.choice([0.1, 0.5, 1.0]), face
        for frame in np.flatnonzero(rng.random(last - first) < share) + first:
            left, size = x + speed * frame, 50 + (frame - first) / 4
            lines += f"{frame},{left},{y},{left + size},{y + size},{name if seed % 2 else ''}\n"
    cuts = tuple(np.flatnonzero(rng.random(frames) < 0.02).tolist())
    path, every = write(tmp_path, HEAD + lines), int(rng.choice([1, 10]))
    whole = rows(path, frames, frames, cuts, every=every, min_face=least)
    for chunk in (1, 10, 40):
        parts = rows(path, frames, chunk, cuts, every=every, min_face=least)
        assert np.array_equal(parts.frame, whole.frame) and np.array_equal(parts.face, whole.face)
        assert np.array_equal(parts.boxes, whole.boxes) and np.array_equal(parts.state, whole.state)


def test_face_with_an_id_is_large_enough_where_one_of_its_boxes_is(tmp_path: Path) -> None:
    """It grows, and has rows from its first frame on."""
    lines = "".join(f"{frame},10,10,{50 + frame},{50 + frame},3\n" for frame in range(120))
    for chunk in (10, 120):
        assert frames_of(rows(write(tmp_path, HEAD + lines), 120, chunk, min_face=100.0), 3) == list(range(120))
    assert not len(rows(write(tmp_path, HEAD + lines), 120, min_face=200.0))


def test_boxes_without_an_id_never_get_one_that_is_given(tmp_path: Path) -> None:
    """Two faces, one of which has the id 0 in the file."""
    lines = "".join(f"{frame},10,10,50,50,0\n{frame},200,10,240,50,\n" for frame in range(20))
    found = rows(write(tmp_path, HEAD + lines), 20)
    assert frames_of(found, 0) == frames_of(found, 1) == list(range(20))
    assert found.boxes[found.face == 0, 0].max() == 10 and found.boxes[found.face == 1, 0].min() == 200


def test_box_without_an_id_is_not_a_sighting_of_a_given_face(tmp_path: Path) -> None:
    """Even where it lies on it: a face has one box in a frame."""
    lines = "".join(f"{frame},10,10,50,50,4\n{frame},12,10,52,50,\n" for frame in range(6))
    found = rows(write(tmp_path, HEAD + lines), 6)
    assert frames_of(found, 4) == frames_of(found, 0) == list(range(6))


def test_frames_that_are_skipped_count_and_have_no_rows(tmp_path: Path) -> None:
    """A face that began before is followed on from the first frame that is wanted."""
    lines = "".join(f"{frame},{frame},10,{frame + 40},50,0\n" for frame in range(0, 31, 5))
    boxes = BoxesFile(write(tmp_path, HEAD + lines))
    boxes.skip(np.zeros(12, bool))
    assert boxes.settled == 12
    found = join([boxes.push(range(20), np.zeros(20, bool)), boxes.finish()])
    assert frames_of(found, 0) == list(range(12, 31))

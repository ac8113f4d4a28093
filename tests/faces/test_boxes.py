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
    with pytest.raises(FormatError, match="unreadable boxes"):
        BoxesFile(path)

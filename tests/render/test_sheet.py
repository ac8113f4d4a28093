"""A sheet shows the frames that it names, the doubtful ones first."""

from __future__ import annotations

import numpy as np
import pytest
import videos
from drawn_tracks import face, moving_face, tracks_of

from redtrack.errors import UsageError
from redtrack.render.doubt import confidence, disagreement, rank, worst_face, worst_frames
from redtrack.render.film import frames_of
from redtrack.render.overlay import Style
from redtrack.render.png import write_png
from redtrack.render.sheet import CLOSE_UP, Cell, arrange, columns, contact_sheet, even_frames
from redtrack.tracks import Tracks
from redtrack.video import Video


def test_even_frames_are_spread() -> None:
    """Each is the middle of its share; there are never more than the video has."""
    assert even_frames(100, 4) == [12, 37, 62, 87]
    assert even_frames(3, 16) == [0, 1, 2]
    assert even_frames(0, 4) == []


def test_worst_frames_are_the_doubtful_ones_kept_apart() -> None:
    """Two bumps of disagreement give a frame of each, not neighbours of one."""
    apart = np.zeros((100, 68))
    apart[20:24], apart[22], apart[70] = 3, 4, 2
    tracks = moving_face(100, disagreement=apart)
    assert worst_frames(tracks, 2) == [22, 70]
    assert worst_frames(Tracks.empty([0.0]), 3) == []


def test_worst_face_is_the_one_in_doubt() -> None:
    """By disagreement, else by confidence, else the first; None where there is no face."""
    points = np.stack([face(), face(x=120)])
    two = {"ids": [3, 5], "frame": [0, 0], "frames": 2}
    apart = np.stack([np.zeros(68), np.ones(68)])
    assert worst_face(tracks_of(points, **two, disagreement=apart), 0) == 5
    assert worst_face(tracks_of(points, **two, scores=apart), 0) == 3
    assert worst_face(tracks_of(points, **two), 0) == 3
    assert worst_face(tracks_of(points, **two), 1) is None


def test_signs_of_doubt_by_hand() -> None:
    """Disagreement is a mean over the eye distance, confidence a mean, a rank the share that is smaller."""
    eyes = float(np.linalg.norm(face()[36] - face()[45]))
    tracks = tracks_of(face()[None], disagreement=np.full((1, 68), 2.0), scores=np.full((1, 68), 0.5))
    assert disagreement(tracks) == pytest.approx([2 / eyes], rel=1e-4)
    assert confidence(tracks) == pytest.approx([0.5])
    assert rank(np.array([3.0, 1.0, np.nan, 2.0, 2.0])).tolist() == [0.75, 0, 0, 0.25, 0.25]


def test_sheet_shows_the_frames_that_it_names(tmp_path) -> None:
    """Each cell holds its own frame of the video."""
    source = Video(videos.clip(tmp_path / "in.mp4", 24))
    cells = [Cell(frame) for frame in (3, 20)]
    plain = Style(points=False, lines=False, boxes=False, ids=False, mark=None)
    sheet = contact_sheet(source, moving_face(), cells, "two frames", plain, width=2 * 166 + 6)
    assert sheet.shape[1] == 338
    top = sheet.shape[0] - 126
    found = [videos.number_of(sheet[top : top + 120, 6 + 166 * k : 166 + 166 * k]) for k in range(2)]
    assert found == [3, 20]


@pytest.mark.parametrize(("count", "across"), [(1, 1), (7, 3), (10, 5), (16, 4), (20, 5)])
def test_a_sheet_has_few_empty_cells(count: int, across: int) -> None:
    """Of close-ups: about 16 to 10 in all, and a row more or less where that fills the sheet."""
    assert columns(count, CLOSE_UP) == across


def test_sheet_close_up_shows_one_face(tmp_path) -> None:
    """A cell about a face is filled by it, and shows no other face's points."""
    source = Video(videos.clip(tmp_path / "in.mp4", [np.zeros((240, 320, 3), np.uint8)]))
    tracks = tracks_of(np.stack([face(20, 20, 40), face(200, 150, 40)]), ids=[0, 1], frame=[0, 0])
    sheet = contact_sheet(source, tracks, [Cell(0, 1, "face 1")], "close", Style(boxes=False, ids=False), width=512)
    lit = (sheet[60:].max(axis=-1) > 120).sum(axis=0)
    assert np.flatnonzero(lit).min() < 150 and np.flatnonzero(lit).max() > 350


@pytest.mark.parametrize("width, height", [(5000, 1), (1, 1500)])
def test_a_sheet_of_a_line_of_pixels_is_drawn(tmp_path, width: int, height: int) -> None:
    """However wide or tall it is, it is seen, and the sheet is no tower."""
    write_png(tmp_path / "line.png", np.full((height, width, 3), 250, np.uint8))
    plain = Style(caption=False, points=False)
    sheet = contact_sheet(Video(tmp_path / "line.png"), Tracks.empty([0.0]), [Cell(0)], "", plain)
    assert sheet.shape[1] == 1920 and sheet.shape[0] < 8000 and (sheet == 250).any()


def test_sheet_needs_frames() -> None:
    """Nothing to show is said."""
    with pytest.raises(UsageError, match="no frame"):
        arrange([], "nothing")


def test_frames_of_stops_at_the_last_one_wanted(tmp_path) -> None:
    """Only the wanted frames come, and those past the end are left out."""
    source = Video(videos.clip(tmp_path / "in.mp4", 12))
    assert [frame.index for frame in frames_of(source, [2, 5, 40])] == [2, 5]

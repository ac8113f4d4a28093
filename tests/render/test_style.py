"""What is drawn on a frame, and its legend, are as the style says."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_frames import drawn
from drawn_tracks import face, tracks_of

from redtrack.errors import UsageError
from redtrack.points import LINES
from redtrack.render import colours
from redtrack.render.legend import draw_legend, marks_of
from redtrack.render.overlay import Style, clock
from redtrack.tracks import FrameState


def test_worst_points_are_ringed() -> None:
    """A ring stands around the one point whose disagreement is above the mark, and around no other."""
    apart = np.zeros((1, 68))
    apart[0, 30] = 10
    tracks = tracks_of(face(x=20, y=20, size=80)[None], disagreement=apart)
    with_ring, without = (drawn(tracks, Style(mark=mark)) for mark in (0.05, None))
    y, x = np.nonzero((with_ring != without).any(axis=-1))
    tip = tracks.points[0, 30]
    assert len(x) and np.hypot(x - tip[0], y - tip[1]).max() < 8


@pytest.mark.parametrize("what", ["points", "lines", "boxes", "ids", "caption"])
def test_each_part_of_the_drawing_can_be_left_out(what: str) -> None:
    """Every switch changes the picture, and with all of them off nothing is drawn."""
    tracks = tracks_of(face()[None])
    off = dict.fromkeys(["points", "lines", "boxes", "ids", "caption"], False)
    assert (drawn(tracks, Style(**off)) == 70).all()
    assert (drawn(tracks, Style(**(off | {what: True}))) != 70).any()


@pytest.mark.parametrize("colour", ["confidence", "disagreement"])
def test_doubt_shows_in_the_colour(colour: str) -> None:
    """A doubtful face is drawn in another colour than a certain one; a file that knows neither by parts."""
    sure = {"scores": np.ones((1, 68)), "disagreement": np.zeros((1, 68))}
    unsure = {"scores": np.zeros((1, 68)), "disagreement": np.full((1, 68), 20)}
    only = Style(colour=colour, lines=False, boxes=False, ids=False, mark=None)
    cyan, red, parts = (drawn(tracks_of(face()[None], **rows), only).astype(int) for rows in (sure, unsure, {}))
    assert (red - cyan)[..., 0].max() > 100 and (cyan - red)[..., 2].max() > 60
    assert (parts == drawn(tracks_of(face()[None]), Style(colour="part", lines=False, boxes=False, ids=False))).all()


def test_senseless_styles_are_refused() -> None:
    """Unknown colourings, and sizes that show nothing or take all memory."""
    for wrong in ({"colour": "mood"}, {"size": 0}, {"size": 1000}, {"mark": -1}):
        with pytest.raises(UsageError):
            Style(**wrong)


def test_damaged_frames_say_so_in_their_caption() -> None:
    """The caption of a damaged frame differs from that of a sound one."""
    sound = tracks_of(face()[None])
    damaged = tracks_of(face()[None], frame_state=[FrameState.DAMAGED])
    style = Style(caption=True)
    assert (drawn(sound, style) != drawn(damaged, style)).any()


def test_lines_cover_all_points() -> None:
    """Every point lies on a line of the drawing."""
    assert {i for line, _ in LINES for i in line} == set(range(68))


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00.000"), (75.5, "1:15.500"), (3661.0006, "1:01:01.001"), (59.9996, "1:00.000")]
)
def test_clock(seconds: float, shown: str) -> None:
    """Times are told to the millisecond, rounded without ever showing 60 seconds."""
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("style", "told"),
    [
        (Style(), ["confidence 0 to 1", "the two directions in time are over 5 % of the eye distance apart"]),
        (Style(colour="part", mark=None), ["jaw", "brows", "nose", "eyes", "mouth"]),
        (Style(colour="face", mark=None, axes=True),
         ["each face has its colour", "head's x axis", "y axis", "the way it looks"]),
        (Style(colour="disagreement", mark=None),
         ["the two directions in time are 6 % of the eye distance apart, to none"]),
        (Style(points=False, mark=None), []),
    ],
)  # fmt: skip
def test_a_legend_explains_what_is_drawn(style: Style, told: list[str]) -> None:
    """Colours and rings of the style, and none that are not there; every sign has its colour on the line."""
    tracks = tracks_of(face()[None], disagreement=np.ones((1, 68)), scores=np.ones((1, 68)))
    marks = marks_of([tracks], style)
    assert [mark.words for mark in marks] == told
    line = np.zeros((30, 1900, 3), np.uint8)
    draw_legend(line, (8, 8), marks, 12)
    for mark in marks:
        for colour in [colours.WARNING] if mark.colours is None else mark.colours:
            assert np.abs(line.astype(float) - colour).max(axis=-1).min() < 12
    assert not line[:, -2:].any() and not line[-4:].any()


def test_a_legend_leaves_out_what_a_file_lacks() -> None:
    """Without scores the parts are coloured, without two directions there is no ring."""
    marks = marks_of([tracks_of(face()[None])], Style())
    assert [mark.words for mark in marks] == ["jaw", "brows", "nose", "eyes", "mouth"]

"""Plots show what was measured, with its gaps, and say clearly what they need."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from click.testing import CliRunner
from drawn_tracks import face, moving_face, tracks_of

from redtrack import plots
from redtrack.cli.plot import plot
from redtrack.errors import FormatError, OutputError, UsageError
from redtrack.evaluate import Pair, Protocol, score
from redtrack.measures import MEASURES
from redtrack.tracks import Tracks
from redtrack.video import read_picture

pytest.importorskip("matplotlib")


def test_every_measure_has_a_panel() -> None:
    """No measure is left out and none is drawn twice."""
    drawn = [name for names in plots.PANELS.values() for name in names]
    assert sorted(drawn) == sorted(MEASURES)


def test_measures_are_unknown_where_the_face_is_not() -> None:
    """A face seen in frames 0 and 3 of five has NaN in between and after."""
    curves = tracks_of(np.stack([face()] * 2), frame=[0, 3], frames=5).measures(0)
    for values in curves.values():
        assert np.isfinite(values).tolist() == [True, False, False, True, False]


def test_curves_break_at_gaps_and_lone_values_stay_visible() -> None:
    """A value between two gaps becomes a dash of half a step; all others stay as they are."""
    times, values = plots.broken(np.arange(6.0), np.array([1, 2, np.nan, 5, np.nan, 7]))
    assert times.tolist() == [0, 1, 2, 3, 3.5, 4, 5, 5.5]
    assert values[[3, 4]].tolist() == [5, 5] and values[[6, 7]].tolist() == [7, 7]


def test_measures_are_drawn_with_gaps_shaded(tmp_path) -> None:
    """The picture of tracks with a gap differs from that without, and has the grey of a gap."""
    whole = moving_face(60)
    gap = whole.select(np.r_[0:20, 40:60])
    for name, tracks in (("whole", whole), ("gap", gap)):
        plots.plot_measures(tmp_path / f"{name}.png", tracks)
    grey = [
        (read_picture(tmp_path / f"{name}.png") == [0xE4, 0xE4, 0xE4]).all(axis=-1).mean() for name in ("whole", "gap")
    ]
    assert grey[0] < 0.001 and grey[1] > 0.1


def test_the_longest_face_is_drawn_unless_told(tmp_path) -> None:
    """Of two faces the one with more rows; an unknown one is refused with the known ones."""
    points = np.stack([face()] * 5)
    tracks = tracks_of(points, ids=[0, 4, 4, 4, 0], frame=[0, 0, 1, 2, 2])
    assert plots.longest_face(tracks) == 4
    with pytest.raises(UsageError, match="the faces are 0, 4"):
        plots.plot_measures(tmp_path / "a.png", tracks, face=1)
    with pytest.raises(FormatError, match="no face"):
        plots.plot_measures(tmp_path / "a.png", Tracks.empty([0.0]))


def test_scores_are_drawn(tmp_path) -> None:
    """One video has a second panel for the error over time; several have the curves alone."""
    truth = moving_face(30)
    near = Tracks.from_rows(truth.frame, truth.face, truth.points + 0.5, truth.times).select(np.arange(20))
    pairs = [Pair("a", truth, near)]
    one = {"near": score(pairs, Protocol()), "truth": score([Pair("a", truth, truth)], Protocol())}
    plots.plot_scores(tmp_path / "one.png", one)
    plots.plot_scores(tmp_path / "two.png", {"near": score([*pairs, Pair("b", truth, None)], Protocol())})
    assert read_picture(tmp_path / "one.png").shape[1] > 1.5 * read_picture(tmp_path / "two.png").shape[1]


def test_several_faces_are_drawn_as_dots(tmp_path) -> None:
    """Two faces in a frame are no zigzag line, and drawing them works."""
    truth = tracks_of(np.stack([face(), face(x=150)] * 4), ids=[0, 1] * 4, frame=np.repeat(np.arange(4), 2))
    plots.plot_scores(tmp_path / "a.svg", {"truth": score([Pair("a", truth, truth)], Protocol())})
    assert (tmp_path / "a.svg").stat().st_size > 1000


def test_missing_matplotlib_is_a_clear_sentence(tmp_path, monkeypatch) -> None:
    """What to install is said."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UsageError, match=r"redtrack\[plot\]"):
        plots.plot_measures(tmp_path / "a.png", moving_face())


def test_what_cannot_be_written_is_said(tmp_path) -> None:
    """An unknown ending is wrong usage, a missing folder an output error; neither leaves a file."""
    with pytest.raises(UsageError, match="xyz"):
        plots.plot_measures(tmp_path / "a.xyz", moving_face())
    with pytest.raises(OutputError):
        plots.plot_measures(tmp_path / "no" / "a.png", moving_face())
    assert list(tmp_path.iterdir()) == []


def test_command_draws_beside_the_tracks(tmp_path) -> None:
    """Without a name the picture stands beside the tracks."""
    moving_face().save(tmp_path / "clip.h5")
    done = CliRunner().invoke(plot, [str(tmp_path / "clip.h5")])
    assert done.exit_code == 0, done.output
    assert read_picture(tmp_path / "clip.png").shape[2] == 3

"""Tracks as pandas' tables and back, and as movement's datasets."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_tracks import face, tracks_of
from random_tracks import random_tracks

from redtrack.errors import FormatError, UsageError
from redtrack.inference.shape import with_shape
from redtrack.measures import MEASURES, columns, measures
from redtrack.points import NAMES
from redtrack.tracks import Tracks


def test_a_line_a_face_and_frame() -> None:
    """A data frame has frame, face, true time, mean score, box and points; the measures on demand."""
    pytest.importorskip("pandas")
    tracks = random_tracks()
    table = tracks.to_pandas(measures=True)
    assert list(table.columns[:4]) == ["frame", "face", "time", "score"] and len(table) == len(tracks)
    assert (table["time"] == tracks.times[tracks.frame]).all() and set(MEASURES) <= set(table.columns)
    assert (table[["x_30", "y_30"]].to_numpy() == tracks.points[:, 30]).all()
    assert (table["box_x1"].to_numpy() == tracks.boxes[:, 2]).all()


def test_all_tables_tell_the_same_measures(tmp_path: Path) -> None:
    """CSV, Parquet, pandas and `Tracks.measures` agree, under the pose that the tracks hold and not another.

    With `uncertainty`, each has the standard deviation of every length behind the measures, and no other column more.
    """
    pandas, parquet = pytest.importorskip("pandas"), pytest.importorskip("pyarrow.parquet")
    points = np.stack([face(x=20 + k, size=90 + k) for k in range(6)])
    tracks = with_shape(tracks_of(points, sigma=np.tile([0.5, 0, 0.5], (6, 68, 1))))
    tracks = replace(tracks, pose=tracks.pose + np.float32([0.2, 0, 0, 0, 0, 0]))  # another than would be fitted
    tracks.save(tmp_path / "x.csv", uncertainty=True)
    tracks.save(tmp_path / "x.parquet", uncertainty=True)
    curves = tracks.measures(0, uncertainty=True)
    assert list(curves) == list(columns(uncertainty=True)) and len(curves) == 2 * len(MEASURES) - 3
    assert not np.allclose(curves["pitch"], measures(points)["pitch"], atol=1)
    tables = tracks.to_pandas(uncertainty=True), pandas.read_csv(tmp_path / "x.csv")
    for table in (*tables, parquet.read_table(tmp_path / "x.parquet").to_pandas()):
        for name, values in curves.items():
            assert np.isfinite(values).all() and np.allclose(table[name], values, atol=1e-4), name
    for options in ({}, {"measures": True}):
        assert not [name for name in tracks.to_pandas(**options).columns if name.endswith("_sd")]


def test_there_and_back() -> None:
    """With scores and the times of all frames, nothing but disagreement and states is lost."""
    pytest.importorskip("pandas")
    tracks = random_tracks()
    back = Tracks.from_pandas(tracks.to_pandas(scores=True), times=tracks.times)
    for name in ("frame", "face", "points", "scores", "boxes", "times"):
        assert np.array_equal(getattr(back, name), getattr(tracks, name)), name


def test_a_table_of_ones_own() -> None:
    """Frames, faces and points are enough: a partly labelled face, rows in any order, no times."""
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({f"{axis}_{i}": [1.5, 2.5] for axis in "xy" for i in range(68)})
    table["frame"], table["face"] = [3, 1], [0, 0]
    table.loc[0, ["x_5", "y_5"]] = np.nan
    back = Tracks.from_pandas(table)
    assert (back.frame.tolist(), back.frames, back.partial.tolist()) == ([1, 3], 4, [False, True])
    assert not back.info["times_known"] and np.isnan(back.scores).all()
    with pytest.raises(FormatError, match="no column 'face'"):
        Tracks.from_pandas(table.drop(columns="face"))


def test_a_dataset_is_movements() -> None:
    """Dimensions, coordinates and attributes are those of movement's poses, and the times are true."""
    pytest.importorskip("xarray")
    tracks = random_tracks(source="clip.mp4")
    data = tracks.to_xarray()
    assert dict(data.sizes) == {"time": 40, "space": 2, "keypoints": 68, "individuals": 3}
    assert data.position.dims == ("time", "space", "keypoints", "individuals")
    assert (data.time.to_numpy() == tracks.times).all() and data.attrs["time_unit"] == "seconds"
    one = data.position.sel(individuals="face_1", keypoints=NAMES[30]).to_numpy()
    assert np.array_equal(one, tracks.dense(1)[:, 30], equal_nan=True)
    confidence = data.confidence.sel(individuals="face_1").to_numpy()
    assert np.array_equal(confidence, tracks.dense(1, "scores"), equal_nan=True)


@pytest.mark.parametrize(("library", "method"), [("pandas", "to_pandas"), ("xarray", "to_xarray")])
def test_without_the_library_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, library: str, method: str
) -> None:
    """The sentence names the extra."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=rf"need {library}; pip install 'redtrack\[pandas\]'"):
        getattr(random_tracks(frames=2), method)()


def test_a_figure_can_be_had() -> None:
    """`plot()` returns the figure of the measures, for a notebook to show."""
    pytest.importorskip("matplotlib")
    figure = random_tracks(frames=9).plot(face=1)
    assert "face 1" in figure.get_suptitle()

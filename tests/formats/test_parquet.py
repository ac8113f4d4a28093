"""Parquet: one long table of a video or of a run, which other libraries query."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from random_tracks import random_tracks

from redtrack import formats
from redtrack.errors import FormatError, OutputError, UsageError
from redtrack.formats.parquet import has_other_columns, read_parquet, write_parquet, write_run
from redtrack.tracks import Tracks

parquet = pytest.importorskip("pyarrow.parquet")


def test_round_trip(tmp_path: Path) -> None:
    """Points, scores, boxes, times of all frames, ids and info come back exactly."""
    tracks = random_tracks(frames=50, seen=0.3, source="v/clip.mp4")
    assert len(set(tracks.frame)) < tracks.frames
    write_parquet(tracks, tmp_path / "x.parquet")
    back = formats.read(tmp_path / "x.parquet")
    for name in ("frame", "face", "points", "scores", "boxes", "times"):
        assert np.array_equal(getattr(back, name), getattr(tracks, name)), name
    assert back.info == {"source": "v/clip.mp4"}


def test_what_is_unknown_is_null(tmp_path: Path) -> None:
    """A frame without a face has its time and nothing else; an unknown point or time is null, and never NaN."""
    points = np.ones((1, 68, 2))
    points[0, 3] = np.nan
    tracks = Tracks.from_rows([1], [0], points, [0, 1, 2], info={"times_known": False})
    write_parquet(tracks, tmp_path / "x.parquet")
    table = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert [row["frame"] for row in table] == [0, 1, 2] and [row["face"] for row in table] == [None, 0, None]
    assert table[0]["x_0"] is None and table[1]["x_0"] == 1 and table[1]["x_3"] is None and table[1]["score"] is None
    assert all(row["time"] is None and row["video"] == "x" for row in table)
    back = read_parquet(tmp_path / "x.parquet")
    assert back.partial.tolist() == [True] and not back.info["times_known"]


def test_a_run_is_one_table(tmp_path: Path) -> None:
    """Videos follow one another, a row group each; one of them is read by its name."""
    runs = [(f"v{seed}", random_tracks(frames=20, seed=seed)) for seed in range(3)]
    write_run(runs, tmp_path / "run.parquet")
    with parquet.ParquetFile(tmp_path / "run.parquet") as file:
        assert file.num_row_groups == 3
    back = read_parquet(tmp_path / "run.parquet", video="v1")
    assert np.array_equal(back.points, runs[1][1].points) and back.frames == 20
    with pytest.raises(FormatError, match="holds 3 videos; name one: v0, v1, v2"):
        read_parquet(tmp_path / "run.parquet")
    with pytest.raises(FormatError, match="holds no video 'x'"):
        read_parquet(tmp_path / "run.parquet", video="x")


def test_columns_of_uncertainty_are_seen(tmp_path: Path) -> None:
    """A table with them is another than one without; what is no table at all is another, too."""
    for asked in (False, True):
        write_parquet(random_tracks(frames=3), tmp_path / "x.parquet", uncertainty=asked)
        assert [has_other_columns(tmp_path / "x.parquet", how) for how in (asked, not asked)] == [False, True]
    (tmp_path / "y.parquet").write_text("no table")
    assert has_other_columns(tmp_path / "y.parquet")


def test_other_tables_and_damage_are_refused(tmp_path: Path) -> None:
    """A table of other columns, and bytes that are none, have their sentence."""
    import pyarrow

    parquet.write_table(pyarrow.table({"a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(FormatError, match="has no column 'video'"):
        read_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1" + bytes(99))
    with pytest.raises(FormatError, match="is a damaged Parquet file"):
        formats.read(tmp_path / "b.parquet")
    with pytest.raises(OutputError, match="no such file or directory"):
        write_parquet(random_tracks(frames=2), tmp_path / "none" / "x.parquet")


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sentence names the extra, and nothing is left behind."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"needs pyarrow; pip install 'redtrack\[parquet\]'"):
        write_parquet(Tracks.empty([0.0]), tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_column_whose_places_lead_nowhere_is_refused(tmp_path: Path) -> None:
    """A spoiled dictionary of names is damage, and no traceback."""
    import pyarrow

    wrong = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0, 0]), pyarrow.array(["a"]), safe=False)
    table = pyarrow.table({"video": wrong, "frame": ["x", "y"], "face": [1, 2], "time": [0.0, 1.0]})
    parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(FormatError):
        read_parquet(tmp_path / "x.parquet")

"""One table of a run: every video's rows, one after the other, with its name in front."""

from __future__ import annotations

from pathlib import Path

import pytest
from random_tracks import random_tracks

from redtrack.run.outcome import DONE, FAILED, SKIPPED, Outcome
from redtrack.run.run_table import write_run_table

RESULTS = {"b": random_tracks(frames=9, faces=2), "day/a": random_tracks(frames=5, seed=1)}


@pytest.fixture
def outcomes(tmp_path: Path) -> list[Outcome]:
    """Two results, one in a folder below and skipped, and a video that failed."""
    (tmp_path / "day").mkdir()
    for name, tracks in RESULTS.items():
        tracks.save(tmp_path / f"{name}.h5")
    states = {"day/a": SKIPPED, "b": DONE, "c": FAILED}
    return [Outcome(Path(f"{name}.mp4"), state, tmp_path / f"{name}.h5") for name, state in states.items()]


def test_csv_has_the_lines_of_each_videos_own(tmp_path: Path, outcomes: list[Outcome]) -> None:
    """In order of the videos' names, with the columns that are asked for."""
    assert write_run_table(tmp_path / "run.csv", outcomes, tmp_path, {"measures": True}) == 2
    wanted = []
    for name, tracks in RESULTS.items():
        tracks.save(tmp_path / "own.csv", measures=True)
        head, *lines = (tmp_path / "own.csv").read_text().splitlines()
        wanted += [f"{name},{line}" for line in lines]
    assert (tmp_path / "run.csv").read_text().splitlines() == [f"video,{head}", *wanted]


def test_parquet_opens_with_the_same_videos(tmp_path: Path, outcomes: list[Outcome]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert write_run_table(tmp_path / "run.parquet", outcomes, tmp_path, {}) == 2
    table = parquet.read_table(tmp_path / "run.parquet")
    assert set(table["video"].to_pylist()) == set(RESULTS)

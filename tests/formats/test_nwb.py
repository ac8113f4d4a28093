"""NWB: what pynwb reads of it, and what its inspector says."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_tracks import random_tracks

from redtrack import formats
from redtrack.errors import FormatError, UsageError
from redtrack.formats.nwb import write_nwb
from redtrack.points import NAMES
from redtrack.tracks import Tracks


@pytest.fixture
def pynwb() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("ndx_pose")
        return pytest.importorskip("pynwb")


@pytest.mark.filterwarnings("ignore")
def test_pynwb_reads_it(pynwb: Any, tmp_path: Path) -> None:
    """Each face is a pose estimation of 68 series with true times, its points and scores; NaN where it is absent."""
    tracks = random_tracks(frames=12, faces=2, source="clip.mp4")
    write_nwb(tracks, tmp_path / "x.nwb")
    with pynwb.NWBHDF5IO(tmp_path / "x.nwb", "r") as file:
        behavior = file.read().processing["behavior"]
        series = behavior["face_1"][NAMES[30]]
        assert np.array_equal(series.data[:], tracks.dense(1)[:, 30], equal_nan=True)
        assert np.array_equal(series.confidence[:], tracks.dense(1, "scores")[:, 30], equal_nan=True)
        assert np.array_equal(series.timestamps[:], tracks.times)
        assert list(behavior["Skeletons"]["iBUG_68"].nodes[:]) == list(NAMES)
    assert formats.sniff(tmp_path / "x.nwb").name == "nwb"
    with pytest.raises(FormatError, match="is NWB, which redtrack writes and does not read"):
        formats.read(tmp_path / "x.nwb")


@pytest.mark.filterwarnings("ignore")
def test_the_inspector_finds_nothing_wrong(pynwb: Any, tmp_path: Path) -> None:
    """nwbinspector has suggestions, about what no video tells, and neither errors nor violations."""
    inspector = pytest.importorskip("nwbinspector")
    write_nwb(random_tracks(frames=12, faces=2), tmp_path / "x.nwb")
    found = inspector.inspect_nwbfile(nwbfile_path=tmp_path / "x.nwb")
    grave = [message.message for message in found if message.importance.name != "BEST_PRACTICE_SUGGESTION"]
    assert not grave


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sentence names the extra, and nothing is left behind."""
    monkeypatch.setitem(sys.modules, "pynwb", None)
    monkeypatch.setitem(sys.modules, "ndx_pose", None)
    with pytest.raises(UsageError, match=r"needs pynwb and ndx-pose; pip install 'redtrack\[nwb\]'"):
        write_nwb(Tracks.empty([0.0]), tmp_path / "x.nwb")
    assert list(tmp_path.iterdir()) == []

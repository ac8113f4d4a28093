"""A film with a face in it, and tracks, for the tests of crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from filmed_faces import filmed

import redtrack
from redtrack.tracks import Tracks


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A film of 12 frames, and its tracks in `tracks`."""
    (tmp_path / "tracks").mkdir()
    filmed(tmp_path / "film.mp4", 12, sound=True).save(tmp_path / "tracks" / "film.h5")
    return tmp_path / "film.mp4"


@pytest.fixture
def pair(film: Path, tmp_path: Path) -> Path:
    """Tracks of the film with a second face, which goes after 4 frames."""
    tracks = redtrack.load(tmp_path / "tracks" / "film.h5")
    points = np.concatenate([tracks.points, tracks.points[:4]])
    both = Tracks.from_rows([*range(12), *range(4)], [0] * 12 + [1] * 4, points, tracks.times, info=tracks.info)
    both.save(tmp_path / "pair.h5")
    return tmp_path / "pair.h5"

"""Tracks full of chance, for tests of what must come back as it went in."""

from __future__ import annotations

from typing import Any

import numpy as np

from redtrack.tracks import Tracks

N = 68


def random_tracks(frames: int = 40, faces: int = 3, seen: float = 0.7, seed: int = 0, **info: Any) -> Tracks:
    """Returns tracks in which every face is in a frame with the chance `seen`, at uneven times, all fields filled."""
    chance = np.random.default_rng(seed)
    kept = chance.random(frames * faces) < seen
    frame, face = np.repeat(np.arange(frames), faces)[kept], np.tile(np.arange(faces), frames)[kept]
    rows = len(frame)
    return Tracks.from_rows(
        frame,
        face,
        chance.normal(300, 200, (rows, N, 2)),
        np.cumsum(chance.random(frames) / 20),
        scores=chance.random((rows, N)),
        disagreement=chance.random((rows, N)) * 3,
        boxes=chance.normal(300, 200, (rows, 4)),
        state=chance.integers(0, 3, rows),
        frame_state=chance.integers(0, 3, frames),
        info=info,
    )

"""Tracks of a head that blinks, winks, nods and turns at known frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from turned_faces import turned, with_lids

from redtrack.tracks import Tracks

SHUT = 0.15  # of the open eye


def acted(
    frames: int,
    blinks: Iterable[tuple[int, int]] = (),
    winks: Iterable[tuple[int, int, str]] = (),
    turn: Callable[[int], tuple[float, float, float]] = lambda _: (0.0, 0.0, 0.0),
    change: Callable[[int, np.ndarray], np.ndarray] = lambda _, head: head,
    noise: float = 0.25,
    rate: float = 25.0,
    absent: Iterable[int] = (),
    **about: Any,
) -> Tracks:
    """Returns tracks of one head, 90 px between the outer eye corners, whose points err by `noise` px.

    blinks and winks are first and last frame in which the eyes, or the right or left one, are shut. turn gives roll,
    yaw and pitch of a frame, change the head (68, 3) that it shows. absent are frames without the face.
    """
    draw = np.random.default_rng(0)
    eyes = ["open"] * frames
    for first, last, *side in (*blinks, *winks):
        eyes[first : last + 1] = [side[0] if side else "both"] * (last + 1 - first)
    points = []
    for frame in range(frames):
        head = with_lids(1.0 if eyes[frame] == "open" else SHUT, eyes[frame])
        points.append(turned(*turn(frame), head=change(frame, head), size=90))
    seen = np.array([frame for frame in range(frames) if frame not in set(absent)])
    noisy = np.stack(points)[seen] + draw.normal(0, noise, (len(seen), 68, 2))
    return Tracks.from_rows(seen, np.zeros(len(seen), int), noisy, np.arange(frames) / rate, **about)

"""Smooth paths of crops along a face, from a single look at the first frame of each window.

The network's points depend a little on where the face lies in its crop, so crops that jump make points that jump. A
detector's boxes jump; the landmarks of one frame in ten are far steadier, and a smooth curve through their crops
crosses the borders between windows. It costs one look in ten, and makes most second looks needless.

On a still face moved by a known camera (`benchmarks/temporal.py`) it more than halved the jitter.
"""

from __future__ import annotations

import numpy as np

from redtrack.geometry import CropTransform, Floats
from redtrack.inference.recrop import landmark_crops
from redtrack.inference.windows import FaceRun, FaceRuns, Key, Window, WindowEntry
from redtrack.points import SEVEN

__all__ = ["found_key", "plan_crops", "through"]

AHEAD = 3  # windows, with its own, whose key frames a window's path runs through


def plan_crops(new: list[WindowEntry], runs: FaceRuns) -> list[Window]:
    """Takes new windows in order of time; returns what the network is to look at now: single frames, and windows that
    have their crops.
    """
    looks = [look for entry in new for look in runs.of(entry.window).look_at(entry, 0)]
    for run in runs:
        if run.closed and run.planned:
            looks += run.look_at(run.planned[-1], -1)
    return looks + _in_order([window for run in runs for window in _with_crops(run)])


def found_key(look: Window, points: Floats | None, runs: FaceRuns) -> list[Window]:
    """Takes the points (1, 68, 2) of a look, None where not believed; returns the windows that have crops now."""
    run = runs.of(look)
    run.keys[look.first] = Key(look.crop) if points is None else _key(points, look.crop)
    return _with_crops(run)


def _key(points: Floats, used: CropTransform) -> Key:
    crop = landmark_crops(points, used)
    return Key(crop, crop.to_crop(points[:, list(SEVEN)].astype(np.float64))[0])


def _in_order(windows: list[Window]) -> list[Window]:
    return sorted(windows, key=lambda window: (window.first, window.face))


def _with_crops(run: FaceRun) -> list[Window]:
    """Gives the windows whose key frames are all known their crops; returns those that are to be looked at."""
    ready: list[Window] = []
    while run.planned and (at := _key_frames(run)) is not None:
        entry = run.planned[0]
        keys = [key for frame in at if (key := run.keys[frame]) is not None]
        crops = through(np.array(at), [key.crop for key in keys], entry.window.frames)
        window = entry.give_crops(crops, _seven_points(entry.window, at, run))
        ready += [] if window is None else [window]
        run.keys = {frame: key for frame, key in run.keys.items() if frame >= entry.window.first}
    return ready


def _seven_points(window: Window, at: list[int], run: FaceRun) -> Floats | None:
    """Returns the seven points (n, 7, 2) in the crops of a window, on straight lines between those of its key frames.

    In crop pixels, where a head that only moves stands still. None where a look is not believed.
    """
    around = [frame for frame in at if frame >= window.first][:2]
    known = [key.seven for frame in around if (key := run.keys[frame]) is not None and key.seven is not None]
    if len(known) < len(around):
        return None
    share = (window.frames - around[0]) / max(1, around[-1] - around[0])
    seven: Floats = known[0] + share[:, None, None] * (known[-1] - known[0])
    return seven


def _key_frames(run: FaceRun) -> list[int] | None:
    """Returns the key frames that the first planned window's path runs through, None while one is not known."""
    planned = run.planned[:AHEAD]
    frames = {entry.window.first for entry in planned}
    if len(planned) < AHEAD:
        if not run.closed:
            return None
        frames.add(run.end - 1)
    before = run.entries.index(planned[0]) - 1
    if before >= 0:
        frames.add(run.entries[before].window.first)
    return None if any(run.keys.get(frame) is None for frame in frames) else sorted(frames)


def through(at: np.ndarray, keys: list[CropTransform], frames: np.ndarray) -> CropTransform:
    """Returns the crops of `frames` (n,) on a smooth curve through one crop at each of the frames `at` (m,).

    A Catmull-Rom spline: each of its pieces depends on the two keys on either side alone.
    """
    assert len(at) == len(keys) and len(keys), f"{len(keys)} crops at {len(at)} frames"
    angle = np.unwrap([key.angle[0] for key in keys])
    values = np.array([[*key.centre[0], np.log(key.side[0]), a] for key, a in zip(keys, angle, strict=True)])
    if len(keys) == 1:
        made = np.repeat(values, len(frames), 0)
    else:
        made = _hermite(at.astype(np.float64), values, np.asarray(frames, np.float64))
    return CropTransform(made[:, :2], np.exp(made[:, 2]), made[:, 3], keys[0].size, keys[0].scale)


def _hermite(x: Floats, y: Floats, where: Floats) -> Floats:
    """Returns (n, d), the values at `where` (n,) of the cubic Hermite spline through y (m, d) at x (m,)."""
    slope = np.empty_like(y)
    slope[0], slope[-1] = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
    slope[1:-1] = (y[2:] - y[:-2]) / (x[2:] - x[:-2])[:, None]
    i = np.clip(np.searchsorted(x, where, "right") - 1, 0, len(x) - 2)
    span = (x[i + 1] - x[i])[:, None]
    t = (where - x[i])[:, None] / span
    a, b = (1 + 2 * t) * (1 - t) ** 2, t * (1 - t) ** 2
    c, d = t**2 * (3 - 2 * t), t**2 * (t - 1)
    curve: Floats = a * y[i] + b * span * slope[i] + c * y[i + 1] + d * span * slope[i + 1]
    return curve

"""Smooth paths of crops along a face, from a single look at the first frame of each window.

The network's points depend a little on where the face lies in its crop, so crops that jump make points that jump. A
detector's boxes jump; the landmarks of one frame in ten are far steadier, and a smooth curve through their crops
crosses the borders between windows. It costs one look in ten, and makes most second looks needless.

On a still face moved by a known camera (`benchmarks/temporal.py`) it more than halved the jitter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from redtrack.geometry import CropTransform, Floats
from redtrack.inference.recrop import landmark_crops
from redtrack.inference.windows import Window

__all__ = ["KeyLooks", "through"]


@dataclass(eq=False)
class _Run:
    """The windows of one face that follow each other without a gap, and the crops at their key frames."""

    windows: list[Window]  # that wait for their path
    closed: bool = False  # whether the last of them is the run's last
    before: int | None = None  # key frame of the window before the first that waits
    keys: dict[int, CropTransform | None] = field(default_factory=dict)  # None while the look is under way

    @property
    def end(self) -> int:
        """The frame after the last."""
        return self.windows[-1].first + len(self.windows[-1])

    def next_keys(self) -> list[int] | None:
        """Returns the key frames that the first waiting window's path runs through, None while one is not known."""
        firsts = [window.first for window in self.windows[:3]]
        if len(firsts) < 3:  # noqa: PLR2004
            if not self.closed:
                return None
            firsts.append(self.end - 1)
        known = sorted(set(firsts))
        return None if any(self.keys.get(frame) is None for frame in known) else known


class KeyLooks:
    """Gives windows their paths; returns what the network is to look at: single frames, and windows that are ready."""

    def __init__(self) -> None:
        self._runs: dict[int, list[_Run]] = {}  # by face; the last may still grow

    def push(self, windows: list[Window], continues: Callable[[int, int], bool | None]) -> list[Window]:
        """Takes windows in order of time; returns what the network is to look at now.

        continues(face, frame) says whether the face's run goes on at the frame; None where that is not known yet.
        """
        out: list[Window] = []
        for window in windows:
            out += self._add(window)
        for face, runs in self._runs.items():
            for run in runs:
                if run.windows and not run.closed and continues(face, run.end) is False:
                    run.closed = True
                    out += self._look_at(run, run.windows[-1], -1)
        return out + self._ready()

    def found(self, look: Window, points: Floats | None) -> list[Window]:
        """Takes the points (1, 68, 2) of a look, None where they are not believed; returns what is ready."""
        for run in self._runs[look.face]:
            if look.first in run.keys:
                crop = look.crop if points is None else landmark_crops(points, look.crop.size)
                run.keys[look.first] = crop
        return self._ready()

    def _add(self, window: Window) -> list[Window]:
        runs = self._runs.setdefault(window.face, [])
        if window.fresh or not runs:
            runs.append(_Run([]))
        run = runs[-1]
        run.windows.append(window)
        return self._look_at(run, window, 0)

    def _look_at(self, run: _Run, window: Window, index: int) -> list[Window]:
        """Returns the look at one frame of a window, unless it was asked for before."""
        frame = int(window.frames[index])
        if frame in run.keys:
            return []
        run.keys[frame] = None
        at = slice(frame - window.first, frame - window.first + 1)
        return [Window(window.face, frame, window.boxes[at], window.state[at], window.crop[at], peek=True)]

    def _ready(self) -> list[Window]:
        ready = [window for runs in self._runs.values() for run in runs for window in _with_path(run)]
        self._runs = {face: [run for run in runs if run.windows or not run.closed] for face, runs in self._runs.items()}
        self._runs = {face: runs for face, runs in self._runs.items() if runs}
        return sorted(ready, key=lambda window: (window.first, window.face))


def _with_path(run: _Run) -> Iterator[Window]:
    """Takes the windows whose key frames are all known off the run, with their crops."""
    while run.windows and (frames := run.next_keys()) is not None:
        if run.before is not None:
            frames = [run.before, *frames]
        window = run.windows.pop(0)
        keys = [run.keys[frame] for frame in frames]
        yield replace(window, crop=through(np.array(frames), [key for key in keys if key is not None], window.frames))
        run.before = window.first
        run.keys = {frame: key for frame, key in run.keys.items() if frame >= window.first}


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
    return CropTransform(made[:, :2], np.exp(made[:, 2]), made[:, 3], keys[0].size)


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

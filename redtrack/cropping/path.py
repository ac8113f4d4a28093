"""The way of a crop over time: what each frame's landmarks ask for, smoothed from both sides, without lag. n frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from redtrack.cropping.alignment import Alignment
from redtrack.geometry import CropTransform
from redtrack.tracks import Tracks

__all__ = ["BRIDGE", "SMOOTH", "CropPath", "crop_paths"]

SMOOTH = 4  # frames to either side over which the way is smoothed
BRIDGE = 0.5  # s without the face that a way goes on across


@dataclass(frozen=True)
class CropPath:
    """One unbroken way: frames first to first + n - 1 of a face, a crop for each.

    part counts the ways of the face from 0; seen (n,) bool is False in short gaps, whose crops lie between those beside
    them.
    """

    face: int
    part: int
    first: int
    transform: CropTransform
    seen: np.ndarray

    def __len__(self) -> int:
        return len(self.seen)

    @property
    def last(self) -> int:
        """The last frame."""
        return self.first + len(self) - 1

    @cached_property
    def matrices(self) -> np.ndarray:
        """(n, 2, 3): frame pixels to crop pixels, of each crop."""
        back = self.transform.matrix()
        linear = np.linalg.inv(back[:, :, :2])
        return np.concatenate([linear, -linear @ back[:, :, 2:]], axis=2)


def crop_paths(
    tracks: Tracks, face: int, alignment: Alignment, smooth: int = SMOOTH, bridge: float = BRIDGE
) -> list[CropPath]:
    """Returns the ways of one face, in order of time: one where it is never away for more than `bridge` seconds.

    smooth is how many frames to either side have a say in each crop, 0 for none but its own.
    """
    rows = tracks.face_rows(face)
    scale, shift = alignment.fit(tracks.points[rows])
    known = np.isfinite(scale)  # a partly labelled face may lack the points that it is aligned by
    frames, scale, shift = tracks.frame[rows][known], scale[known], shift[known]
    if not len(frames):
        return []
    apart = (np.diff(frames) > 1) & (np.diff(tracks.times[frames]) > bridge)
    paths = []
    for part, here in enumerate(np.split(np.arange(len(frames)), np.flatnonzero(apart) + 1)):
        every = np.arange(frames[here[0]], frames[here[-1]] + 1)
        seen = np.isin(every, frames[here])
        wanted = _numbers(scale[here], shift[here], alignment.size)
        filled = np.stack([np.interp(every, frames[here], column) for column in wanted.T], axis=1)
        steady = smoothed(filled, smooth)
        paths.append(CropPath(face, part, int(every[0]), _transform(steady, alignment.size), seen))
    return paths


def smoothed(values: np.ndarray, reach: int) -> np.ndarray:
    """Returns columns (n, k), each value that of a parabola through those up to `reach` frames to either side.

    Near ones count more. A parabola follows whatever speeds up or slows down evenly, so nothing is late.
    """
    count = len(values)
    if reach < 1 or count < 4:
        return values
    steady = np.empty_like(values)
    inner = _weights(np.arange(-reach, reach + 1), reach)
    for place in range(count):
        low, high = max(place - reach, 0), min(place + reach + 1, count)
        weights = inner if high - low == 2 * reach + 1 else _weights(np.arange(low, high) - place, reach)
        steady[place] = weights @ values[low:high]
    return steady


def _weights(offsets: np.ndarray, reach: int) -> np.ndarray:
    """Returns (m,), by which values at offsets (m,) are summed to the value at 0 of the parabola through them."""
    design = np.stack([np.ones(len(offsets)), offsets, offsets**2], axis=1).astype(np.float64)  # (m, 3)
    near = np.sqrt(1 - (np.abs(offsets) / (reach + 1)) ** 2)
    weights: np.ndarray = np.linalg.pinv(design * near[:, None])[0] * near
    return weights


def _numbers(scale: np.ndarray, shift: np.ndarray, size: int) -> np.ndarray:
    """Returns (n, 4): log of the scale, its angle without jumps, and x and y in the frame of the crop's middle."""
    middle = (complex(size - 1, size - 1) / 2 - shift) / scale
    return np.stack([np.log(np.abs(scale)), np.unwrap(np.angle(scale)), middle.real, middle.imag], axis=1)


def _transform(numbers: np.ndarray, size: int) -> CropTransform:
    return CropTransform(numbers[:, 2:].copy(), size * np.exp(-numbers[:, 0]), -numbers[:, 1], size)

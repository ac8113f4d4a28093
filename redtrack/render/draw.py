"""Antialiased dots, lines and rings on uint8 pictures, in numpy alone.

Everything drawn is a capsule: all that lies within a radius of a segment. A dot is a capsule of no length, a polyline
one for every segment. Coordinates are x, y in picture pixels with (0, 0) at the centre of the top-left pixel, as in
Tracks; colours are RGB 0..255. Pictures are (H, W, 3) and are drawn on in place; what lies outside is cut off.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Image", "capsules", "darken", "dots", "polyline", "rectangle", "rings"]

Image = NDArray[np.uint8]

_RING_CORNERS = 20  # segments of a ring: no corner shows up to a radius of 40 px
_FARTHEST = 1e5  # px; what is farther out is cut off before it is walked


def dots(image: Image, centres: ArrayLike, radius: ArrayLike, colours: ArrayLike, opacity: float = 1.0) -> None:
    """Draws filled circles. centres (N, 2), radius () or (N,) px, colours (3,) or (N, 3)."""
    centres = np.asarray(centres, np.float64).reshape(-1, 2)
    capsules(image, centres, centres, radius, colours, opacity)


def polyline(
    image: Image, points: ArrayLike, width: float, colour: ArrayLike, opacity: float = 1.0, closed: bool = False
) -> None:
    """Draws a line through points (N, 2), `width` px wide with round ends, back to the first point where closed."""
    points = np.asarray(points, np.float64).reshape(-1, 2)
    if closed:
        points = np.concatenate([points, points[:1]])
    capsules(image, points[:-1], points[1:], width / 2, colour, opacity)


def rectangle(
    image: Image, box: Sequence[float] | np.ndarray, width: float, colour: ArrayLike, opacity: float = 1.0
) -> None:
    """Draws the outline of a box x0 y0 x1 y1."""
    x0, y0, x1, y1 = box
    polyline(image, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)], width, colour, opacity, closed=True)


def rings(image: Image, centres: ArrayLike, radius: float, width: float, colours: ArrayLike) -> None:
    """Draws circles of `radius` px around centres (N, 2), `width` px wide. colours (3,) or (N, 3)."""
    centres = np.asarray(centres, np.float64).reshape(-1, 1, 2)
    angle = np.linspace(0, 2 * np.pi, _RING_CORNERS + 1)
    corners = centres + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)  # (N, corners + 1, 2)
    colours = np.broadcast_to(np.asarray(colours, np.float64), (len(centres), 3)).repeat(_RING_CORNERS, axis=0)
    starts, ends = corners[:, :-1].reshape(-1, 2), corners[:, 1:].reshape(-1, 2)
    capsules(image, starts, ends, width / 2, colours)


def darken(image: Image, box: Sequence[float], opacity: float = 0.62) -> None:
    """Darkens the pixels of a box x0 y0 x1 y1, so that text on it can be read."""
    height, width = image.shape[:2]
    x0, y0 = (max(round(v), 0) for v in box[:2])
    x1, y1 = min(round(box[2]) + 1, width), min(round(box[3]) + 1, height)
    if x0 < x1 and y0 < y1:
        image[y0:y1, x0:x1] = (image[y0:y1, x0:x1] * (1 - opacity)).astype(np.uint8)


def capsules(
    image: Image, starts: ArrayLike, ends: ArrayLike, radius: ArrayLike, colours: ArrayLike, opacity: float = 1.0
) -> None:
    """Draws all that is within `radius` of the segments from starts (N, 2) to ends (N, 2).

    radius () or (N,) px; colours (3,) or (N, 3). A pixel's colour is that of the capsule which covers most of it, so
    that lines of one call do not darken where they cross.
    """
    a, b = (np.asarray(points, np.float64).reshape(-1, 2) for points in (starts, ends))
    r = np.broadcast_to(np.asarray(radius, np.float64), len(a))
    hues = np.broadcast_to(np.asarray(colours, np.float64), (len(a), 3))
    inside = _near(a, b, image)
    a, b, r, hues = a[inside], b[inside], r[inside], hues[inside]
    which, x, y = _candidates(a, b, r)
    height, width = image.shape[:2]
    seen = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    which, x, y = which[seen], x[seen], y[seen]
    covered = np.clip(r[which] + 0.5 - _distance(x, y, a[which], b[which]), 0, 1)
    covered *= np.minimum(2 * r[which], 1)  # a line thinner than a pixel is fainter
    _blend(image, x, y, covered * opacity, hues[which])


def _near(starts: np.ndarray, ends: np.ndarray, image: Image) -> np.ndarray:
    """Returns (N,) bool: which segments are finite and may touch the picture."""
    low, high = np.minimum(starts, ends), np.maximum(starts, ends)
    size = np.array(image.shape[1::-1])
    margin = float(size.max())
    with np.errstate(invalid="ignore"):
        near = (high > -margin) & (low < size + margin) & (abs(low) < _FARTHEST) & (abs(high) < _FARTHEST)
    found: np.ndarray = near.all(axis=1)
    return found


def _candidates(starts: np.ndarray, ends: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns which (K,), x (K,), y (K,): for each capsule the pixels that it may touch.

    A segment is walked along the axis in which it is longer; at each step the pixels across it are taken.
    """
    if not len(starts):
        none = np.zeros(0, np.int64)
        return none, none, none
    step = ends - starts
    steep = abs(step[:, 1]) > abs(step[:, 0])
    along0 = np.where(steep, starts[:, 1], starts[:, 0])
    along1 = np.where(steep, ends[:, 1], ends[:, 0])
    reach = radius + 1
    first = np.floor(np.minimum(along0, along1) - reach).astype(np.int64)
    count = np.ceil(np.maximum(along0, along1) + reach).astype(np.int64) - first + 1
    which = np.repeat(np.arange(len(starts)), count)
    along = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + first[which]
    across = _middle_across(along, which, starts, step, steep)
    half = np.ceil(reach * np.sqrt(2)).astype(np.int64)  # across a diagonal a line is sqrt(2) as wide
    offsets = np.arange(-half.max(), half.max() + 1)
    kept = abs(offsets) <= half[which, None]
    across_all = (np.round(across).astype(np.int64)[:, None] + offsets)[kept]
    which, along = (np.broadcast_to(v[:, None], kept.shape)[kept] for v in (which, along))
    x = np.where(steep[which], across_all, along)
    return which, x, np.where(steep[which], along, across_all)


def _middle_across(
    along: np.ndarray, which: np.ndarray, starts: np.ndarray, step: np.ndarray, steep: np.ndarray
) -> np.ndarray:
    """Returns (K,): where the segment's line is, across the walked axis, at each step `along` it."""
    axis = steep.astype(np.int64)[which]
    length, slope = step[which, axis], step[which, 1 - axis]
    t = np.divide(along - starts[which, axis], length, out=np.zeros(len(along)), where=length != 0)
    middle: np.ndarray = starts[which, 1 - axis] + np.clip(t, 0, 1) * slope
    return middle


def _distance(x: np.ndarray, y: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Returns (K,) px from pixels x, y to their segments, starts and ends (K, 2)."""
    step, to = ends - starts, np.stack([x, y], axis=-1) - starts
    square = (step * step).sum(axis=1)
    t = np.divide((to * step).sum(axis=1), square, out=np.zeros(len(x)), where=square > 0)
    distance: np.ndarray = np.linalg.norm(to - np.clip(t, 0, 1)[:, None] * step, axis=1)
    return distance


def _blend(image: Image, x: np.ndarray, y: np.ndarray, covered: np.ndarray, colours: np.ndarray) -> None:
    """Lays colours (K, 3) over pixels x, y (K,); where a pixel comes twice, the one that covers most of it counts."""
    order = np.argsort(covered, kind="stable")
    order = order[np.searchsorted(covered[order], 1 / 512) :]  # what would not change a pixel
    x, y, share = x[order], y[order], covered[order, None]
    image[y, x] = np.round(image[y, x] * (1 - share) + colours[order] * share).astype(np.uint8)

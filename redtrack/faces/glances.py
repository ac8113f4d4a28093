"""How closely the key frames of a video are looked at: most of them with a glance, at the size of their largest needs.

A face that was found is found again in a much smaller picture, in which a face that comes anew may be missed. So a key
frame gets a glance only where the faces before it are large, where it shows the same ones again, surely, and where
nothing has changed since the last close look but around these; and no more than `CLOSE_EVERY` frames in a row do.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from redtrack.faces.link import agree
from redtrack.faces.overlap import Boxes, sizes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Closeness", "Glancing", "Key"]

CLOSE_EVERY = 60  # frames after which a close look is due
LEAST_FACE = 44.0  # px that the smallest face has in a glance's picture: known faces of this size are hardly missed
LEAST_SIDE, STEP = 160, 32  # px: the smallest glance, and by what glances differ, so that many share a call
WORTHWHILE = 0.7  # of a close look's side, above which a glance saves too little
CELLS = 64, 36  # across and down, in which changes are looked for: of 10 px in a picture of 640 x 360
SAMPLES = 3  # pixels across and down that make a cell's colour
CHANGED = 12.0  # levels of 255 by which a cell's colour has changed: more than noise, less than a face on any wall
AROUND = 1.0, 0.8  # widths to either side of a face, and heights above it, in which changes are its own doing: hair,
# shoulders, hands; and so is all that lies below


Key = tuple[int, "Tensor"]
"""A key frame: its index, and its picture uint8 (H, W, 3)."""


@runtime_checkable
class Glancing(Protocol):
    """A detector that can look at smaller pictures than it usually does."""

    long_side: int
    threshold: float

    def detect(self, frames: Tensor) -> list[Boxes]:
        """As `Detector` has it."""
        ...

    def candidates(self, frames: Tensor, long_side: int | None = None) -> list[Boxes]:
        """Faces of N frames uint8 (N, H, W, 3), less sure ones too, seen with a long side of so many px."""
        ...


class Closeness:
    """Looks at the key frames of one shot after the other, as closely as each needs."""

    def __init__(self, detector: Glancing) -> None:
        self._detector = detector
        self._known: Boxes | None = None  # of the last key frame, within the shot
        self._cells: NDArray[np.float32] = np.zeros((0, 0, 3), np.float32)  # of the last one looked at closely
        self._close = 0  # its index

    def edge(self, key: Key, ends: bool) -> Boxes:
        """The faces (M, 5) of the key frame with which a shot begins, or ends."""
        rows = self._look_closely(key, cells_of(key[1]))
        self._known = None if ends else rows
        return rows

    def inside(self, keys: list[Key]) -> Iterator[Boxes]:
        """Yields the faces (M, 5) of each of the next key frames of a shot."""
        glances = self._glances(keys)
        for key, glance in zip(keys, glances, strict=True):
            cells = cells_of(key[1])
            is_due = key[0] - self._close >= CLOSE_EVERY
            will_do = glance is not None and not is_due and self._suffices(key, glance, cells)
            self._known = glance if will_do else self._look_closely(key, cells)
            assert self._known is not None, key[0]
            yield self._known

    def _look_closely(self, key: Key, cells: NDArray[np.float32]) -> Boxes:
        self._close, self._cells = key[0], cells
        return self._detector.candidates(key[1][None])[0]

    def _glances(self, keys: list[Key]) -> list[Boxes] | list[None]:
        """What a glance at each key frame shows; None for all of them where it would not do."""
        import torch

        side = self._side(keys[0][1])
        if side is None or self._known is None:
            return [None] * len(keys)
        if not len(self._known):  # there is nobody to find again
            return [self._known] * len(keys)
        return self._detector.candidates(torch.stack([picture for _, picture in keys]), side)

    def _side(self, picture: Tensor) -> int | None:
        """The long side of a glance's picture, px; None where nothing but a close look will do."""
        if self._known is None or not len(self._known):
            return None if self._known is None else LEAST_SIDE
        usual = self._detector.long_side
        smallest = float(sizes(self._known).min()) * usual / max(picture.shape[:2])
        side = max(LEAST_SIDE, int(np.ceil(usual * LEAST_FACE / smallest / STEP)) * STEP)
        return side if side <= WORTHWHILE * usual else None

    def _suffices(self, key: Key, rows: Boxes, cells: NDArray[np.float32]) -> bool:
        """Whether a glance shows what was known, as surely, and nothing has changed elsewhere."""
        known = self._known
        if known is None or not agree(known, rows):
            return False
        if len(rows) and rows[:, 4].min() < min(self._detector.threshold, known[:, 4].min()):
            return False
        near = explained(np.concatenate((known, rows)), *key[1].shape[:2])
        return not (changed(self._cells, cells) & ~near).any()


def cells_of(picture: Tensor) -> NDArray[np.float32]:
    """The colours of the cells of a picture uint8 (H, W, 3), each the mean of a few of its pixels: (36, 64, 3)."""
    import torch

    down, across = (SAMPLES * count for count in CELLS[::-1])
    rows, columns = _middles(down, picture.shape[0]), _middles(across, picture.shape[1])
    few = picture.index_select(0, torch.from_numpy(rows).to(picture.device)).cpu().numpy()
    parts = np.take(few, columns, axis=1).reshape(CELLS[1], SAMPLES, CELLS[0], SAMPLES, 3)
    total = np.zeros((*CELLS[::-1], 3), np.float32)
    for y, x in product(range(SAMPLES), repeat=2):
        total += parts[:, y, :, x]
    return total / np.float32(SAMPLES**2)


def _middles(count: int, length: int) -> NDArray[np.int64]:
    """The middles (count,) of as many equal parts of a length, in whole pixels."""
    return (2 * np.arange(count) + 1) * length // (2 * count)


def changed(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which cells (h, w) have another colour, but for a change of light that all have in common."""
    difference = after - before
    difference -= np.median(difference, axis=(0, 1))
    found: NDArray[np.bool_] = np.abs(difference).max(-1) > CHANGED
    return found


def explained(boxes: Boxes, height: int, width: int) -> NDArray[np.bool_]:
    """Which cells (h, w) of a picture lie so near a face (M, 4 or more) that what changes there is its own doing."""
    x, y = ((np.arange(n) + 0.5) * length / n for n, length in zip(CELLS, (width, height), strict=True))
    near = np.zeros(CELLS[::-1], bool)
    for x0, y0, x1, y1 in boxes[:, :4]:
        aside, above = AROUND[0] * (x1 - x0), AROUND[1] * (y1 - y0)
        near |= (y[:, None] >= y0 - above) & (x >= x0 - aside) & (x <= x1 + aside)
    return near

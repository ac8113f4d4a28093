"""Windows of one face tied together: the recurrence of a window's points runs in from its neighbours, so it waits for
them.

n frames of one window, D directions in time, P points. Evidence (n, D, P, E) is what the network says of each point
before that recurrence (`rednet.temporal`), in crop sides; points are in frame pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from redtrack.geometry import CropTransform
from redtrack.inference.landmarker import Models
from redtrack.inference.options import Options
from redtrack.inference.rows import FACE, WindowPoints
from redtrack.inference.windows import Window

__all__ = ["Ties", "in_frame"]

Continues = Callable[[int, int], bool | None]
Evidence = NDArray[np.floating]
Key = tuple[int, int]  # face and first frame of a window


@dataclass(eq=False)
class _Seen:
    """A window that the network saw, and whether its points were given back."""

    window: Window
    found: WindowPoints
    evidence: Evidence  # (n, D, P, E)
    given: bool = False

    @property
    def believed(self) -> bool:
        return self.found.confidence >= FACE


class Ties:
    """Takes windows as they come from the network, and gives them back with their final points.

    The paper's tracking protocol looks at single frames, one after the other, so there is nothing to tie. There, and
    where the network goes one way only or has no recurrence through time, disagreement is unknown.
    """

    def __init__(self, models: Models, options: Options) -> None:
        self._models = models
        self._direction = options.direction
        self._waits = options.protocol != "tracking"
        self._expected: set[Key] = set()
        self._seen: dict[Key, _Seen] = {}
        self._ending: dict[Key, Key] = {}  # face and the frame after the last -> the window that ends there

    @property
    def complete(self) -> bool:
        """Whether all expected windows have come."""
        return not self._expected

    def expect(self, windows: list[Window]) -> None:
        """Announces windows that will come, in any order."""
        if self._waits:
            self._expected |= {(window.face, window.first) for window in windows}
            self._ending |= {_end(window): (window.face, window.first) for window in windows}

    def add(self, window: Window, found: WindowPoints, evidence: Evidence) -> None:
        """Takes a window; `found` serves where there is no evidence."""
        self._expected.discard((window.face, window.first))
        self._seen[window.face, window.first] = _Seen(window, found, evidence)

    def ready(self, continues: Continues) -> list[tuple[Window, WindowPoints]]:
        """Takes off the windows whose neighbours are known. See `KeyLooks.push` for `continues`."""
        settled = []
        for seen in [seen for seen in self._seen.values() if not seen.given]:
            known, before, after = self._neighbours(seen, continues)
            if known:
                settled.append((seen, before, after))
        out = self._points(settled)
        for seen, _, _ in settled:
            seen.given = True
        self._forget()
        return out

    def _neighbours(self, seen: _Seen, continues: Continues) -> tuple[bool, _Seen | None, _Seen | None]:
        """Returns whether both neighbours are there or will never be, and the two, None where there is none."""
        window, end = seen.window, _end(seen.window)
        if not (self._waits and seen.evidence.shape[1]):
            return True, None, None
        before = None if window.fresh else self._ending.get((window.face, window.first))
        if before in self._expected:
            return False, None, None
        after = self._seen.get(end)
        if after is None or after.window.fresh:
            after = None
            if end in self._expected or continues(*end) is not False:
                return False, None, None
        return True, self._seen.get(before) if before else None, after

    def _points(self, settled: list[tuple[_Seen, _Seen | None, _Seen | None]]) -> list[tuple[Window, WindowPoints]]:
        """Returns the windows with their final points, worked out together."""
        tied = [entry for entry in settled if entry[0].evidence.shape[1] and entry[0].believed]
        points = dict(zip((id(entry[0]) for entry in tied), self._tie(tied), strict=True))
        found = [(seen, points.get(id(seen), seen.found)) for seen, _, _ in settled]
        return [(seen.window, final if self._both_ways(seen) else _undisputed(final)) for seen, final in found]

    def _both_ways(self, seen: _Seen) -> bool:
        return self._waits and seen.evidence.shape[1] > 1

    def _tie(self, tied: list[tuple[_Seen, _Seen | None, _Seen | None]]) -> list[WindowPoints]:
        from redtrack.rednet.tie import Linked, tie

        if not tied:
            return []
        linked = [
            Linked(seen.evidence, _moved(before, seen, -1), _moved(after, seen, len(seen.window)))
            for seen, before, after in tied
        ]
        estimates = tie(self._models.recurrence, linked, self._direction)
        size = self._models.crop_size
        return [
            in_frame(seen.window, e.points.numpy() * size, e.scores.numpy(), e.disagreement.numpy() * size)
            for (seen, _, _), e in zip(tied, estimates, strict=True)
        ]

    def _forget(self) -> None:
        """Drops what no later window can need."""
        needed = {key for key, seen in self._seen.items() if not seen.given}
        kept = needed | {_end(self._seen[key].window) for key in needed}  # and those after them
        open_ = needed | self._expected
        last = {face: max(first for of, first in self._seen if of == face) for face in {of for of, _ in self._seen}}
        self._seen = {
            key: seen
            for key, seen in self._seen.items()
            if key in kept or _end(seen.window) in open_ or last[key[0]] == key[1]
        }
        self._ending = {end: key for end, key in self._ending.items() if key in self._seen or key in self._expected}


def _undisputed(found: WindowPoints) -> WindowPoints:
    """Returns the same points, their disagreement unknown."""
    return replace(found, disagreement=np.full_like(found.disagreement, np.nan))


def _end(window: Window) -> Key:
    """Returns the face and the frame after the window's last, where the next window would begin."""
    return window.face, window.first + len(window)


def in_frame(window: Window, points: np.ndarray, scores: np.ndarray, apart: np.ndarray) -> WindowPoints:
    """Returns what was found in a window's crops in frame pixels. points (n, 68, 2), apart (n, 68) in crop pixels."""
    scale = window.crop.side / window.crop.size
    return WindowPoints(
        window.crop.to_frame(points).astype(np.float32),
        scores.clip(0, 1).astype(np.float32),
        (apart * scale[:, None]).astype(np.float32),
    )


def _moved(neighbour: _Seen | None, seen: _Seen, at: int) -> Evidence | None:
    """Returns a neighbour's evidence as if its crops lay on this window's path, continued to frame `at` (-1 or n).

    Paths continue smoothly over the border, and then nothing moves, unless a second look changed one of the two.
    """
    if neighbour is None or not neighbour.believed:
        return None
    theirs = neighbour.window.crop[np.array([-1 if at < 0 else 0])]
    ours = _continued(seen.window.crop, at)
    size, evidence = theirs.size, neighbour.evidence.copy()
    points = evidence[..., :2].reshape(1, -1, 2) * size
    evidence[..., :2] = (ours.to_crop(theirs.to_frame(points)) / size).reshape(evidence[..., :2].shape)
    return evidence


def _continued(crop: CropTransform, at: int) -> CropTransform:
    """Returns the crop one frame before the first, or after the last, extrapolated from the two next to it."""
    edge, next_to_it = (0, min(1, len(crop.side) - 1)) if at < 0 else (-1, -min(2, len(crop.side)))
    angles = np.unwrap(crop.angle[[next_to_it, edge]])
    return CropTransform(
        2 * crop.centre[[edge]] - crop.centre[[next_to_it]],
        crop.side[[edge]] ** 2 / crop.side[[next_to_it]],
        2 * angles[1:] - angles[:1],
        crop.size,
    )

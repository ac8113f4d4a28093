"""Windows of one face stitched together: the recurrence of a window's points runs in from its neighbours, so it waits
for them.

n frames of one window, D directions in time, P points. Evidence (n, D, P, E) is what the network says of each point
before that recurrence (`rednet.temporal`), in crop sides; points are in frame pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from redtrack.geometry import CropTransform
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.inference.rows import FACE, WindowPoints, in_frame
from redtrack.inference.windows import FaceRun, FaceRuns, Stage, WindowEntry

__all__ = ["Stitcher"]

Evidence = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class _Seam:
    """A window that was seen and its neighbours, None where there is none that tells anything."""

    entry: WindowEntry
    before: WindowEntry | None = None
    after: WindowEntry | None = None


class Stitcher:
    """Gives windows their final points.

    The paper's tracking protocol looks at single frames, one after the other, so there is nothing to stitch. There, and
    where the network goes one way only or has no recurrence through time, disagreement is unknown.
    """

    def __init__(self, models: Landmarker, options: Options) -> None:
        self._models = models
        self._direction = options.direction
        self.waits = options.protocol != "tracking"

    def final(self, runs: FaceRuns) -> list[tuple[WindowEntry, WindowPoints]]:
        """Returns the windows that are seen and whose neighbours are known, with their final points."""
        seams = [seam for run in runs for seam in self._seams(run)]
        tied = [seam for seam in seams if _recurs(seam.entry) and _is_believed(seam.entry)]
        points = dict(zip(map(id, tied), self._tie(tied), strict=True))
        found = [(seam.entry, points.get(id(seam)) or _found(seam.entry)) for seam in seams]
        return [(entry, final if self._both_ways(entry) else _undisputed(final)) for entry, final in found]

    def _seams(self, run: FaceRun) -> list[_Seam]:
        """Returns the seen windows of a run both of whose neighbours are seen, or will never be."""
        seams: list[_Seam] = []
        around = zip([None, *run.entries], run.entries, [*run.entries[1:], None], strict=False)
        for before, entry, after in around:
            if entry.stage is not Stage.SEEN:
                continue
            if not (self.waits and _recurs(entry)):
                seams.append(_Seam(entry))
            elif all(each is None or each.stage >= Stage.SEEN for each in (before, after)) and (after or run.closed):
                seams.append(_Seam(entry, before, after))
        return seams

    def _both_ways(self, entry: WindowEntry) -> bool:
        return self.waits and entry.evidence is not None and entry.evidence.shape[1] > 1

    def _tie(self, seams: list[_Seam]) -> list[WindowPoints]:
        from redtrack.rednet.tie import Linked, tie

        if not seams:
            return []
        linked = [
            Linked(_evidence(seam.entry), _moved(seam.before, seam.entry, -1),
                   _moved(seam.after, seam.entry, len(seam.entry.window)))
            for seam in seams
        ]  # fmt: skip
        estimates = tie(self._models.recurrence, linked, self._direction)
        size = self._models.crop_size
        found = []
        for seam, e in zip(seams, estimates, strict=True):
            crop, apart = seam.entry.window.crop, e.disagreement.numpy() * size
            tied = in_frame(crop, e.points.numpy() * size, e.scores.numpy(), apart)
            seen = _found(seam.entry)
            found.append(replace(tied, sigma=seen.sigma, spread=seen.spread))
        return found


def _found(entry: WindowEntry) -> WindowPoints:
    assert entry.found is not None, "the window was not seen"
    return entry.found


def _evidence(entry: WindowEntry) -> Evidence:
    assert entry.evidence is not None, "the window was not seen"
    return entry.evidence


def _recurs(entry: WindowEntry) -> bool:
    return bool(_evidence(entry).shape[1])


def _is_believed(entry: WindowEntry) -> bool:
    return _found(entry).confidence >= FACE


def _undisputed(found: WindowPoints) -> WindowPoints:
    """Returns the same points, their disagreement unknown."""
    return replace(found, disagreement=np.full_like(found.disagreement, np.nan))


def _moved(neighbour: WindowEntry | None, entry: WindowEntry, at: int) -> Evidence | None:
    """Returns a neighbour's evidence as if its crops lay on this window's path, continued to frame `at` (-1 or n).

    Paths continue smoothly over the border, and then nothing moves, unless a second look changed one of the two.
    """
    if neighbour is None or neighbour.found is None or not _is_believed(neighbour):
        return None
    theirs = neighbour.window.crop[np.array([-1 if at < 0 else 0])]
    ours = _continued(entry.window.crop, at)
    size, evidence = theirs.size, _evidence(neighbour).copy()
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
        crop.scale,
    )

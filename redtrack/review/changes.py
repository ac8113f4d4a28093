"""What edits change: the frames whose rows differ between two states of edited tracks, packed for a page."""

from __future__ import annotations

from typing import Any

import numpy as np

from redtrack.edits import Edited
from redtrack.review.page import Page, faces_of

__all__ = ["changed_frames", "news"]

MOST_FRAMES = 3000  # beyond, a page loads all rows anew


def changed_frames(before: Edited, after: Edited) -> np.ndarray:
    """Returns (n,) int64, ascending: the frames that gained, lost or changed a row."""
    had, has = (edited.tracks.frame * 2**32 + edited.tracks.face for edited in (before, after))
    _, old, new = np.intersect1d(had, has, assume_unique=True, return_indices=True)
    differs = before.mark[old] != after.mark[new]
    for ours, theirs in (
        (before.tracks.points, after.tracks.points),
        (before.tracks.boxes, after.tracks.boxes),
        (before.moved, after.moved),
    ):
        same = (ours[old] == theirs[new]) | ((ours[old] != ours[old]) & (theirs[new] != theirs[new]))  # noqa: PLR0124
        differs |= ~same.reshape(len(old), -1).all(axis=1)
    one_sided = np.setxor1d(had, has, assume_unique=True) // 2**32
    return np.union1d(after.tracks.frame[new[differs]], one_sided).astype(np.int64)


def news(before: Edited, page: Page) -> dict[str, Any]:
    """Returns, as JSON values, what a page that shows `before` must know to show `page`."""
    after = page.edited
    frames = changed_frames(before, after)
    faces, had = faces_of(after), faces_of(before)
    told = {**faces, "structure": faces != had, "count": after.count}
    if len(frames) > MOST_FRAMES:
        return told | {"reload": True}
    rows = np.flatnonzero(np.isin(after.tracks.frame, frames))
    table, packed = page.packed(rows)
    return told | {"frames": frames.tolist(), "table": table, "rows": packed}

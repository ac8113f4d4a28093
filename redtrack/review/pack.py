"""The rows of tracks as few bytes: for a page that holds an hour of a face in some megabytes.

Numbers are rounded to whole steps. Each column is a run of differences from row to row, which are small where a face
moves slowly; a difference is written as a variable-length number (7 bits a byte, the lowest first, the top bit where
more follow; 0, -1, 1, -2 are 0, 1, 2, 3). All columns follow one another, deflated (zlib) and in base64.

Rows are in order of face, then frame, so that neighbours are the same face a frame apart. `page.js` unpacks them.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from redtrack.edits import Edited
from redtrack.evaluate.protocol import eye_distance
from redtrack.measures import ANGLES, measures
from redtrack.points import N_POINTS
from redtrack.pose import AXIS, Pose
from redtrack.tracks import Tracks

__all__ = ["LEVELS", "MEASURE_STEPS", "columns", "order", "pack", "point_step"]

NONE = -32768  # in place of what is unknown
LEVELS = 7  # steps of a score, and of a disagreement up to the share below
MOST_DISAGREEMENT = 0.12  # of the eye distance: beyond, it is drawn alike
MEASURE_STEPS = {
    **dict.fromkeys(("right_eye_opening", "left_eye_opening", "mouth_opening", "mouth_width"), 0.004),
    **dict.fromkeys(("right_brow_height", "left_brow_height"), 0.004),
    **dict.fromkeys(ANGLES, 0.25),
}
"""The measures that have time lines, and what they are rounded to."""
_FINEST, _COARSEST = 1 / 16, 1 / 2  # px


def order(tracks: Tracks) -> np.ndarray:
    """Returns (R,) int64: the rows in order of face, then frame, as they are packed."""
    rows: np.ndarray = np.lexsort((tracks.frame, tracks.face))
    return rows


def point_step(tracks: Tracks) -> float:
    """Returns the px to which points are rounded: at most 1/200 of the eye distance, but for the smallest faces."""
    if not len(tracks):
        return _FINEST
    eyes = np.quantile(np.nan_to_num(eye_distance(tracks.points)), 0.1)
    return float(np.clip(2.0 ** np.floor(np.log2(max(eyes, 1.0) / 200)), _FINEST, _COARSEST))


def columns(edited: Edited, step: float, doubts: np.ndarray) -> dict[str, np.ndarray]:
    """Returns whole numbers (R, width) by the name of their column, in order of the tracks; `doubts` (R,) are 0..1."""
    tracks, head = edited.tracks, edited.tracks.head()
    points = tracks.points.astype(np.float64) / step
    centre = np.round(_middle(points)).astype(np.int64)
    boxes = np.round(tracks.boxes / step).astype(np.int64) - np.tile(centre, 2)
    return {
        "face": tracks.face[:, None],
        "frame": tracks.frame[:, None],
        "centre": centre,
        "points": _whole(points - centre[:, None], 1).reshape(len(tracks), 2 * N_POINTS),
        "box": boxes,
        "doubt": np.round(doubts * 100).astype(np.int64)[:, None],
        "mark": edited.mark[:, None],
        **_levels(tracks),
        **_measured(tracks, head),
        "axes": _axes(head, centre, step),
        **({"moved": edited.moved} if edited.moved.any() else {}),  # almost nothing, once deflated
    }


def _middle(points: np.ndarray) -> np.ndarray:
    """Returns (R, 2), the mean of the known ones of points (R, 68, 2)."""
    known = np.isfinite(points).all(axis=2, keepdims=True)
    count = np.maximum(known.sum(axis=1), 1)
    middle: np.ndarray = np.where(known, points, 0).sum(axis=1) / count
    return middle


def _levels(tracks: Tracks) -> dict[str, np.ndarray]:
    """Returns what is known of each point, in levels: its score, its disagreement and its expected error."""
    known = {}
    eyes = np.maximum(eye_distance(tracks.points), 1.0)[:, None]  # px: no face is smaller
    if np.isfinite(tracks.scores).any():
        known["score"] = tracks.scores
    if np.isfinite(tracks.disagreement).any():
        known["disagreement"] = tracks.disagreement / eyes / MOST_DISAGREEMENT
    if tracks.sigma is not None and np.isfinite(tracks.sigma).any():
        deviation = np.sqrt(np.maximum(tracks.sigma[..., 0] + tracks.sigma[..., 2], 0) / 2)
        known["error"] = deviation / eyes / MOST_DISAGREEMENT
    return {name: _steady(shares * LEVELS, tracks.face) for name, shares in known.items()}


def _steady(values: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Returns values (R, 68) in whole levels, which do not flicker: a level is left only for one that fits well better.

    From row to row of a face it stays as long as it is within 3/4 of the value; NONE where the value is unknown.
    """
    levels = _whole(values, 1, LEVELS)
    values = np.clip(values, 0, LEVELS)
    for one in np.unique(face):
        rows = np.flatnonzero(face == one)
        held = levels[rows[0]]
        for row in rows[1:]:
            held = np.where(np.abs(values[row] - held) <= 0.75, held, levels[row])
            levels[row] = held
    return levels


def _measured(tracks: Tracks, head: Pose) -> dict[str, np.ndarray]:
    values = measures(tracks.points, head)
    return {name: _whole(values[name], step)[:, None] for name, step in MEASURE_STEPS.items()}


def _axes(head: Pose, centre: np.ndarray, step: float) -> np.ndarray:
    """Returns (R, 3): the place of the heads' origins from the rows' centres (R, 2), and the length of their axes."""
    origin, length = head.origin / step - centre, AXIS * head.scale / step
    return _whole(np.concatenate([origin, length[:, None]], axis=1), 1)


def _whole(values: np.ndarray, step: float, most: int = -NONE - 1) -> np.ndarray:
    known = np.isfinite(values)
    return np.where(known, np.round(np.clip(np.where(known, values, 0) / step, -most, most)), NONE).astype(np.int64)


def pack(packed: Mapping[str, np.ndarray]) -> tuple[list[dict[str, Any]], str]:
    """Returns the table of columns (name, width, rows) and all of their numbers in base64."""
    table = [{"name": name, "width": array.shape[1], "rows": len(array)} for name, array in packed.items()]
    return table, _deflated(_run(array) for array in packed.values())


def _deflated(parts: Iterable[bytes]) -> str:
    squeeze = zlib.compressobj(
        6, strategy=zlib.Z_RLE
    )  # noise holds nothing to be found again: as small, 9 times faster
    return base64.b64encode(b"".join([squeeze.compress(part) for part in parts] + [squeeze.flush()])).decode("ascii")


def _run(array: np.ndarray) -> bytes:
    """Returns a column (R, width) as variable-length differences, place by place."""
    differences = np.diff(array.astype(np.int64).T, axis=1, prepend=0).ravel()
    return _variable_length(np.where(differences < 0, -2 * differences - 1, 2 * differences))


def _variable_length(values: np.ndarray) -> bytes:
    """Returns numbers (n,), 0 and above, 7 bits a byte."""
    if not len(values):
        return b""
    count = np.ones(len(values), np.int64)
    for bits in range(7, 64, 7):
        if not (more := values >> bits > 0).any():
            break
        count += more
    ends = np.cumsum(count)
    data = np.zeros(ends[-1], np.uint8)
    for place in range(int(count.max())):
        has = count > place
        data[(ends - count)[has] + place] = (values[has] >> 7 * place & 127) | (count[has] > place + 1) * 128
    return data.tobytes()

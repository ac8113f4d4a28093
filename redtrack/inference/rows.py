"""From windows to rows: doubtful and doubled faces are dropped; frames leave in order once nothing can change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redtrack.certainty import WITHIN, probability_within
from redtrack.geometry import CropTransform, Floats, landmark_box
from redtrack.inference.crop import face_box
from redtrack.inference.windows import Window
from redtrack.points import LEFT_EYE_OUTER, RIGHT_EYE_OUTER
from redtrack.schema import join_rows, select_rows
from redtrack.tracks import ROW_FIELDS, RowState, Tracks

__all__ = ["RowMerger", "WindowPoints", "drop_doubles", "in_frame"]

# Mean confidence of a window below which it is no face. Well cropped, 300-W's and YouTube's held-out faces have 0.67 at
# least, windows of all clips at hand 0.72; what the detector wrongly takes for a face has 0.2 to 0.57.
FACE = 0.58
DOUBLE = 0.12  # mean distance of two faces' points, in parts of the smaller one's size, below which they are one, ...
STRAYED = 0.4  # ... and where the points of one lie beside the box in which they were looked for


@dataclass(frozen=True, eq=False)
class WindowPoints:
    """What the network says of a window in frame pixels: points (n, 68, 2), the heights of their maps' peaks (n, 68),
    disagreement (n, 68), covariances sigma (n, 68, 3), None from a network without certainty, and the spread (n, 68) of
    samples, None where none were drawn."""

    points: NDArray[np.float32]
    peaks: NDArray[np.float32]
    disagreement: NDArray[np.float32]
    sigma: NDArray[np.float32] | None = None
    spread: NDArray[np.float32] | None = None

    @property
    def confidence(self) -> float:
        """The mean height of all peaks: whether this is a face at all."""
        return float(self.peaks.mean())

    @property
    def scores(self) -> NDArray[np.float32]:
        """(n, 68): the probability that a point is right, by its covariance; without one the height of its peak."""
        return self.peaks if self.sigma is None else likely(self.points, self.sigma)


def in_frame(
    crop: CropTransform,
    points: np.ndarray,
    peaks: np.ndarray,
    apart: np.ndarray,
    sigma: np.ndarray | None = None,
    spread: np.ndarray | None = None,
) -> WindowPoints:
    """Returns what was found in crops (n) in frame pixels. points (n, 68, 2), apart and spread (n, 68) in crop pixels,
    sigma (n, 68, 3) in square crop pixels; sigma and spread are NaN where the network has none.
    """
    scale = crop.side / crop.size
    sigma, spread = _known(sigma), _known(spread)
    return WindowPoints(
        crop.to_frame(points).astype(np.float32),
        peaks.clip(0, 1).astype(np.float32),
        (apart * scale[:, None]).astype(np.float32),
        None if sigma is None else crop.sigma_to_frame(sigma).astype(np.float32),
        None if spread is None else (spread * scale[:, None]).astype(np.float32),
    )


def _known(values: np.ndarray | None) -> np.ndarray | None:
    return None if values is None or np.isnan(values).any() else values


def likely(points: NDArray[np.float32], sigma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the probability (n, 68) that points (n, 68, 2) of covariances (n, 68, 3) lie within `certainty.WITHIN` of
    the eye distance.
    """
    eyes = np.linalg.norm(points[:, LEFT_EYE_OUTER] - points[:, RIGHT_EYE_OUTER], axis=-1)
    return probability_within(WITHIN * np.repeat(eyes[:, None], points.shape[1], 1), sigma).astype(np.float32)


class RowMerger:
    """Gathers the rows of windows and the times of frames; gives both back in order, as consecutive `Tracks`."""

    def __init__(self, done: int = 0) -> None:
        self.known = 0  # frames whose times were taken
        self._done = done  # frames given back so far
        self._rows: list[dict[str, Any]] = []
        self._doubts: dict[tuple[int, int], float] = {}  # by frame and face, see `drop_doubles`
        self._times: list[NDArray[np.float64]] = []
        self._states: list[NDArray[np.uint8]] = []

    @property
    def done(self) -> int:
        """The first frame that was not given back yet."""
        return self._done

    def add_frames(self, first: int, times: NDArray[np.float64], state: NDArray[np.uint8]) -> None:
        """Takes times and states of the next frames; those given back before are passed over."""
        self.known = first + len(times)
        skip = max(0, self._done - first)
        self._times.append(times[skip:])
        self._states.append(state[skip:])

    def add_window(self, window: Window, found: WindowPoints) -> None:
        """Takes a window's rows for good."""
        if found.confidence < FACE:
            return
        limits = np.where(_strayed(found.points, window.boxes), STRAYED, DOUBLE)
        for index in np.flatnonzero((limits > DOUBLE) | (window.state == RowState.INTERPOLATED)):
            self._doubts[window.first + int(index), window.face] = float(limits[index])
        refined = np.full(len(window), RowState.REFINED, np.uint8)
        self._rows.append(
            {
                "frame": window.frames,
                "face": np.full(len(window), window.face, np.int32),
                "points": found.points,
                "scores": found.scores,
                "disagreement": found.disagreement,
                "sigma": found.sigma,
                "spread": found.spread,
                "boxes": face_box(found.points).astype(np.float32) if window.again else window.boxes,
                "state": refined if window.again else window.state,
            }
        )

    def release(self, until: int) -> Tracks:
        """Returns the frames before `until` that were not given back yet, counted from 0."""
        count = until - self._done
        assert count >= 0, f"frames to {self._done} were given back already, beyond {until}"
        rows = self._take_rows(until)
        doubts = {(frame - self._done, face): limit for (frame, face), limit in self._doubts.items() if frame < until}
        self._doubts = {key: limit for key, limit in self._doubts.items() if key[0] >= until}
        rows["frame"] = rows["frame"] - self._done
        self._done = until
        times, states = _take(self._times, count), _take(self._states, count)
        return drop_doubles(Tracks.from_rows(times=times, frame_state=states, **rows), doubts)

    def _take_rows(self, until: int) -> dict[str, Any]:
        joined = join_rows(ROW_FIELDS, self._rows)
        now, later = joined["frame"] < until, joined["frame"] >= until
        wanted = now & (joined["frame"] >= self._done)
        self._rows = [select_rows(joined, later)] if later.any() else []
        return select_rows(joined, wanted)


def _take(parts: list[np.ndarray], count: int) -> np.ndarray:
    """Removes and returns the first `count` values of consecutive arrays."""
    joined = np.concatenate(parts)
    assert len(joined) >= count, f"{len(joined)} frames known of {count}"
    parts[:] = [joined[count:]]
    return joined[:count]


def drop_doubles(tracks: Tracks, doubts: Mapping[tuple[int, int], float] = MappingProxyType({})) -> Tracks:
    """Returns the tracks without rows whose landmarks coincide with those of another face of the same frame.

    The face that was detected there stays, of two such the older one. `doubts` are, by frame and face, rows of faces
    that were not detected or whose points lie elsewhere, with the distance (in sizes) up to which they coincide.
    """
    keep = np.ones(len(tracks), bool)
    frames, counts = np.unique(tracks.frame, return_counts=True)
    for frame in frames[counts > 1]:
        rows = np.flatnonzero(tracks.frame == frame)
        limits = np.array([doubts.get((int(frame), int(face)), 0.0) for face in tracks.face[rows]])
        order = np.argsort(limits, kind="stable")
        keep[rows[order]] = _distinct(tracks.points[rows[order]], np.maximum(limits[order], DOUBLE))
    return tracks if keep.all() else tracks.select(keep)


def _strayed(points: Floats, boxes: Floats) -> NDArray[np.bool_]:
    """Returns (n,) bool, whether the middle of a face's points (n, 68, 2) lies outside of its box (n, 4)."""
    box = landmark_box(points)
    middle = (box[:, :2] + box[:, 2:]) / 2
    return np.asarray(((middle < boxes[:, :2]) | (middle > boxes[:, 2:])).any(axis=1))


def _distinct(points: Floats, limits: Floats) -> NDArray[np.bool_]:
    """Returns (n,) bool, false for a face of (n, 68, 2) on which an earlier one lies already.

    limits (n,): distances below which they are one, in parts of the smaller one's size.
    """
    box = landmark_box(points)
    size = (box[:, 2:] - box[:, :2]).max(axis=1)
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1).mean(axis=-1)
    same = apart < limits[:, None] * np.minimum(size[:, None], size[None])
    keep = np.ones(len(points), bool)
    for row in range(1, len(points)):
        keep[row] = not (same[row, :row] & keep[:row]).any()
    return keep

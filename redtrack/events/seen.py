"""What is known of one face over time: its measures, where it is not seen, and where it is in doubt. F frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from redtrack.events.curve import Stretch, noise_of, runs
from redtrack.events.event import Event, Limits
from redtrack.points import LEFT_EYE_OUTER, PARTS, RIGHT_EYE_OUTER
from redtrack.tracks import FrameState, Tracks

__all__ = ["Seen"]

_UNSEEN = 0.5  # certainty of an event, an end of which is not seen


@dataclass(frozen=True)
class Seen:
    """One face over time. `curves` are `Tracks.measures`; `present` and `doubtful` are (F,) bool."""

    face: int
    times: np.ndarray
    curves: dict[str, np.ndarray]
    present: np.ndarray
    doubtful: np.ndarray
    limits: Limits

    @classmethod
    def of(cls, tracks: Tracks, face: int, limits: Limits) -> Seen:
        """Returns what tracks tell of a face."""
        rows = tracks.face_rows(face)
        frames = tracks.frame[rows]
        curves = tracks.measures(face)
        present = np.zeros(tracks.frames, bool)
        present[frames] = True
        doubtful = present & (tracks.frame_state != FrameState.OK)
        doubtful[frames] |= _apart(tracks, rows) > limits.doubt_disagreement
        doubtful |= present & np.isnan(curves["mouth_opening"])
        return cls(face, tracks.times, curves, present, doubtful, limits)

    def event(
        self, kind: str, stretch: Stretch, amplitude: float, limit: float, side: str = "", remark: str = ""
    ) -> Event:
        """Returns the event of a stretch, whose amplitude had to reach a limit.

        Its certainty grows with the amplitude, and falls with frames in or beside it that are not seen or in doubt.
        """
        around = slice(max(stretch.first - 1, 0), stretch.last + 2)
        sound = float((self.present & ~self.doubtful)[around].mean())
        remarks = [remark, *self._remarks(stretch)]
        unseen = any("not seen" in words for words in remarks)
        strength = min(1.0, 0.5 + 0.5 * (amplitude - limit) / limit)
        return Event(
            kind=kind,
            face=self.face,
            side=side,
            onset_frame=stretch.first,
            apex_frame=stretch.apex,
            offset_frame=stretch.last,
            onset=float(self.times[stretch.first]),
            apex=float(self.times[stretch.apex]),
            offset=self.end_of(stretch.last),
            amplitude=float(amplitude),
            certainty=max(strength, 0.0) * sound * (_UNSEEN if unseen else 1.0),
            remark="; ".join(words for words in remarks if words),
        )

    def unseen(self) -> Iterator[Event]:
        """Yields the gaps between the face's first and last frame, and the stretches in which it is in doubt."""
        there = np.flatnonzero(self.present)
        gap = ~self.present
        gap[: there[0]] = gap[there[-1] :] = False
        for kind, mask in (("gap", gap), ("doubt", self.doubtful)):
            for first, last in runs(mask):
                times = float(self.times[first]), float(self.times[(first + last) // 2]), self.end_of(last)
                yield Event(kind, self.face, "", first, (first + last) // 2, last, *times, 0.0, 1.0)

    def end_of(self, frame: int) -> float:
        """Returns the time at which a frame gives way to the next; the last one lasts as long as most do."""
        if frame + 1 < len(self.times):
            return float(self.times[frame + 1])
        return float(self.times[frame]) + self.step

    @property
    def step(self) -> float:
        """Seconds that most frames last."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0

    def above_noise(self, limit: float, values: np.ndarray, most: float = np.inf) -> float:
        """Returns the limit for a curve (F,), or more, up to `most` times as much, where its noise would reach it."""
        return max(limit, min(self.limits.noise * noise_of(values), most * limit))

    def length(self, stretch: Stretch) -> float:
        """Returns how many seconds a stretch lasts."""
        return self.end_of(stretch.last) - float(self.times[stretch.first])

    def _remarks(self, stretch: Stretch) -> Iterator[str]:
        if stretch.first == 0 or not self.present[stretch.first - 1]:
            yield "its beginning is not seen"
        if stretch.last + 1 == len(self.times) or not self.present[stretch.last + 1]:
            yield "its end is not seen"
        absent = int((~self.present[stretch.frames]).sum())
        if absent:
            yield f"{absent} of its frames {'is' if absent == 1 else 'are'} a gap"
        doubtful = int(self.doubtful[stretch.frames].sum())
        if doubtful:
            yield f"{doubtful} of its frames {'is' if doubtful == 1 else 'are'} in doubt"


def _apart(tracks: Tracks, rows: np.ndarray) -> np.ndarray:
    """Returns (n,), the disagreement of the eyes' and mouth's points of rows over the eye distance; 0 if unknown."""
    points = tracks.points[rows].astype(np.float64)
    eyes = np.linalg.norm(points[:, LEFT_EYE_OUTER] - points[:, RIGHT_EYE_OUTER], axis=1)
    parts = [*PARTS["right_eye"], *PARTS["left_eye"], *PARTS["mouth"]]
    apart: np.ndarray = np.nan_to_num(tracks.disagreement[rows][:, parts].mean(axis=1)) / np.maximum(eyes, 1.0)
    return apart

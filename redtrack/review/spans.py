"""Where a person should look first: the spans of tracks that are most in doubt, and those without any face.

A frame is in doubt by two signs: how far the forward and the backward estimate disagree, over the eye distance, and how
low the confidence is. Both are ranked among all rows that are reviewed together, so that no limit has to be tuned to a
network; the `share` of rows that rank highest by either sign make the spans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from redtrack.errors import FormatError
from redtrack.render.doubt import confidence, disagreement, doubt, rank
from redtrack.tracks import Tracks

__all__ = ["SHARE", "Gap", "Span", "find_gaps", "find_spans"]

SHARE = 0.03  # of all rows that are taken to be in doubt
BRIDGE = 5  # frames without doubt that do not end a span


@dataclass(frozen=True)
class Span:
    """A stretch of doubtful frames of one face; disagreement is over the eye distance, NaN where unknown."""

    name: str  # of the tracks
    face: int
    first: int  # frame
    last: int  # frame, still in the span
    start: float  # seconds
    end: float  # seconds
    worst: int  # frame
    disagreement: float  # the highest of the span
    confidence: float  # the lowest of the span
    sign: str  # the one that the worst frame is doubted by: disagreement or confidence
    doubt: float  # rank of its worst row among all rows, 0..1

    @property
    def frames(self) -> int:
        """How many frames it is long."""
        return self.last - self.first + 1

    def as_json(self) -> dict[str, Any]:
        """Returns the span as JSON values, what is unknown as null."""
        return {name: None if isinstance(v, float) and np.isnan(v) else v for name, v in asdict(self).items()}


@dataclass(frozen=True)
class Gap:
    """A stretch of frames without any face, from `first` to `last`, at `start` to `end` seconds."""

    first: int
    last: int
    start: float
    end: float

    @property
    def frames(self) -> int:
        """How many frames it is long."""
        return self.last - self.first + 1

    def as_json(self) -> dict[str, Any]:
        """Returns the gap as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class _Signs:
    """What is known of the rows of all tracks together: (n,) each."""

    disagreement: np.ndarray
    confidence: np.ndarray
    doubt: np.ndarray
    apart: np.ndarray  # bool: whether it is the disagreement that ranks higher

    def of(self, rows: slice) -> _Signs:
        """Returns the signs of some rows."""
        return _Signs(self.disagreement[rows], self.confidence[rows], self.doubt[rows], self.apart[rows])


def find_spans(tracks: Mapping[str, Tracks], share: float = SHARE, top: int | None = None) -> list[Span]:
    """Returns the most doubtful spans of tracks, by name, the worst first and no more than `top`.

    Raises FormatError where no file has confidence or disagreement.
    """
    signs = _signs(list(tracks.values()))
    highest = float(signs.doubt.max(initial=0))
    limit = min(1 - share, highest) if highest else np.inf  # where all are alike, none is in doubt
    spans: list[Span] = []
    start = 0
    for name, one in tracks.items():
        spans.extend(_spans_of(name, one, signs.of(slice(start, start + len(one))), limit))
        start += len(one)
    spans.sort(key=lambda span: (-span.doubt, -span.frames, span.name, span.first))
    return spans[:top]


def _signs(tracks: Sequence[Tracks]) -> _Signs:
    apart = np.concatenate([np.zeros(0), *(disagreement(one) for one in tracks)])
    sure = np.concatenate([np.zeros(0), *(confidence(one) for one in tracks)])
    if len(apart) and not (np.isfinite(apart) | np.isfinite(sure)).any():
        raise FormatError(
            "the tracks have neither disagreement nor confidence", remedy="review redtrack's own .h5 files"
        )
    return _Signs(apart, sure, doubt(apart, sure), rank(apart) > rank(-sure))


def _spans_of(name: str, tracks: Tracks, signs: _Signs, limit: float) -> list[Span]:
    spans: list[Span] = []
    for face in tracks.faces:
        rows = tracks.face_rows(face)
        rows = rows[signs.doubt[rows] >= limit]
        breaks = np.flatnonzero(np.diff(tracks.frame[rows]) > BRIDGE + 1) + 1
        spans.extend(_span(name, tracks, signs, part) for part in np.split(rows, breaks) if len(part))
    return spans


def _span(name: str, tracks: Tracks, signs: _Signs, rows: np.ndarray) -> Span:
    """Returns the span of some rows of one face in order of time."""
    frames = tracks.frame[rows]
    worst = int(np.argmax(signs.doubt[rows]))
    return Span(
        name=name,
        face=int(tracks.face[rows[0]]),
        first=int(frames[0]),
        last=int(frames[-1]),
        start=float(tracks.times[frames[0]]),
        end=float(tracks.times[frames[-1]]),
        worst=int(frames[worst]),
        disagreement=float(signs.disagreement[rows].max()),
        confidence=float(signs.confidence[rows].min()),
        sign="disagreement" if signs.apart[rows[worst]] else "confidence",
        doubt=float(signs.doubt[rows].max()),
    )


def find_gaps(tracks: Tracks, shortest: int = 1) -> list[Gap]:
    """Returns the stretches of at least `shortest` frames without any face, in order of time."""
    has_face = np.zeros(tracks.frames + 2, bool)
    has_face[tracks.frame + 1] = True
    has_face[[0, -1]] = True
    edges = np.flatnonzero(np.diff(has_face))  # a gap begins after even ones and ends at odd ones
    gaps = zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True)
    return [
        Gap(first, last, float(tracks.times[first]), float(tracks.times[last]))
        for first, last in gaps
        if last - first + 1 >= shortest
    ]

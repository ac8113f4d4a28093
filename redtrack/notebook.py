"""What a notebook shows of tracks: a line of figures and a small picture of when each face is there."""

from __future__ import annotations

from html import escape

import numpy as np

from redtrack.tracks import Tracks

__all__ = ["html"]

_WIDTH, _HEIGHT, _GAP, _LABEL = 480, 10, 3, 60  # px
_MOST_FACES = 12
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")


def html(tracks: Tracks) -> str:
    """Returns a fragment of HTML with the counts, the source, and a bar for each of the faces that are seen longest."""
    source = escape(str(tracks.info.get("source") or "tracks"))
    seconds = f", {tracks.times[-1]:.1f} s" if tracks.frames and tracks.info.get("times_known", True) else ""
    about = f"{len(tracks.faces)} faces, {len(tracks)} rows, {tracks.frames} frames{seconds}"
    state = "" if tracks.complete else " (not complete)"
    return f"<div><b>{source}</b>{state}<br>{about}<br>{_coverage(tracks)}</div>"


def _coverage(tracks: Tracks) -> str:
    """Returns an SVG picture: from left to right the video, a line for each face, filled where it is there."""
    faces, counts = np.unique(tracks.face, return_counts=True)
    shown = sorted(faces[np.argsort(-counts, kind="stable")][:_MOST_FACES].tolist())
    bars = [_bar(tracks, face, place) for place, face in enumerate(shown)]
    height = len(shown) * (_HEIGHT + _GAP)
    more = f"<br>and {len(faces) - len(shown)} more faces" if len(faces) > len(shown) else ""
    size = f'width="{_LABEL + _WIDTH}" height="{height}"'
    return f'<svg {size} role="img" aria-label="when each face is there">{"".join(bars)}</svg>{more}'


def _bar(tracks: Tracks, face: int, place: int) -> str:
    y, scale = place * (_HEIGHT + _GAP), _WIDTH / max(tracks.frames, 1)
    frames = tracks.frame[tracks.face_rows(face)]
    column = np.unique((frames * min(scale, 1)).astype(int))  # a pixel may stand for many frames
    starts = column[np.r_[True, np.diff(column) > 1]]
    ends = column[np.r_[np.diff(column) > 1, True]] + 1
    step, colour = max(scale, 1), _COLOURS[place % len(_COLOURS)]
    label = f'<text x="0" y="{y + _HEIGHT - 1}" font-size="10" fill="currentColor">face {face}</text>'
    back = f'<rect x="{_LABEL}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" fill="#8883"/>'
    parts = [
        f'<rect x="{_LABEL + start * step:.1f}" y="{y}" width="{(end - start) * step:.1f}" height="{_HEIGHT}" '
        f'fill="{colour}"/>'
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    return label + back + "".join(parts)

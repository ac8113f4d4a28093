"""One self-contained page for a video: its player, points, time lines, and what is worth a look.

The page needs no network and no server. It plays the video from its own file, which lies beside it or anywhere else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

import numpy as np

from redtrack.edits import Edited
from redtrack.errors import FormatError, counted
from redtrack.events import KINDS, find_events
from redtrack.points import LINES, PARTS
from redtrack.render.colours import AXES, PART_COLOURS
from redtrack.render.doubt import confidence, disagreement, doubt
from redtrack.review import pack
from redtrack.review.spans import SHARE, find_gaps, find_spans
from redtrack.tracks import FrameState, Tracks

__all__ = ["Film", "Page", "coverage", "page_html", "relative_url"]

TOP = 40  # spans that are listed
SHORTEST_GAP = 5  # frames without a face that are listed
_COLOURINGS = {"score": "confidence", "disagreement": "disagreement", "error": "expected error"}


@dataclass(frozen=True)
class Film:
    """The video that a page plays: its address as the page names it, what is wrong with it, one pixel's width."""

    url: str | None = None
    problem: str = ""  # said on top of the page
    aspect: float = 1.0  # width over height at which a pixel is shown


@dataclass(frozen=True)
class Page:
    """What a page shows: tracks with their edits, the film, the address of the index, and what edits need to know.

    `step` is the px to which points are rounded, by default what suits the tracks.
    """

    name: str
    edited: Edited
    film: Film = Film()
    home: str | None = None
    edit: Mapping[str, Any] | None = None
    step: float = 0.0

    def __post_init__(self) -> None:
        if not self.step:
            object.__setattr__(self, "step", pack.point_step(self.tracks))

    @property
    def tracks(self) -> Tracks:
        """The tracks after edits, rows that are marked wrong among them."""
        return self.edited.tracks

    def about(self) -> dict[str, Any]:
        """Returns what the script needs to know besides the rows."""
        tracks = self.tracks
        width, height = _size(tracks)
        seen = [source] if (source := tracks.info.get("source")) else []
        return {
            "title": Path(str(seen[0])).name if seen else self.name,
            "summary": summary(tracks),
            "notice": " ".join(filter(None, [self.film.problem, _damage(tracks)])),
            "video": self.film.url,
            "aspect": self.film.aspect,
            "home": self.home,
            "edit": self.edit,
            "frames": tracks.frames,
            "width": width,
            "height": height,
            "step": self.step,
            "levels": pack.LEVELS,
            "colourings": _colourings(tracks),
            "measures": {name: {"step": step} for name, step in pack.MEASURE_STEPS.items()},
            "lines": LINES,
            "parts": [list(part) for part in PARTS.values()],
            "partColours": [_css(colour) for colour in PART_COLOURS],
            "axisColours": [_css(colour) for colour in AXES],
            "cuts": _cuts(tracks),
            "spans": spans_of(tracks),
            "events": events_of(tracks),
            **faces_of(self.edited),
        }

    def packed(self, rows: np.ndarray | None = None) -> tuple[list[dict[str, Any]], str]:
        """Returns the table of columns and their numbers: of all rows and the times, or of ascending rows (n,) only."""
        tracks, edited = self.tracks, self.edited
        doubts = doubt(disagreement(tracks), confidence(tracks))
        if rows is not None:
            return pack.pack(pack.columns(edited.select(rows), self.step, doubts[rows]))
        order = pack.order(tracks)
        packed = {name: column[order] for name, column in pack.columns(edited, self.step, doubts).items()}
        packed["times"] = np.round(tracks.times * 1e6).astype(np.int64)[:, None]
        return pack.pack(packed)


def page_html(page: Page) -> str:
    """Returns the page, whole."""
    table, rows = page.packed()
    about = page.about()
    return filled(
        "page.html",
        title=escaped(about["title"]),
        style=text_of("page.css"),
        script=text_of("page.js"),
        meta=json.dumps(about | {"table": table}, default=str).replace("<", "\\u003c"),
        rows=rows,
        connect="'self'" if page.edit else "'none'",
    )


def filled(name: str, **parts: str) -> str:
    """Returns a template of this package with its parts filled in."""
    return Template(text_of(name)).substitute(parts)


def text_of(name: str) -> str:
    """Returns a file of this package."""
    return (resources.files("redtrack.review") / name).read_text("utf-8")


def escaped(text: str) -> str:
    """Returns text as HTML shows it."""
    return "".join({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}.get(c, c) for c in text)


def relative_url(target: Path, folder: Path) -> str:
    """Returns the address of a file as a page in `folder` names it: relative, so that both can be moved together."""
    try:
        path = os.path.relpath(os.path.abspath(target), os.path.abspath(folder))
    except ValueError:  # another drive of Windows
        return Path(os.path.abspath(target)).as_uri()
    return quote(os.fsencode(path.replace(os.sep, "/")), safe="/")


def coverage(tracks: Tracks) -> tuple[int, int]:
    """Returns how many frames have a face, and how many frames there are."""
    return int(len(np.unique(tracks.frame))), tracks.frames


def summary(tracks: Tracks) -> str:
    """Returns in one line what the tracks hold."""
    seen, total = coverage(tracks)
    faces = len(tracks.faces)
    share = f" ({100 * seen / total:.0f} %)" if total else ""
    part = "" if tracks.complete else " · partial: the video was not annotated to its end"
    return f"{counted(faces, 'face')} · a face in {seen:,} of {total:,} frames{share}{part}"


def spans_of(tracks: Tracks) -> list[dict[str, Any]]:
    """Returns the doubtful spans as JSON values, none where the tracks tell nothing of doubt."""
    try:
        return [span.as_json() for span in find_spans({"": tracks}, SHARE, TOP)]
    except FormatError:
        return []


def events_of(tracks: Tracks) -> list[list[Any]]:
    """Returns what the faces do, each as kind, side, face, first frame, apex, last frame, and the time of its end.

    What is not seen has marks of its own. Times of frames are the page's already: an hour has thousands of events.
    """
    found = (event for face in tracks.faces for event in find_events(tracks, face))
    return [
        [one.kind, one.side, one.face, one.onset_frame, one.apex_frame, one.offset_frame, round(one.offset, 3)]
        for one in found
        if one.kind in KINDS
    ]


def faces_of(edited: Edited) -> dict[str, Any]:
    """Returns what changes with edits of faces: the faces, their names, the stretches without any."""
    tracks = edited.tracks
    ids, first, count = np.unique(tracks.face, return_index=True, return_counts=True)
    faces = [
        {"id": int(face), "rows": int(rows), "first": int(tracks.frame[row])}
        for face, row, rows in zip(ids, first, count, strict=True)
    ]
    gaps = [gap.as_json() for gap in find_gaps(tracks, SHORTEST_GAP)]
    return {"faces": faces, "names": {str(face): name for face, name in edited.names.items()}, "gaps": gaps}


def _css(colour: Iterable[float]) -> str:
    return f"rgb({','.join(str(int(value)) for value in colour)})"


def _cuts(tracks: Tracks) -> list[int]:
    """Returns the frames where a shot begins, as far as the tracks tell them."""
    cuts = tracks.info.get("cuts")
    return [cut for cut in cuts if isinstance(cut, int) and 0 <= cut < tracks.frames] if isinstance(cuts, list) else []


def _colourings(tracks: Tracks) -> Sequence[tuple[str, str]]:
    known = {
        "score": np.isfinite(tracks.scores).any(),
        "disagreement": np.isfinite(tracks.disagreement).any(),
        "error": tracks.sigma is not None and np.isfinite(tracks.sigma).any(),
    }
    return [(name, words) for name, words in _COLOURINGS.items() if known[name]] + [("part", "part"), ("face", "face")]


def _size(tracks: Tracks) -> tuple[int, int]:
    """Returns width and height in px of the upright picture, guessed from the points where the tracks do not say."""
    width, height = tracks.info.get("width"), tracks.info.get("height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return width, height
    if not len(tracks):
        return 640, 360
    right, low = np.ceil(np.nanmax(tracks.points, axis=(0, 1)))
    return max(int(right) + 10, 16), max(int(low) + 10, 16)


def _damage(tracks: Tracks) -> str:
    damaged = int((tracks.frame_state != FrameState.OK).sum())
    return f"{damaged:,} frame{'s are' if damaged != 1 else ' is'} damaged or missing in the video." if damaged else ""

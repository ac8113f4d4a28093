"""The index of a run: a line for each video, with what its tracks hold and a link to its page, and the failures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from redtrack.edits import Edited
from redtrack.errors import counted, printable
from redtrack.render.doubt import confidence, disagreement
from redtrack.render.overlay import clock
from redtrack.review.page import coverage, escaped, filled, text_of
from redtrack.run.run_log import NAME as LOG

__all__ = ["Entry", "entry_of", "failures", "index_html"]

BINS = 60  # of the strip that shows where faces and doubt are
_LARGEST = 1 << 28  # bytes of a log


@dataclass(frozen=True)
class Entry:
    """One video of the index; what is unknown is None. Disagreement is over the eye distance."""

    name: str
    state: str
    link: str | None = None
    reason: str = ""
    frames: int | None = None
    seen: int = 0  # frames with a face
    faces: int = 0
    seconds: float = 0.0
    disagreement: float | None = None  # 19 of 20 rows are below
    confidence: float | None = None  # 19 of 20 rows are above
    edits: int = 0
    strip: str = ""  # SVG


def entry_of(name: str, link: str, edited: Edited, problem: str = "") -> Entry:
    """Returns the line of a video whose page is at `link`."""
    tracks = edited.tracks
    seen, frames = coverage(tracks)
    return Entry(
        name=name,
        state="done" if tracks.complete else "partial",
        link=link,
        reason=problem,
        frames=frames,
        seen=seen,
        faces=len(tracks.faces),
        seconds=float(tracks.times[-1]) if frames else 0.0,
        disagreement=_quantile(disagreement(tracks), 0.95),
        confidence=_quantile(confidence(tracks), 0.05),
        edits=edited.count,
        strip=_strip(edited),
    )


def failures(folders: Iterable[Path]) -> list[Entry]:
    """Returns a line for each video whose last line in the folders' `run.jsonl` says that it failed."""
    last: dict[str, dict[str, Any]] = {}
    for folder in dict.fromkeys(folders):
        log = folder / LOG
        if log.is_file() and log.stat().st_size <= _LARGEST:
            for line in log.read_text("utf-8", errors="replace").splitlines():
                entry = _object(line)
                if isinstance(entry.get("source"), str):
                    last[entry["source"]] = entry
    failed = [entry for entry in last.values() if entry.get("state") == "failed"]
    return [Entry(printable(Path(entry["source"]).name), "failed", reason=str(entry.get("reason"))) for entry in failed]


def index_html(entries: Sequence[Entry], title: str) -> str:
    """Returns the page with a line for each entry, failures first, then those most in doubt."""
    ordered = sorted(entries, key=lambda one: (one.state != "failed", -(one.disagreement or 0), one.name))
    frames = sum(one.frames or 0 for one in entries)
    seen = sum(one.seen for one in entries)
    failed = sum(one.state == "failed" for one in entries)
    words = [f"{counted(len(entries), 'video')}", f"a face in {seen:,} of {frames:,} frames"]
    words += [f"{failed:,} failed"] if failed else []
    return filled(
        "index.html",
        title=escaped(title),
        style=text_of("page.css"),
        summary=" · ".join(words),
        rows="\n".join(_row(one) for one in ordered),
    )


def _row(one: Entry) -> str:
    name, state = escaped(one.name), f'<span class="{one.state}">{one.state}</span>'
    reason = f"<small>{escaped(one.reason)}</small>" if one.reason else ""
    link = f'<a href="{escaped(one.link)}">{name}</a>' if one.link else name
    if one.frames is None:
        cells = [_cell(link, one.name.lower()), _cell(state, one.state), f"<td colspan=7>{reason}</td>"]
        return f"<tr>{''.join(cells)}</tr>"
    cells = [_cell(link, one.name.lower()), _cell(state + reason, one.state)]
    share = one.seen / one.frames if one.frames else 0.0
    apart, sure = one.disagreement, one.confidence
    cells += [
        _cell(clock(one.seconds), one.seconds),
        _cell(f'<meter value="{share:.3f}"></meter> {100 * share:.0f} %', share),
        _cell(str(one.faces), one.faces),
        _cell("–" if apart is None else f"{100 * apart:.1f} %", -1 if apart is None else apart),
        _cell("–" if sure is None else f"{sure:.2f}", 2 if sure is None else sure),
        _cell(str(one.edits or "–"), one.edits),
        _cell(one.strip, 0),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(html: str, value: object) -> str:
    return f'<td data-value="{escaped(str(value))}">{html}</td>'


def _quantile(values: np.ndarray, share: float) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.quantile(known, share)) if len(known) else None


def _strip(edited: Edited) -> str:
    """Returns a picture of the whole video: grey where a face is seen, a red line for the disagreement."""
    tracks = edited.tracks
    if not tracks.frames:
        return ""
    bins = min(BINS, tracks.frames)
    place = tracks.frame * bins // tracks.frames
    seen = np.bincount(np.unique(tracks.frame) * bins // tracks.frames, minlength=bins)
    whole = np.bincount(np.arange(tracks.frames) * bins // tracks.frames, minlength=bins)
    highest = np.zeros(bins)
    np.maximum.at(highest, place, np.nan_to_num(disagreement(tracks)))
    grey = "".join(
        f"M{k} 20v-{20 * s / w:.0f}h1v{20 * s / w:.0f}z" for k, (s, w) in enumerate(zip(seen, whole, strict=True)) if s
    )
    line = "M" + "L".join(f"{k + 0.5} {20 - 18 * min(h / 0.1, 1):.1f}" for k, h in enumerate(highest))
    paths = f'<path d="{grey}"/><path class="doubt" d="{line}"/>'
    return f'<svg viewBox="0 0 {bins} 20" preserveAspectRatio="none">{paths}</svg>'


def _object(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}

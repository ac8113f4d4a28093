"""Pictures of curves: errors of predictions, and what people measure on the points over time. Needs matplotlib."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redtrack.errors import FormatError, OutputError, UsageError
from redtrack.evaluate.nme import error_curve
from redtrack.evaluate.score import Score, VideoScore
from redtrack.events import Event, find_events
from redtrack.tracks import Tracks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PANELS", "broken", "measures_figure", "plot_measures", "plot_scores"]

PANELS: dict[str, tuple[str, ...]] = {
    "eye opening\n(height / width)": ("right_eye_opening", "left_eye_opening"),
    "mouth\n(/ eye distance)": ("mouth_opening", "mouth_width"),
    "lip corner pull\n(/ eye distance)": ("right_lip_corner_pull", "left_lip_corner_pull"),
    "brows\n(/ eye distance)": ("right_brow_height", "left_brow_height", "brow_gap"),
    "asymmetry": ("eye_asymmetry", "lip_corner_asymmetry", "brow_asymmetry", "asymmetry"),
    "head\n(degrees)": ("roll", "yaw", "pitch"),
}
"""What shares an axis, by the words beside it."""

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#444444")  # for any colour vision
_PLACES = {
    **{"blink": "left_eye_opening", "wink": "left_eye_opening", "mouth": "mouth_opening"},
    **dict.fromkeys(("nod", "shake", "look-away"), "yaw"),
}
"""A measure of the panel in which an event is marked."""

_EVENT_COLOUR = "#e69f00"
_GAP_COLOUR = "#e4e4e4"
_CURVE_LIMIT = 0.10  # error up to which the cumulative curves are drawn
_DPI = 150


def plot_scores(path: str | os.PathLike[str], scores: Mapping[str, Score]) -> None:
    """Writes the cumulative error curves of predictions, by name; of one video also the error over time.

    Raises UsageError without matplotlib, OutputError where `path` cannot be written.
    """
    first = next(iter(scores.values()))
    over_time = len(first.videos) == 1 and len(first.errors) > 1
    figure = _figure(10.5 if over_time else 6, 4.2)
    panels = figure.subplots(1, 2 if over_time else 1, squeeze=False)[0]
    for colour, (name, score) in zip(_cycle(len(scores)), scores.items(), strict=True):
        _draw_curve(panels[0], score, name, colour)
        if over_time:
            _draw_errors(panels[1], score.videos[0], colour)
    _dress(panels[0], "error (%)", "share of faces within the error", (0, _CURVE_LIMIT * 100), (0, 1))
    panels[0].legend(loc="lower right", frameon=False)
    if over_time:
        _dress(panels[1], "seconds" if first.videos[0].times_known else "frame", "error (%)")
        panels[1].set_ylim(bottom=0)
    figure.suptitle(first.protocol.name, fontsize=9)
    _save(figure, path)


def plot_measures(
    path: str | os.PathLike[str], tracks: Tracks, face: int | None = None, kinds: Sequence[str] = ()
) -> None:
    """Writes the picture of `measures_figure`; raises as it does, and OutputError where `path` cannot be written."""
    _save(measures_figure(tracks, face, kinds), path)


def measures_figure(tracks: Tracks, face: int | None = None, kinds: Sequence[str] = ()) -> Figure:
    """Returns the measures of one face over time, by default of the one that is seen longest; gaps are grey.

    Events of `kinds` (`redtrack.events.KINDS`) are marked in the panels that they belong to.

    Raises UsageError without matplotlib or without that face.
    """
    face = longest_face(tracks) if face is None else face
    if face not in tracks.faces:
        known = ", ".join(map(str, tracks.faces[:12])) or "none"
        raise UsageError(f"there is no face {face}", remedy=f"the faces are {known}")
    figure = _figure(10.5, 10.5)
    panels = figure.subplots(len(PANELS), 1, sharex=True)
    curves = tracks.measures(face)
    events = find_events(tracks, face, kinds) if kinds else []
    for panel, (words, names) in zip(panels, PANELS.items(), strict=True):
        for colour, name in zip(_COLOURS, names, strict=False):
            times, values = broken(tracks.times, curves[name])
            panel.plot(times, values, color=colour, linewidth=1.1, label=name.replace("_", " "))
        _shade_gaps(panel, tracks, face)
        _mark_events(panel, [event for event in events if _PLACES.get(event.kind) in names])
        _dress(panel, "", words)
        panel.legend(loc="upper left", bbox_to_anchor=(1.005, 1), frameon=False, fontsize=8)
    panels[-1].set_xlabel("seconds" if tracks.info.get("times_known", True) else "frame")
    source = Path(str(tracks.info.get("source", ""))).name
    figure.suptitle(
        f"{source}   face {face}, {len(tracks.face_rows(face))} of {tracks.frames} frames".strip(), fontsize=9
    )
    return figure


def longest_face(tracks: Tracks) -> int:
    """Returns the id of the face with most rows; raises FormatError where there is no face."""
    if not len(tracks):
        raise FormatError("there is no face in these tracks")
    faces, rows = np.unique(tracks.face, return_counts=True)
    return int(faces[np.argmax(rows)])


def broken(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns a curve that is not drawn across frames without a value; one lone value becomes a short dash."""
    alone = (
        np.isfinite(values) & ~np.isfinite(np.append(np.nan, values[:-1])) & ~np.isfinite(np.append(values[1:], np.nan))
    )
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    at = np.flatnonzero(alone) + 1
    return np.insert(times, at, times[alone] + step / 2), np.insert(values, at, values[alone])


def _shade_gaps(panel: Axes, tracks: Tracks, face: int) -> None:
    """Shades the times between the first and the last frame of the video in which the face is not there."""
    absent = np.ones(tracks.frames + 2, bool)
    absent[0] = absent[-1] = False
    absent[tracks.frame[tracks.face_rows(face)] + 1] = False
    edges = np.flatnonzero(np.diff(absent.astype(int)))
    for start, end in edges.reshape(-1, 2):
        panel.axvspan(tracks.times[start], tracks.times[min(end, tracks.frames - 1)], color=_GAP_COLOUR, linewidth=0)


def _mark_events(panel: Axes, events: Sequence[Event]) -> None:
    """Draws each event as a coloured stretch with its name above it; its certainty is how strong the colour is."""
    for event in events:
        panel.axvspan(event.onset, event.offset, color=_EVENT_COLOUR, alpha=0.15 + 0.35 * event.certainty, linewidth=0)
        words = " ".join(word for word in (event.kind, event.side) if word)
        middle = (event.onset + event.offset) / 2
        panel.annotate(words, (middle, 1), xycoords=("data", "axes fraction"), fontsize=7, rotation=45, va="bottom")


def _draw_curve(panel: Axes, score: Score, name: str, colour: str) -> None:
    errors, shares = error_curve(score.errors, _CURVE_LIMIT)
    summary = score.summary
    label = f"{name}: {summary.mean * 100:.2f} %, area {summary.area:.3f}"
    panel.step(errors * 100, shares, where="post", color=colour, linewidth=1.4, label=label)


def _draw_errors(panel: Axes, video: VideoScore, colour: str) -> None:
    """Draws the errors of one video over time; faces without output as marks at the bottom."""
    given = np.isfinite(video.errors)
    if len(np.unique(video.frame)) < len(video.frame):  # several faces: no line leads from one to the other
        panel.plot(video.times[given], video.errors[given] * 100, ".", color=colour, markersize=3)
        return
    times, errors = broken(video.times, np.where(given, video.errors * 100, np.nan))
    panel.plot(times, errors, color=colour, linewidth=1)
    panel.plot(video.times[~given], np.zeros((~given).sum()), "|", color=colour, markersize=8)


def _dress(
    panel: Axes, x: str, y: str, x_range: Sequence[float] | None = None, y_range: Sequence[float] | None = None
) -> None:
    panel.set(xlabel=x, ylabel=y, xlim=x_range, ylim=y_range)
    panel.grid(True, color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def _cycle(count: int) -> list[str]:
    return [_COLOURS[index % len(_COLOURS)] for index in range(count)]


def _figure(width: float, height: float) -> Figure:
    """Returns an empty figure, in inches, that no display is needed for."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("plots need matplotlib", remedy="pip install 'redtrack[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Writes the figure, whole or not at all; the ending tells its kind."""
    path = Path(path)
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    kinds: dict[str, Any] = figure.canvas.get_supported_filetypes()
    if path.suffix.lower().lstrip(".") not in kinds:
        raise UsageError(f"no plot can be of kind '{path.suffix}'", path, "name it .png, .pdf or .svg")
    try:
        figure.savefig(part, dpi=_DPI)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise OutputError(f"cannot be written: {(error.strerror or str(error)).lower()}", path) from error

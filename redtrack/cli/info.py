"""`redtrack info`: what a video, a tracks file or a weights file holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redtrack.cli import tell_error
from redtrack.cli.table import fold, table, width_of
from redtrack.errors import FormatError, RedtrackError, printable

if TYPE_CHECKING:
    from redtrack.tracks import Tracks


@click.command(no_args_is_help=True)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line in place of text.")
def info(files: tuple[Path, ...], as_json: bool) -> None:
    """Tell what a video, a tracks file or a weights file holds; shipped weights go by their names.

    Of tracks it shows for each face its first and last frame, the number of its frames and of the gaps between them,
    where its boxes came from (detected, between two detections, refined by the landmarks), the mean score of its
    points, and how many pixels apart the forward and the backward estimate are.

    \b
    Examples:
      redtrack info clip.mp4
      redtrack info tracks/clip.h5 --json
      redtrack info rednet-small
    """
    failed = 0
    for number, path in enumerate(files):
        try:
            about = describe(path)
        except RedtrackError as error:
            failed += 1
            tell_error(error)
            continue
        if as_json:
            click.echo(json.dumps(about, default=str))
        else:
            click.echo(("\n" if number else "") + fold(text(about), width_of(), indent=4))
    sys.exit(1 if failed else 0)


def describe(path: Path) -> dict[str, Any]:
    """Returns what a file holds, as JSON values: `kind` is weights, tracks or video."""
    kind = kind_of(path)
    if kind == "weights":
        from redtrack import checkpoint

        about = checkpoint.describe(path)
        return {"file": str(path), "kind": "weights", "network": about.pop("kind"), **about}
    if kind == "tracks":
        return {"file": str(path), "kind": "tracks", **describe_tracks(path)}
    from dataclasses import asdict

    from redtrack.video import probe

    about = asdict(probe(path))
    del about["path"], about["reading"]
    names = ("pixel_aspect", "time_base", "average_rate")
    fractions = {name: None if about[name] is None else str(about[name]) for name in names}
    return {"file": str(path), "kind": "video", **about, **fractions}


def kind_of(path: Path) -> str:
    """Returns weights, tracks or video, by the first bytes; weights for the name of shipped ones."""
    from redtrack import formats

    if path.is_dir():
        return "tracks"
    if path.suffix == ".safetensors":
        return "weights"
    if not path.is_file():
        from redtrack.checkpoint import shipped

        return "weights" if str(path) in shipped() else "video"  # what is wrong with it is said when it is opened
    try:
        formats.sniff(path)
    except FormatError:
        with open(path, "rb") as file:
            head = file.read(4096)
        if formats.is_text(head) or formats.is_hdf5(path):
            raise
        return "video"
    return "tracks"


def describe_tracks(path: Path) -> dict[str, Any]:
    """Returns what tracks hold: format, counts, time, faces, and their own info."""
    from redtrack import formats
    from redtrack.tracks import FrameState

    tracks = formats.read(path)
    return {
        "format": formats.sniff(path).name,
        "complete": tracks.complete,
        "frames": tracks.frames,
        "damaged_frames": int((tracks.frame_state == FrameState.DAMAGED).sum()),
        "missing_frames": int((tracks.frame_state == FrameState.MISSING).sum()),
        "first_time": float(tracks.times[0]) if tracks.frames else None,
        "last_time": float(tracks.times[-1]) if tracks.frames else None,
        "rows": len(tracks),
        "rows_lacking_points": int(tracks.partial.sum()),
        "faces": [describe_face(tracks, face) for face in tracks.faces],
        "info": dict(tracks.info),
    }


def describe_face(tracks: Tracks, face: int) -> dict[str, Any]:
    """Returns the extent of one face in frames, its gaps, its rows by state, and the mean of its scores."""
    import numpy as np

    from redtrack.tracks import RowState

    rows = tracks.face_rows(face)
    frame, state = tracks.frame[rows], tracks.state[rows]
    known = {"score": tracks.scores[rows], "disagreement": tracks.disagreement[rows]}
    means = {name: float(np.nanmean(v)) if np.isfinite(v).any() else None for name, v in known.items()}
    return {
        "face": face,
        "first_frame": int(frame[0]),
        "last_frame": int(frame[-1]),
        "frames": len(rows),
        "gaps": int((np.diff(frame) > 1).sum()),
        **{kind.name.lower(): int((state == kind).sum()) for kind in RowState},
        **means,
    }


def text(about: Mapping[str, Any]) -> str:
    """Returns a description as lines of name and value, and a table of the faces."""
    plain = {name: value for name, value in about.items() if not isinstance(value, (dict, list, tuple))}
    lines = [f"{name.replace('_', ' ')}: {_value(value)}" for name, value in plain.items()]
    for name in ("config", "card", "info"):
        for key, value in dict(about.get(name) or {}).items():
            if key not in plain and value is not None:
                told = _stages(value) if key == "before" and isinstance(value, dict) else _value(value)
                lines.append(f"{name} {key.replace('_', ' ')}: {told}")
    for name in ("faces", "streams"):
        parts = about.get(name) or []
        if parts and (name == "faces" or len(parts) > 1):  # a single stream was described above
            rows = [[_HEADS.get(key, key) for key in parts[0]]]
            rows += [[_value(value) for value in part.values()] for part in parts]
            lines += ["", table(rows, right=range(len(rows[0])))]
    return "\n".join(lines)


_HEADS = {
    "first_frame": "first",
    "last_frame": "last",
    "interpolated": "between",
    "disagreement": "apart px",
    "number": "stream",
    "is_cover": "cover",
}
"""Shorter words for the tables of faces and streams, so that they fit 80 columns."""


def _stages(card: Mapping[str, Any] | None) -> str:
    """Returns the trainings before the last one, the latest first, by stage and steps; --json has all of them."""
    told = []
    while isinstance(card, dict):
        told.append(_value(card.get("stage")) + (f" ({card['steps']} steps)" if "steps" in card else ""))
        card = card.get("before")
    return ", ".join(told)


def _value(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (dict, list)):
        return _values(value)
    return printable(value) if isinstance(value, str) else json.dumps(value, default=str)


def _values(values: dict[str, Any] | list[Any]) -> str:
    """Returns values in words, without those that are not set."""
    if isinstance(values, dict):
        return ", ".join(f"{k.replace('_', ' ')} {_value(v)}" for k, v in values.items() if v is not None) or "none"
    if any(isinstance(part, (dict, list)) for part in values):
        return f"{len(values)}, see --json"
    return ", ".join(map(_value, values)) or "none"

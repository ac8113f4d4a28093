"""Doubtful faces out to a labelling tool, and back: pictures with COCO key points, as CVAT and Label Studio read them.

For each video a folder of pictures, `STEM/frame_000123.png`, and `STEM.coco.json` with all faces on them. What comes
back from the tool is compared with the tracks: a face whose points were moved is mended, one that was left as it was is
right, one that is gone is absent, one that is new is added.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from redtrack.edits import Edit
from redtrack.errors import FormatError
from redtrack.evaluate.protocol import eye_distance
from redtrack.formats import named
from redtrack.formats.coco import image_frames
from redtrack.formats.common import replacing
from redtrack.points import N_POINTS
from redtrack.render.doubt import confidence, disagreement, doubt
from redtrack.render.film import frames_of
from redtrack.render.png import write_png
from redtrack.tracks import Tracks
from redtrack.video import Reading, Video

__all__ = ["doubtful_frames", "edits_from_coco", "export_frames"]

APART = 5  # frames between two pictures of one video
MOVED = 0.25  # px: what a tool rounds is no edit
_SAME_FACE = 1.0  # of the eye distance: mean distance of points up to which two are one face


def doubtful_frames(tracks: Mapping[str, Tracks], count: int) -> dict[str, list[int]]:
    """Returns the frames of the `count` most doubtful faces of all tracks, by their names, apart in time."""
    parts = list(tracks.values())
    if not any(map(len, parts)):
        return {}
    signs = [np.concatenate([sign(one) for one in parts]) for sign in (disagreement, confidence)]
    names = [name for name, one in tracks.items() for _ in range(len(one))]
    frames = np.concatenate([one.frame for one in parts])
    chosen: dict[str, list[int]] = defaultdict(list)
    left = count
    for row in np.argsort(-doubt(*signs), kind="stable"):
        taken = chosen[names[row]]
        if left and all(abs(int(frames[row]) - other) >= APART for other in taken):
            taken.append(int(frames[row]))
            left -= 1
    return {name: sorted(some) for name, some in chosen.items() if some}


def export_frames(tracks: Tracks, frames: list[int], video: Path, folder: Path, stem: str) -> Path:
    """Writes the pictures of some frames and the faces on them below `folder`; returns the COCO file.

    Raises VideoError or OutputError.
    """
    (folder / stem).mkdir(parents=True, exist_ok=True)
    film = Video(video, reading=Reading.of(tracks.info))
    for frame in frames_of(film, frames):
        write_png(folder / stem / _name(frame.index), frame.image)
    rows = np.flatnonzero(np.isin(tracks.frame, frames))
    some = tracks.select(rows)
    info = {"width": film.info.width, "height": film.info.height}
    columns = {name: array for name, array in some.rows.items() if name not in ("frame", "face", "points")}
    compact = Tracks.from_rows(
        np.searchsorted(frames, some.frame), some.face, some.points, tracks.times[frames], info=info, **columns
    )
    path = folder / f"{stem}.coco.json"
    named("coco").write(compact, path)
    document = json.loads(path.read_text("utf-8"))
    for image, index in zip(document["images"], frames, strict=True):
        image |= {"file_name": f"{stem}/{_name(index)}", "frame_id": index}
    with replacing(path) as file:
        json.dump(document, file)
    return path


def _name(frame: int) -> str:
    """Returns a picture's name, by which CVAT and redtrack know its frame."""
    return f"frame_{frame:06d}.png"


def edits_from_coco(path: Path, tracks: Tracks) -> list[Edit]:
    """Returns the edits that turn the tracks into what a COCO file says of its pictures.

    Raises FormatError where the file cannot be read or is of frames that the tracks lack.
    """
    labels = named("coco").read(path)
    frames = image_frames(path)
    if frames and max(frames) >= tracks.frames:
        raise FormatError(f"is of frame {max(frames)}, but the tracks have {tracks.frames} frames", path)
    edits: list[Edit] = []
    fresh = max(tracks.faces, default=-1) + 1
    for frame in sorted(frames):
        ours, theirs = (np.flatnonzero(one.frame == frame) for one in (tracks, labels))
        pairs = _pairs(tracks.points[ours], labels.points[theirs])
        for k, row in enumerate(ours):
            values: dict[str, Any] = {"frame": frame, "face": int(tracks.face[row])}
            if k in pairs:
                edits.append(_edit_of(tracks.points[row], labels.points[theirs[pairs[k]]], values, path))
            else:
                edits.append(_edit("mark", values | {"as": "absent"}, path))
        for k in set(range(len(theirs))) - set(pairs.values()):
            points = labels.points[theirs[k]]
            if np.isfinite(points).all():
                edits.append(_edit("points", {"frame": frame, "face": fresh, "points": _places(points)}, path))
                fresh += 1
    return edits


def _pairs(ours: np.ndarray, theirs: np.ndarray) -> dict[int, int]:
    """Returns which of points (n, 68, 2) are the same face as which of (m, 68, 2), the nearest first."""
    if not len(ours) or not len(theirs):
        return {}
    far = np.linalg.norm(ours[:, None] - theirs[None], axis=-1)  # (n, m, 68)
    known = np.isfinite(far)
    mean = np.where(known, far, 0).sum(-1) / np.maximum(known.sum(-1), 1)
    mean = np.where(known.any(-1), mean, np.inf) / np.maximum(np.nan_to_num(eye_distance(ours), nan=1.0), 1.0)[:, None]
    pairs: dict[int, int] = {}
    for index in np.argsort(mean, axis=None):
        k, other = divmod(int(index), len(theirs))
        if k not in pairs and other not in pairs.values() and mean[k, other] <= _SAME_FACE:
            pairs[k] = other
    return pairs


def _edit_of(ours: np.ndarray, theirs: np.ndarray, values: dict[str, Any], path: Path) -> Edit:
    moved = np.flatnonzero(~(np.abs(theirs - ours).max(axis=1) <= MOVED) & np.isfinite(theirs).all(axis=1))
    if not len(moved):
        return _edit("mark", values | {"as": "right"}, path)
    return _edit("points", values | {"points": _places(theirs, moved)}, path)


def _places(points: np.ndarray, indices: Any = range(N_POINTS)) -> dict[str, list[float]]:
    return {str(int(k)): [round(float(value), 3) for value in points[k]] for k in indices}


def _edit(op: str, values: dict[str, Any], path: Path) -> Edit:
    """Returns an edit whose id is that of its content, so that a file that is taken in twice counts once."""
    import hashlib

    content = json.dumps([path.name, op, values], sort_keys=True).encode()
    return Edit(op, hashlib.sha256(content).hexdigest()[:24], values)

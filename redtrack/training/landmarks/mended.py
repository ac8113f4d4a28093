"""Frames that a person put right (`STEM.edits.jsonl` beside the tracks, `redtrack.edits`) as faces to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from redtrack import formats
from redtrack.edits import SUFFIX, apply_edits, edits_path, read_edits
from redtrack.errors import UsageError
from redtrack.tracks import Tracks
from redtrack.training.landmarks.faces import STORED_SIZE, FaceSet, cut_face, held_out, make_set, split
from redtrack.training.landmarks.footage import videos_held_out
from redtrack.video import Reading, Video

SOURCE = "edits"  # what such faces are counted and measured as


def mended_faces(
    folder: Path, *, axis: float = 0.0, size: int = STORED_SIZE, hold_out: tuple[str, ...] = (), show: bool = False
) -> tuple[FaceSet, FaceSet]:
    """The faces that a person mended or marked right, with full trust: those to train on, those held out.

    Held out are whole videos by their names, or one frame in ten where there are too few videos. Raises UsageError
    where nothing was mended, or where a video is not found.
    """
    stems, images, points, names = [], [], [], []
    for path, tracks in tqdm(list(edited_tracks(folder)), f"reading {folder.name}", disable=not show, leave=False):
        for frame, picture, own in pictures(tracks, path):
            cut, there = cut_face(picture, own, size)
            images.append(cut)
            points.append(there)
            stems.append(path.stem)
            names.append(f"{path.stem}/{frame + 1:06d}")
    if not images:
        remedy = "mend some with `redtrack review --edit`"
        raise UsageError(f"no frames were mended or marked right (*{SUFFIX})", folder, remedy)
    faces = make_set(images, points, names, SOURCE, axis=axis, size=size)
    videos = videos_held_out(stems, hold_out)
    out = [stem in videos if videos else held_out(name) for stem, name in zip(stems, names, strict=True)]
    return split(faces, np.array(out))


def edited_tracks(folder: Path) -> Iterator[tuple[Path, Tracks]]:
    """Yields each tracks file below a folder that has edits, and its rows that a person trusts."""
    for place in sorted(folder.rglob(f"*{SUFFIX}")):
        edits = read_edits(place)
        named = Path(str(edits.about.get("tracks") or "")).name
        path = place.with_name(named or place.name.removesuffix(SUFFIX) + ".h5")
        edited = apply_edits(formats.read(path), edits.in_force())
        rows = np.zeros(len(edited.tracks.frame), dtype=bool)
        rows[edited.trusted()] = True
        rows &= np.isfinite(edited.tracks.points).all((1, 2))
        if rows.any():
            yield path, edited.tracks.select(rows)


def pictures(tracks: Tracks, path: Path) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yields frame number, picture and points (68, 2) of each row of tracks."""
    wanted: dict[int, list[np.ndarray]] = {}
    for frame, own in zip(tracks.frame.tolist(), tracks.points, strict=True):
        wanted.setdefault(frame, []).append(own)
    with Video(video_of(tracks, path), reading=Reading.of(tracks.info)) as opened:
        for seen in opened.frames():
            for own in wanted.get(seen.index, ()):
                yield seen.index, seen.image, own
            if seen.index >= max(wanted):
                break


def video_of(tracks: Tracks, path: Path) -> Path:
    """The video of a tracks file: where its info says, or of the same name beside it; raises UsageError."""
    source = Path(str(tracks.info.get("source") or path.stem))
    for place in (source, path.parent / source.name):
        if place.is_file():
            return place
    remedy = f"put the video beside {edits_path(path).name}"
    raise UsageError(f"the video of these tracks, {source}, is not there", path, remedy)

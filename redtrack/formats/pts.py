"""300-VW and 300-W `.pts`: a small text file for each face in each frame, `<video>/annot/000001.pts` for the first.

    version: 1
    n_points: 68
    {
    446.000 91.000
    …
    }

Written: face 0 in `<video>/annot`, face N in `<video>/annot_faceN` beside it; a frame without that face has no file.
Pixels count from 1, as in 300-VW, or from 0 (`origin`). `<video>/annot.json` holds what the files cannot: the origin,
and the times of all frames.

Read: such a folder, any folder of `.pts` files or one that holds `annot`, or a single `.pts` file as a video of one
frame. A file's frame is the number at the end of its name, less one unless a file is numbered 0; where names have no
numbers, or two have the same, its place among the names. Without `annot.json` pixels count from 1, no frame has a time,
and the last file is the last frame. A header may be missing or spaced in any way. An unknown point is `nan nan`.

Cannot hold: scores, disagreement, boxes, states, info. Three decimals: 0.0005 px.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from redtrack.errors import FormatError, OutputError
from redtrack.formats.common import (
    MAX_FACE,
    MAX_FRAMES,
    PathLike,
    check_file,
    known_rows,
    naming,
    number,
    output_error,
    part_path,
)
from redtrack.points import N_POINTS
from redtrack.timing import unknown_times
from redtrack.tracks import Tracks

__all__ = ["read_68", "read_points", "read_pts", "write_points", "write_pts"]

ORIGIN = 1
RECORD = "annot.json"
_OLD = "old"  # where a folder that is replaced goes, within the temporary one
_MARK = "redtrack pts"
_FOLDER = re.compile(r"annot(?:_face([0-9]{1,9}))?")
_FILE = re.compile(r".*?([0-9]{1,9})\.pts", re.IGNORECASE)
_HEADER = re.compile(r"n_points\s*:\s*([0-9]{1,9})")
_LARGEST = 1 << 20  # bytes of one file: thousands of points
_LARGEST_RECORD = 1 << 30


def read_points(path: PathLike, origin: float = ORIGIN, partial: bool = False) -> np.ndarray:
    """Returns (n, 2) float32, the points of one `.pts` file in pixels from 0; raises FormatError.

    With `partial`, points may be unknown, NaN; else they are refused.
    """
    with naming(path):
        if check_file(path).stat().st_size > _LARGEST:
            raise FormatError("is too large for a file of points")
        text = Path(path).read_bytes().decode("utf-8", "replace")
        return parse_points(text, origin, partial)


def parse_points(text: str, origin: float = ORIGIN, partial: bool = False) -> np.ndarray:
    """Returns (n, 2) float32, the points of a `.pts` text with or without header, as `read_points` does."""
    head, brace, rest = text.partition("{")
    body, closed, _ = rest.partition("}") if brace else (text, "", "")
    count = _HEADER.search(head) if brace else None
    try:
        values = np.array(body.replace(",", " ").split(), dtype=np.float64)
    except ValueError as error:
        raise FormatError("holds words where points should be") from error
    unknown = np.isnan(values[::2]).repeat(2) & np.isnan(values[1::2]).repeat(2) if len(values) % 2 == 0 else None
    if not len(values) or unknown is None or not ((np.abs(values) <= 1e9) | (unknown & partial)).all():
        raise FormatError("does not hold pairs of finite numbers")
    if (brace and not closed) or (count and int(count.group(1)) * 2 != len(values)):
        raise FormatError(f"is cut off: it holds {len(values) // 2} points")
    return (values.reshape(-1, 2) - origin).astype(np.float32)


def write_points(points: np.ndarray, path: PathLike, origin: float = ORIGIN) -> None:
    """Writes one `.pts` file: points (n, 2) in pixels from 0."""
    Path(path).write_text(points_text(points, origin), encoding="ascii", newline="\n")


def points_text(points: np.ndarray, origin: float = ORIGIN) -> str:
    """Returns the text of one `.pts` file: points (n, 2) in pixels from 0."""
    lines = "%.3f %.3f\n" * len(points) % tuple((np.asarray(points, np.float64) + origin).ravel())
    return f"version: 1\nn_points: {len(points)}\n{{\n{lines}}}\n"


def read_pts(path: PathLike, origin: float | None = None) -> Tracks:
    """Returns the tracks of a folder of `.pts` files, or of one file; `origin` None takes the recorded one, else 1."""
    with naming(path):
        if not Path(path).is_dir():
            only = read_68(check_file(path), ORIGIN if origin is None else origin, partial=True)
            return _tracks([0], [0], only[None], unknown_times(1))
        record = _read_record(Path(path))
        origin = record["origin"] if origin is None else origin
        rows = [row for face, folder in _face_folders(Path(path)) for row in _read_folder(folder, face, origin)]
        if not rows and not record["recorded"]:
            others = any(Path(path).glob("*.h5"))
            raise FormatError("holds no .pts files", remedy="name the files in it one by one" if others else None)
        frame, face, points = zip(*rows, strict=True) if rows else ((), (), np.zeros((0, N_POINTS, 2)))
        frames = max(frame, default=-1) + 1
        about = {"times": record["times"], "info": {}} if len(record["times"]) >= frames else unknown_times(frames)
        about["info"] |= {"pts_origin": int(origin) if float(origin).is_integer() else origin}
        return _tracks(frame, face, np.asarray(points), about)


def _tracks(frame: Any, face: Any, points: np.ndarray, about: dict[str, Any]) -> Tracks:
    """Returns the tracks of files, less those without a known point."""
    seen = known_rows(points)
    return Tracks.from_rows(np.asarray(frame)[seen], np.asarray(face)[seen], points[seen], **about)


def write_pts(tracks: Tracks, path: PathLike, origin: float = ORIGIN) -> None:
    """Writes the folder `path`, named for the video; one that `write_pts` wrote before is replaced.

    All files are written beside it first. Raises OutputError; nothing but `path` and its temporary sibling is
    touched.
    """
    final = Path(path)
    part = part_path(final)
    try:
        _clear(final, part)
        part.mkdir()
        _write_faces(tracks, part, origin)
        _write_record(tracks, part, origin)
        if final.exists():
            _replace_entries(final, part)
        else:
            part.rename(final)
    except OSError as error:
        with contextlib.suppress(OSError):
            _remove(part)
        raise output_error(error, final) from error


def is_unfinished(folder: Path) -> bool:
    """Returns whether `write_pts` was killed while it wrote this folder."""
    return folder.is_dir() and (_is_ours(part_path(folder)) or not _is_ours(folder))


def _clear(final: Path, part: Path) -> None:
    """Removes what a killed `write_pts` left; raises OutputError where something is in the way that is not ours.

    A record in the temporary folder, old or new, vouches for points in a final folder that has none. It goes last.
    """
    was_killed = _is_ours(part) or _is_ours(part / _OLD)
    if was_killed and final.is_dir() and not final.is_symlink() and not _is_ours(final):
        for entry in list(_ours(final)):
            _remove(entry)
    _refuse_foreign(final)
    is_folder = part.is_dir() and not part.is_symlink()
    if is_folder and any(entry.name != _OLD and not _is_name_of_ours(entry) for entry in part.iterdir()):
        raise OutputError("is in the way and not redtrack's", part, "move it away or choose another folder")
    _remove(part)


def _replace_entries(final: Path, part: Path) -> None:
    """Moves the old entries out and the new ones in. The record vouches for them: it goes first and comes last."""
    old = part / _OLD
    new = sorted(_ours(part), key=lambda entry: entry.name == RECORD)
    old.mkdir()
    for entry in sorted(_ours(final), key=lambda entry: entry.name != RECORD):
        os.replace(entry, old / entry.name)
    for entry in new:
        os.replace(entry, final / entry.name)
    shutil.rmtree(part)


def _write_faces(tracks: Tracks, folder: Path, origin: float) -> None:
    for face in sorted({0, *tracks.faces}):
        target = folder / (f"annot_face{face}" if face else "annot")
        target.mkdir()
        for row in tracks.face_rows(face):
            write_points(tracks.points[row], target / f"{tracks.frame[row] + 1:06d}.pts", origin)


def _write_record(tracks: Tracks, folder: Path, origin: float) -> None:
    times = [round(float(time), 9) for time in tracks.times] if tracks.info.get("times_known", True) else []
    record = {"format": _MARK, "origin": origin, "frames": tracks.frames, "times": times}
    (folder / RECORD).write_text(json.dumps(record) + "\n", encoding="ascii")


def _refuse_foreign(folder: Path) -> None:
    """Raises OutputError where the folder holds points that are not ours to replace, such as somebody's labels."""
    if folder.is_symlink():
        raise OutputError("is a link, which is not written through", folder, "remove it or choose another folder")
    if folder.exists() and not folder.is_dir():
        raise OutputError("cannot be written: a file of that name is in the way", folder)
    if folder.is_dir() and any(_ours(folder)) and not _is_ours(folder):
        problem = "already holds points that redtrack did not write"
        raise OutputError(problem, folder, "move them away or choose another folder")


def recorded_origin(folder: Path) -> float | None:
    """Returns the number of the first pixel in a folder that `write_pts` wrote, None where it is no such folder."""
    try:
        record = _read_record(folder)
    except (FormatError, OSError):
        return None
    return record["origin"] if record["recorded"] else None


def _is_ours(folder: Path) -> bool:
    return recorded_origin(folder) is not None


def _is_name_of_ours(entry: Path) -> bool:
    return _FOLDER.fullmatch(entry.name) is not None or entry.name == RECORD


def _ours(folder: Path) -> Iterator[Path]:
    """Yields what `write_pts` would put into the folder, where it is there."""
    yield from (entry for entry in folder.iterdir() if _is_name_of_ours(entry))


def _remove(path: Path) -> None:
    """Removes a file, or a folder with all in it; a link goes, not what it points to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _read_record(folder: Path) -> dict[str, Any]:
    """Returns origin and times as `annot.json` tells them, in or beside the folder; the defaults where it is absent."""
    for place in (folder / RECORD, folder.parent / RECORD):
        if place.is_file() and (place.parent == folder or _FOLDER.fullmatch(folder.name)):
            with naming(place):
                return _parse_record(place)
    return {"origin": ORIGIN, "times": np.zeros(0), "recorded": False}


def _parse_record(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _LARGEST_RECORD:
        raise FormatError("is too large")
    try:
        record = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FormatError("is not JSON") from error
    if not isinstance(record, dict) or record.get("format") != _MARK:
        raise FormatError("is not what redtrack writes beside .pts files")
    origin, times = number(record.get("origin"), "origin"), record.get("times")
    if not isinstance(times, list) or len(times) > MAX_FRAMES:
        raise FormatError("has no list of times")
    return {"origin": origin, "times": np.array([number(t, "times") for t in times]), "recorded": True}


def _face_folders(folder: Path) -> Iterator[tuple[int, Path]]:
    """Yields (face id, folder of numbered files): the folder itself as face 0, or the `annot` folders in it."""
    inner = [(_FOLDER.fullmatch(entry.name), entry) for entry in folder.iterdir() if entry.is_dir()]
    faces = [(int(match.group(1) or 0), entry) for match, entry in inner if match]
    itself = _FOLDER.fullmatch(folder.name)
    yield from sorted(faces) or [(int(itself.group(1) or 0) if itself else 0, folder)]


def _read_folder(folder: Path, face: int, origin: float) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yields (frame, face, points) for each `.pts` file of a folder."""
    files = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() == ".pts" and entry.is_file())
    for frame, entry in zip(frame_numbers([entry.name for entry in files]), files, strict=True):
        if not frame < MAX_FRAMES or face > MAX_FACE:
            raise FormatError(f"is numbered outside 1 to {MAX_FRAMES}", entry)
        yield frame, face, read_68(entry, origin, partial=True)


def frame_numbers(names: list[str]) -> list[int]:
    """Returns the frame of each file: the number that ends its name, less one unless there is a 0; else its place."""
    matches = [_FILE.fullmatch(name) for name in names]
    numbers = [int(match.group(1)) for match in matches if match]
    if len(set(numbers)) < len(names):
        return list(range(len(names)))
    first = 0 if 0 in numbers else 1
    return [number - first for number in numbers]


def read_68(path: PathLike, origin: float = ORIGIN, partial: bool = False) -> np.ndarray:
    """Returns (68, 2) float32, as `read_points` does; raises FormatError for any other number of points."""
    with naming(path):
        points = read_points(path, origin, partial)
        if len(points) != N_POINTS:
            raise FormatError(f"holds {len(points)} points, not {N_POINTS}")
        return points

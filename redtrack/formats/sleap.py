"""SLEAP's analysis HDF5 (`.analysis.h5`), in the order of axes that SLEAP, sleap-io and movement share.

Dense arrays over frames, tracks (faces, named `face_0` and so on) and nodes (the 68 points, named as in
`redtrack.points.NAMES`), NaN where a face is absent: `tracks` (track, xy, node, frame), `point_scores` (track, node,
frame), `instance_scores` and `tracking_scores` (track, frame), `track_occupancy` (frame, track) uint8, with the names
of their axes in the attribute `dims`; names, edges and symmetries of the skeleton; `video_path`, empty where the video
is unknown; `provenance`. Chunks without a face are not stored. One dataset is ours, and ignored by other tools: `times`
(frame), in seconds.

Read: any order of axes that `dims` tells, and the one above where nothing is told; a face must have 68 nodes, in our
order or under our names; a track named `face_N` is face N. A score above 1 is taken for 1.

Cannot hold: disagreement, boxes, states.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from redtrack.errors import FormatError
from redtrack.formats.common import MAX_FRAMES, PathLike, face_ids, foreign_scores, known_rows, naming
from redtrack.formats.disk import replacing_hdf5
from redtrack.formats.hdf5_file import Array, Hdf5File, open_hdf5
from redtrack.points import LINES, MIRROR, N_POINTS, NAMES, known_mean
from redtrack.timing import unknown_times
from redtrack.tracks import Tracks

__all__ = ["MARK", "read_sleap", "write_sleap"]

MARK = "track_occupancy"
"""The dataset by which SLEAP's files are told from others."""

STANDARD = ("frame", "track", "node", "xy")
MATLAB = ("track", "xy", "node", "frame")
_MOST_TRACKS = 1 << 16
_BLOCK = 512  # frames of a chunk
_STRETCH = 8192  # frames read at once: 9 MB


def read_sleap(path: PathLike) -> Tracks:
    """Returns the tracks in an analysis file; raises FormatError."""
    with naming(path), open_hdf5(path) as file:
        points = Ordered(file, "tracks", MATLAB, STANDARD)
        scores = Ordered(file, "point_scores", tuple(a for a in points.axes if a != "xy"), STANDARD[:3])
        frames, tracks, nodes, xy = points.shape
        if (nodes, xy) != (N_POINTS, 2):
            raise FormatError(f"holds {nodes} points of {xy} numbers, not {N_POINTS} of 2")
        if frames > MAX_FRAMES or tracks > _MOST_TRACKS:
            raise FormatError(f"claims {frames} frames and {tracks} tracks, more than any video has")
        if scores.shape != points.shape[:3]:
            raise FormatError("has scores of another shape than its points")
        return _assemble(file, frames, tracks, list(_rows(points, scores)))


class Ordered:
    """A dataset with named axes, read as if they were in the order `wanted`."""

    def __init__(self, file: Hdf5File, name: str, default: tuple[str, ...], wanted: tuple[str, ...]) -> None:
        """Takes the axes that the attribute `dims` names, else `default`; raises FormatError for others."""
        self._array: Array = file.array(name)
        self.axes = _axes(file, name, default)
        if sorted(self.axes) != sorted(wanted) or len(self._array.shape) != len(wanted):
            raise FormatError(f"the axes of '{name}' are not {', '.join(sorted(wanted))}")
        self._order = [self.axes.index(axis) for axis in wanted]
        self.shape = tuple(self._array.shape[i] for i in self._order)

    def block(self, *spans: slice) -> np.ndarray:
        """Returns a stretch of the first few wanted axes."""
        index = [slice(None)] * len(self.axes)
        for place, span in zip(self._order, spans, strict=False):
            index[place] = span
        return self._array[tuple(index)].transpose(self._order)


def _axes(file: Hdf5File, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    if "dims" not in file.attributes(name):
        return default
    try:
        return tuple(str(axis) for axis in json.loads(file.text("dims", name)))
    except (TypeError, ValueError, RecursionError) as error:
        raise FormatError(f"the axes of '{name}' have no names") from error


def _rows(points: Ordered, scores: Ordered) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Yields (frame, track, points, scores) of the places that hold any number, some frames of a track at a time."""
    for track in range(points.shape[1]):
        for start in range(0, points.shape[0], _STRETCH):
            span = slice(start, start + _STRETCH), slice(track, track + 1)
            cube = points.block(*span)
            frame, column = np.nonzero(~np.isnan(cube).all(axis=(2, 3)))
            if len(frame):
                yield frame + start, column + track, cube[frame, column], scores.block(*span)[frame, column]


def _assemble(file: Hdf5File, frames: int, tracks: int, found: Sequence[tuple[np.ndarray, ...]]) -> Tracks:
    empty = (np.zeros(0, int), np.zeros(0, int), np.zeros((0, N_POINTS, 2)), np.zeros((0, N_POINTS)))
    frame, track, points, scores = (np.concatenate(parts) for parts in zip(empty, *found, strict=True))
    seen, about = known_rows(points), _times(file, frames)
    order, ids = _node_order(file), _face_ids(file, tracks)
    points, scores = points[seen][:, order], foreign_scores(scores[seen][:, order])
    return Tracks.from_rows(frame[seen], ids[track[seen]], points, scores=scores, **about)


def _times(file: Hdf5File, frames: int) -> dict[str, Any]:
    if "times" not in file:
        return unknown_times(frames)
    times = file.array("times")
    if times.shape != (frames,):
        raise FormatError(f"has {times.shape} times for {frames} frames")
    return {"times": times[:], "info": {}}


def _node_order(file: Hdf5File) -> np.ndarray:
    """Returns (68,) int64: which node is point 0, 1 and so on; their own order unless they bear our names."""
    names = file.texts("node_names") if "node_names" in file else []
    if sorted(names) != sorted(NAMES):
        return np.arange(N_POINTS)
    return np.array([names.index(name) for name in NAMES])


def _face_ids(file: Hdf5File, tracks: int) -> np.ndarray:
    """Returns (tracks,) int64: the number in each track's name, or its place where names are others."""
    names = file.texts("track_names")[:tracks] if "track_names" in file else []
    return np.array(face_ids(names) if len(names) == tracks else range(tracks), dtype=np.int64)


LAYOUT = {
    "tracks": MATLAB,
    "point_scores": ("track", "node", "frame"),
    "instance_scores": ("track", "frame"),
    "tracking_scores": ("track", "frame"),
    MARK: ("frame", "track"),
}
"""The axes of each array that is written."""


def write_sleap(tracks: Tracks, path: PathLike) -> None:
    """Writes an analysis file; raises OutputError."""
    faces = tracks.faces
    lengths = {"frame": tracks.frames, "track": len(faces), "node": N_POINTS, "xy": 2}
    with replacing_hdf5(path) as file:
        for name, axes in LAYOUT.items():
            _create(file, name, axes, lengths)
        for column, face in enumerate(faces):
            _fill(file, tracks, face, column)
        if tracks.info.get("times_known", True):
            file["times"] = tracks.times
        _write_names(file, faces)
        file["labels_path"] = ""
        file["video_path"] = str(tracks.info.get("source") or "")
        file["video_ind"] = 0
        file["provenance"] = json.dumps({"redtrack": dict(tracks.info)}, default=str)
        file.attrs["preset"], file.attrs["format"] = "matlab", "analysis"


def _create(file: Any, name: str, axes: tuple[str, ...], lengths: dict[str, int]) -> None:
    shape = tuple(lengths[axis] for axis in axes)
    sizes = {"frame": min(_BLOCK, lengths["frame"]), "track": 1}
    packed = {"chunks": tuple(sizes.get(axis, lengths[axis]) for axis in axes), "compression": "gzip", "shuffle": True}
    kind, fill = ("u1", 0) if name == MARK else ("f8", np.nan)
    made = file.create_dataset(name, shape, kind, fillvalue=fill, **(packed if 0 not in shape else {}))
    made.attrs["dims"] = json.dumps(axes)


def _fill(file: Any, tracks: Tracks, face: int, column: int) -> None:
    """Writes one face, only into the chunks in which it is."""
    rows = tracks.face_rows(face)
    for block in np.unique(tracks.frame[rows] // _BLOCK):
        start, stop = int(block) * _BLOCK, min((int(block) + 1) * _BLOCK, tracks.frames)
        some = rows[(tracks.frame[rows] >= start) & (tracks.frame[rows] < stop)]
        place = tracks.frame[some] - start
        scores = tracks.scores[some].astype(np.float64)
        for name, values in {
            "tracks": tracks.points[some].transpose(2, 1, 0),
            "point_scores": scores.T,
            "instance_scores": known_mean(scores),
            MARK: np.ones(len(some)),
        }.items():
            array = np.full((*values.shape[:-1], stop - start), 0 if name == MARK else np.nan)
            array[..., place] = values
            if name == MARK:
                file[name][start:stop, column] = array
            else:
                file[name][column, ..., start:stop] = array


def _write_names(file: Any, faces: list[int]) -> None:
    edges = [(a, b) for line, closed in LINES for a, b in _pairs(line, closed)]
    file["track_names"] = np.array([f"face_{face}" for face in faces], dtype="S")
    file["node_names"] = np.array(NAMES, dtype="S")
    file["edge_names"] = np.array([(NAMES[a], NAMES[b]) for a, b in edges], dtype="S")
    file["edge_inds"] = np.array(edges)
    symmetries = [(NAMES[i], NAMES[MIRROR[i]]) for i in range(N_POINTS) if i < MIRROR[i]]
    file.attrs["skeleton_name"], file.attrs["skeleton_symmetries"] = "iBUG 68", json.dumps(symmetries)


def _pairs(line: tuple[int, ...], closed: bool) -> list[tuple[int, int]]:
    return list(zip(line, line[1:] + line[:1] if closed else line[1:], strict=False))

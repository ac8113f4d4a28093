"""MediaPipe's face landmarks as JSON (`.mediapipe.json`), 468 or 478 for each face, of which 68 are taken. Only read.

MediaPipe writes no file; people write what `FaceLandmarker` or Face Mesh returns. Read is a list of frames, or an
object with `frames`, and `width` and `height` of the video in pixels, which the landmarks are shares of:

    {"width": 1280, "height": 720, "frames": [{"timestamp_ms": 0, "face_landmarks": [[{"x": 0.51, "y": 0.4}, …]]}, …]}

A frame has a list of faces under `face_landmarks`, `faceLandmarks`, `multi_face_landmarks` or `multiFaceLandmarks`; a
point is an object or a list that begins with x and y. `frame` counts from 0, else frames are in their order;
`timestamp_ms`, `timestampMs`, or `time` in seconds tell the time. Faces have no ids: they are counted in each frame.

`FROM_MESH` says which mesh point is which of the 68. The jaw of the mesh is the outline of the face, which reaches
higher at the ears than iBUG's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from redtrack.errors import FormatError, UsageError
from redtrack.formats.common import MAX_FRAMES, PathLike, check_file, naming, number
from redtrack.points import N_POINTS
from redtrack.timing import filled_times
from redtrack.tracks import Tracks

__all__ = ["FROM_MESH", "read_mediapipe", "write_mediapipe"]

FROM_MESH: tuple[int, ...] = (
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),  # jaw
    *(71, 63, 105, 66, 107),  # right brow
    *(336, 296, 334, 293, 301),  # left brow
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),  # nose
    *(33, 160, 158, 133, 153, 144),  # right eye
    *(362, 385, 387, 263, 373, 380),  # left eye
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # outer lip
    *(78, 82, 13, 312, 308, 317, 14, 87),  # inner lip
)
"""(68,), the point of MediaPipe's mesh that is our point 0, 1 and so on: the map in common use."""

MARKS = ("face_landmarks", "faceLandmarks", "multi_face_landmarks", "multiFaceLandmarks")
"""What the list of a frame's faces may be called."""

_LARGEST = 1 << 31  # bytes
_MESHES = (468, 478)


def write_mediapipe(tracks: Tracks, path: PathLike) -> None:
    """Raises UsageError: 478 points cannot be made of 68."""
    raise UsageError("MediaPipe's landmarks are read, and not written: 68 points do not make 478")


def read_mediapipe(path: PathLike) -> Tracks:
    """Returns the tracks in a JSON file of MediaPipe's landmarks; raises FormatError."""
    with naming(path):
        if check_file(path).stat().st_size > _LARGEST:
            raise FormatError("is too large")
        try:
            document = json.loads(Path(path).read_bytes())
        except (ValueError, RecursionError) as error:
            raise FormatError("is not JSON") from error
        frames = document.get("frames") if isinstance(document, dict) else document
        if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
            raise FormatError("has no list of frames")
        return _assemble(frames, _size(document, frames))


def _size(document: Any, frames: list[dict[str, Any]]) -> np.ndarray:
    """Returns (2,), width and height in px, as the document or its first frame tells them."""
    places = [document] if isinstance(document, dict) else []
    for place in (*places, *frames[:1]):
        if "width" in place and "height" in place:
            size = np.array([number(place["width"], "width"), number(place["height"], "height")])
            if (size > 0).all():
                return size
    remedy = 'add "width" and "height" of the video, in pixels: the landmarks are shares of them'
    raise FormatError("does not tell the size of the video", remedy=remedy)


def _assemble(frames: list[dict[str, Any]], size: np.ndarray) -> Tracks:
    index = np.array([_index(frame, place) for place, frame in enumerate(frames)], np.int64)
    if len(np.unique(index)) < len(index):
        raise FormatError("has the same frame twice")
    rows = [(int(i), face, points) for i, frame in zip(index, frames, strict=True) for face, points in _faces(frame)]
    points = np.array([points for _, _, points in rows]).reshape(-1, N_POINTS, 2)
    seconds = np.array([_seconds(frame) for frame in frames], np.float64)
    count = int(index.max()) + 1 if len(index) else 0
    about: dict[str, Any] = filled_times(index, seconds, count) if count else {"times": np.zeros(0)}
    about["info"] = about.get("info", {}) | {"width": int(size[0]), "height": int(size[1])}
    # A share of 0 is the picture's left edge, half a pixel before the centre of the first pixel.
    pixels = points * size - 0.5
    return Tracks.from_rows([i for i, _, _ in rows], [face for _, face, _ in rows], pixels, **about)


def _index(frame: dict[str, Any], place: int) -> int:
    value = frame.get("frame", place)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MAX_FRAMES:
        raise FormatError(f"'frame' is not a whole number from 0 to {MAX_FRAMES}")
    return value


def _seconds(frame: dict[str, Any]) -> float:
    for name, scale in (("timestamp_ms", 1000), ("timestampMs", 1000), ("time", 1)):
        if frame.get(name) is not None:
            return number(frame[name], name) / scale
    return float("nan")


def _faces(frame: dict[str, Any]) -> list[tuple[int, np.ndarray]]:
    """Returns (place, points (68, 2) as shares of the picture) of each face of a frame."""
    faces: Any = next((frame[name] for name in MARKS if frame.get(name) is not None), [])
    if not isinstance(faces, list):
        raise FormatError("has a frame without a list of faces")
    return [(place, _points(face)) for place, face in enumerate(faces)]


def _points(face: Any) -> np.ndarray:
    mesh = face.get("landmark") if isinstance(face, dict) else face
    if not isinstance(mesh, list) or len(mesh) not in _MESHES:
        found = len(mesh) if isinstance(mesh, list) else "no"
        raise FormatError(f"has a face of {found} landmarks, not of 468 or 478")
    return np.array([_pair(mesh[i]) for i in FROM_MESH])


def _pair(point: Any) -> tuple[float, float]:
    if isinstance(point, list) and len(point) > 1:
        return number(point[0], "x"), number(point[1], "y")
    if isinstance(point, dict):
        return number(point.get("x"), "x"), number(point.get("y"), "y")
    raise FormatError("has a landmark without x and y")

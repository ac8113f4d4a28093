"""COCO-WholeBody's JSON (`.coco.json`), of which only the face is filled: for mmpose and tools that speak COCO.

`images`: one for each frame, `id` from 1, `file_name` as frames are commonly extracted (`<video>/000001.jpg`), `width`
and `height` where known. `annotations`: one for each face in each frame, with `face_kpts` (x, y, 2 for each of 68
points), `face_box` and `bbox` (x, y, width, height), `face_valid`, the person's category, no body, hands or feet. Some
keys are ours, and ignored by other tools: `time` in seconds and `frame_id` from 0 of an image, `track_id`,
`face_scores` and `score` of an annotation. Pixels count from 0, as COCO's do, with three decimals.

Read: any file with these two lists; annotations whose face is not valid, or lacks a point (visibility 0), are left
out; frames are images in order of `frame_id`, or else in their own order.

Cannot hold: disagreement, states, info.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from redtrack.errors import FormatError
from redtrack.formats.common import (
    MAX_FACE,
    MAX_FRAMES,
    PathLike,
    check_file,
    naming,
    number,
    place_in_frame,
    replacing,
    unknown_times,
)
from redtrack.points import N_POINTS
from redtrack.tracks import Tracks

__all__ = ["read_coco", "write_coco"]

VISIBLE = 2
_LARGEST = 1 << 31  # bytes
_EMPTY_PARTS = {
    "keypoints": [0] * 51,
    "num_keypoints": 0,
    "foot_kpts": [0] * 18,
    "lefthand_kpts": [0] * 63,
    "righthand_kpts": [0] * 63,
    "lefthand_box": [0] * 4,
    "righthand_box": [0] * 4,
    "foot_valid": False,
    "lefthand_valid": False,
    "righthand_valid": False,
}


def write_coco(tracks: Tracks, path: PathLike) -> None:
    """Writes one JSON file, with a line for each entry; raises OutputError."""
    about = {"description": "faces by redtrack", "contributor": "redtrack"}
    with replacing(path) as file:
        file.write(f'{{"info": {json.dumps(about)},\n"categories": [{{"id": 1, "name": "person"}}],\n"images": [\n')
        for frame in range(tracks.frames):
            file.write(("," if frame else "") + json.dumps(_image(tracks, frame)) + "\n")
        file.write('],\n"annotations": [\n')
        for row in range(len(tracks)):
            file.write(("," if row else "") + json.dumps(_annotation(tracks, row)) + "\n")
        file.write("]}\n")


def _image(tracks: Tracks, frame: int) -> dict[str, Any]:
    stem = Path(str(tracks.info.get("source") or "video")).stem
    size = {key: tracks.info[key] for key in ("width", "height") if isinstance(tracks.info.get(key), int)}
    name = {"id": frame + 1, "file_name": f"{stem}/{frame + 1:06d}.jpg"}
    return name | size | {"frame_id": frame, "time": float(tracks.times[frame])}


def _annotation(tracks: Tracks, row: int) -> dict[str, Any]:
    x0, y0, x1, y1 = tracks.boxes[row].astype(float).round(3).tolist()
    box = [x0, y0, round(x1 - x0, 3), round(y1 - y0, 3)]
    points = np.column_stack([tracks.points[row].astype(float).round(3), np.full(N_POINTS, VISIBLE)])
    scores = {} if np.isnan(tracks.scores[row]).any() else _scores(tracks.scores[row].astype(float))
    return {
        "id": row + 1,
        "image_id": int(tracks.frame[row]) + 1,
        "category_id": 1,
        "iscrowd": 0,
        "track_id": int(tracks.face[row]),
        "bbox": box,
        "area": round(box[2] * box[3], 3),
        "face_box": box,
        "face_kpts": points.ravel().tolist(),
        "face_valid": True,
        **scores,
        **_EMPTY_PARTS,
    }


def _scores(scores: np.ndarray) -> dict[str, Any]:
    return {"face_scores": scores.round(4).tolist(), "score": round(float(scores.mean()), 4)}


def read_coco(path: PathLike) -> Tracks:
    """Returns the tracks in a COCO-WholeBody file; raises FormatError."""
    with naming(path):
        if check_file(path).stat().st_size > _LARGEST:
            raise FormatError("is too large")
        try:
            document = json.loads(Path(path).read_bytes())
        except (ValueError, RecursionError) as error:
            raise FormatError("is not JSON") from error
        images, annotations = _entries(document, "images"), _entries(document, "annotations")
        frames = _frames(images)
        return _assemble(annotations, frames, _times(images, frames))


def _entries(document: object, name: str) -> list[dict[str, Any]]:
    entries = document.get(name) if isinstance(document, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise FormatError(f"has no list of '{name}'")
    return entries


def _whole(entry: dict[str, Any], name: str, most: int = 2**53) -> int:
    value = entry.get(name)
    if not isinstance(value, int) or not 0 <= value <= most:
        raise FormatError(f"'{name}' is not a whole number from 0 to {most}")
    return value


def _frames(images: list[dict[str, Any]]) -> dict[int, int]:
    """Returns the frame of each image, by its id."""
    ids = [_whole(image, "id") for image in images]
    told = all("frame_id" in image for image in images)
    frames = [_whole(image, "frame_id", MAX_FRAMES - 1) if told else i for i, image in enumerate(images)]
    if len(set(ids)) < len(ids) or len(set(frames)) < len(frames):
        raise FormatError("has the same image twice")
    return dict(zip(ids, frames, strict=True))


def _times(images: list[dict[str, Any]], frames: dict[int, int]) -> dict[str, Any]:
    count = max(frames.values(), default=-1) + 1
    if not all("time" in image for image in images) or len(images) < count:
        return unknown_times(count)
    times = np.zeros(count)
    times[list(frames.values())] = [number(image["time"], "time") for image in images]
    return {"times": times}


def _assemble(annotations: list[dict[str, Any]], frames: dict[int, int], about: dict[str, Any]) -> Tracks:
    kept = [(entry, points) for entry in annotations if (points := _points(entry)) is not None]
    frame = np.array([frames.get(_whole(entry, "image_id"), -1) for entry, _ in kept], np.int64)
    if -1 in frame:
        raise FormatError("has a face in an image that is not there")
    told = all("track_id" in entry for entry, _ in kept)
    face = [_whole(entry, "track_id", MAX_FACE) for entry, _ in kept] if told else place_in_frame(frame)
    points = np.array([points for _, points in kept]).reshape(-1, N_POINTS, 2)
    scores = [_numbers(entry, "face_scores", N_POINTS, np.nan) for entry, _ in kept]
    boxes = np.array([_box(entry, row) for (entry, _), row in zip(kept, points, strict=True)]).reshape(-1, 4)
    return Tracks.from_rows(frame, face, points, scores=np.array(scores).reshape(-1, N_POINTS), boxes=boxes, **about)


def _points(entry: dict[str, Any]) -> np.ndarray | None:
    """Returns (68, 2), or None where the face is not valid or lacks a point."""
    if not entry.get("face_valid", True) or "face_kpts" not in entry:
        return None
    triples = _numbers(entry, "face_kpts", 3 * N_POINTS).reshape(N_POINTS, 3)
    return triples[:, :2] if (triples[:, 2] > 0).all() else None


def _box(entry: dict[str, Any], points: np.ndarray) -> np.ndarray:
    low, high = points.min(axis=0), points.max(axis=0)
    if "face_box" in entry:
        x, y, width, height = _numbers(entry, "face_box", 4)
        low, high = np.array([x, y]), np.array([x + width, y + height])
    return np.concatenate([low, high])


def _numbers(entry: dict[str, Any], name: str, count: int, default: float | None = None) -> np.ndarray:
    """Returns (count,) numbers of an entry, all `default` where it has none."""
    values = entry.get(name)
    if values is None and default is not None:
        return np.full(count, default)
    if not isinstance(values, list) or len(values) != count:
        raise FormatError(f"'{name}' is not a list of {count} numbers")
    return np.array([number(value, name) for value in values])

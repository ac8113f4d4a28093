"""COCO's JSON (`.coco.json`): faces as 68 key points, as CVAT, Label Studio, mmpose's 300-W and pycocotools have them.

`images`: one for each frame, `id` from 1, `file_name` as frames are commonly extracted (`<video>/000001.jpg`) unless
the source had names of its own, `width` and `height` where known. `categories`: one, `face`, whose `keypoints` are the
names of `redtrack.points.NAMES` and whose `skeleton` their lines. `annotations`: one for each face in each frame, with
`keypoints` (x, y, 2 for each point; 0, 0, 0 where it is unknown), `num_keypoints`, `bbox` (x, y, width, height),
`area`, an empty `segmentation`, and `attributes` with the `track_id` that CVAT makes tracks of. Some keys are ours, and
ignored by other tools: `time` in seconds and `frame_id` from 0 of an image, `track_id`, `face_scores` and `score` of an
annotation. Pixels count from 0, as COCO's do, with three decimals.

`coco-wholebody` (`.wholebody.json`) has the same faces as COCO-WholeBody has them, for mmpose: `face_kpts`, `face_box`
and `face_valid` of a person without body, feet or hands.

Read: both, and any file with images and annotations of which some have 68 key points; a point whose visibility is 0 is
unknown. The category's names put points into our order where they are ours. Frames are images in order of `frame_id`,
or by the number in `frame_000001.png` as CVAT names them, or else in their own order. `track_id` is taken from an
annotation or its `attributes`; without it faces are counted within their image.

Cannot hold: disagreement, states, info.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from redtrack.errors import FormatError
from redtrack.formats.common import (
    MAX_FACE,
    MAX_FRAMES,
    PathLike,
    check_file,
    foreign_scores,
    known_rows,
    naming,
    number,
    place_in_frame,
    replacing,
)
from redtrack.points import LINES, N_POINTS, NAMES
from redtrack.timing import unknown_times
from redtrack.tracks import Tracks

__all__ = ["image_frames", "read_coco", "write_coco", "write_coco_wholebody"]

VISIBLE = 2
_LARGEST = 1 << 31  # bytes
_CVAT_NAME = re.compile(r"(?:.*/)?frame_([0-9]{6,9})\.[A-Za-z]+")
_BODY = (
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
).split()
_NO_BODY = {
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
    """Writes one JSON file with faces as key points; raises OutputError."""
    lines = [(a, b) for line, closed in LINES for a, b in zip(line, line[1:] + line[:1] * closed, strict=False)]
    skeleton = [[a + 1, b + 1] for a, b in lines]
    category = {"id": 1, "name": "face", "supercategory": "person", "keypoints": list(NAMES), "skeleton": skeleton}
    _write(tracks, path, category, wholebody=False)


def write_coco_wholebody(tracks: Tracks, path: PathLike) -> None:
    """Writes one JSON file with faces as those of COCO-WholeBody; raises OutputError."""
    category = {"id": 1, "name": "person", "supercategory": "person", "keypoints": _BODY, "skeleton": []}
    _write(tracks, path, category, wholebody=True)


def _write(tracks: Tracks, path: PathLike, category: dict[str, Any], wholebody: bool) -> None:
    with replacing(path) as file:
        kind = "COCO-WholeBody" if wholebody else "COCO"
        about = {"description": f"faces by redtrack, {kind}", "contributor": "redtrack"}
        file.write(f'{{"info": {json.dumps(about)},\n"licenses": [],\n"categories": [{json.dumps(category)}],\n')
        file.write('"images": [\n')
        for frame in range(tracks.frames):
            file.write(("," if frame else "") + json.dumps(_image(tracks, frame)) + "\n")
        file.write('],\n"annotations": [\n')
        for row in range(len(tracks)):
            file.write(("," if row else "") + json.dumps(_annotation(tracks, row, wholebody)) + "\n")
        file.write("]}\n")


def _image(tracks: Tracks, frame: int) -> dict[str, Any]:
    stem = Path(str(tracks.info.get("source") or "video")).stem
    names = tracks.info.get("image_names")
    given = names[frame] if isinstance(names, list) and len(names) == tracks.frames else None
    size = {key: tracks.info[key] for key in ("width", "height") if isinstance(tracks.info.get(key), int)}
    name = {"id": frame + 1, "file_name": given or f"{stem}/{frame + 1:06d}.jpg"}
    time = {"time": float(tracks.times[frame])} if tracks.info.get("times_known", True) else {}
    return name | size | {"frame_id": frame} | time


def _annotation(tracks: Tracks, row: int, wholebody: bool) -> dict[str, Any]:
    x0, y0, x1, y1 = tracks.boxes[row].astype(float).round(3).tolist()
    box = [x0, y0, round(x1 - x0, 3), round(y1 - y0, 3)]
    known = ~np.isnan(tracks.points[row, :, :1])
    points = np.nan_to_num(tracks.points[row].astype(float)).round(3)
    triples = np.concatenate([points, VISIBLE * known], axis=1).ravel().tolist()
    face = {"face_box": box, "face_kpts": triples, "face_valid": True, **_NO_BODY}
    key_points = {"keypoints": triples, "num_keypoints": int(known.sum())}
    scores = {} if np.isnan(tracks.scores[row]).any() else _scores(tracks.scores[row].astype(float))
    return {
        "id": row + 1,
        "image_id": int(tracks.frame[row]) + 1,
        "category_id": 1,
        "iscrowd": 0,
        "track_id": int(tracks.face[row]),
        "bbox": box,
        "area": round(box[2] * box[3], 3),
        "segmentation": [],
        "attributes": {"track_id": int(tracks.face[row])},
        **(face if wholebody else key_points),
        **scores,
    }


def _scores(scores: np.ndarray) -> dict[str, Any]:
    return {"face_scores": scores.round(4).tolist(), "score": round(float(scores.mean()), 4)}


def read_coco(path: PathLike) -> Tracks:
    """Returns the tracks in a COCO or COCO-WholeBody file; raises FormatError."""
    with naming(path):
        document = _document(path)
        images, annotations = _entries(document, "images"), _entries(document, "annotations")
        frames = _frames(images)
        about = _about(images, frames)
        return _assemble(annotations, frames, _orders(document), about)


def image_frames(path: PathLike) -> list[int]:
    """Returns the frames that the images of a file are, those without any face among them; raises FormatError."""
    with naming(path):
        return list(_frames(_entries(_document(path), "images")).values())


def _document(path: PathLike) -> Any:
    if check_file(path).stat().st_size > _LARGEST:
        raise FormatError("is too large")
    try:
        return json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError) as error:
        raise FormatError("is not JSON") from error


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
    named = [_CVAT_NAME.fullmatch(str(image.get("file_name"))) for image in images]
    if told:
        frames = [_whole(image, "frame_id", MAX_FRAMES - 1) for image in images]
    elif all(named) and all(int(match.group(1)) < MAX_FRAMES for match in named if match):
        frames = [int(match.group(1)) for match in named if match]
    else:
        frames = list(range(len(images)))
    if len(set(ids)) < len(ids) or len(set(frames)) < len(frames):
        raise FormatError("has the same image twice")
    return dict(zip(ids, frames, strict=True))


def _about(images: list[dict[str, Any]], frames: dict[int, int]) -> dict[str, Any]:
    """Returns times and info: the size of the images where all have one, and their names where each frame has one."""
    count = max(frames.values(), default=-1) + 1
    about = unknown_times(count)
    if all("time" in image for image in images) and len(images) >= count:
        times = np.zeros(count)
        times[list(frames.values())] = [number(image["time"], "time") for image in images]
        about = {"times": times, "info": {}}
    for key in ("width", "height"):
        sizes = {image[key] if isinstance(image.get(key), int) else None for image in images}
        if len(sizes) == 1 and None not in sizes:
            about["info"][key] = sizes.pop()
    named = all(isinstance(image.get("file_name"), str) and "frame_id" not in image for image in images)
    if len(images) == count and count and named:
        names = dict(zip(frames.values(), (image["file_name"] for image in images), strict=True))
        about["info"]["image_names"] = [names[frame] for frame in range(count)]
    return about


def _orders(document: dict[str, Any]) -> dict[Any, list[int]]:
    """Returns which key point is our first, second and so on, for each category that has our names in another order."""
    categories = document.get("categories")
    orders = {}
    for category in categories if isinstance(categories, list) else []:
        names = category.get("keypoints") if isinstance(category, dict) else None
        if isinstance(names, list) and len(names) == N_POINTS and {str(name) for name in names} == set(NAMES):
            identity = category.get("id")
            if isinstance(identity, int):
                orders[identity] = [names.index(name) for name in NAMES]
    return orders


def _assemble(
    annotations: list[dict[str, Any]], frames: dict[int, int], orders: dict[Any, list[int]], about: dict[str, Any]
) -> Tracks:
    kept = [(entry, points) for entry in annotations if (points := _points(entry, orders)) is not None]
    if annotations and not kept and not any("face_kpts" in entry for entry in annotations):
        counts = sorted({len(entry["keypoints"]) // 3 for entry in annotations if _is_list(entry.get("keypoints"))})
        found = f"key points of {', '.join(map(str, counts))}" if counts else "no key points"
        raise FormatError(f"holds no face of {N_POINTS} points: its {len(annotations)} annotations have {found}")
    frame = np.array([frames.get(_whole(entry, "image_id"), -1) for entry, _ in kept], np.int64)
    if -1 in frame:
        raise FormatError("has a face in an image that is not there")
    ids = [_track(entry) for entry, _ in kept]
    face = place_in_frame(frame) if None in ids else np.array(ids, np.int64)
    points = np.array([points for _, points in kept], np.float64).reshape(-1, N_POINTS, 2)
    seen = known_rows(points)
    scores = np.array([_numbers(entry, "face_scores", N_POINTS, np.nan) for entry, _ in kept]).reshape(-1, N_POINTS)
    boxes = np.array([_box(entry, row) for (entry, _), row in zip(kept, points, strict=True)]).reshape(-1, 4)
    scores = foreign_scores(scores[seen])
    return Tracks.from_rows(frame[seen], face[seen], points[seen], scores=scores, boxes=boxes[seen], **about)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _track(entry: dict[str, Any]) -> int | None:
    """Returns the id of an annotation's track, None where it has none."""
    attributes = entry.get("attributes")
    inner = attributes if isinstance(attributes, dict) and "track_id" in attributes else entry
    return _whole(inner, "track_id", MAX_FACE) if inner.get("track_id") is not None else None


def _points(entry: dict[str, Any], orders: dict[Any, list[int]]) -> np.ndarray | None:
    """Returns (68, 2), NaN where a point is not labelled; None where an annotation has no face of 68 points."""
    if "face_kpts" in entry:
        if not entry.get("face_valid", True):
            return None
        triples = _numbers(entry, "face_kpts", 3 * N_POINTS)
    elif _is_list(entry.get("keypoints")) and len(entry["keypoints"]) == 3 * N_POINTS:
        triples = _numbers(entry, "keypoints", 3 * N_POINTS)
    else:
        return None
    rows = triples.reshape(N_POINTS, 3)
    category = entry.get("category_id")
    rows = rows[orders[category]] if isinstance(category, int) and category in orders else rows
    return np.where(rows[:, 2:] > 0, rows[:, :2], np.nan)


def _box(entry: dict[str, Any], points: np.ndarray) -> np.ndarray:
    """Returns the face's box; where the file's does not touch its points, as of some exports, that of the points."""
    low, high = np.fmin.reduce(points, axis=0), np.fmax.reduce(points, axis=0)
    name = "face_box" if "face_box" in entry else "bbox"
    if entry.get(name) is not None:
        x, y, width, height = _numbers(entry, name, 4)
        given = np.array([x, y]), np.array([x + width, y + height])
        is_of_face = name == "face_box" or "track_id" in entry  # as we write it
        if is_of_face or (np.minimum(high, given[1]) > np.maximum(low, given[0])).all():
            low, high = given
    return np.concatenate([low, high])


def _numbers(entry: dict[str, Any], name: str, count: int, default: float | None = None) -> np.ndarray:
    """Returns (count,) numbers of an entry, all `default` where it has none."""
    values = entry.get(name)
    if values is None and default is not None:
        return np.full(count, default)
    if not isinstance(values, list) or len(values) != count:
        raise FormatError(f"'{name}' is not a list of {count} numbers")
    return np.array([number(value, name) for value in values])

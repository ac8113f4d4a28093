"""COCO-WholeBody's JSON: the face of each person, and what we add for our own use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_tracks import random_tracks

from redtrack.errors import FormatError
from redtrack.formats.coco import read_coco, write_coco

FACE = [value for i in range(68) for value in (i, i + 0.5, 2)]


def document(**annotation: Any) -> dict[str, Any]:
    """Returns a document as others write it: two images, a face in the second."""
    face = {"id": 1, "image_id": 7, "category_id": 1, "face_kpts": FACE, "face_box": [1, 2, 3, 4], "face_valid": True}
    return {"images": [{"id": 3}, {"id": 7}], "annotations": [face | annotation]}


def read(tmp_path: Path, content: object) -> Any:
    (tmp_path / "x.json").write_text(json.dumps(content))
    return read_coco(tmp_path / "x.json")


def test_round_trip(tmp_path: Path) -> None:
    """Points and boxes within 0.001 px, scores, times, frames and ids as they were."""
    tracks = random_tracks(frames=20, seen=0.5, source="/videos/clip.mp4", width=640, height=360)
    write_coco(tracks, tmp_path / "x.json")
    back = read_coco(tmp_path / "x.json")
    assert np.abs(back.points - tracks.points).max() < 0.001 and np.abs(back.boxes - tracks.boxes).max() < 0.002
    assert np.abs(back.scores - tracks.scores).max() < 1e-4 and (back.times == tracks.times).all()
    assert (back.frame == tracks.frame).all() and (back.face == tracks.face).all()


def test_fields_are_cocos(tmp_path: Path) -> None:
    """An image and an annotation have the fields that COCO-WholeBody describes, every list of its length."""
    write_coco(random_tracks(frames=1, faces=1, seen=2, source="clip.mp4", width=640, height=360), tmp_path / "x.json")
    written = json.loads((tmp_path / "x.json").read_text())
    image, face = written["images"][0], written["annotations"][0]
    assert image == {
        "id": 1,
        "file_name": "clip/000001.jpg",
        "width": 640,
        "height": 360,
        "frame_id": 0,
        "time": image["time"],
    }
    assert (face["image_id"], face["category_id"], face["face_valid"]) == (1, 1, True)
    assert len(face["face_kpts"]) == 204 and set(face["face_kpts"][2::3]) == {2}
    lengths = {
        name: len(face[name]) for name in ("keypoints", "foot_kpts", "lefthand_kpts", "righthand_kpts", "face_box")
    }
    assert lengths == {"keypoints": 51, "foot_kpts": 18, "lefthand_kpts": 63, "righthand_kpts": 63, "face_box": 4}


def test_as_others_write_it(tmp_path: Path) -> None:
    """Without our fields, frames are images in their order, faces are counted, scores and times unknown."""
    back = read(tmp_path, document())
    assert (back.frame.tolist(), back.faces, back.frames) == ([1], [0], 2)
    assert back.boxes.tolist() == [[1, 2, 4, 6]] and back.points[0, 3].tolist() == [3, 3.5]
    assert np.isnan(back.scores).all() and back.info == {"times_known": False}


def test_faces_that_are_not_there(tmp_path: Path) -> None:
    """Annotations without a valid, whole face are passed over."""
    assert len(read(tmp_path, document(face_valid=False))) == 0
    assert len(read(tmp_path, document(face_kpts=[*FACE[:-1], 0]))) == 0
    content = document()
    del content["annotations"][0]["face_kpts"]
    assert len(read(tmp_path, content)) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "no list of 'images'"),
        ({"images": 3, "annotations": []}, "no list of 'images'"),
        ({"images": [], "annotations": [1]}, "no list of 'annotations'"),
        (document(image_id=5), "an image that is not there"),
        (document(image_id="7"), "'image_id' is not a whole number"),
        (document(face_kpts=FACE[:-3]), "'face_kpts' is not a list of 204 numbers"),
        (document(face_kpts=[None, *FACE[1:]]), "'face_kpts' is not a number"),
        (document(face_scores=[2.0] * 68), "'scores' has values outside 0 to 1"),
        (document(face_box=[1]), "'face_box' is not a list of 4"),
        (document(track_id=-1), "'track_id' is not a whole number"),
        (document(track_id=2**40), "'track_id' is not a whole number"),
        ({"images": [{"id": 1}, {"id": 1}], "annotations": []}, "the same image twice"),
        ({"images": [{"id": 1, "frame_id": 10**12}], "annotations": []}, "'frame_id' is not a whole number"),
        ({"images": [{"id": 1, "time": "now"}], "annotations": []}, "'time' is not a number"),
    ],
)
def test_senseless_documents_are_refused(tmp_path: Path, content: object, words: str) -> None:
    """One sentence for what is missing, of the wrong kind, or absurd."""
    with pytest.raises(FormatError, match=words):
        read(tmp_path, content)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\xff", '{"a": ' + "9" * 10_000 + "}"])
def test_not_json(tmp_path: Path, text: str) -> None:
    """Text that is no JSON, or nested without end, or holds a number without end, is said to be none."""
    (tmp_path / "x.json").write_text(text, encoding="latin-1")
    with pytest.raises(FormatError, match="is not JSON"):
        read_coco(tmp_path / "x.json")

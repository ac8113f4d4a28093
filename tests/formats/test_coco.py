"""COCO-WholeBody's JSON: the face of each person, and what we add for our own use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_tracks import random_tracks

from redtrack.errors import FormatError
from redtrack.formats.coco import read_coco, write_coco, write_coco_wholebody
from redtrack.points import NAMES

FACE = [value for i in range(68) for value in (i, i + 0.5, 2)]


def document(**annotation: Any) -> dict[str, Any]:
    """Returns a document as others write it: two images, a face in the second."""
    face = {"id": 1, "image_id": 7, "category_id": 1, "face_kpts": FACE, "face_box": [1, 2, 3, 4], "face_valid": True}
    return {"images": [{"id": 3}, {"id": 7}], "annotations": [face | annotation]}


def read(tmp_path: Path, content: object) -> Any:
    (tmp_path / "x.json").write_text(json.dumps(content))
    return read_coco(tmp_path / "x.json")


@pytest.mark.parametrize("write", [write_coco, write_coco_wholebody])
def test_round_trip(tmp_path: Path, write: Any) -> None:
    """Points and boxes within 0.001 px, scores, times, frames and ids as they were."""
    tracks = random_tracks(frames=20, seen=0.5, source="/videos/clip.mp4", width=640, height=360)
    write(tracks, tmp_path / "x.json")
    back = read_coco(tmp_path / "x.json")
    assert np.abs(back.points - tracks.points).max() < 0.001 and np.abs(back.boxes - tracks.boxes).max() < 0.002
    assert np.abs(back.scores - tracks.scores).max() < 1e-4 and (back.times == tracks.times).all()
    assert (back.frame == tracks.frame).all() and (back.face == tracks.face).all()


def test_fields_are_cocos(tmp_path: Path) -> None:
    """An image and an annotation have the fields that COCO-WholeBody describes, every list of its length."""
    tracks = random_tracks(frames=1, faces=1, seen=2, source="clip.mp4", width=640, height=360)
    write_coco_wholebody(tracks, tmp_path / "x.json")
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
    """Annotations without a valid face, or without a visible point, are passed over."""
    assert len(read(tmp_path, document(face_valid=False))) == 0
    assert len(read(tmp_path, document(face_kpts=[0] * 204))) == 0


def test_partly_labelled_faces_are_kept(tmp_path: Path) -> None:
    """A point of visibility 0 is unknown; written again, it is 0, 0, 0."""
    back = read(tmp_path, document(face_kpts=[*FACE[:-1], 0]))
    assert back.partial.tolist() == [True] and np.isnan(back.points[0]).sum() == 2 and np.isnan(back.points[0, 67, 0])
    write_coco(back, tmp_path / "x.json")
    again = json.loads((tmp_path / "x.json").read_text())["annotations"][0]
    assert (again["keypoints"][-3:], again["num_keypoints"]) == ([0, 0, 0], 67)
    assert read_coco(tmp_path / "x.json").same_as(back)


def of_key_points(**annotation: Any) -> dict[str, Any]:
    """Returns a document in which the face is 68 key points, as CVAT and mmpose's 300-W have it."""
    content = document()
    face = {"id": 1, "image_id": 7, "category_id": 1, "keypoints": FACE, "bbox": [0, 0, 10, 10]}
    return content | {"annotations": [face | annotation]}


def test_key_points_are_read(tmp_path: Path) -> None:
    """68 key points are a face, of the track that CVAT puts into the attributes; their box is that of the points."""
    back = read(tmp_path, of_key_points(attributes={"occluded": False, "track_id": 4}, bbox=[900, 900, 10, 10]))
    assert (back.frame.tolist(), back.faces) == ([1], [4])
    assert back.points[0, 3].tolist() == [3, 3.5] and back.boxes.tolist() == [[0, 0.5, 67, 67.5]]


def test_key_points_under_our_names_are_put_in_order(tmp_path: Path) -> None:
    """A category that has our names in another order says which point is which."""
    content = of_key_points() | {"categories": [{"id": 1, "name": "face", "keypoints": list(NAMES[::-1])}]}
    assert read(tmp_path, content).points[0, 67].tolist() == [0, 0.5]


def test_frames_are_those_of_cvats_names(tmp_path: Path) -> None:
    """`frame_000012.PNG` is frame 12; the names of other pictures only order them, and are kept."""
    content = of_key_points()
    for image, name in zip(content["images"], ("frame_000003.PNG", "frame_000012.PNG"), strict=True):
        image["file_name"] = name
    back = read(tmp_path, content)
    assert back.frame.tolist() == [12] and back.frames == 13
    for image, name in zip(content["images"], ("b.jpg", "a/7.jpg"), strict=True):
        image["file_name"] = name
    back = read(tmp_path, content)
    assert back.frame.tolist() == [1] and back.info["image_names"] == ["b.jpg", "a/7.jpg"]
    write_coco(back, tmp_path / "y.json")
    images = json.loads((tmp_path / "y.json").read_text())["images"]
    assert [image["file_name"] for image in images] == ["b.jpg", "a/7.jpg"] and "time" not in images[0]


def test_people_without_a_face_are_refused(tmp_path: Path) -> None:
    """A file whose annotations have no 68 points has none that can be taken, and says what it has."""
    with pytest.raises(FormatError, match="no face of 68 points: its 1 annotations have key points of 17"):
        read(tmp_path, of_key_points(keypoints=[1] * 51))
    content = of_key_points()
    del content["annotations"][0]["keypoints"]
    with pytest.raises(FormatError, match="its 1 annotations have no key points"):
        read(tmp_path, content)


def test_a_category_names_and_joins_the_points(tmp_path: Path) -> None:
    """Points have names, and a skeleton whose numbers count from 1."""
    write_coco(random_tracks(frames=1, faces=1, seen=2), tmp_path / "x.json")
    written = json.loads((tmp_path / "x.json").read_text())
    (category,) = written["categories"]
    assert category["keypoints"] == list(NAMES) and category["skeleton"][0] == [1, 2]
    assert {i for pair in category["skeleton"] for i in pair} == set(range(1, 69))
    assert len(written["annotations"][0]["keypoints"]) == 204


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

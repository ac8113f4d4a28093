"""MediaPipe's landmarks as people write them to JSON: 478 points of which 68 are ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redtrack import formats
from redtrack.errors import FormatError, UsageError
from redtrack.formats.mediapipe import FROM_MESH, read_mediapipe, write_mediapipe
from redtrack.points import MIRROR
from redtrack.tracks import Tracks

MESH = [{"x": i / 1000, "y": i / 2000, "z": 0.0} for i in range(478)]


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_points_are_those_of_the_map(tmp_path: Path) -> None:
    """Shares of the picture become pixels, of the points that the map names; frames without a face are kept."""
    frames = [{"timestamp_ms": 40 * i, "face_landmarks": [MESH] * (i % 3)} for i in range(4)]
    path = write(tmp_path / "x.mediapipe.json", {"width": 1000, "height": 500, "frames": frames})
    tracks = formats.read(path)
    assert formats.sniff(path).name == "mediapipe"
    assert (tracks.frame.tolist(), tracks.face.tolist(), tracks.frames) == ([1, 2, 2], [0, 0, 1], 4)
    assert np.allclose(tracks.points[0, 30], [FROM_MESH[30] - 0.5, FROM_MESH[30] / 4 - 0.5])
    assert np.allclose(tracks.times, [0, 0.04, 0.08, 0.12])


@pytest.mark.parametrize("name", ["faceLandmarks", "multi_face_landmarks", "multiFaceLandmarks"])
def test_as_others_call_it(tmp_path: Path, name: str) -> None:
    """JavaScript's names, Face Mesh's `landmark`, lists in place of objects, 468 points, numbered frames."""
    meshes: list[Any] = [MESH[:468], {"landmark": MESH}, [[p["x"], p["y"], 0] for p in MESH]]
    frames = [{"frame": 2 * i, name: [mesh], "width": 100, "height": 100} for i, mesh in enumerate(meshes)]
    tracks = read_mediapipe(write(tmp_path / "x.json", frames))
    assert tracks.frame.tolist() == [0, 2, 4] and not tracks.info["times_known"]
    assert np.allclose(tracks.points[0], tracks.points[2])


def test_the_map_has_each_point_once_and_is_symmetric() -> None:
    """No mesh point is taken twice; points on the middle line are those that mirror onto themselves."""
    assert len(set(FROM_MESH)) == 68 and max(FROM_MESH) < 468
    middle = {0, 2, 4, 5, 13, 14, 17, 152, 168, 197}
    assert {FROM_MESH[i] for i in range(68) if MIRROR[i] == i} == middle


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"frames": []}, 'does not tell the size of the video; add "width"'),
        ({"width": 1, "height": 0, "frames": []}, "does not tell the size"),
        ({"width": 1, "height": 1}, "has no list of frames"),
        ({"width": 1, "height": 1, "frames": [{"face_landmarks": [[]]}]}, "a face of 0 landmarks, not of 468 or 478"),
        ({"width": 1, "height": 1, "frames": [{"face_landmarks": 3}]}, "without a list of faces"),
        ({"width": 1, "height": 1, "frames": [{"face_landmarks": [[1] * 478]}]}, "a landmark without x and y"),
        ({"width": 1, "height": 1, "frames": [{"face_landmarks": [[{"x": "a"}] * 478]}]}, "'x' is not a number"),
        ({"width": 1, "height": 1, "frames": [{"frame": 1}, {"frame": 1}]}, "the same frame twice"),
        ({"width": 1, "height": 1, "frames": [{"frame": -1}]}, "'frame' is not a whole number"),
    ],
)
def test_senseless_documents_are_refused(tmp_path: Path, content: object, words: str) -> None:
    """One sentence for what is missing or of the wrong kind."""
    with pytest.raises(FormatError, match=words):
        read_mediapipe(write(tmp_path / "x.json", content))


def test_it_is_not_written(tmp_path: Path) -> None:
    """68 points do not make a mesh."""
    with pytest.raises(UsageError, match="read, and not written"):
        write_mediapipe(Tracks.empty([0]), tmp_path / "x.json")

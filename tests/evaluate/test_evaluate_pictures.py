"""The image protocol: boxes of each kind become crops, points come back where the crops were, the rest is scored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from drawn_tracks import face

from redtrack.cli.evaluate import evaluate
from redtrack.errors import FormatError, UsageError
from redtrack.evaluate import Protocol, score
from redtrack.evaluate.pairs import Truth, find_truth
from redtrack.evaluate.pictures import box_source, predict_pairs, read_boxes
from redtrack.formats.pts import write_points
from redtrack.geometry import LANDMARK_SCALE, landmark_crop
from redtrack.inference.crop import detector_crop, face_box
from redtrack.inference.landmarker import Landmarker
from redtrack.rednet.predict import WindowEstimate
from redtrack.render.png import write_png

SIZE = 32


class MeanFaceModels(Landmarker):
    """Networks that see the mean face in the middle of every crop, and the boxes that they were given."""

    crop_size = SIZE
    crop_scale = LANDMARK_SCALE

    def __init__(self, detector: FixedDetector | None) -> None:
        self.detector, self.device = detector, torch.device("cpu")  # type: ignore[assignment]

    def predict(self, crops, lengths, options) -> WindowEstimate:
        """The mean face as large as it is in the crop of its own landmarks."""
        assert crops.shape[1:] == (1, 3, SIZE, SIZE) and (lengths == 1).all()
        wanted = landmark_crop(face()[None], SIZE).to_crop(face()[None])
        n = len(crops)
        return WindowEstimate.final(np.repeat(wanted[:, None], n, 0), np.full((n, 1, 68), 0.8), np.zeros((n, 1, 68)))


class FixedDetector:
    """Finds the boxes that it was made with in every picture."""

    def __init__(self, boxes: np.ndarray) -> None:
        self.boxes = np.concatenate([boxes, np.full((len(boxes), 1), 0.9)], axis=1).astype(np.float32)

    def detect(self, frames: torch.Tensor) -> list[np.ndarray]:
        """The same boxes for each frame."""
        return [self.boxes] * len(frames)


def models(boxes: np.ndarray | None = None) -> Landmarker:
    """Returns the models with a detector that finds `boxes` (M, 4)."""
    detector = None if boxes is None else FixedDetector(boxes)
    return MeanFaceModels(detector)


def pictures(folder: Path, count: int = 3) -> Truth:
    """Makes `count` pictures, each with a face farther to the right than the one before; returns their truth."""
    folder.mkdir(exist_ok=True)
    for index in range(count):
        write_png(folder / f"p{index:02d}_1.png", np.full((110, 200, 3), 90, np.uint8))
        write_points(face(x=10 + index), folder / f"p{index:02d}_1.pts")
    return find_truth(folder)


def test_face_box_is_the_detector_crop_backwards() -> None:
    """The crop of a true box is the crop of the true landmarks, so that true boxes go the way of detected ones."""
    points = np.stack([face(), face(x=5, size=90)])
    crop, wanted = detector_crop(face_box(points), SIZE), landmark_crop(points, SIZE)
    assert np.allclose(crop.centre, wanted.centre) and np.allclose(crop.side, wanted.side)


def test_true_boxes_give_back_the_truth(tmp_path) -> None:
    """A network that sees a perfect face in a perfect crop has no error, in every one of more than a batch."""
    truth = pictures(tmp_path, 35)
    pairs = list(predict_pairs(truth, models(), box_source("truth", models(), truth)))
    assert [pair.video for pair in pairs] == [f"p{index:02d}_1" for index in range(35)]
    result = score(pairs, Protocol()).summary
    assert result.faces == 35 and result.mean < 1e-3


def test_detected_boxes_are_scored_as_they_are(tmp_path) -> None:
    """A detector that is 3 px off makes an error of 3 px for this network; faces that are none count as extra."""
    truth = pictures(tmp_path, 1)
    found = models(face_box(np.stack([face(x=13), face(x=120)])))
    result = score(predict_pairs(truth, found, box_source("detected", found, truth)), Protocol())
    eyes = np.linalg.norm(face()[36] - face()[45])
    assert result.summary.mean == pytest.approx(3 / eyes, rel=1e-3) and result.extra == 1


def test_picture_without_a_box_fails(tmp_path) -> None:
    """No detection is no output, and a failure."""
    truth = pictures(tmp_path, 2)
    found = models(np.zeros((0, 4)))
    result = score(predict_pairs(truth, found, box_source("detected", found, truth)), Protocol()).summary
    assert result.without_output == 2 and result.failures[0.1] == 1


def test_second_look_is_taken_where_the_landmarks_ask_for_it(tmp_path) -> None:
    """A box twice too large is put right by the landmarks: the second crop is cut around them."""
    truth = pictures(tmp_path, 1)
    cut: list[np.ndarray] = []

    class Watching(MeanFaceModels):
        def predict(self, crops, lengths, options) -> WindowEstimate:
            found = super().predict(crops, lengths, options)
            cut.append(crops.numpy())
            middle = (SIZE - 1) / 2
            return found._replace(points=(found.points - middle) * (0.5 if len(cut) == 1 else 1) + middle)

    right = face_box(face(x=10)[None])
    box = 2 * right - (right[:, [0, 1, 0, 1]] + right[:, [2, 3, 2, 3]]) / 2  # twice as large about the same middle
    box += np.tile(detector_crop(right, SIZE).centre - detector_crop(box, SIZE).centre, 2)  # and about the same crop
    watching = Watching(None)
    pairs = list(predict_pairs(truth, watching, lambda name, pixels, tracks: box, looks=2))
    assert len(cut) == 2
    assert score(pairs, Protocol()).summary.mean < 1e-3
    list(predict_pairs(truth, watching, lambda name, pixels, tracks: box, looks=1))
    assert len(cut) == 3


def test_boxes_are_read_by_name(tmp_path) -> None:
    """A file of boxes names pictures by file or by path; others have none."""
    truth = pictures(tmp_path, 3)
    (tmp_path / "b.csv").write_text("file,x0,y0,x1,y1\np00_1.png,1,2,3,4\np00_1.png,5,6,7,8\nelse.png,0,0,1,1\n")
    text = (tmp_path / "b.csv").read_text()
    (tmp_path / "b.csv").write_text(text, encoding="utf-8-sig")  # as spreadsheets save it
    boxes = read_boxes(tmp_path / "b.csv", truth.pictures)
    assert boxes["p00_1"].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]] and boxes["p01_1"].shape == (0, 4)


@pytest.mark.parametrize("text", ["", "file,x0\np00_1.png,1\n", "1,2,3,wide", "1,nan,3,4", "5,2,3,4"])
def test_wrong_boxes_are_refused(tmp_path, text: str) -> None:
    """A file without the columns, with words for numbers, without area, or for other pictures."""
    truth = pictures(tmp_path, 1)
    (tmp_path / "b.csv").write_text(f"file,x0,y0,x1,y1\np00_1.png,{text}\n" if text[:1].isdigit() else text)
    with pytest.raises(FormatError):
        read_boxes(tmp_path / "b.csv", truth.pictures)
    with pytest.raises(UsageError, match="detected, truth, or a CSV"):
        box_source(str(tmp_path / "no.csv"), models(), truth)


def test_command_scores_a_network_on_pictures(tmp_path, random_rednet: Path) -> None:
    """The whole command with an untrained network: true and given boxes, each in a column, JSON with the protocol."""
    pictures(tmp_path / "set", 2)
    box = face_box(face(x=10)[None])[0]
    (tmp_path / "boxes.csv").write_text("file,x0,y0,x1,y1\np00_1.png,{},{},{},{}\n".format(*box))
    arguments = ["--images", tmp_path / "set", "--boxes", "truth", "--boxes", tmp_path / "boxes.csv"]
    arguments += ["--weights", random_rednet, "--device", "cpu", "--json"]
    done = CliRunner().invoke(evaluate, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["protocol"]["dataset"] == "300-W pictures"
    assert [entry["name"] for entry in found["predictions"]] == ["truth boxes", "boxes boxes"]
    assert [entry["without_output"] for entry in found["predictions"]] == [0, 1]


@pytest.mark.parametrize(("options", "looks"), [([], 2), (["--looks", "1"], 1)])
def test_faces_are_looked_at_as_often_as_is_asked_for(tmp_path, monkeypatch, options, looks: int) -> None:
    pictures(tmp_path / "set", 2)
    seen: list[int] = []

    class Counting(MeanFaceModels):
        def predict(self, crops, lengths, options) -> WindowEstimate:
            seen.append(len(crops))
            return super().predict(crops, lengths, options)

    counting = Counting(None)
    monkeypatch.setattr("redtrack.inference.landmarker.Landmarker", lambda *which, **how: counting)
    done = CliRunner().invoke(evaluate, ["--images", str(tmp_path / "set"), "--boxes", "truth", *options])
    assert done.exit_code == 0 and seen == [2] * looks


def test_command_wants_pictures(tmp_path) -> None:
    """`--images` for a folder of videos says what to do in its place."""
    (tmp_path / "114" / "annot").mkdir(parents=True)
    write_points(face(), tmp_path / "114" / "annot" / "000001.pts")
    done = CliRunner().invoke(evaluate, ["--images", str(tmp_path)])
    assert isinstance(done.exception, UsageError) and "annotate" in str(done.exception)

"""The real networks behind the engine: same numbers every time, whatever the batch; options that reach them."""

import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

import redtrack
from redtrack import checkpoint
from redtrack.device import find_device
from redtrack.errors import DeviceError, FormatError, UsageError, WeightsError
from redtrack.inference.identify import identify
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.tracks import Tracks
from redtrack.video import Video

BRIEFLY = 0.8  # seconds of the example clip: 20 frames


@pytest.fixture(scope="module")
def temporal_rednet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RED-Net with its recurrence in time, untrained but for a recurrence that is not nought."""
    torch.manual_seed(0)
    net = checkpoint.build("rednet", {"steps": ["det7", "reg68"], "temporal": True})
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if "expand" in name:
                parameter.normal_(0, 0.3)
    path = tmp_path_factory.mktemp("weights") / "temporal.safetensors"
    checkpoint.save(path, net, "rednet", card={})
    return path


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One box that stays, where untrained networks may find what they like."""
    path = tmp_path_factory.mktemp("boxes") / "boxes.csv"
    path.write_text("".join(f"{frame},200,80,320,240\n" for frame in range(100)))
    return path


@pytest.fixture(autouse=True)
def everything_is_a_face(monkeypatch: pytest.MonkeyPatch) -> None:
    """Untrained networks are believed too."""
    for module in ("rows", "stitch"):
        monkeypatch.setattr(f"redtrack.inference.{module}.FACE", 0.0)


def reference(clip: Path) -> Tracks:
    return redtrack.annotate(clip, end=BRIEFLY, device="cpu", batch=40)


def test_same_clip_gives_the_same_numbers_and_batch_size_changes_no_point(clip: Path) -> None:
    first = reference(clip)
    assert len(first) == 20 and first.same_as(reference(clip))
    for batch in (1, 200):
        other = redtrack.annotate(clip, end=BRIEFLY, device="cpu", batch=batch)
        assert np.abs(other.points - first.points).max() < 0.01
        assert np.array_equal(other.state, first.state)


def test_both_directions_disagree_and_one_alone_cannot(clip: Path, temporal_rednet: Path, boxes: Path) -> None:
    made = {
        direction: redtrack.annotate(clip, weights=temporal_rednet, boxes=boxes, end=BRIEFLY, direction=direction)
        for direction in ("both", "forward", "backward")
    }
    assert made["both"].disagreement.max() > 1e-4
    assert np.isnan(made["forward"].disagreement).all() and np.isnan(made["backward"].disagreement).all()
    assert np.abs(made["forward"].points - made["backward"].points).max() > 1e-4


def test_without_the_recurrence_each_frame_stands_alone(clip: Path, temporal_rednet: Path, boxes: Path) -> None:
    alone = redtrack.annotate(clip, weights=temporal_rednet, boxes=boxes, end=BRIEFLY, temporal=False)
    together = redtrack.annotate(clip, weights=temporal_rednet, boxes=boxes, end=BRIEFLY)
    assert np.isnan(alone.disagreement).all() and np.abs(alone.points - together.points).max() > 1e-4


def test_looks_at_each_picture_are_counted(clip: Path, random_rednet: Path, boxes: Path) -> None:
    made = [
        redtrack.annotate(clip, weights=random_rednet, boxes=boxes, end=0.2, spatial_steps=steps)
        for steps in (None, 1, 2, 3)
    ]
    apart = [np.abs(a.points - b.points).max() for a, b in combinations(made, 2)]
    assert min(apart) > 1e-4  # None takes the first step on key frames only


def test_boxes_that_are_not_there_are_one_sentence(clip: Path, random_rednet: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        redtrack.annotate(clip, weights=random_rednet, boxes=Path("nowhere.csv"))


def test_result_names_the_networks(clip: Path, random_rednet: Path, boxes: Path) -> None:
    info = reference(clip).info
    assert info["weights_digest"] == checkpoint.digest(checkpoint.DEFAULT["rednet"])
    assert info["detector_digest"] == checkpoint.digest(checkpoint.DEFAULT["detector"])
    own = redtrack.annotate(clip, weights=random_rednet, boxes=boxes, end=0.1).info
    assert own["weights"] == "random" and own["weights_digest"] != info["weights_digest"]
    assert "detector" not in own and len(own["boxes_digest"]) == 64


@pytest.mark.parametrize("name", ["cuda:99", "cuda", "tpu", "cpu:x", "mps"])
def test_device_that_is_not_there_is_one_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError):
        find_device(name)


def test_last_gpu_is_named_where_one_too_many_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_device("cuda:1") == torch.device("cuda:1") and find_device("auto").type == "cuda"
    with pytest.raises(DeviceError, match="cuda:1"):
        find_device("cuda:2")


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04pickle", b"\xff" * 64])
def test_weights_of_no_use_are_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "net.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError):
        Landmarker(path, "cpu", Options())


def test_weights_of_another_kind_are_refused() -> None:
    with pytest.raises(WeightsError, match="detector"):
        Landmarker(checkpoint.DEFAULT["detector"], "cpu", Options())


def test_own_detector_finds_the_faces(clip: Path, random_rednet: Path, tmp_path: Path) -> None:
    """One that sees nothing leaves no rows, and the result tells whose it was; a landmark network is none."""
    torch.manual_seed(0)
    path = tmp_path / "blind.safetensors"
    blind = checkpoint.build("detector", {"stem": 4, "widths": [4, 4, 4], "neck": 4})
    checkpoint.save(path, blind, "detector", card={})
    made = redtrack.annotate(clip, weights=random_rednet, detector=str(path), end=0.2)
    assert made.info["detector"] == "blind" and made.info["detector_digest"] == checkpoint.digest(path)
    assert made.frames == 5 and not len(made.points)
    with pytest.raises(WeightsError, match="rednet"):
        redtrack.annotate(clip, weights=random_rednet, detector=random_rednet, end=0.2)


@pytest.mark.parametrize("name", ["pipe", "/dev/zero"])
def test_boxes_from_a_pipe_or_a_device_are_refused(tmp_path, name: str) -> None:
    """A pipe may have no other end, and /dev/zero has no end."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is a pipe or a device, not a file of boxes"):
        identify(None, Options(boxes=tmp_path / name))


@pytest.fixture(scope="module")
def landmarker() -> redtrack.Landmarker:
    return redtrack.Landmarker(device="cpu")


@pytest.fixture(scope="module")
def picture(clip: Path) -> np.ndarray:
    """The first frame of the example clip, (H, W, 3)."""
    return next(iter(Video(clip).frames())).image.copy()


def test_faces_of_a_picture_are_those_of_a_video_of_it(landmarker: redtrack.Landmarker, clip: Path) -> None:
    """Detected, cropped and looked at again where the points ask for it."""
    (frame,) = (frame for frame, _ in zip(Video(clip).frames(), range(1), strict=False))
    faces = landmarker.points(frame.image)
    tracks = redtrack.annotate(clip, end=0.01)
    assert faces.points.shape == (1, 68, 2) and faces.scores.shape == (1, 68) and faces.boxes.shape == (1, 4)
    assert np.abs(faces.points[0] - tracks.points[0]).max() < 2 and faces.scores.mean() > 0.7


def test_own_boxes_take_the_detectors_place(landmarker: redtrack.Landmarker, picture: np.ndarray) -> None:
    """One face for each box, in their order."""
    found = landmarker.points(picture)
    boxes = np.concatenate((found.boxes, found.boxes + 3))
    faces = landmarker.points(picture, boxes=boxes.tolist())
    assert faces.points.shape == (2, 68, 2) and np.allclose(faces.boxes, boxes)
    assert np.abs(faces.points[0] - found.points[0]).max() < 0.01
    assert np.abs(faces.points[1] - found.points[0]).max() < 3


@pytest.mark.parametrize("boxes", [None, [], np.zeros((0, 4))])
def test_picture_without_a_face_has_none(landmarker: redtrack.Landmarker, boxes: object) -> None:
    faces = landmarker.points(np.full((60, 80, 3), 90, np.uint8), boxes)
    assert faces.points.shape == (0, 68, 2) and faces.scores.shape == (0, 68) and faces.boxes.shape == (0, 4)


def test_pictures_of_different_sizes_go_together(landmarker: redtrack.Landmarker, picture: np.ndarray) -> None:
    """The points are as those of each alone."""
    pictures = [picture, np.zeros((20, 20, 3), np.uint8), picture[::2, ::2]]
    alone = [landmarker.points(each).points for each in pictures]
    together = [faces.points for faces in landmarker.points_of(pictures)]
    assert [len(points) for points in together] == [1, 0, 1]
    assert all(np.abs(a - b).max(initial=0) < 0.01 for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((60, 80), np.uint8),
        np.zeros((60, 80, 4), np.uint8),
        np.zeros((60, 80, 3)),
        np.zeros((0, 80, 3), np.uint8),
        "a.png",
    ],
)
def test_what_is_no_picture_is_one_sentence(landmarker: redtrack.Landmarker, picture: object) -> None:
    with pytest.raises(FormatError, match="uint8 .H, W, 3., not"):
        landmarker.points(picture)  # type: ignore[arg-type]


@pytest.mark.parametrize("boxes", [[1, 2, 3, 4], [[1, 2, 3]], [[30, 30, 20, 40]], [[1, 2, np.nan, 4]]])
def test_what_is_no_box_is_one_sentence(landmarker: redtrack.Landmarker, picture: np.ndarray, boxes: object) -> None:
    with pytest.raises(FormatError, match="x0 y0 x1 y1"):
        landmarker.points(picture, boxes)

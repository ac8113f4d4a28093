"""A teacher labels what has no labels or coarse ones, where its looks agree."""

import numpy as np
import pytest
import torch
from dotted_faces import dotted_faces
from labelled_faces import write_folders
from train_command import run_command

from redtrack import checkpoint
from redtrack.errors import UsageError, WeightsError
from redtrack.formats.pts import read_points
from redtrack.geometry import landmark_crop
from redtrack.inference.crop import detector_crop
from redtrack.points import MIRROR
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.training.landmarks import teacher as teaching
from redtrack.training.landmarks.augment import mirrored_points
from redtrack.training.landmarks.faces import FaceSet, read_faces
from redtrack.training.landmarks.relabel import relabel
from redtrack.training.landmarks.teacher import Teacher, labels_axis, maps_agree, taught

PREDICT = "redtrack.training.landmarks.teacher.predict_faces"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A 300-W folder `faces` of dotted faces."""
    return write_folders(tmp_path_factory.mktemp("data"))


def untrained() -> Teacher:
    """A network that knows nothing."""
    torch.manual_seed(0)
    return Teacher(RedNet(RedNetConfig()).eval(), 0.0)


def face_set(weight: list[float], axis: float = 0.0) -> FaceSet:
    """Dotted faces of these trusts."""
    n = len(weight)
    images, points = dotted_faces(n)
    return FaceSet(images, points, np.array(weight, np.float32), np.full(n, -1), list("abcdef")[:n], ["x"] * n,
                   np.full(n, axis, np.float32))  # fmt: skip


def knows(points: np.ndarray, axis: float = 0.0, spread: np.ndarray | float = 0.0):
    """A `predict_faces` that finds these points, moved by `axis` eye distances; its looks differ by `spread` px."""

    def predict(net, faces, *, flip=False, seed=1):
        truth = points[: len(faces)].copy()
        eyes = truth[:, 45] - truth[:, 36]
        truth += (axis * eyes)[:, None]
        if flip:  # what a look into the mirror gives, mirrored back about the axis that the faces are said to have
            seen = mirrored_points(points[: len(faces)], 224, 0.0)
            seen = seen + (axis * (seen[:, 45] - seen[:, 36]))[:, None]
            truth = mirrored_points(seen, 224, faces.axis)
        return (truth + (np.asarray(spread) * (1 if flip else -1)).reshape(-1, 1, 1)).astype(np.float32)

    return predict


def test_relabelling_moves_labels_and_drops_those_it_cannot_believe(folder):
    """An untrained network agrees with no label: every face it relabels loses its weight, the others keep theirs."""
    faces, _ = read_faces(folder / "faces")
    from redtrack.rednet.config import RedNetConfig
    from redtrack.rednet.model import RedNet

    torch.manual_seed(0)
    new = relabel(Teacher(RedNet(RedNetConfig()).eval(), 0.0), faces, np.array([0, 2]), looks=1)
    assert (new.weight[[0, 2]] == 0).all() and (new.weight[[1, 3]] == 1).all()
    assert np.array_equal(new.points[1], faces.points[1]) and not np.array_equal(new.points[0], faces.points[0])


def test_relabelled_folder_has_the_networks_points(folder, tmp_path, monkeypatch):
    """Pictures are copied with the network's points, in the picture's own pixels; held-out ones are not."""
    predict = "redtrack.training.landmarks.teacher.predict_faces"
    monkeypatch.setattr(predict, lambda net, faces, **how: faces.points + 1.0)
    said = run_command("relabel", "--data", folder / "faces", "-o", tmp_path / "new")
    assert said.startswith("6 of 8 faces")
    name = next(iter(sorted((tmp_path / "new").glob("*.pts")))).name
    moved = read_points(tmp_path / "new" / name) - read_points(folder / "faces" / name)
    assert np.allclose(moved, moved[0], atol=0.01) and 0.3 < moved[0, 0] < 3
    assert (tmp_path / "new" / name).with_suffix(".png").exists()


def test_a_teacher_replaces_coarse_labels_and_moves_trusted_ones_by_a_share(monkeypatch):
    """The labels take its convention along; without a share, trusted ones stay."""
    faces = face_set([1.0, 0.3])
    monkeypatch.setattr(PREDICT, knows(faces.points + 2.0, axis=0.02))
    teacher = untrained()._replace(axis=0.02)
    better = taught(teacher, faces, share=0.25)
    moved = better.points - faces.points
    assert np.allclose(moved[0], 0.25 * moved[1], atol=1e-3) and moved[1].min() > 1.5
    assert np.allclose(better.axis, [0.005, 0.02]) and list(better.weight) == list(faces.weight)
    assert np.array_equal(taught(teacher, faces).points[0], faces.points[0])


def test_coarse_faces_on_which_the_looks_do_not_agree_are_dropped(monkeypatch):
    """And those far from their label; of the trusted ones the labels stay as they are."""
    faces = face_set([1.0, 0.3, 0.3, 0.3])
    there = faces.points.copy()
    there[2] += 30
    monkeypatch.setattr(PREDICT, knows(there, spread=np.array([6.0, 6.0, 0.0, 0.0])))
    better = taught(untrained(), faces, share=0.5)
    assert better.names == ["a", "d"] and np.array_equal(better.points[0], faces.points[0])


def test_a_network_that_knows_nothing_is_no_teacher(folder, tmp_path):
    """It is tried on the labels first; a detector is none either."""
    for weights, said in (("facedet", "not of a rednet"), (tmp_path / "x.safetensors", "errs by .* % of the eye dist")):
        checkpoint.save(tmp_path / "x.safetensors", untrained().net, "rednet", {})
        given = ["image", "--data", folder / "faces", "-o", tmp_path / "out", "-q", "--teacher", weights]
        with pytest.raises(WeightsError, match=said):
            run_command(*given)


def test_a_teacher_of_another_size_gives_its_points_alone():
    """Its heat maps are of other crops."""
    small, other = RedNet(RedNetConfig()), RedNet(RedNetConfig(steps=("det7", "det68")))
    assert maps_agree(Teacher(small, 0.0), RedNet(RedNetConfig())) and not maps_agree(Teacher(other, 0.0), small)
    with torch.device("meta"):
        large = RedNet(RedNetConfig(body="vgg16"))
    assert not maps_agree(Teacher(large, 0.0), small)


@pytest.mark.parametrize("own", [0.0, 0.03])
def test_the_labels_axis_is_measured_with_any_network(monkeypatch, own):
    """What the network itself favours cancels between the picture and its mirror image."""
    faces = face_set([1.0] * 3)
    eyes = faces.points[:, 45] - faces.points[:, 36]
    labelled = FaceSet(**{**vars(faces), "points": faces.points + (0.01 * eyes)[:, None]})
    monkeypatch.setattr(PREDICT, knows(faces.points, axis=own))
    off, error = labels_axis(untrained(), labelled)
    assert off == pytest.approx(0.01, abs=1e-4) and error < 1e-4


def test_the_axis_of_a_folder_is_printed(folder, monkeypatch):
    """`redtrack train axis`."""
    monkeypatch.setattr(PREDICT, knows(dotted_faces(8)[1]))
    monkeypatch.setattr(teaching, "load_teacher", lambda name: untrained())
    assert "+- 0.0000, from 8 faces" in run_command("axis", "--data", folder / "faces")


def test_unlabelled_pictures_are_labelled_where_a_face_is_found(folder, monkeypatch):
    """By the detector's largest box and the teacher's points; names that are held out are left alone."""
    _, points = dotted_faces(1)

    class Detector:
        def __init__(self, net):
            pass

        def detect(self, frames):
            x0, y0 = points[0].min(0)
            x1, y1 = points[0].max(0)
            return [np.array([[0, 0, 9, 9, 0.9], [x0, y0 - 20, x1, y1, 0.8]], np.float32)]

    monkeypatch.setattr("redtrack.faces.NetworkDetector", Detector)
    monkeypatch.setattr(PREDICT, knows(dotted_faces(8)[1]))
    faces = teaching.unlabelled_faces(untrained()._replace(axis=0.01), folder / "faces")
    assert len(faces) == 6 and (faces.weight == teaching.TRUST).all() and np.allclose(faces.axis, 0.01)
    Detector.detect = lambda self, frames: [np.zeros((0, 5), np.float32)]
    with pytest.raises(UsageError, match="no face was found"):
        teaching.unlabelled_faces(untrained(), folder / "faces")


def test_unlabelled_pictures_want_a_teacher(folder, tmp_path):
    """Somebody has to label them."""
    with pytest.raises(UsageError, match="--unlabelled pictures need labels; name a network by --teacher"):
        run_command("image", "--unlabelled", folder / "faces", "-o", tmp_path / "out")


def test_a_guess_lies_in_the_crop_of_its_box():
    """The mean shape is put where the crop that belongs to a detector's box has it."""
    boxes = np.array([[10.0, 20, 110, 160]])
    there, wanted = landmark_crop(teaching.guessed_points(boxes), 128), detector_crop(boxes, 128)
    assert np.allclose(there.centre, wanted.centre, atol=0.5) and np.allclose(there.side, wanted.side, rtol=1e-3)
    assert (MIRROR[MIRROR] == np.arange(68)).all()

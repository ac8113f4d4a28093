"""A teacher: a better network that labels faces which have no labels, or coarse ones, for another to learn from.

Its label is the mean of several looks, each also in a mirror (about the labels' axis); a face on which the looks do not
agree, or whose coarse label is far away, is left out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from redtrack import checkpoint
from redtrack.errors import UsageError, WeightsError
from redtrack.evaluate.protocol import eye_distance
from redtrack.files import files_below
from redtrack.geometry import LANDMARK_SCALE
from redtrack.inference.crop import detector_crop
from redtrack.points import MEAN_SHAPE
from redtrack.rednet.model import RedNet
from redtrack.training.landmarks.faces import PICTURE_ENDINGS, STORED_SIZE, FaceSet, cut_face, held_out, make_set
from redtrack.training.landmarks.image import face_errors, predict_faces
from redtrack.video import read_picture

FAR = 9.0  # percent of the eye distance: beyond, either the label or the teacher is wrong
UNSURE = 2.5  # percent: spread of the looks beyond which the teacher does not know
POOR = 10.0  # percent: mean error on trusted labels beyond which a network is no teacher
ASKED = 200  # trusted faces that it is tried on
LOOKS = 2  # at each face, each also in a mirror
TRUST = 0.5  # in its labels of faces without any


class Teacher(NamedTuple):
    """A network that labels, and how far its points lie off the faces' middle (`FaceSet.axis`)."""

    net: RedNet
    axis: float


def load_teacher(name: str | Path, device: str = "cpu") -> Teacher:
    """The teacher of a shipped network's name or a weights file; raises WeightsError."""
    net = checkpoint.load(name, "rednet", device)
    assert isinstance(net, RedNet), type(net)
    return Teacher(net, checkpoint.axis_of(name))


def consensus(teacher: Teacher, faces: FaceSet, looks: int = LOOKS, *, show: bool = False) -> tuple[np.ndarray, ...]:
    """The teacher's points (N, 68, 2) of stored faces, and the spread of its looks in percent of the eye distance (N,).

    The faces' own points only say where to look.
    """
    seen = replace(faces, axis=np.full(len(faces), teacher.axis, np.float32))
    turns = [(k, flip) for k in range(looks) for flip in (False, True)]
    bar = tqdm(turns, "the teacher looks", disable=not show, leave=False)
    estimates = np.stack([predict_faces(teacher.net, seen, flip=flip, seed=100 + k) for k, flip in bar])
    mean = estimates.mean(0)
    spread = 100 * np.linalg.norm(estimates - mean, axis=-1).mean((0, 2)) / np.maximum(eye_distance(mean), 1e-6)
    return mean, spread


def taught(teacher: Teacher, faces: FaceSet, share: float = 0.0, looks: int = LOOKS, *, show: bool = False) -> FaceSet:
    """The faces with the teacher's points for labels that are not fully trusted; the rest's move towards it by `share`.

    Coarsely labelled faces that it is unsure of, or that are far from their label, are left out; the trusted ones among
    those keep their labels.
    """
    if not len(faces):
        return faces
    coarse = faces.weight < 1
    if not coarse.any() and not share:
        return faces
    mean, spread = consensus(teacher, faces, looks, show=show)
    sure = (spread < UNSURE) & (face_errors(mean, faces.points) < FAR)
    moved = np.where(sure, np.where(coarse, 1.0, share), 0.0).astype(np.float32)
    points = faces.points + moved[:, None, None] * (mean - faces.points)
    axis = faces.axis + moved * (teacher.axis - faces.axis)
    labelled = replace(faces, points=points.astype(np.float32), axis=axis)
    return labelled.subset(np.flatnonzero(sure | ~coarse))


def check_teacher(teacher: Teacher, faces: FaceSet, name: str | Path) -> float:
    """The teacher's mean error on some fully trusted faces in percent of the eye distance, NaN where there are none.

    Raises WeightsError where it is so large that nothing is to be learnt from it.
    """
    trusted = np.flatnonzero(faces.weight >= 1)
    if not len(trusted):
        return float("nan")
    some = faces.subset(trusted[:: -(-len(trusted) // ASKED)])
    error = float(face_errors(predict_faces(teacher.net, some), some.points).mean())
    if not error < POOR:
        message = f"errs by {error:.0f} % of the eye distance on the labels, so that nothing can be learnt from it"
        raise WeightsError(message, checkpoint.find(name), "name a better network by --teacher")
    return error


def maps_agree(teacher: Teacher, net: RedNet) -> bool:
    """Whether the teacher's heat maps can be learnt as they are: made of the same crops, and of the same size."""
    ours, theirs = ((x.config.size, x.map_size, x.config.crop_scale, x.config.steps[-1]) for x in (net, teacher.net))
    return ours == theirs


def unlabelled_faces(teacher: Teacher, folder: Path, size: int = STORED_SIZE, *, show: bool = False) -> FaceSet:
    """The largest face of each picture below a folder, found by the shipped detector and labelled by the teacher.

    Pictures whose names are held out are left alone, and so are faces that the teacher is not sure of. Raises
    UsageError where there are no pictures, or no faces in them.
    """
    files = [f for f in files_below(folder) if isinstance(f, Path) and f.suffix.lower() in PICTURE_ENDINGS]
    files = [file for file in sorted(files) if not held_out(file.stem)]
    if not files:
        raise UsageError("no pictures", folder, f"name a folder of {', '.join(PICTURE_ENDINGS)}")
    faces = found_faces(files, folder, size, show=show)
    if not len(faces):
        raise UsageError("no face was found in its pictures", folder, "name a folder of pictures with faces")
    faces.points[:] = predict_faces(teacher.net, faces)  # the detector's boxes are rougher than landmarks
    faces.points[:], spread = consensus(teacher, faces, show=show)
    faces.axis[:] = teacher.axis
    return faces.subset(np.flatnonzero((spread < UNSURE) & (eye_distance(faces.points) > size / 8)))


def found_faces(files: list[Path], folder: Path, size: int, *, show: bool = False) -> FaceSet:
    """The largest face of each picture, with the mean shape put into its box for points."""
    from redtrack.faces import NetworkDetector

    detector = NetworkDetector(checkpoint.load(None, "detector", fused=False))  # type: ignore[arg-type]
    images, points, names = [], [], []
    for file in tqdm(files, f"faces of {folder.name}", disable=not show, leave=False):
        picture = read_picture(file)
        rows = detector.detect(torch.from_numpy(picture)[None])[0]
        if len(rows):
            largest = rows[[(rows[:, 3] - rows[:, 1]).argmax()], :4]
            cut, own = cut_face(picture, guessed_points(largest)[0], size)
            images.append(cut)
            points.append(own)
            names.append(str(file.relative_to(folder)))
    return make_set(images, points, names, folder.name, size=size, weight=TRUST)


def guessed_points(boxes: np.ndarray) -> np.ndarray:
    """The mean shape in a detector's boxes (N, 4): (N, 68, 2)."""
    crops = detector_crop(boxes, 1)
    side = crops.side[:, None, None] / LANDMARK_SCALE
    points: np.ndarray = (crops.centre[:, None] + (MEAN_SHAPE - 0.5) * side).astype(np.float32)
    return points


def labels_axis(teacher: Teacher, faces: FaceSet) -> tuple[float, float]:
    """How far a set's labels lie off the faces' middle, in distances of the outer eye corners along their line, and the
    standard error of that: label less the mean of the points found in the picture and in its mirror image.

    What the network itself learnt to favour cancels in that mean, so that any network will do.
    """
    plain = replace(faces, axis=np.zeros(len(faces), np.float32))
    middle = (predict_faces(teacher.net, plain) + predict_faces(teacher.net, plain, flip=True)) / 2
    eyes = faces.points[:, 45] - faces.points[:, 36]
    off = ((faces.points - middle).mean(1) * eyes).sum(-1) / np.square(eyes).sum(-1)
    return float(off.mean()), float(off.std() / np.sqrt(len(off)))

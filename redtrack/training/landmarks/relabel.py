"""Better labels for coarsely labelled faces, by the network itself once it is better than they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from redtrack.errors import UsageError
from redtrack.evaluate.protocol import eye_distance
from redtrack.formats.pts import read_points, write_points
from redtrack.geometry import landmark_crop
from redtrack.rednet.model import RedNet
from redtrack.training.landmarks.faces import STORED_SCALE, STORED_SIZE, FaceSet, read_faces
from redtrack.training.landmarks.image import predict_faces

TRUST = 0.6  # weight of a relabelled face beside a hand-corrected one's 1
FAR = 9.0  # percent of the eye distance: beyond, either the label or the network is wrong
UNSURE = 2.5  # percent: spread of the looks beyond which the network does not know


def relabel(net: RedNet, faces: FaceSet, which: np.ndarray, looks: int = 3) -> FaceSet:
    """The set with the points of `which` (indices) replaced by the mean of several looks, each also in a mirror.

    A face whose old label is far from the new one, or whose looks differ, gets weight 0.
    """
    old = faces.subset(which)
    estimates = [predict_faces(net, old, flip=flip, seed=100 + k) for k in range(looks) for flip in (False, True)]
    mean = np.mean(estimates, 0)
    scale = 100 / eye_distance(old.points)
    moved = np.linalg.norm(mean - old.points, axis=-1).mean(-1) * scale
    spread = np.linalg.norm(np.stack(estimates) - mean, axis=-1).mean((0, 2)) * scale
    points, weight = faces.points.copy(), faces.weight.copy()
    points[which] = mean
    weight[which] = np.where((moved < FAR) & (spread < UNSURE), TRUST, 0.0)
    return FaceSet(faces.images, points, weight, faces.identity, faces.names, faces.source)


def relabel_folder(net: RedNet, folder: Path, out: Path, looks: int = 3) -> tuple[int, int]:
    """Copies the pictures below a folder to `out` with better `.pts` beside them; returns how many of how many.

    Left out are those that `relabel` does not trust, and the held-out ones, whose labels stay what they are. Raises
    UsageError where `out` is the folder itself.
    """
    if out.exists() and out.samefile(folder):
        raise UsageError("are the pictures themselves", out, "give the relabelled ones another folder")
    faces, held_out = read_faces(folder)
    new = relabel(net, faces, np.arange(len(faces)), looks)
    kept = np.flatnonzero(new.weight > 0)
    for i in kept:
        picture = folder / faces.names[i]
        old = read_points(picture.with_suffix(".pts"))
        crop = landmark_crop(old[None].astype(np.float64), STORED_SIZE, STORED_SCALE)
        there = out / faces.names[i]
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, there)
        write_points(crop.to_frame(new.points[i][None].astype(np.float64))[0], there.with_suffix(".pts"))
    return len(kept), len(faces) + len(held_out)

"""Better labels for coarsely labelled faces, by the network itself once it is better than they are."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from redtrack.errors import UsageError
from redtrack.files import is_same_file
from redtrack.formats.pts import read_points, write_points
from redtrack.geometry import landmark_crop
from redtrack.training.landmarks.faces import STORED_SCALE, FaceSet, read_faces
from redtrack.training.landmarks.image import face_errors
from redtrack.training.landmarks.teacher import FAR, UNSURE, Teacher, consensus

TRUST = 0.6  # weight of a relabelled face beside a hand-corrected one's 1


def relabel(teacher: Teacher, faces: FaceSet, which: np.ndarray, looks: int = 3) -> FaceSet:
    """The set with the points of `which` (indices) replaced by the mean of several looks, each also in a mirror.

    A face whose old label is far from the new one, or whose looks differ, gets weight 0.
    """
    mean, spread = consensus(teacher, faces.subset(which), looks)
    points, weight = faces.points.copy(), faces.weight.copy()
    points[which] = mean
    weight[which] = np.where((face_errors(mean, faces.points[which]) < FAR) & (spread < UNSURE), TRUST, 0.0)
    return replace(faces, points=points, weight=weight)


def relabel_folder(teacher: Teacher, folder: Path, out: Path, looks: int = 3) -> tuple[int, int]:
    """Copies the pictures below a folder to `out` with better `.pts` beside them; returns how many of how many.

    Left out are those that `relabel` does not trust, and the held-out ones, whose labels stay what they are. Raises
    UsageError where `out` is the folder itself.
    """
    if is_same_file(out, folder):
        raise UsageError("are the pictures themselves", out, "give the relabelled ones another folder")
    faces, held_out = read_faces(folder)
    new = relabel(teacher, faces, np.arange(len(faces)), looks)
    kept = np.flatnonzero(new.weight > 0)
    for i in kept:
        picture = folder / faces.names[i]
        old = read_points(picture.with_suffix(".pts"))
        crop = landmark_crop(old[None].astype(np.float64), faces.images.shape[-1], STORED_SCALE)
        there = out / faces.names[i]
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, there)
        write_points(crop.to_frame(new.points[i][None].astype(np.float64))[0], there.with_suffix(".pts"))
    return len(kept), len(faces) + len(held_out)

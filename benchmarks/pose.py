"""How good are poses? Held-out photographs are turned by known angles (`training.views`) and annotated.

Each face is turned to each of the angles, and the picture rolled; detector, network and fit are those that ship, and
the face is given one frame: a track's poses are better. The pose that a view should have is that of the head that was
fitted to the photograph's labels, and what it was turned by; views that come to more than 60 degrees of yaw or 30 of
pitch in all are left out, for some people look aside in the photograph. Printed: mean absolute errors, of faces with a
pose.

    python benchmarks/pose.py --data 300w [--faces 20] [--weights FILE] [--detector FILE] [--truth]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from redtrack.geometry import CropTransform
from redtrack.inference.landmarker import Faces, Landmarker
from redtrack.inference.options import Options
from redtrack.shape3d.basis import default_basis
from redtrack.shape3d.fit import certainties, fit_person, fit_rows
from redtrack.shape3d.pose import angles, angles_of, rotation
from redtrack.training.landmarks.augment import cut
from redtrack.training.landmarks.faces import FaceSet, read_faces
from redtrack.training.landmarks.image import face_errors
from redtrack.training.views import turn_face

TURNS = (
    (0, 0), (15, 0), (-15, 0), (30, 0), (-30, 0), (45, 0), (-45, 0), (60, 0), (-60, 0), (0, 15), (0, -15), (30, 15),
    (0, 30), (0, -30), (-30, -15),
)  # fmt: skip
ROLLS = (0.0, 30.0, -45.0)
MOST = 60.0, 30.0  # degrees of yaw and pitch of a view


def main() -> None:
    """Prints a line a turn, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=20)
    parser.add_argument("--weights", help="landmark network, a name or a file")
    parser.add_argument("--detector", type=Path, help="face detector, a file")
    parser.add_argument("--truth", action="store_true", help="fit the views' own points: what the fit alone errs")
    chosen = parser.parse_args()
    _, faces = read_faces(chosen.data)
    faces = faces.subset(np.linspace(0, len(faces) - 1, chosen.faces).astype(int))
    landmarker = None if chosen.truth else Landmarker(chosen.weights, options=Options(detector=chosen.detector))
    print("| yaw | pitch | roll | found | error of roll, yaw, pitch, degrees | error of points, % |")
    print("| --- | --- | --- | --- | --- | --- |")
    each = []
    for k, (yaw, pitch) in enumerate(TURNS):
        roll = ROLLS[k % len(ROLLS)]
        views, off, points = errors(landmarker, faces, yaw, pitch, roll)
        each.append((views, off, points))
        print(row(f"{yaw:3d} | {pitch:3d} | {roll:3.0f}", views, off, points), flush=True)
    counts, off, points = zip(*each, strict=True)
    print(row("all | |", sum(counts), np.concatenate(off), np.concatenate(points)))


def row(turn: str, views: int, off: np.ndarray, points: np.ndarray) -> str:
    """Returns a line of the table: errors (N, 3) in degrees and (N,) in percent of the N faces found in the views."""
    if not len(off):
        return f"| {turn} | 0 of {views} | | |"
    angle = " ".join(f"{value:5.2f}" for value in off.mean(axis=0))
    return f"| {turn} | {len(off)} of {views} | {angle} | {points.mean():5.2f} |"


def errors(
    landmarker: Landmarker | None, faces: FaceSet, yaw: float, pitch: float, roll: float
) -> tuple[int, np.ndarray, np.ndarray]:
    """Returns the number of views, and of the N found ones the errors (N, 3) in degrees of roll, yaw, pitch, and of the
    points (N,) in percent of the eye distance.
    """
    views, off, points = 0, [], []
    for picture, label in zip(faces.images.permute(0, 2, 3, 1).numpy(), faces.points, strict=True):
        view = turn_face(picture, label, yaw, pitch)
        if view is None or (np.abs(angles_of(view.turn[None])[0, 1:]) > MOST).any():
            continue
        views += 1
        shown, truth = rolled(view.picture, view.points, roll)
        own = Faces(truth[None], np.ones((1, 68)), np.zeros((1, 4)))
        found = own if landmarker is None else landmarker.points(shown)
        if not len(found.points):
            continue
        nearest = np.linalg.norm((found.points - truth).mean(axis=1), axis=1).argmin()
        wanted = angles_of(rotation(np.radians([[0, 0, roll]])) @ view.turn)
        seen = pose(found, int(nearest))
        if not np.isfinite(seen).all():  # points that could be no face's have no pose
            continue
        off.append(np.abs(seen - wanted[0]))
        points.append(face_errors(found.points[[nearest]], truth[None])[0])
    return views, np.array(off), np.array(points)


def rolled(picture: np.ndarray, points: np.ndarray, roll: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns a square picture (S, S, 3) turned about its middle, clockwise as seen, and its points (68, 2)."""
    size = picture.shape[0]
    middle = np.full((1, 2), (size - 1) / 2)
    crop = CropTransform(middle, np.array([float(size)]), np.radians([-roll]), size)
    image = cut(torch.from_numpy(picture).permute(2, 0, 1)[None], crop)
    shown = (image[0] * 255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    return shown, crop.to_crop(points[None].astype(float))[0]


def pose(faces: Faces, index: int) -> np.ndarray:
    """Returns roll, yaw and pitch in degrees of one of the faces."""
    points, scores = faces.points[[index]].astype(float), faces.scores[[index]]
    certainty = certainties(points, scores, None if faces.sigma is None else faces.sigma[[index]])
    basis = default_basis()
    fit = fit_rows(points, certainty, fit_person(points, certainty, basis), basis)
    return angles(fit.pose[:, :3])[0]


if __name__ == "__main__":
    main()

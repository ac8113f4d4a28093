"""How good are poses? Held-out photographs are turned by known angles (`training.views`) and found by the network.

Each face is turned to each of the angles, and rolled before the network sees it; the network that ships finds the
points, the fit their pose. The pose that a view should have is the photograph's own, by its labels, and what it was
turned by. Printed: mean absolute errors. Fitted frame by frame: a track's poses are better.

    python benchmarks/pose.py --data 300w [--faces 20]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from redtrack import checkpoint
from redtrack.geometry import CropTransform
from redtrack.pose import head_pose
from redtrack.rednet.model import RedNet
from redtrack.shape3d.pose import angles, rotation, rotation_vector, turned
from redtrack.training.landmarks.augment import NONE, cut, random_crops
from redtrack.training.landmarks.faces import FaceSet, read_faces
from redtrack.training.landmarks.image import face_errors
from redtrack.training.views import turn_face

TURNS = ((0, 0), (15, 0), (-15, 0), (30, 0), (-30, 0), (45, 0), (-45, 0), (0, 15), (0, -15), (30, 15))
ROLLS = (0.0, 30.0, -45.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=20)
    chosen = parser.parse_args()
    _, faces = read_faces(chosen.data)
    faces = faces.subset(np.linspace(0, len(faces) - 1, chosen.faces).astype(int))
    net = checkpoint.load()
    assert isinstance(net, RedNet), type(net)
    print("| yaw | pitch | roll | views | error of roll, yaw, pitch, degrees | error of points, % |")
    print("| --- | --- | --- | --- | --- | --- |")
    for k, (yaw, pitch) in enumerate(TURNS):
        roll = ROLLS[k % len(ROLLS)]
        off, points = errors(net, faces, yaw, pitch, roll)
        angle = " ".join(f"{value:5.2f}" for value in off.mean(axis=0))
        print(f"| {yaw:3d} | {pitch:3d} | {roll:3.0f} | {len(off):3d} | {angle} | {points.mean():5.2f} |", flush=True)


def errors(net: RedNet, faces: FaceSet, yaw: float, pitch: float, roll: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns errors (N, 3) in degrees of roll, yaw, pitch, and of the points (N,) in percent of the eye distance."""
    off, points = [], []
    for picture, label in zip(faces.images.permute(0, 2, 3, 1).numpy(), faces.points, strict=True):
        view = turn_face(picture, label, yaw, pitch)
        if view is None:
            continue
        found = look(net, view.picture, view.points, roll)
        own = rotation(turned(head_pose(label[None].astype(float))))
        wanted = angles(rotation_vector(rotation(turned(np.array([[0, yaw, pitch]]))) @ own))
        off.append(np.abs(head_pose(found[None])[0] - wanted[0]))
        points.append(face_errors(found[None], view.points[None])[0])
    return np.array(off), np.array(points)


def look(net: RedNet, picture: np.ndarray, label: np.ndarray, roll: float) -> np.ndarray:
    """Returns the network's points (68, 2) of a face in a crop that is turned by `roll` degrees against the picture."""
    crop = random_crops(label[None], net.config.size, NONE, np.random.default_rng(0), net.config.crop_scale)
    crop = CropTransform(crop.centre, crop.side, crop.angle + np.radians(roll), crop.size)
    image = cut(torch.from_numpy(picture).permute(2, 0, 1)[None], crop)
    with torch.inference_mode():
        return crop.to_frame(net.points_of(net.image_steps(image)[-1]).numpy().astype(float))[0]


if __name__ == "__main__":
    main()

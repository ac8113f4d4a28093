"""Turned faces: errors of weights on held-out faces by how far they are turned, in photographs and in rendered views.

Yaw is that of the 3D fit to the labels. The views are those of held-out photographs, turned further by 25 to 45 degrees
to either side (`training.views`): their labels are exact, but they come from the program that made the views to train
on, so that the photographs are the harder test. Crops are cut around the labels and stray as a detector's boxes do.

    python benchmarks/turned.py WEIGHTS… --data 300w
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from redtrack import checkpoint
from redtrack.pose import head_pose
from redtrack.rednet.model import RedNet
from redtrack.training.landmarks.faces import FaceSet, make_set, read_faces
from redtrack.training.landmarks.image import face_errors, predict_faces
from redtrack.training.views import turn_face

TURNED = 20.0  # degrees from which on a face counts as turned
FARTHEST = 60.0
CLEAR = 0.25  # share of a view that the photograph may hardly show


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    chosen = parser.parse_args()
    _, faces = read_faces(chosen.data)
    yaw = np.abs(head_pose(faces.points.astype(float))[:, 1])
    sets = {
        f"photographs, yaw to {TURNED:.0f}": faces.subset(np.flatnonzero(yaw <= TURNED)),
        f"photographs, yaw above {TURNED:.0f}": faces.subset(np.flatnonzero(yaw > TURNED)),
        f"views, yaw {TURNED:.0f} to {FARTHEST:.0f}": turned(faces),
    }
    print("| weights | " + " | ".join(f"{name} ({len(own)})" for name, own in sets.items()) + " |")
    print("| --- |" + " --- |" * len(sets))
    first: dict[str, np.ndarray] = {}
    for weights in chosen.weights:
        net = checkpoint.load(weights)
        assert isinstance(net, RedNet), type(net)
        cells = []
        for name, own in sets.items():
            errors = face_errors(predict_faces(net, own), own.points)
            before = first.setdefault(name, errors)
            cells.append(f"{errors.mean():.2f} ({100 * (errors.mean() / before.mean() - 1):+.1f} %)")
        print(f"| {weights} | " + " | ".join(cells) + " |", flush=True)


def turned(faces: FaceSet) -> FaceSet:
    """Returns views of faces, each turned to either side."""
    draw = np.random.default_rng(5)
    images, points, names = [], [], []
    for picture, label, name in zip(faces.images.permute(0, 2, 3, 1).numpy(), faces.points, faces.names, strict=True):
        for side in (-1, 1):
            view = turn_face(picture, label, side * draw.uniform(25, 45), draw.uniform(-15, 15))
            if view is None or view.stretched > CLEAR:
                continue
            if TURNED < abs(head_pose(view.points[None].astype(float))[0, 1]) <= FARTHEST:
                images.append(torch.from_numpy(view.picture).permute(2, 0, 1))
                points.append(view.points)
                names.append(name)
    return make_set(images, points, names, "views", size=faces.images.shape[-1])


if __name__ == "__main__":
    main()

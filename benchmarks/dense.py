"""Do dense features find the same place of another face? Landmarks of held-out people, carried by features alone.

The feature at each labelled landmark of a photograph is sought in the map of the next person's photograph, and in a
view of the same photograph from another side (yaw to 45, pitch to 20 degrees; DFF's "multi-view face images"); so are
all vertices and triangles of the 3D face, cheeks and forehead among them. Errors are in percent of the distance of the
outer eye corners, where the place is visible; crops stray as our detector's do. Beside the head of `redtrack train
dense`: the frozen network's features without it; the mean face where the crop says that a face is; the network's own
landmarks, and the 3D face that is fitted to them, with which a place goes along (the truth of turned views is made with
such a face, which favours it).

    python benchmarks/dense.py --data 300w --head runs/dense/weights.safetensors [--faces 100]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from redtrack import checkpoint
from redtrack.points import MEAN_SHAPE, N_POINTS
from redtrack.rednet.dense import DenseHead
from redtrack.rednet.model import RedNet
from redtrack.shape3d.basis import default_basis
from redtrack.shape3d.dense import dense_shape
from redtrack.shape3d.fit import fit_rows
from redtrack.shape3d.pose import project
from redtrack.training.dense.looks import Looks, places_of
from redtrack.training.dense.stage import held_out_looks
from redtrack.training.dense.transfer import Features, between_people, dense_to_views, to_views
from redtrack.training.landmarks.faces import read_faces
from redtrack.training.shape.learn import free

HEAD = """| features | landmarks, to another person | landmarks, to a turned view | all places, to a turned view |
| --- | --- | --- | --- |"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--head", type=Path, action="append", default=[], help="weights of `train dense`; repeatable")
    parser.add_argument("--start", help="the landmark network that the heads were trained on")
    parser.add_argument("--faces", type=int, default=100)
    chosen = parser.parse_args()
    net = checkpoint.load(chosen.start)
    assert isinstance(net, RedNet), type(net)
    looks = held_out_looks(net, read_faces(chosen.data)[1], chosen.faces)
    if looks is None:
        parser.error(f"{chosen.data} has no two faces that are held out")
    decoder = net.body().features
    rows: dict[str, Features] = {
        f"the last decoder layer ({decoder} numbers)": lambda read: read[:, -decoder:],
        f"the same and the stem ({looks.features.shape[2]})": lambda read: read,
    }
    for path in chosen.head:
        head = checkpoint.load(path, "dense", fused=False)
        assert isinstance(head, DenseHead), type(head)
        rows[f"{path.parent.name} ({head.config.numbers})"] = head
    print(f"{len(looks.eyes)} faces held out; mean and, in brackets, median error, %\n\n{HEAD}")
    print(f"| none: the mean face in the crop | {' | '.join(map(shown, mean_face(net, looks)))} | |")
    print(f"| none: the network's landmarks | {' | '.join(map(shown, by_landmarks(looks)))} |")
    for name, features in rows.items():
        with torch.inference_mode():
            cells = [measure(looks, features) for measure in (between_people, to_views, dense_to_views)]
        print(f"| {name} | {' | '.join(map(shown, cells))} |", flush=True)


def mean_face(net: RedNet, looks: Looks) -> list[Tensor]:
    """Returns the errors (N, 68) of the mean face in the crops of photographs and of views."""
    share = (torch.from_numpy(MEAN_SHAPE).float() - 0.5) / net.config.crop_scale + 0.5
    cells = share * net.map_size - 0.5
    return [100 * (looks.points[:, k] - cells).norm(dim=-1) / looks.eyes[:, k, None] for k in (0, 1)]


def by_landmarks(looks: Looks) -> list[Tensor]:
    """Returns the errors of the network's landmarks on photographs and on views (N, 68), and of all places on views
    (N, S) that go along with the 3D face which is fitted to its landmarks."""
    off = [100 * (looks.found[:, k] - looks.points[:, k]).norm(dim=-1) / looks.eyes[:, k, None] for k in (0, 1)]
    basis = default_basis()
    size = 10.0  # px for each cell: the fit's own limits are in px
    meshes = []
    for k in (0, 1):
        fit = fit_rows(looks.found[:, k].double().numpy() * size, None, basis.mean[:N_POINTS], free(basis))
        vertices = project(dense_shape(fit.points3d, fit.pose, basis), fit.pose) / size
        meshes.append(torch.from_numpy(vertices[:, places_of(basis)].mean(axis=2)).float())
    carried = looks.cells[:, 0] + meshes[1] - meshes[0]
    return [*off, 100 * (carried - looks.cells[:, 1]).norm(dim=-1) / looks.eyes[:, 1, None]]


def shown(errors: Tensor) -> str:
    return f"{errors.nanmean():.2f} ({errors.nanmedian():.2f})"


if __name__ == "__main__":
    main()

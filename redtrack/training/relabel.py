"""Better labels for coarsely labelled faces, by the network itself once it is better than they are."""

from __future__ import annotations

import numpy as np

from redtrack.rednet.model import RedNet
from redtrack.training.faces import FaceSet
from redtrack.training.image import eye_distance, predict_faces

TRUST = 0.6  # weight of a relabelled face beside a hand-corrected one's 1
FAR = 9.0  # percent of the eye distance: beyond, either the label or the network is wrong
UNSURE = 2.5  # percent: spread of the looks beyond which the network does not know


def relabel(net: RedNet, faces: FaceSet, which: np.ndarray, looks: int = 3) -> FaceSet:
    """The set with the points of `which` (indices) replaced by the mean of several looks, each also in a mirror.

    A face whose old label is far from the new one, or whose looks differ, gets weight 0.
    """
    old = faces.subset(which)
    estimates = [
        predict_faces(net, old, flip=flip, seed=100 + k) for k in range(looks) for flip in (False, True)
    ]
    mean = np.mean(estimates, 0)
    scale = 100 / eye_distance(old.points)
    moved = np.linalg.norm(mean - old.points, axis=-1).mean(-1) * scale
    spread = np.linalg.norm(np.stack(estimates) - mean, axis=-1).mean((0, 2)) * scale
    points, weight = faces.points.copy(), faces.weight.copy()
    points[which] = mean
    weight[which] = np.where((moved < FAR) & (spread < UNSURE), TRUST, 0.0)
    return FaceSet(faces.images, points, weight, faces.identity, faces.names, faces.source)

"""What a face detector still gets wrong on its training photos: faces it hardly sees, and what it takes for faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from redtrack.faces.detect import NetworkDetector
from redtrack.faces.detector import FaceDetector
from redtrack.training.detector.evaluation import match, show
from redtrack.training.detector.mosaics import Anchor
from redtrack.training.detector.scenes import Scene

SEEN = 0.6  # score from which a face counts as learnt
TAKEN = 0.25  # score from which a box that is no face counts as a mistake


@dataclass
class Mistakes:
    """Places in photos where a detector is wrong."""

    faces: list[Anchor] = field(default_factory=list)  # faces missed, or found with a low score
    others: list[Anchor] = field(default_factory=list)  # boxes that are no face


def mine(net: FaceDetector, scenes: Sequence[Scene], device: str = "cpu") -> Mistakes:
    """The mistakes of a network on photos as they are, seen as `redtrack annotate` would see them."""
    detector = NetworkDetector(net, device, threshold=TAKEN, weak=TAKEN)
    mistakes = Mistakes()
    for scene in scenes:
        view = show(scene, 1.0, 0.0)
        rows = detector.detect(view.picture[None])[0]
        hits, false = match(rows, view)
        mistakes.faces += [(scene, box) for box in view.faces[hits < SEEN]]
        mistakes.others += [(scene, row[:4]) for row in rows if row[4] in false]
    return mistakes

"""How many faces of the validation photos the detector finds, and how many boxes are no face.

    python -m redtrack.training.detector.evaluation SCENES [WEIGHTS]

prints the table of the card for the shipped detector, or another.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from redtrack import checkpoint
from redtrack.faces.detect import Detector, NetworkDetector
from redtrack.faces.detector import FaceDetector
from redtrack.geometry import box_area, box_iou
from redtrack.training.detector.scenes import Scene, as_frame, cut_whole, read_scenes

CELL, CROWDS = 320, 12  # px of a photo's place in a crowd, and how many of these are looked at
FACE_SIZE = 24.0  # px, sqrt of the area in the photo as it is: smaller faces do not count
LEAST, MOST_FALSE, WEAK = 0.2, 3.0, 0.7  # lowest threshold, false boxes in 100 photos, share of it for known faces
MATCH = 0.5  # IoU of a face found
DOUBTFUL = 0.4  # share of a found box on an ignored or small face that makes it neither right nor wrong
VIEWS = {  # scale, degrees, times as wide for its height
    "1x": (1.0, 0.0, 1.0),
    "0.5x": (0.5, 0.0, 1.0),
    "0.25x": (0.25, 0.0, 1.0),
    "turned 30": (1.0, 30.0, 1.0),
    "turned -30": (1.0, -30.0, 1.0),
    "squeezed": (1.0, 0.0, 0.6),
    "stretched": (1.0, 0.0, 1.6),
}


@dataclass(frozen=True)
class View:
    """One photo as it is shown to the detector, with the faces that count and those that do not."""

    picture: Tensor  # uint8 (H, W, 3)
    faces: np.ndarray  # (M, 4)
    doubtful: np.ndarray  # (D, 4)


@dataclass(frozen=True)
class Findings:
    """What a detector found in a set of photos, for any threshold."""

    photos: int
    sizes: np.ndarray  # (faces,) px, sqrt of the area as shown
    hits: np.ndarray  # (faces,) score of the box that found each face, 0 where none did
    false: np.ndarray  # (boxes,) scores of the boxes that are no face

    def recall(self, threshold: float, low: float = 0.0, high: float = np.inf) -> float:
        """Share of the faces of `low` to `high` px found with at least this score; NaN where there are none."""
        chosen = (self.sizes >= low) & (self.sizes < high)
        return float((self.hits[chosen] >= threshold).mean()) if chosen.any() else float("nan")

    def false_per_100(self, threshold: float) -> float:
        """Boxes with at least this score that are no face, in 100 photos."""
        return 100 * float((self.false >= threshold).sum()) / max(1, self.photos)


def show(scene: Scene, scale: float, degrees: float, wider: float = 1.0) -> View:
    """The photo as `cut_whole` shows it."""
    tile, _ = cut_whole(scene, scale, degrees, wider)
    counts = ~scene.ignore & (np.sqrt(box_area(scene.boxes)) >= FACE_SIZE)
    counts = counts[: len(tile.boxes)] if len(tile.boxes) == len(scene.boxes) else np.ones(len(tile.boxes), bool)
    return View(as_frame(tile.picture), tile.boxes[counts], tile.boxes[~counts])


def crowd(scenes: Sequence[Scene], random: np.random.Generator) -> View:
    """A large picture of many small photos, drawn at random: six by four of 320 px, black around them."""
    picture, faces, doubtful = torch.zeros(4 * CELL, 6 * CELL, 3, dtype=torch.uint8), [], []
    for top in range(0, 4 * CELL, CELL):
        for left in range(0, 6 * CELL, CELL):
            scene = scenes[int(random.integers(len(scenes)))]
            view = show(scene, CELL / max(scene.size) * random.uniform(0.3, 1.0), 0.0)
            height, width = view.picture.shape[:2]
            picture[top : top + height, left : left + width] = view.picture
            faces.append(view.faces + np.array([left, top, left, top], np.float32))
            doubtful.append(view.doubtful + np.array([left, top, left, top], np.float32))
    return View(picture, np.concatenate(faces), np.concatenate(doubtful))


def find(detector: Detector, views: Iterable[View]) -> Findings:
    """The detector's findings on every view, one picture at a time."""
    sizes, hits, false, photos = [], [], [], 0
    for view in views:
        rows = detector.detect(view.picture[None])[0]
        hit, wrong = match(rows, view)
        sizes.append(np.sqrt(box_area(view.faces)))
        hits.append(hit)
        false.append(wrong)
        photos += 1
    return Findings(photos, np.concatenate(sizes), np.concatenate(hits), np.concatenate(false))


def match(rows: np.ndarray, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Scores (M,) that each face was found with, and scores of the rows that are no face. Best rows choose first."""
    hits = np.zeros(len(view.faces))
    overlap = box_iou(rows[:, :4], view.faces)  # (rows, faces)
    used = np.zeros(len(rows), bool)
    for row in np.argsort(-rows[:, 4]):
        open_faces = np.where(hits == 0, overlap[row], 0)
        if len(open_faces) and open_faces.max() >= MATCH:
            hits[open_faces.argmax()] = rows[row, 4]
            used[row] = True
    used |= share_inside(rows[:, :4], view.doubtful) >= DOUBTFUL
    return hits, rows[~used, 4]


def share_inside(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N,) largest share of each box that one of the others covers."""
    if not len(others) or not len(boxes):
        return np.zeros(len(boxes))
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return (np.clip(high - low, 0, None).prod(-1) / np.maximum(box_area(boxes), 1e-6)[:, None]).max(1)


def evaluate_detector(detector: Detector, scenes: Sequence[Scene]) -> dict[str, Findings]:
    """Findings for the photos as they are, at half and a quarter of the size, turned by 30 degrees, and in crowds."""
    found = {name: find(detector, (show(scene, *view) for scene in scenes)) for name, view in VIEWS.items()}
    random = np.random.default_rng(0)
    return found | {"crowds": find(detector, (crowd(scenes, random) for _ in range(CROWDS)))}


def table(findings: dict[str, Findings], threshold: float) -> str:
    """The measured table: recall by view and size, and false boxes in 100 photos."""
    lines = [f"{'view':<12} {'faces':>6} {'recall':>7} {'24-48 px':>9} {'48-96 px':>9} {'96+ px':>7} {'false/100':>10}"]
    for name, found in findings.items():
        bands = [found.recall(threshold, low, high) for low, high in ((24, 48), (48, 96), (96, np.inf))]
        lines.append(
            f"{name:<12} {len(found.hits):>6} {found.recall(threshold):>7.4f} {bands[0]:>9.4f} {bands[1]:>9.4f} "
            f"{bands[2]:>7.4f} {found.false_per_100(threshold):>10.2f}"
        )
    return "\n".join(lines)


def choose_threshold(found: Findings, most_false: float) -> float:
    """The lowest score, in steps of 0.01, with at most `most_false` false boxes in 100 photos."""
    steps = np.arange(0.05, 0.96, 0.01)
    fine = [step for step in steps if found.false_per_100(step) <= most_false]
    return round(float(fine[0]), 2) if fine else 0.95


def with_threshold(net: FaceDetector, scenes: Sequence[Scene], device: str = "cpu") -> FaceDetector:
    """A copy of a detector whose threshold is the lowest with at most 3 false boxes in 100 of the photos, and with the
    score for going on with a known face in proportion.
    """
    found = find(NetworkDetector(net, device, threshold=LEAST, weak=LEAST), (show(scene, 1.0, 0.0) for scene in scenes))
    threshold = choose_threshold(found, MOST_FALSE)
    net = copy.deepcopy(net)
    net.config = replace(net.config, threshold=threshold, weak=round(WEAK * threshold, 2))
    return net


def measured_table(data: str | Path, weights: str | Path | None = None, device: str = "cpu") -> str:
    """The table of a weights file at its own threshold, on the validation photos of `data`/boxes.csv."""
    detector = NetworkDetector(checkpoint.load(weights, kind="detector", device=device), device)  # type: ignore[arg-type]
    scenes = read_scenes(data, validation=True)
    head = f"{len(scenes)} photos, long side {detector.long_side}, threshold {detector.threshold}"
    return head + "\n" + table(evaluate_detector(detector, scenes), detector.threshold)


if __name__ == "__main__":
    print(measured_table(*sys.argv[1:3]))

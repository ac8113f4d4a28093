"""What a threshold of the score costs: how many points it drops, and how many of the bad ones it finds.

    python benchmarks/scores.py 300w [--weights NAME|PATH]

FOLDER is a 300-W folder of photos that the network was not trained on, in our detector's boxes. A point is right if it
lies within 5 % of the eye distance of its label, and bad beyond 10 %.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from redtrack.evaluate.match import NO_OUTPUT, match
from redtrack.evaluate.pairs import find_truth
from redtrack.evaluate.pictures import box_source, predict_pairs
from redtrack.evaluate.protocol import eye_distance
from redtrack.inference.landmarker import Landmarker

THRESHOLDS = (0.3, 0.5, 0.7, 0.8, 0.9)
RIGHT, BAD = 0.05, 0.1  # of the eye distance


def scored(folder: Path, weights: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the scores (n,) of all points found, and their errors (n,) as shares of the eye distance."""
    truth, landmarker = find_truth(folder), Landmarker(weights, "cpu")
    scores, errors = [], []
    for pair in predict_pairs(truth, landmarker, box_source("detected", landmarker, truth)):
        assert pair.predicted is not None, pair.video
        matched = match(pair.predicted, pair.truth)
        rows = np.flatnonzero(matched != NO_OUTPUT)
        found = pair.predicted.points[matched[rows]]
        expected = pair.truth.points[rows]
        errors.append(np.linalg.norm(found - expected, axis=-1) / eye_distance(expected)[:, None])
        scores.append(pair.predicted.scores[matched[rows]])
    return np.concatenate(scores).ravel(), np.concatenate(errors).ravel()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights")
    chosen = parser.parse_args()
    score, error = scored(chosen.folder, chosen.weights)
    print(f"{len(score)} points; mean score {score.mean():.3f}, right {(error < RIGHT).mean():.3f}")
    print(f"{'score below':>12} {'of all points':>14} {'of these right':>15} {'of all bad ones':>16}")
    for threshold in THRESHOLDS:
        low = score < threshold
        right, bad = (error[low] < RIGHT).mean(), low[error > BAD].mean()
        print(f"{threshold:12.1f} {low.mean():14.1%} {right:15.1%} {bad:16.1%}")


if __name__ == "__main__":
    main()

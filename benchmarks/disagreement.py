"""How large disagreement is, and what it tells: the reason for what `redtrack render` rings unless told otherwise.

    python benchmarks/disagreement.py TRACKS.h5 … [--truth FOLDER]

Prints how many points, and how many faces with any such point, lie above some shares of the eye distance. With --truth,
a 300-VW folder, also the mean error of the points whose disagreement lies between those shares.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import redtrack
from redtrack.cli.table import table
from redtrack.evaluate.match import NO_OUTPUT, match
from redtrack.evaluate.nme import point_errors
from redtrack.evaluate.pairs import find_truth, pairs
from redtrack.evaluate.protocol import eye_distance

LIMITS = (0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.10)


def relative(paths: list[Path]) -> np.ndarray:
    """Returns (R, 68): disagreement over eye distance of the rows of all files."""
    found = [redtrack.load(path) for path in paths]
    return np.concatenate([t.disagreement / np.maximum(eye_distance(t.points), 1)[:, None] for t in found])


def errors_of(paths: list[Path], truth: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns (n, 68) disagreements and (n, 68) errors, both over the true eye distance, of all matched faces."""
    known = find_truth(truth)
    names = {path.stem.removesuffix("-vid"): path for path in paths}
    apart, errors = [], []
    for pair in pairs(known, names):
        if pair.predicted is None:
            continue
        matched = match(pair.predicted, pair.truth)
        rows = np.flatnonzero(matched != NO_OUTPUT)
        scale = eye_distance(pair.truth.points[rows])[:, None]
        apart.append(pair.predicted.disagreement[matched[rows]] / scale)
        errors.append(point_errors(pair.predicted.points[matched[rows]], pair.truth.points[rows]) / scale)
    return np.concatenate(apart), np.concatenate(errors)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tracks", type=Path, nargs="+")
    parser.add_argument("--truth", type=Path)
    given = parser.parse_args()
    values = relative(given.tracks)
    rows = [["above", "points", "faces with any"]]
    for limit in LIMITS:
        shares = (values > limit).mean(), (values > limit).any(axis=1).mean()
        rows.append([f"{limit:.2f}", *(f"{100 * share:.2f} %" for share in shares)])
    if given.truth:
        apart, errors = errors_of(given.tracks, given.truth)
        rows[0] += ["points from here to the next", "their mean error"]
        for row, low, high in zip(rows[1:], LIMITS, (*LIMITS[1:], np.inf), strict=True):
            here = (apart > low) & (apart <= high)
            row += [str(here.sum()), f"{100 * errors[here].mean():.1f} %" if here.any() else "-"]
    print(f"{len(given.tracks)} files, {len(values)} faces, median {np.nanmedian(values):.4f} of the eye distance")
    print(table(rows, right=range(1, len(rows[0]))))


if __name__ == "__main__":
    main()

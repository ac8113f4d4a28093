"""How much the final points depend on the boxes: the whole job again with boxes led astray.

Every box that the job has found is moved by up to 15 % of its size (in a random direction) and scaled by 0.85 to 1.2 at
random, each frame by itself, or with --constant each face by itself; the job runs again with these boxes (`--boxes`),
and the points are compared with those of the first run: mean distance of the 68 points in percent of the eye distance,
a row a face a frame.

    python benchmarks/boxes.py PICTURE|VIDEO|FOLDER … [--times 3] [--constant] [--end SECONDS] [--weights PATH]
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import redtrack
from redtrack.tracks import Tracks

SHIFT = 0.15  # of the box's size
SCALE = (0.85, 1.2)
MOST = 1.0  # percent of the eye distance that points may change


def astray(tracks: Tracks, random: np.random.Generator, constant: bool) -> np.ndarray:
    """The boxes of all rows, moved and scaled at random, (R, 4)."""
    rows = len(tracks.boxes)
    direction = random.uniform(0, 2 * np.pi, rows)
    shift = SHIFT * random.random(rows)[:, None] * np.stack((np.cos(direction), np.sin(direction)), axis=1)
    scale = np.exp(random.uniform(*np.log(SCALE), rows))[:, None]
    if constant:
        first = np.unique(tracks.face, return_index=True, return_inverse=True)[1:]
        shift, scale = shift[first[0]][first[1]], scale[first[0]][first[1]]
    low, high = tracks.boxes[:, :2].astype(np.float64), tracks.boxes[:, 2:].astype(np.float64)
    centre, half = (low + high) / 2 + shift * (high - low), (high - low) / 2 * scale
    return np.concatenate((centre - half, centre + half), axis=1)


def write_boxes(path: Path, tracks: Tracks, boxes: np.ndarray) -> Path:
    """A file for `--boxes`."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("frame", "x0", "y0", "x1", "y1", "face_id"))
        table.writerows((f, *b.round(2), i) for f, b, i in zip(tracks.frame, boxes, tracks.face, strict=True))
    return path


def changes(before: Tracks, after: Tracks) -> np.ndarray:
    """Mean distance of the points of the rows that both have, percent of the eye distance, (rows,)."""
    at = {key: row for row, key in enumerate(zip(after.frame.tolist(), after.face.tolist(), strict=True))}
    keys = zip(before.frame.tolist(), before.face.tolist(), strict=True)
    pairs = np.array([(row, at[key]) for row, key in enumerate(keys) if key in at], int).reshape(-1, 2)
    one, other = before.points[pairs[:, 0]], after.points[pairs[:, 1]]
    eyes = np.linalg.norm(one[:, 36] - one[:, 45], axis=-1)
    found: np.ndarray = 100 * np.linalg.norm(one - other, axis=-1).mean(axis=1) / eyes
    return found


def files_of(places: Sequence[Path]) -> list[Path]:
    """The files named, and the pictures in the folders named."""
    found: list[Path] = []
    for place in places:
        found += sorted(p for p in place.rglob("*") if p.suffix in (".jpg", ".png")) if place.is_dir() else [place]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", nargs="+", type=Path)
    parser.add_argument("--times", type=int, default=3, help="runs with boxes astray, for each file")
    parser.add_argument("--constant", action="store_true", help="a face's boxes all stray alike")
    parser.add_argument("--end", type=float, help="seconds of each video that are used")
    parser.add_argument("--weights", help="landmark network")
    given = parser.parse_args()
    random, found, lost = np.random.default_rng(0), [np.zeros(0)], 0
    with tempfile.TemporaryDirectory() as folder:
        for path in files_of(given.places):
            before = redtrack.annotate(path, weights=given.weights, end=given.end)
            for _ in range(given.times if len(before.boxes) else 0):
                boxes = write_boxes(Path(folder) / "boxes.csv", before, astray(before, random, given.constant))
                after = redtrack.annotate(path, weights=given.weights, end=given.end, boxes=boxes)
                found.append(changes(before, after))
                lost += len(before.boxes) - len(found[-1])
    values = np.concatenate(found)
    print(f"{len(values)} rows compared, {lost} lost")
    print(f"mean change {values.mean():.2f} % of the eye distance, median {np.median(values):.2f} %")
    below = 100 * (values < MOST).mean()
    print(f"below {MOST:g} %: {below:.1f} % of the rows; 95th percentile {np.percentile(values, 95):.2f} %")


if __name__ == "__main__":
    main()

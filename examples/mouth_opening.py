"""How far the mouth is open over time: inner-lip distance over the distance of the outer eye corners, 0 when shut.

    python examples/mouth_opening.py TRACKS            prints CSV: face, frame, seconds, opening
    python examples/mouth_opening.py TRACKS MOUTH.png  plots it (needs `pip install "redtrack[plot]"`)

TRACKS is any file that redtrack reads: .h5, .csv or a folder of .pts.
"""

from __future__ import annotations

import sys

import numpy as np

import redtrack
from redtrack.points import LEFT_EYE_OUTER, RIGHT_EYE_OUTER

UPPER_LIP, LOWER_LIP = (61, 62, 63), (67, 66, 65)  # inner lip, right to left


def mouth_opening(points: np.ndarray) -> np.ndarray:
    """Returns (F,), the opening of a face's points (F, 68, 2); NaN where it has none."""
    lips = np.linalg.norm(points[:, LOWER_LIP] - points[:, UPPER_LIP], axis=-1).mean(axis=-1)
    eyes = np.linalg.norm(points[:, LEFT_EYE_OUTER] - points[:, RIGHT_EYE_OUTER], axis=-1)
    return np.asarray(lips / eyes)


def print_csv(times: np.ndarray, openings: dict[int, np.ndarray]) -> None:
    """Prints a line for each frame that a face has."""
    print("face,frame,seconds,opening")
    for face, opening in openings.items():
        for frame in np.flatnonzero(~np.isnan(opening)):
            print(f"{face},{frame},{times[frame]:.6f},{opening[frame]:.4f}")


def plot(times: np.ndarray, openings: dict[int, np.ndarray], path: str) -> None:
    """Draws a line a face; frames without it are gaps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.add_subplot(xlabel="seconds", ylabel="mouth opening / eye distance")
    for face, opening in openings.items():
        axes.plot(times, opening, label=f"face {face}")
    axes.set_ylim(bottom=0)
    if openings:
        axes.legend()
    figure.savefig(path)


def main(tracks_path: str, plot_path: str | None = None) -> None:
    tracks = redtrack.load(tracks_path)
    openings = {face: mouth_opening(tracks.dense(face)) for face in tracks.faces}
    if plot_path is None:
        print_csv(tracks.times, openings)
    else:
        plot(tracks.times, openings, plot_path)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])

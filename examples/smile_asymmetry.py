"""How even a smile is: how far each corner of the lips is pulled at its height, against the face at rest.

    redtrack annotate smile.mp4 -o tracks
    python examples/smile_asymmetry.py tracks/smile.h5             # prints a line for each face
    python examples/smile_asymmetry.py tracks/smile.h5 smile.png   # draws both sides over time (needs matplotlib)

Rest is the 10 % quantile of each side's pull (docs/measures.md), the height of the smile the frame in which the two
pull furthest together. The asymmetry is (left - right) / (left + right): 0 is an even smile, 1 one of the person's left
side alone, -1 one of the right side alone.
"""

from __future__ import annotations

import sys

import numpy as np

import redtrack
from redtrack.tracks import Tracks

REST = 0.1  # quantile
LEAST = 0.02  # of the eye distance, both sides together: less is no smile


def pulls(tracks: Tracks, face: int) -> dict[str, np.ndarray]:
    """Returns how far each corner of the lips is pulled from rest, (F,) by side, over the eye distance."""
    curves = tracks.measures(face)
    found = {}
    for side in ("right", "left"):
        pull = curves[f"{side}_lip_corner_pull"]
        found[side] = pull - np.nanquantile(pull, REST) if np.isfinite(pull).any() else pull
    return found


def smile(found: dict[str, np.ndarray]) -> tuple[int, float, float] | None:
    """Returns the frame of the height of the smile, and the pull of the right and the left corner; None without one."""
    both = found["right"] + found["left"]
    if not np.isfinite(both).any() or np.nanmax(both) < LEAST:
        return None
    frame = int(np.nanargmax(both))
    return frame, float(found["right"][frame]), float(found["left"][frame])


def draw(tracks: Tracks, path: str) -> None:
    """Draws both sides of the face that is seen longest."""
    from matplotlib.figure import Figure

    face = max(tracks.faces, key=lambda one: len(tracks.face_rows(one)))
    figure = Figure(figsize=(9, 3), layout="constrained")
    axes = figure.add_subplot(xlabel="seconds", ylabel="pull of the lip corner / eye distance")
    for side, values in pulls(tracks, face).items():
        axes.plot(tracks.times, values, label=f"{side} corner")
    axes.legend()
    figure.savefig(path)


def main(tracks_path: str, figure: str | None = None) -> None:
    tracks = redtrack.load(tracks_path)
    if figure:
        draw(tracks, figure)
        return
    print("face,seconds,right,left,asymmetry")
    for face in tracks.faces:
        height = smile(pulls(tracks, face))
        if height is None:
            print(f"{face},,,,")
            continue
        frame, right, left = height
        print(f"{face},{tracks.times[frame]:.3f},{right:.4f},{left:.4f},{(left - right) / (left + right):.3f}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])

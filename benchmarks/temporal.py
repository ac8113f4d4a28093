"""What the LSTM and the second direction are worth: error and jitter of the whole job, each setting in one run.

On the example clip the camera is known, so every frame's points can be taken back to the photograph, where they should
not move at all: what is left is jitter, against exact truth. On clips of a 300-VW folder (NAME/vid.*, NAME/annot/*.pts)
there is an error as well, and the jitter holds the labels' own.

With --stills the same is measured on the held-out faces of a 300-W folder, cut out by the truth and moved by a made-up
camera, in the open and behind a passing occluder: error and jitter against exact truth.

    python benchmarks/temporal.py [--clips FOLDER --only NAME …] [--stills FOLDER] [--weights PATH]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import redtrack
from redtrack.evaluate.protocol import eye_distance
from redtrack.formats.pts import read_points
from redtrack.geometry import landmark_box
from redtrack.tracks import Tracks

EXAMPLES = Path(__file__).parent.parent / "examples"
SETTINGS: dict[str, dict[str, Any]] = {
    "single frames": {"temporal": False},
    "LSTM, forward": {"direction": "forward"},
    "LSTM, backward": {"direction": "backward"},
    "LSTM, both": {"direction": "both"},
    "tracking protocol": {"protocol": "tracking"},
}


def jitter(points: np.ndarray) -> float:
    """Mean second difference in percent of the eye distance. points (F, 68, 2), NaN where there is no face."""
    second = points[2:] - 2 * points[1:-1] + points[:-2]
    return float(100 * np.nanmean(np.linalg.norm(second, axis=-1)) / np.nanmean(eye_distance(points)))


def steadied(points: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """Points (F, 68, 2) taken back through the cameras (F, 2, 3), in the photograph's pixels."""
    return np.einsum("fij,fpj->fpi", np.linalg.inv(cameras[:, :, :2]), points - cameras[:, None, :, 2])


def longest_face(tracks: Tracks) -> np.ndarray:
    """The face with most rows, (F, 68, 2)."""
    return tracks.dense(int(np.bincount(tracks.face).argmax()))


def truth_of(annot: Path, frames: int) -> np.ndarray:
    """The labels of a 300-VW folder, (F, 68, 2) with NaN where there are none."""
    truth = np.full((frames, 68, 2), np.nan, np.float32)
    for pts in annot.glob("*.pts"):
        if int(pts.stem) <= frames:
            truth[int(pts.stem) - 1] = read_points(pts)
    return truth


def nearest_face(tracks: Tracks, truth: np.ndarray) -> np.ndarray:
    """Of each frame the face nearest to the truth, (F, 68, 2) with NaN where there is neither."""
    found = np.full_like(truth, np.nan)
    best = np.full(len(truth), np.inf)
    for row, frame in enumerate(tracks.frame):
        away = np.linalg.norm(landmark_box(tracks.points[row]) - landmark_box(truth[frame]))
        if away < best[frame]:
            best[frame], found[frame] = away, tracks.points[row]
    return found


def on_example(weights: Path | None, options: dict[str, Any]) -> tuple[float, float]:
    """(nothing to compare with, jitter against the known camera)."""
    rows = np.loadtxt(EXAMPLES / "astronaut_camera.csv", delimiter=",", skiprows=1)
    tracks = redtrack.annotate(EXAMPLES / "astronaut.mp4", weights=weights, **options)
    return float("nan"), jitter(steadied(longest_face(tracks), rows[:, 1:].reshape(-1, 2, 3)))


def on_clip(folder: Path, weights: Path | None, options: dict[str, Any]) -> tuple[float, float]:
    """Error and jitter of the points on a labelled video, in percent of the eye distance."""
    tracks = redtrack.annotate(next(folder.glob("vid.*")), weights=weights, **options)
    truth = truth_of(folder / "annot", len(tracks.times))
    found = nearest_face(tracks, truth)
    error = 100 * np.nanmean(np.linalg.norm(found - truth, axis=-1).mean(-1) / eye_distance(truth))
    return float(error), jitter(found)


def on_stills(folder: Path, weights: Path | None) -> None:
    """Prints error and jitter on moved held-out stills, and the error of each clip's first and last three frames."""
    from redtrack import checkpoint
    from redtrack.rednet.model import RedNet
    from redtrack.training.landmarks.faces import read_faces
    from redtrack.training.landmarks.trials import measure, still_trial, trial_points

    net = checkpoint.load(weights)
    assert isinstance(net, RedNet), type(net)
    faces = read_faces(folder)[1]
    size, scale = net.config.size, net.config.crop_scale
    trials = [still_trial(faces, 30, 20, size, occluded=o, seed=11, scale=scale) for o in (False, True)]
    print(f"{'setting':20}", *(f"{trial.name + ': error, jitter, first, last 3':>40}" for trial in trials))
    for name, options in SETTINGS.items():
        if "protocol" in options:
            continue
        cells = []
        for trial in trials:
            how = options.get("direction", "both"), options.get("temporal", True)
            off = np.linalg.norm(trial_points(net, trial, *how) - trial.truth, axis=-1).mean(-1)
            ends = [100 * (off[:, k] / eye_distance(trial.truth[:, k])).mean() for k in (slice(3), slice(-3, None))]
            cells.append("".join(f"{value:10.3f}" for value in (*measure(net, trial, *how), *ends)))
        print(f"{name:20}", *cells)


def main() -> None:
    """Prints a line a setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, help="a 300-VW folder")
    parser.add_argument("--only", nargs="*", help="names of videos in it")
    parser.add_argument("--stills", type=Path, help="a 300-W folder")
    parser.add_argument("--weights", type=Path)
    chosen = parser.parse_args()
    if chosen.stills:
        on_stills(chosen.stills, chosen.weights)
    folders = sorted(chosen.clips.iterdir()) if chosen.clips else []
    folders = [f for f in folders if (f / "annot").is_dir() and (not chosen.only or f.name in chosen.only)]
    print(f"{'setting':20} {'example: jitter':>16}", *(f"{f.name + ': error, jitter':>32}" for f in folders))
    for name, options in SETTINGS.items():
        cells = [f"{on_example(chosen.weights, options)[1]:16.3f}"]
        for folder in folders:
            error, tremble = on_clip(folder, chosen.weights, options)
            cells.append(f"{error:23.3f} {tremble:8.3f}")
        print(f"{name:20}", *cells)


if __name__ == "__main__":
    main()

"""Mouth clips for a lip-reading set: grey, 96 px, one .npz for each stretch in which a face is seen.

    redtrack annotate talk.mp4 -o tracks
    python examples/mouth_clips.py talk.mp4 tracks/talk.h5 clips

Each clips/talk_face0.npz holds `data`, uint8 (frames, 96, 96), as the lip-reading networks of Martinez et al. read it,
and `times`, the seconds of the frames in the video, by which words of a transcript find their frames. Stretches shorter
than a second are left out.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

import redtrack
from redtrack.cropping import Crop

SHORTEST = 1.0  # s
GREY = np.array([0.299, 0.587, 0.114])  # of red, green and blue, as OpenCV has it


def stretches(video: str, tracks_path: str) -> dict[tuple[int, int], list[Crop]]:
    """Returns the mouth crops of each face and each unbroken part of it."""
    found: dict[tuple[int, int], list[Crop]] = defaultdict(list)
    for crop in redtrack.crops(video, redtrack.load(tracks_path), "lips"):
        found[crop.face, crop.part].append(crop)
    return found


def main(video: str, tracks_path: str, folder: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    for (face, part), crops in stretches(video, tracks_path).items():
        times = np.array([crop.time for crop in crops])
        if times[-1] - times[0] < SHORTEST:
            continue
        data = np.stack([(crop.image @ GREY).round().astype(np.uint8) for crop in crops])
        name = f"{Path(video).stem}_face{face}{f'_{part + 1}' if part else ''}.npz"
        np.savez_compressed(Path(folder) / name, data=data, times=times)
        print(f"{name}: {len(data)} frames, {times[0]:.2f} to {times[-1]:.2f} s")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])

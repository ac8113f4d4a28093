"""How fast crops are made, against decoding the video and encoding its crops and doing nothing in between.

    python benchmarks/crops.py clip.mp4 tracks/clip.h5 [--preset openface]

Both decode in a thread of their own and encode films of the same size. Loading torch is left out. The two are run in
turns, and the medians of `--rounds` rounds are told, for other work on the machine slows down either: by the clock, and
by the processors' time, which such work disturbs less.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import count
from pathlib import Path
from time import perf_counter

import numpy as np

import redtrack
from redtrack.bench import processor_seconds
from redtrack.tracks import Tracks
from redtrack.video import Video, VideoWriter, read_ahead


def clocks() -> np.ndarray:
    """Returns the time by the clock and by the processors, (2,) seconds."""
    return np.array([perf_counter(), processor_seconds()])


def cropped(video: str, tracks: Tracks, preset: str, out: Path) -> tuple[np.ndarray, list]:
    """Returns the seconds (2,) of cropping and encoding the first face, and its crops."""
    begun, images = clocks(), []
    with VideoWriter(out) as writer:
        for crop in redtrack.crops(video, tracks, preset, faces=tracks.faces[:1]):
            writer.write(crop.image, crop.time)
            images.append(crop.image)
    return clocks() - begun, images


def bare(video: str, images: list, out: Path) -> np.ndarray:
    """Returns the seconds (2,) of decoding the video and encoding given pictures, one a frame."""
    begun, numbers = clocks(), count()
    with VideoWriter(out) as writer:
        for frame in read_ahead(Video(video).frames(), 8):
            number = next(numbers)
            assert frame.image.size
            if number < len(images):
                writer.write(images[number], frame.time)
    return clocks() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video")
    parser.add_argument("tracks")
    parser.add_argument("--preset", default="openface")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    tracks = redtrack.load(args.tracks)
    next(redtrack.crops(args.video, tracks, args.preset))  # loads torch
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.rounds):
            seconds, images = cropped(args.video, tracks, args.preset, Path(folder) / "a.mp4")
            ours.append(seconds)
            theirs.append(bare(args.video, images, Path(folder) / "b.mp4"))
    speed, most = (len(images) / np.median(times, axis=0) for times in (ours, theirs))
    print(f"crops: {speed[0]:.0f} frames/s; decoding and encoding alone: {most[0]:.0f} frames/s; "
          f"share {speed[0] / most[0]:.2f}, of the processors' time {speed[1] / most[1]:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()

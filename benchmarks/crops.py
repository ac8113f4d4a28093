"""How fast crops are made, against decoding the video and encoding its crops and doing nothing in between.

    python benchmarks/crops.py clip.mp4 tracks/clip.h5 [--preset openface]

Both decode in a thread of their own and encode films of the same size. Loading torch is left out. The two are run in
turns, and the medians of `--rounds` rounds are told, for other work on the machine slows down either.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

import redtrack
from redtrack.tracks import Tracks
from redtrack.video import Video, VideoWriter, read_ahead


def cropped(video: str, tracks: Tracks, preset: str, out: Path) -> tuple[float, int, list]:
    """Returns the seconds of cropping and encoding the first face, its frames, and its crops."""
    begun, images = perf_counter(), []
    with VideoWriter(out) as writer:
        for crop in redtrack.crops(video, tracks, preset, faces=tracks.faces[:1]):
            writer.write(crop.image, crop.time)
            images.append(crop.image)
    return perf_counter() - begun, len(images), images


def bare(video: str, images: list, out: Path) -> float:
    """Returns the seconds of decoding the video and encoding given pictures, one a frame."""
    begun, numbers = perf_counter(), count()
    with VideoWriter(out) as writer:
        for frame in read_ahead(Video(video).frames(), 8):
            number = next(numbers)
            assert frame.image.size
            if number < len(images):
                writer.write(images[number], frame.time)
    return perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video")
    parser.add_argument("tracks")
    parser.add_argument("--preset", default="openface")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    tracks = redtrack.load(args.tracks)
    next(redtrack.crops(args.video, tracks, args.preset))  # loads torch
    times: tuple[list[float], list[float]] = ([], [])
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.rounds):
            seconds, frames, images = cropped(args.video, tracks, args.preset, Path(folder) / "a.mp4")
            times[0].append(seconds)
            times[1].append(bare(args.video, images, Path(folder) / "b.mp4"))
    ours, theirs = median(times[0]), median(times[1])
    print(f"crops: {frames / ours:.0f} frames/s; decoding and encoding alone: {frames / theirs:.0f} frames/s; "
          f"share {theirs / ours:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()

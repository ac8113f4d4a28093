"""Time of the face detector: milliseconds for a picture of 640 x 360 in a batch of eight, all that it does included.

    python benchmarks/detector.py [VIDEO|PICTURE] [--threads 2] [--size 640x360] [--batch 8] [--weights PATH]

The pictures are frames of the file, spread over it, reduced to the size; of the example clip where none is named.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from redtrack import checkpoint
from redtrack.faces import NetworkDetector
from redtrack.video import Video

EXAMPLE = Path(__file__).parent.parent / "examples" / "astronaut.mp4"


def pictures(path: Path, count: int, width: int, height: int) -> torch.Tensor:
    """Frames spread over a file, uint8 (count, height, width, 3)."""
    with Video(path) as video:
        frames = [frame.image.copy() for frame in video.frames()]
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, count).round().astype(int)]
    stack = torch.from_numpy(np.stack(chosen)).permute(0, 3, 1, 2)
    small = F.interpolate(stack, size=(height, width), mode="bilinear", antialias=True)
    return small.permute(0, 2, 3, 1).contiguous()


def times(detector: NetworkDetector, frames: torch.Tensor, repeats: int) -> np.ndarray:
    """Milliseconds a picture of each of `repeats` calls, after two that do not count."""
    taken = []
    for turn in range(repeats + 2):
        began = time.perf_counter()
        detector.detect(frames)
        if turn > 1:
            taken.append(1e3 * (time.perf_counter() - began) / len(frames))
    return np.array(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=EXAMPLE)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--weights", help="detector's weights; the shipped ones")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    width, height = (int(side) for side in given.size.split("x"))
    frames = pictures(given.file, given.batch, width, height)
    detector = NetworkDetector(checkpoint.load(given.weights, kind="detector"), batch=given.batch)  # type: ignore[arg-type]
    found = times(detector, frames, given.repeats)
    faces = sum(len(rows) for rows in detector.detect(frames)) / len(frames)
    arithmetic = "bfloat16" if detector.half else "float32"
    print(f"{given.size}, batch {given.batch}, {given.threads} threads, {arithmetic}, {faces:.1f} faces a picture")
    print(f"{found.min():.2f} ms a picture at best, median {np.median(found):.2f}")


if __name__ == "__main__":
    main()

"""Whether the cost grows with the work and no faster: seconds for 1, 2, 4, 8 faces and for longer and longer videos.

    python benchmarks/costs.py [--faces 1 2 4 8] [--seconds 60 600 3600] [--device cpu] [--precision auto]

The videos are made up: the example clip's face, forth and back, in so many places of a picture of 1280 x 720, grey
elsewhere. Small sizes by default; 1, 10 and 60 minutes are for a GPU or a night. Beside the clock's time stands the
processors' own, which other work on the machine does not change.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from redtrack.annotate.memory import annotate_with
from redtrack.annotate.models import Models, load_models
from redtrack.annotate.options import Options
from redtrack.bench import processor_seconds
from redtrack.video import Video, write_video

CLIP = Path(__file__).parent.parent / "examples" / "astronaut.mp4"
TILE = 320, 360  # of the picture that shows one face: eight of them fill it
RATE = 25


def pictures(faces: int, count: int) -> Iterator[np.ndarray]:
    """Yields so many pictures with so many faces."""
    clip = [frame.image[:, 160:480] for frame in Video(CLIP).frames()]
    for tile in islice(cycle([*clip, *clip[-2:0:-1]]), count):
        picture = np.full((720, 1280, 3), 96, np.uint8)
        for k in range(faces):
            x, y = k % 4 * TILE[0], k // 4 * TILE[1]
            picture[y : y + TILE[1], x : x + TILE[0]] = tile
        yield picture


def measure(models: Models, video: Path, options: Options) -> tuple[float, float, int]:
    """Seconds by the clock and of the processors, and rows found."""
    annotate_with(models, video, Options(end=0.2))  # warms
    began, used = time.perf_counter(), processor_seconds()
    tracks = annotate_with(models, video, options)
    return time.perf_counter() - began, processor_seconds() - used, len(tracks)


def table(title: str, sizes: list[float], costs: list[tuple[float, float, int]]) -> str:
    """A line a size, and how far from a straight line the costs are at most."""
    lines = [f"{title:>10}  seconds  processors  processors' s per unit  rows"]
    for size, (clock, used, rows) in zip(sizes, costs, strict=True):
        lines.append(f"{size:10g}  {clock:7.2f}  {used:10.2f}  {used / size:22.3f}  {rows:4}")
    used = np.array([cost[1] for cost in costs])
    if len(sizes) > 2:  # noqa: PLR2004 - two points are always on a line
        slope, start = np.polyfit(sizes, used, 1)
        off = np.abs(slope * np.array(sizes) + start - used) / used
        lines.append(f"a line of {start:.2f} s and {slope:.3f} s a unit: off by {100 * off.max():.1f} % at most")
    return "\n".join(lines)


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, nargs="+", default=[4, 8, 16])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    chosen = parser.parse_args()
    models = load_models(None, chosen.device, Options(), True, chosen.precision)
    with tempfile.TemporaryDirectory() as folder:
        path, shortest = Path(folder) / "video.mp4", min(chosen.seconds)
        costs = []
        for faces in chosen.faces:
            count = round(shortest * RATE)
            write_video(path, pictures(faces, count), np.arange(count) / RATE)
            costs.append(measure(models, path, Options()))
        print(f"{shortest:g} s of video\n" + table("faces", chosen.faces, costs), flush=True)
        count = round(max(chosen.seconds) * RATE)
        write_video(path, pictures(1, count), np.arange(count) / RATE)
        costs = [measure(models, path, Options(end=seconds)) for seconds in chosen.seconds]
        print("\none face\n" + table("seconds", chosen.seconds, costs))


if __name__ == "__main__":
    main()

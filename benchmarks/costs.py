"""Whether the cost grows with the work and no faster: seconds for 1, 2, 4, 8 faces, and for 1, 10 and 60 minutes.

    python benchmarks/costs.py [--faces 1 2 4 8] [--minutes 1 10 60] [--rate 25] [--direction both] [--device cpu]
                               [--precision auto]

The videos are made up: the example clip's face, forth and back, in so many places of a picture of 1280 x 720, grey
elsewhere; 1, 2 and 4 minutes unless told. Everything is done as `redtrack annotate` does it, from the file to the
result on disk. --rate is the videos' frames a second, the way to an hour where time is short: an hour of 5 frames a
second has 18,000. Beside the clock's time stands the processors' own, the decoder's with it, which other work on the
machine does not change.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from looped import looped

from redtrack.bench import processor_seconds
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.run.annotation import Annotation
from redtrack.run.export import Where
from redtrack.run.inline import Inline
from redtrack.run.networks import LoadedNetworks
from redtrack.run.plan import make_tasks
from redtrack.run.progress import SilentReporter
from redtrack.run.run import Run
from redtrack.video import Video, write_video

CLIP = Path(__file__).parent.parent / "examples" / "astronaut.mp4"
TILE = 320, 360  # of the picture that shows one face: eight of them fill it
RATE = 25

Cost = tuple[float, float, int, int]
"""Seconds by the clock, of the processors; frames; rows."""


def pictures(faces: int, count: int | None = None) -> Iterator[np.ndarray]:
    """Yields so many pictures with so many faces; without a count, as many as there are before they repeat."""
    clip = [frame.image[:, 160:480] for frame in Video(CLIP).frames()]
    forth_and_back = [*clip, *clip[-2:0:-1]]
    for tile in islice(cycle(forth_and_back), count or len(forth_and_back)):
        picture = np.full((720, 1280, 3), 96, np.uint8)
        for k in range(faces):
            x, y = k % 4 * TILE[0], k // 4 * TILE[1]
            picture[y : y + TILE[1], x : x + TILE[0]] = tile
        yield picture


def film(folder: Path, faces: int, minutes: float, rate: float) -> Path:
    """Writes a video of so many faces and minutes."""
    part = folder / "part.mp4"
    write_video(part, pictures(faces), rate=rate)
    return looped(part, folder / "video.mp4", round(minutes * 60 * rate))


def measure(models: Landmarker, video: Path, options: Options) -> Cost:
    """What annotating the video costs, with the networks loaded and the decoder started."""
    run(models, video, replace(options, end=1.0))
    began, used = time.perf_counter(), processor_seconds()
    frames, rows = run(models, video, options)
    return time.perf_counter() - began, processor_seconds() - used, frames, rows


def run(models: Landmarker, video: Path, options: Options) -> tuple[int, int]:
    """Annotates the video to a file; returns its frames and rows."""
    with tempfile.TemporaryDirectory() as folder:
        plan, reporter = Annotation(Where(Path(folder)), LoadedNetworks.of(models, options)), SilentReporter()
        (outcome,) = Run(make_tasks([video]), plan, reporter).run(Inline(plan, reporter))
    assert outcome.good, outcome.reason
    return outcome.counts.frames, outcome.counts.rows


def table(title: str, sizes: list[float], costs: list[Cost]) -> str:
    """A line a size, and how far from a straight line the costs are at most."""
    lines = [f"{title:>10}  seconds  processors  processors' s per unit  frames    rows"]
    for size, (clock, used, frames, rows) in zip(sizes, costs, strict=True):
        lines.append(f"{size:10g}  {clock:7.1f}  {used:10.2f}  {used / size:22.3f}  {frames:6}  {rows:6}")
    used = np.array([cost[1] for cost in costs])
    if len(sizes) > 2:  # noqa: PLR2004 - two points are always on a line
        slope, start = np.polyfit(sizes, used, 1, w=1 / used)
        off = np.abs(slope * np.array(sizes) + start - used) / used
        lines.append(f"a line of {start:.2f} s and {slope:.3f} s a unit: off by {100 * off.max():.1f} % at most")
    return "\n".join(lines)


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, nargs="*", default=[1, 2, 4, 8], help="in the shortest of the lengths")
    parser.add_argument("--minutes", type=float, nargs="*", default=[1, 2, 4])
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--direction", default="both")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    chosen = parser.parse_args()
    options = Options(direction=chosen.direction)
    models = Landmarker(None, chosen.device, options, True, chosen.precision)
    shortest = min(chosen.minutes, default=1)
    with tempfile.TemporaryDirectory() as folder:
        if chosen.faces:
            films = (film(Path(folder), faces, shortest, chosen.rate) for faces in chosen.faces)
            costs = [measure(models, video, options) for video in films]
            print(f"{shortest:g} min, {chosen.rate:g} frames/s\n{table('faces', chosen.faces, costs)}\n", flush=True)
        if chosen.minutes:
            video = film(Path(folder), 1, max(chosen.minutes), chosen.rate)
            costs = [measure(models, video, replace(options, end=60 * minutes)) for minutes in chosen.minutes]
            print(f"one face, {chosen.rate:g} frames/s\n{table('minutes', chosen.minutes, costs)}")


if __name__ == "__main__":
    main()

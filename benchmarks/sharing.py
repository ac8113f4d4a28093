"""What sharing is worth, each as a ratio of two settings in one run, with the networks loaded and a decoder started.

    python benchmarks/sharing.py [VIDEO ...] [--clips 20] [--frames 24] [--device cpu] [--precision fp32]

- the whole job against the network alone, for each VIDEO;
- many short clips in one run against one run for each: in one process, and in processes of their own as commands have
  (whose start-up is left out: libraries, weights, a decoder), where each run is its process's first;
- four faces in a mosaic against one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from costs import CLIP, RATE, pictures

from redtrack.bench import (
    Part,
    measure_decoding,
    measure_detecting,
    measure_looking,
    measure_whole,
    processor_seconds,
)
from redtrack.inference.annotate import InMemory, annotate_with
from redtrack.inference.engine import Engine
from redtrack.inference.landmarker import Landmarker
from redtrack.inference.options import Options
from redtrack.inference.tracker import Tracker
from redtrack.video import Video, write_video
from redtrack.video.decoder_process import POOL


def timed(work: Callable[[], object], repeats: int = 2) -> tuple[float, float]:
    """The best seconds by the clock and of the processors."""
    costs = []
    for _ in range(repeats):
        began, used = time.perf_counter(), processor_seconds()
        work()
        costs.append((time.perf_counter() - began, processor_seconds() - used))
    return min(cost[0] for cost in costs), min(cost[1] for cost in costs)


def run(models: Landmarker, paths: list[Path]) -> None:
    """Annotates videos in one engine."""
    for tracker in Engine(models, Options()).run([Tracker(path, models, Options(), InMemory()) for path in paths]):
        assert tracker.error is None, tracker.error


def run_apart(paths: list[Path], chosen: argparse.Namespace) -> tuple[float, float]:
    """Annotates videos in a fresh process; its seconds by the clock and of the processors, start-up left out."""
    how = ["--device", chosen.device, "--precision", chosen.precision, "--fresh", *map(str, paths)]
    told = subprocess.run([sys.executable, __file__, *how], check=True, capture_output=True, text=True).stdout.split()
    return float(told[0]), float(told[1])


def fresh(models: Landmarker, paths: list[Path]) -> None:
    """What `run_apart` has the other process do."""
    with POOL.loan() as decoder:
        decoder.is_idle = True
    print(*timed(lambda: run(models, paths), repeats=1))


def told(what: str, first: tuple[float, float], second: tuple[float, float]) -> None:
    """Prints the ratio of two costs."""
    print(f"{what}: {first[0] / second[0]:.2f} by the clock, {first[1] / second[1]:.2f} by the processors", flush=True)


def whole_against_network(models: Landmarker, video: Path) -> None:
    """Prints the whole job's share of what the network alone allows."""
    batch = models.crops_at_once(Options())
    annotate_with(models, video, Options(end=0.5))
    _, frames = measure_decoding(video)
    wholes = [measure_whole(models, video, Options(), batch)[0] for _ in range(2)]
    _, faces = measure_detecting(models, frames, Options())
    networks = [measure_looking(models, frames, faces, batch, Options())[1] for _ in range(3)]
    whole, network = _best(wholes), _best(networks)
    told(f"{video.name}, whole job, share of the network alone", network, whole)
    print(f"  {1 / whole[0]:.1f} frames/s, {1 / whole[1]:.1f} a processor-second")


def _best(parts: list[Part]) -> tuple[float, float]:
    """The least seconds a frame by the clock and of the processors."""
    return min(p.seconds / p.frames for p in parts), min(p.processors / p.frames for p in parts)


def clips_together(models: Landmarker, folder: Path, chosen: argparse.Namespace) -> None:
    """Prints what many short clips gain from sharing a run."""
    frames = [frame.image for _, frame in zip(range(chosen.frames), Video(CLIP).frames(), strict=False)]
    clips = [folder / f"{k}.mp4" for k in range(chosen.clips)]
    for clip in clips:
        write_video(clip, iter(frames), np.arange(len(frames)) / RATE)
    run(models, clips[:2])
    what = f"{len(clips)} clips of {len(frames)} frames, speed in one run against one run each"
    apart = timed(lambda: [run(models, [clip]) for clip in clips])
    told(f"{what}, in one process", apart, timed(lambda: run(models, clips)))
    each = [run_apart([clip], chosen) for clip in clips]
    told(f"{what}, in fresh processes", (sum(c[0] for c in each), sum(c[1] for c in each)), run_apart(clips, chosen))


def faces_together(models: Landmarker, folder: Path) -> None:
    """Prints what four faces cost more than one."""
    costs = []
    for faces in (4, 1):
        path = folder / f"faces{faces}.mp4"
        write_video(path, pictures(faces, 100), np.arange(100) / RATE)
        costs.append(timed(lambda path=path: run(models, [path])))  # type: ignore[misc]
    told("four faces, time against one", *costs)


def main() -> None:
    """Prints a line a comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="*", type=Path, default=[CLIP])
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--fresh", action="store_true", help="for its own use")
    chosen = parser.parse_args()
    models = Landmarker(None, chosen.device, Options(), True, chosen.precision)
    if chosen.fresh:
        fresh(models, chosen.videos)
        return
    for video in chosen.videos:
        whole_against_network(models, video)
    with tempfile.TemporaryDirectory() as folder:
        clips_together(models, Path(folder), chosen)
        faces_together(models, Path(folder))


if __name__ == "__main__":
    main()

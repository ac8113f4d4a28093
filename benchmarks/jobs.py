"""`--jobs 2` at a thread each against one process of two threads, in turns; and the memory of `--jobs 8`.

    python benchmarks/jobs.py [VIDEO] [--times 3] [--clips 20] [--frames 24] [--jobs 2] [--crowd 8]

- VIDEO (default: the example) alone: the ratio of the clock's times, above 1 where --jobs is faster;
- so many short clips cut from it, in one command: the same;
- --crowd processes on as many clips of 1920 x 1080: the most memory that the whole command and all its processes had
  at once, pages that they share counted once (0 leaves this out).

Commands are timed whole: start, libraries and weights are in the times, of which the medians are told. The machine has
to be quiet; `taskset` gives fewer cores.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
from costs import CLIP, RATE

from redtrack.video import Video, write_video

LOOK_EVERY = 0.25  # seconds between two looks at the memory
LARGE = 1920, 1080


def started(videos: list[Path], out: Path, jobs: int) -> subprocess.Popen[bytes]:
    """A command that annotates videos into a new folder."""
    command = [sys.executable, "-m", "redtrack", "annotate", *map(str, videos), "-o", str(out), "--jobs", str(jobs)]
    return subprocess.Popen([*command, "-q", "--overwrite"])


def seconds(videos: list[Path], out: Path, jobs: int) -> float:
    """How long the whole command takes by the clock."""
    began = time.perf_counter()
    assert started(videos, out, jobs).wait() == 0, f"--jobs {jobs} failed"
    return time.perf_counter() - began


def compare(what: str, videos: list[Path], out: Path, chosen: argparse.Namespace) -> None:
    """Prints both settings' medians and their ratio."""
    took: dict[int, list[float]] = {1: [], chosen.jobs: []}
    for _ in range(chosen.times):
        for jobs, own in took.items():
            own.append(seconds(videos, out, jobs))
    one, several = median(took[1]), median(took[chosen.jobs])
    print(f"{what}: --jobs 1 {one:.1f} s, --jobs {chosen.jobs} {several:.1f} s, ratio {one / several:.2f}", flush=True)


def clips(folder: Path, video: Path, count: int, frames: int, change: Callable[[np.ndarray], np.ndarray]) -> list[Path]:
    """So many clips of the video's first frames, each changed."""
    pictures = [change(frame.image) for frame in islice(Video(video).frames(), frames)]
    folder.mkdir()
    paths = [folder / f"{k}.mp4" for k in range(count)]
    for path in paths:
        write_video(path, iter(pictures), np.arange(len(pictures)) / RATE)
    return paths


def enlarged(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) repeated until it fills 1920 x 1080."""
    width, height = LARGE
    repeats = -(-height // len(picture)), -(-width // picture.shape[1]), 1
    return np.ascontiguousarray(np.tile(picture, repeats)[:height, :width])


def memory(command: subprocess.Popen[bytes]) -> int:
    """The most bytes that a command and all that it started had at once; Linux alone tells."""
    most = 0
    while command.poll() is None:
        most = max(most, sum(map(proportional, family(command.pid))))
        time.sleep(LOOK_EVERY)
    assert command.returncode == 0, "the command failed"
    return most


def family(first: int) -> list[int]:
    """The process and all that descend from it."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        with suppress(OSError, ValueError):
            parents[int(entry)] = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
    found = [first]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def proportional(pid: int) -> int:
    """Bytes of a process, of shared pages its part; 0 where it is gone."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("Pss:")))
    return 0


def main() -> None:
    """Prints a line a comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", nargs="?", type=Path, default=CLIP)
    parser.add_argument("--times", type=int, default=3, help="runs of each setting")
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--frames", type=int, default=24, help="of each short clip")
    parser.add_argument("--jobs", type=int, default=2, help="against one process")
    parser.add_argument("--crowd", type=int, default=8, help="processes whose memory is told; 0 for none")
    parser.add_argument("--large-frames", type=int, default=100, help="of each clip of 1920 x 1080")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare(chosen.video.name, [chosen.video], folder / "out", chosen)
        short = clips(folder / "short", chosen.video, chosen.clips, chosen.frames, lambda picture: picture)
        compare(f"{chosen.clips} clips of {chosen.frames} frames", short, folder / "out", chosen)
        if chosen.crowd:
            large = clips(folder / "large", chosen.video, chosen.crowd, chosen.large_frames, enlarged)
            most = memory(started(large, folder / "out", chosen.crowd))
            print(f"--jobs {chosen.crowd} on 1920 x 1080: {most / 1e9:.2f} GB at most")


if __name__ == "__main__":
    main()

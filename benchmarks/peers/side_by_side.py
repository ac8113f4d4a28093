"""redtrack and MediaPipe's Face Mesh on the same videos, in turns, in one run: frames/s of both, and their ratio.

    python benchmarks/peers/side_by_side.py VIDEO … --mediapipe PYTHON [--times 3] [--precision auto]

PYTHON is that of an environment with mediapipe 0.10.14 and av. Each run is a process of its own that warms up on the
video first; libraries and weights are loaded before the clock starts. Both use all cores that they are given (`taskset`
gives fewer), decode with PyAV, and find one face a frame unless --faces says more. Face Mesh gives 478 points, forward
in time; redtrack 68, both ways, with its boxes found anew. The figures are medians.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve()


def own_run(video: Path, precision: str) -> dict[str, float]:
    """redtrack's second run over the video: frames, rows, seconds by the clock and of the processors."""
    from redtrack.bench import processor_seconds
    from redtrack.inference.annotate import annotate_with
    from redtrack.inference.landmarker import Landmarker
    from redtrack.inference.options import Options

    options = Options()
    models = Landmarker(options=options, precision=precision)
    annotate_with(models, video, options)
    began, used = time.perf_counter(), processor_seconds()
    tracks = annotate_with(models, video, options)
    return {
        "frames": len(tracks.times), "found": len(tracks.frame),
        "seconds": time.perf_counter() - began, "processor_seconds": processor_seconds() - used,
    }  # fmt: skip


def figures(command: list[str]) -> dict[str, float]:
    """The JSON line that a command ends with."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(video: Path, chosen: argparse.Namespace) -> None:
    """Prints a line for each of the two, and the ratio."""
    commands = {
        "MediaPipe": [chosen.mediapipe, str(HERE.with_name("mediapipe.py")), str(video), "--faces", str(chosen.faces)],
        "redtrack": [sys.executable, str(HERE), str(video), "--own", "--precision", chosen.precision],
    }
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for _ in range(chosen.times):
        for name, command in commands.items():
            runs[name].append(figures(command))
    rates = {name: median(run["frames"] / run["seconds"] for run in own) for name, own in runs.items()}
    for name, own in runs.items():
        each = median(1000 * run["processor_seconds"] / run["frames"] for run in own)
        hour = 3600 * 25 / rates[name]
        print(f"{video.name:28} {name:10} {rates[name]:8.1f} frames/s {each:8.2f} ms of a core a frame "
              f"{hour:8.0f} s an hour of video at 25 frames/s")  # fmt: skip
    print(f"{video.name:28} redtrack / MediaPipe {rates['redtrack'] / rates['MediaPipe']:.2f}")


def main() -> None:
    """Compares on each video."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--mediapipe", default=sys.executable, help="the Python that has it")
    parser.add_argument("--faces", type=int, default=1, help="the most that MediaPipe follows")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--own", action="store_true", help="run redtrack alone, and print one JSON line")
    chosen = parser.parse_args()
    for video in chosen.videos:
        if chosen.own:
            print(json.dumps(own_run(video, chosen.precision)))
        else:
            compare(video, chosen)


if __name__ == "__main__":
    main()

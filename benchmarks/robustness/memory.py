"""Memory over the length of a video, and over many short ones in one process.

    python benchmarks/robustness/memory.py [--minutes 2 10] [--clips 40] [--real]

The length: videos of 640 x 360, 25 frames a second, with a face in every frame; peak resident memory of the process and
of its decoder. The whole measurement is `--minutes 2 60 --clips 200`. Stand-ins for the networks (blind.py) find the
same face everywhere, so that an hour takes minutes; with --real the short clips are annotated by the real networks.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import common
import videos
from looped import looped

RATE, LOOP = 25, 250  # frames a second; frames until the film repeats itself


def main() -> None:
    """Prints a line a length, then a line every so many clips."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs="*", default=[2, 10], help="lengths of the long videos")
    parser.add_argument("--clips", type=int, default=40, help="short clips in one process")
    parser.add_argument("--real", action="store_true", help="the real networks for the short clips")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.minutes:
            lengths(folder, arguments.minutes)
        if arguments.clips:
            many(folder, arguments.clips, common.REAL if arguments.real else common.BLIND)


@dataclass
class Watch:
    """Looks at a process and its children several times a second: resident MB now, and at the most."""

    pid: int
    peak: dict[int, float] = field(default_factory=dict)
    curve: list[tuple[float, float]] = field(default_factory=list)  # seconds, MB of the process itself

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def now(self, pid: int | None = None) -> float:
        """Returns the resident memory of the process, or of one of its children, in MB."""
        return _status(pid or self.pid, "VmRSS")

    def children(self) -> list[int]:
        """Returns its children."""
        try:
            tasks = Path(f"/proc/{self.pid}/task").iterdir()
            return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
        except OSError:
            return []

    def end(self) -> tuple[float, float]:
        """Returns the peaks of the process and of the largest child."""
        self._ended.set()
        self._thread.join()
        return self.peak.get(self.pid, 0.0), max((mb for pid, mb in self.peak.items() if pid != self.pid), default=0.0)

    def _look(self) -> None:
        began = time.monotonic()
        while not self._ended.wait(0.2):
            for pid in (self.pid, *self.children()):
                self.peak[pid] = max(self.peak.get(pid, 0.0), _status(pid, "VmHWM"))
            self.curve.append((time.monotonic() - began, self.now()))


def _status(pid: int, name: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)


def lengths(folder: Path, minutes: list[float]) -> None:
    """Annotates a video of each length in a process of its own."""
    print("minutes   frames     rows  seconds  peak MB  of the decoder   MB at a tenth, two tenths ... of the time")
    for length in minutes:
        video = long_video(folder / f"{length:g}.mp4", round(length * 60 * RATE))
        began = time.monotonic()
        process = common.start(
            common.BLIND, "annotate", video, "-o", folder / "out", "--quiet", stdout=subprocess.DEVNULL
        )
        watch = Watch(process.pid)
        status, _, err = common.ended(process)
        assert status == 0, err
        mine, decoder = watch.end()
        entry = common.log(folder / "out")[-1]
        curve = [watch.curve[len(watch.curve) * tenth // 10][1] for tenth in range(1, 10)]
        seconds = time.monotonic() - began
        print(
            f"{length:7g} {entry['frames']:8} {entry['rows']:8} {seconds:8.0f} {mine:8.0f} {decoder:15.0f}   "
            + " ".join(f"{mb:.0f}" for mb in curve),
            flush=True,
        )
        video.unlink()


def long_video(path: Path, frames: int) -> Path:
    """Writes a film of the example's face, encoded once and repeated as often as it takes."""
    pictures = common.face_pictures(LOOP, step=1)
    part = videos.clip(path.with_name("part.mp4"), pictures, codec="mpeg4", options={"g": "50", "bf": "0"})
    looped(part, path, frames)
    part.unlink()
    return path


def many(folder: Path, clips: int, program: list[str]) -> None:
    """Annotates short clips in one process; prints its memory as they end."""
    (folder / "in").mkdir()
    first = videos.clip(folder / "in" / "000.mp4", common.face_pictures(25))
    for number in range(1, clips):
        shutil.copy(first, folder / "in" / f"{number:03}.mp4")
    process = common.start(
        program, "annotate", folder / "in", "-o", folder / "many", "--progress", "json", stdout=subprocess.DEVNULL
    )
    watch = Watch(process.pid)
    print("\nclips done   MB   of the decoder")
    done = 0
    for event in common.events(process):
        done += event["event"] == "ended"
        if event["event"] == "ended" and (done % max(clips // 20, 1) == 0 or done == 1):
            print(f"{done:10} {watch.now():6.1f} {sum(watch.now(pid) for pid in watch.children()):8.1f}", flush=True)
    status, _, err = common.ended(process)
    mine, decoder = watch.end()
    print(f"exit status {status}; peak {mine:.0f} MB, of the largest decoder {decoder:.0f} MB")


if __name__ == "__main__":
    main()

"""A batch that is killed again and again, at random moments, each time followed by the same command.

    python benchmarks/robustness/kills.py [--kills 25] [--clips 12] [--frames 24] [--seed 0] [--squares]

At the end all clips are complete, their rows are those of an unbroken run, so are the files of the further formats, and
no file that was once complete was written a second time. Three in four kills come while videos are annotated, the
others at any moment before.

With --squares the faces are coloured squares, for which the networks have a fast stand-in: so for clips of thousands of
frames, in the middle of which a run goes on (rows reach the disk every 250 frames).
"""

from __future__ import annotations

import argparse
import math
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import common
import videos
from annotating import RED, Square, clip_of

import redtrack

FORMATS = ("csv", "pts")
Run = Callable[[Path], subprocess.Popen[str]]
Written = dict[str, tuple[int, int]]  # name of a result -> inode, time of its last change


def main() -> None:
    """Prints a line a kill, and what holds at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, default in {"--kills": 25, "--clips": 12, "--frames": 24, "--seed": 0}.items():
        parser.add_argument(option, type=int, default=default)
    parser.add_argument("--squares", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, whole, out = Path(name, "in"), Path(name, "whole"), Path(name, "out")
        make, program = (square_clips, common.SQUARES) if arguments.squares else (face_clips, common.REAL)
        folder.mkdir()
        make(folder, arguments.clips, arguments.frames)

        def run(to: Path) -> subprocess.Popen[str]:
            formats = [word for name in FORMATS for word in ("--format", name)]
            return common.start(program, "annotate", folder, "-o", to, "--progress", "json", *formats)

        startup, work = unbroken(run, whole)
        print(f"unbroken: {startup:.1f} s until the first video is begun, then {work:.1f} s")
        written = kill_again_and_again(run, out, arguments.kills, startup, work, random.Random(arguments.seed))
        status, table, err = common.ended(run(out))
        report(status, table, whole, out, written, "Traceback" in err)


def face_clips(folder: Path, clips: int, frames: int) -> None:
    """Writes clips of one face that differ in where they begin."""
    pictures = common.face_pictures(frames + 3 * clips)
    for number in range(clips):
        videos.clip(folder / f"{number:02}.mp4", pictures[3 * number : 3 * number + frames])


def square_clips(folder: Path, clips: int, frames: int) -> None:
    """Writes clips of a square that goes to and fro, each at a height of its own."""
    for number in range(clips):
        square = Square(RED, 60, lambda frame, y=20 + 10 * number: (120 + 90 * math.sin(frame / 50), y))
        clip_of(folder / f"{number:02}.mp4", (square,), frames, codec="mpeg4", pixel_format="yuv420p")


def unbroken(run: Run, out: Path) -> tuple[float, float]:
    """Runs to the end; returns seconds until the first video is begun, and from there."""
    began = time.monotonic()
    process = run(out)
    next(event for event in common.events(process) if event["event"] == "frames")
    startup = time.monotonic() - began
    status, _, err = common.ended(process)
    assert status == 0, err
    return startup, time.monotonic() - began - startup


def kill_again_and_again(
    run: Run, out: Path, kills: int, startup: float, work: float, chance: random.Random
) -> Written:
    """Kills so many runs; returns every result that was seen complete."""
    written: Written = {}
    for number in range(kills):
        process = run(out)
        if number % 4 == 3:
            time.sleep(chance.uniform(0, startup))
        else:
            next((event for event in common.events(process) if event["event"] in ("frames", "ended")), None)
            time.sleep(chance.uniform(0, 4 * work / kills))
        alive = process.poll() is None
        process.send_signal(signal.SIGKILL)
        common.ended(process)
        written |= {name: stamp for name, stamp in complete(out).items() if name not in written}
        parts = [redtrack.load(path, "hdf5").frames for path in readable(out)]
        was = "killed" if alive else "had ended"
        print(f"{number + 1:3}: {was}; {len(written):2} complete, begun and readable with frames: {parts}", flush=True)
    return written


def complete(out: Path) -> Written:
    """Returns the results under a final name, all of which must be whole."""
    found = {}
    for path in out.glob("*.h5"):
        assert redtrack.load(path).complete, f"{path} is half-written"
        found[path.name] = (path.stat().st_ino, path.stat().st_mtime_ns)
    return found


def readable(out: Path) -> list[Path]:
    """Returns unfinished results that hold something; others are begun anew."""
    from redtrack.run.result import count

    return [path for path in sorted(out.glob("*.h5.part")) if count(path).frames]


def report(status: int, table: str, whole: Path, out: Path, written: Written, traceback: bool) -> None:
    """Compares what there is with an unbroken run."""
    names = sorted(path.name for path in whole.glob("*.h5"))
    equal = sum((out / n).exists() and redtrack.load(out / n).same_as(redtrack.load(whole / n)) for n in names)
    now = complete(out)
    twice = [name for name, stamp in written.items() if now.get(name) != stamp]
    there = {path.name for path in whole.iterdir()}
    left = sorted(path.name for path in out.iterdir() if path.name not in there)
    stale = [file for file in exports(whole) if not same_content(whole / file, out / file)]
    print(f"\nthe last run: exit status {status}, {table.splitlines()[-1]}; traceback: {traceback}")
    print(f"{len(now)} of {len(names)} complete, {equal} equal to the unbroken run, row by row")
    print(f"files of {' and '.join(FORMATS)} that differ from the unbroken run's: {stale[:5] or 'none'}")
    print(
        f"finished before the last run: {len(written)}; written again: {twice or 'none'}; left over: {left or 'none'}"
    )


def exports(out: Path) -> list[Path]:
    """Returns the files of the further formats, below the folder."""
    return sorted(path.relative_to(out) for path in out.rglob("*") if path.suffix in (".csv", ".pts"))


def same_content(one: Path, other: Path) -> bool:
    """Returns whether both are there and hold the same bytes."""
    return other.is_file() and one.read_bytes() == other.read_bytes()


if __name__ == "__main__":
    main()

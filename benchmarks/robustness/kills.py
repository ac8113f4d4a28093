"""A batch that is killed again and again, at random moments, each time followed by the same command.

    python benchmarks/robustness/kills.py [--kills 25] [--clips 12] [--frames 24] [--seed 0]

At the end all clips are complete, their rows are those of an unbroken run, and no file that was once complete was
written a second time. Three in four kills come while videos are annotated, the others at any moment before.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import common
import videos

import redtrack

Written = dict[str, tuple[int, int]]  # name of a result -> inode, time of its last change


def main() -> None:
    """Prints a line a kill, and what holds at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, default in {"--kills": 25, "--clips": 12, "--frames": 24, "--seed": 0}.items():
        parser.add_argument(option, type=int, default=default)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = make_clips(Path(name, "in"), arguments.clips, arguments.frames)
        whole, out = Path(name, "whole"), Path(name, "out")
        startup, work = unbroken(folder, whole)
        print(f"unbroken: {startup:.1f} s until the first video is begun, then {work:.1f} s")
        written = kill_again_and_again(folder, out, arguments.kills, startup, work, random.Random(arguments.seed))
        status, table, err = common.ended(run(folder, out))
        report(status, table, whole, out, written, "Traceback" in err)


def make_clips(folder: Path, clips: int, frames: int) -> Path:
    """Writes clips of one face that differ in where they begin."""
    folder.mkdir()
    pictures = common.face_pictures(frames + 3 * clips)
    for number in range(clips):
        videos.clip(folder / f"{number:02}.mp4", pictures[3 * number : 3 * number + frames])
    return folder


def run(folder: Path, out: Path) -> subprocess.Popen[str]:
    """Begins the command that is to be killed."""
    return common.start(common.REAL, "annotate", folder, "-o", out, "--progress", "json")


def unbroken(folder: Path, out: Path) -> tuple[float, float]:
    """Runs to the end; returns seconds until the first video is begun, and from there."""
    began = time.monotonic()
    process = run(folder, out)
    first = next(common.events(process))
    assert first["event"] == "begin", first
    startup = time.monotonic() - began
    status, _, err = common.ended(process)
    assert status == 0, err
    return startup, time.monotonic() - began - startup


def kill_again_and_again(
    folder: Path, out: Path, kills: int, startup: float, work: float, chance: random.Random
) -> Written:
    """Kills so many runs; returns every result that was seen complete."""
    written: Written = {}
    for number in range(kills):
        process = run(folder, out)
        if number % 4 == 3:
            time.sleep(chance.uniform(0, startup))
        else:
            next(common.events(process), None)
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
    from redtrack.annotate.result import count

    return [path for path in sorted(out.glob("*.part")) if count(path).frames]


def report(status: int, table: str, whole: Path, out: Path, written: Written, traceback: bool) -> None:
    """Compares what there is with an unbroken run."""
    names = sorted(path.name for path in whole.glob("*.h5"))
    equal = sum((out / n).exists() and redtrack.load(out / n).same_as(redtrack.load(whole / n)) for n in names)
    now = complete(out)
    twice = [name for name, stamp in written.items() if now.get(name) != stamp]
    left = sorted(path.name for path in out.iterdir() if path.name not in names and path.name != "run.jsonl")
    print(f"\nthe last run: exit status {status}, {table.splitlines()[-1]}; traceback: {traceback}")
    print(f"{len(now)} of {len(names)} complete, {equal} equal to the unbroken run, row by row")
    print(
        f"finished before the last run: {len(written)}; written again: {twice or 'none'}; left over: {left or 'none'}"
    )


if __name__ == "__main__":
    main()

"""A thousand spoilt inputs a reader: each is read or refused in one sentence; no traceback, no hang, no file outside.

    python benchmarks/robustness/mutations.py [--count 1000] [--only hdf5 video …] [--seed 0]

A good file of each kind is changed in one to six places: bytes set, turned, taken out, doubled, filled; the end cut.
One line a reader: how many were read, how many refused, the slowest, and what should not have been.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import common
import videos
from random_tracks import random_tracks

from redtrack import formats
from redtrack.errors import FormatError, RedtrackError

LIMIT = 60  # seconds that one input may take
VIDEOS = [".mp4", ".mkv", ".webm", ".avi", ".wmv", ".mpg", ".ts", ".flv"]

Read = Callable[[Path], object]


class Hang(BaseException):
    """An input took longer than it may."""


@dataclass
class Tally:
    """How the inputs of one reader went."""

    read: int = 0
    refused: int = 0
    slowest: float = 0.0
    wrong: Counter[str] = field(default_factory=Counter)


def main() -> None:
    """Prints a line a reader; the exit status is 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="inputs a reader")
    parser.add_argument("--only", nargs="*", metavar="READER")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    signal.signal(signal.SIGALRM, _hang)
    bad = 0
    print("reader             read  refused  slowest s  wrong")
    with tempfile.TemporaryDirectory() as name:
        for reader, (good, read) in readers(Path(name)).items():
            if not arguments.only or reader in arguments.only:
                tally = rain(good, read, arguments.count, random.Random(f"{arguments.seed} {reader}"))
                bad += tally.wrong.total()
                what = "; ".join(f"{count} x {text}" for text, count in tally.wrong.items()) or "none"
                print(f"{reader:<16} {tally.read:6} {tally.refused:8} {tally.slowest:10.2f}  {what}", flush=True)
    sys.exit(1 if bad else 0)


def readers(folder: Path) -> dict[str, tuple[list[Path], Read]]:
    """Returns for each reader its good inputs and how they are read. A folder's files are spoilt one at a time."""
    tracks = random_tracks(frames=6, faces=2, seen=0.8, source="video.mp4")
    found: dict[str, tuple[list[Path], Read]] = {}
    for name, entry in formats.FORMATS.items():
        good = folder / f"good-{name}{entry.suffix}"
        try:
            formats.write(tracks, good, name)
        except RedtrackError as error:  # a library that is not installed
            print(f"{name}: {error}", file=sys.stderr)
            continue
        found[name] = [good], lambda path, name=name: formats.read(path, name)
    found["any format"] = [good for (good,), _ in found.values() if good.is_file()], formats.read
    found["resume"] = [unfinished(folder, tracks)], resume
    found["boxes"] = [boxes(folder / "boxes.csv")], read_boxes
    found["weights"] = [weights(folder / "weights.safetensors")], load_weights
    found["video"] = [videos.clip(folder / f"good{suffix}", 12) for suffix in VIDEOS], decode
    return found


def rain(good: list[Path], read: Read, count: int, dice: random.Random) -> Tally:
    """Spoils the inputs in turn, so many times in all."""
    tally = Tally()
    for number in range(count):
        with tempfile.TemporaryDirectory() as name:
            path = spoilt_copy(good[number % len(good)], Path(name) / "in", dice)
            before = seen(Path(name))
            began = time.monotonic()
            signal.alarm(LIMIT)
            try:
                read(path)
                tally.read += 1
            except RedtrackError as error:
                tally.refused += 1
                if len(str(error).splitlines()) != 1:
                    tally.wrong["more than one line"] += 1
            except Hang:
                tally.wrong["hang"] += 1
            except Exception as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                tally.wrong[f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"[:150]] += 1
            signal.alarm(0)
            tally.slowest = max(tally.slowest, time.monotonic() - began)
            if seen(Path(name)) != before:
                tally.wrong["a file beside"] += 1
    return tally


def _hang(number: int, frame: FrameType | None) -> None:
    raise Hang


def seen(folder: Path) -> list[Path]:
    """Returns everything below a folder and in the working folder, but the results of `resume`."""
    found = [path for path in folder.rglob("*") if "resumed" not in path.parts]
    return sorted(found) + sorted(Path.cwd().iterdir())


def spoilt_copy(good: Path, folder: Path, dice: random.Random) -> Path:
    """Copies a file or folder, one file of it spoilt."""
    folder.mkdir()
    path = folder / good.name
    if good.is_dir():
        shutil.copytree(good, path)
        victim = dice.choice(sorted(file for file in path.rglob("*") if file.is_file()))
    else:
        shutil.copy(good, path)
        victim = path
    victim.write_bytes(spoilt(victim.read_bytes(), dice))
    return path


def spoilt(data: bytes, dice: random.Random) -> bytes:
    """Changes bytes in one to six places, two in three of them in the head, where the structure mostly is."""
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 1, 2, 3, 6])):
        place = dice.randrange(min(len(changed), 4096) if dice.random() < 2 / 3 else len(changed)) if changed else 0
        length = dice.choice([1, 1, 2, 4, 8, 64])
        match dice.randrange(12):
            case 0 | 1 | 2 | 3:
                changed[place : place + length] = dice.randbytes(min(length, 8))
            case 4 | 5:
                changed[place : place + 1] = bytes([changed[place] ^ 1 << dice.randrange(8)]) if changed else b""
            case 6 | 7:
                del changed[place : place + length]
            case 8:
                changed[place:place] = changed[place : place + length]
            case 9 | 10:
                changed[place : place + length] = bytes([dice.choice([0, 127, 128, 255])]) * length
            case 11:
                del changed[place if dice.random() < 0.3 else len(changed) - length :]
    return bytes(changed)


def unfinished(folder: Path, tracks: object) -> Path:
    """Writes what a killed run leaves."""
    with formats.TracksWriter(folder / "video.h5", {"source": "video.mp4"}) as writer:
        writer.append(tracks)
    return writer.part


def resume(path: Path) -> None:
    """Goes on with a spoilt unfinished result, as the next run does: what is good of it, or anew."""
    from redtrack.run.result import count, unfinished_info

    final = path.with_suffix("")
    work = path.parent / "resumed"
    work.mkdir()
    shutil.move(path, work / path.name)
    unfinished_info(work / final.name)
    count(work / path.name)
    try:
        writer = formats.TracksWriter.resume(work / final.name)
    except FormatError:
        writer = formats.TracksWriter(work / final.name)
    with writer:
        writer.complete()
    formats.read(work / final.name)
    os.replace(work / final.name, path)


def boxes(path: Path) -> Path:
    """Writes boxes of two faces."""
    lines = [
        f"{frame},{10 * face},{frame}.5,{10 * face + 9},{frame + 9},{face}" for frame in range(9) for face in (0, 1)
    ]
    path.write_text("frame,x0,y0,x1,y1,face_id\n" + "\n".join(lines) + "\n")
    return path


def read_boxes(path: Path) -> None:
    """Reads boxes and gives them out over a video."""
    from redtrack.faces import BoxesFile

    file = BoxesFile(path)
    file.push([None] * 20, [False] * 20)
    file.finish()


def weights(path: Path) -> Path:
    """Writes an untrained network."""
    from redtrack import checkpoint

    checkpoint.save(path, checkpoint.build("detector", {}), "detector", card={})
    return path


def load_weights(path: Path) -> None:
    """Loads weights, as --weights does."""
    from redtrack import checkpoint

    checkpoint.load(path, "detector")


def decode(path: Path) -> None:
    """Decodes all frames in a process of its own; the decoder must neither crash nor hang."""
    from redtrack.video import IsolatedVideo

    video = IsolatedVideo(path, time_limit=LIMIT / 2)
    last = 0.0
    for index, frame in enumerate(video.frames()):
        assert frame.index == index and frame.time >= last, f"frame {frame.index} at {frame.time}"
        assert frame.image.shape == (video.info.height, video.info.width, 3), frame.image.shape
        last = frame.time
    assert "made the decoder" not in (video.report.reason or ""), video.report.reason


if __name__ == "__main__":
    assert common.ROOT
    main()

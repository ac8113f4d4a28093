"""A disk of 2 MB: what is said, the exit status, and what is left on it.

    python benchmarks/robustness/full_disk.py [--frames 3000]

Needs the right to mount a tmpfs. Three videos: one that fits, one that does not, one that fits again. They meet an
empty disk, where it is the CSV that finds no room; one with 110 kB left, where it is the result itself; and a full one.
Coloured squares stand for faces, for the sake of many rows in little time.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import common
from annotating import BLUE, RED, Square, clip_of, still

import redtrack
from redtrack.errors import RedtrackError

SIZE = 2 << 20  # bytes of the disk
FACES = (Square(RED, 60, still(40, 80)), Square(BLUE, 48, still(200, 100)))


def main() -> None:
    """Prints what two runs say and leave."""
    count = common.asked_frames(__doc__, 3000, "frames of the video that does not fit")
    with tempfile.TemporaryDirectory() as name:
        folder, disk = Path(name, "in"), Path(name, "disk")
        folder.mkdir()
        disk.mkdir()
        for stem, frames in {"1 fits": 40, "2 does not": count, "3 fits": 40}.items():
            clip_of(folder / f"{stem}.mp4", FACES, frames, codec="mpeg4", pixel_format="yuv420p")
        for left, formats in {"2 MB": ["csv", "pts"], "110 kB": [], "nothing": []}.items():
            with small_disk(disk):
                print(f"{left} left:")
                fill(disk / "ballast", {"2 MB": 0, "110 kB": SIZE - 110_000, "nothing": 2 * SIZE}[left])
                run(folder, disk / "out", formats)


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """Mounts an empty disk."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def fill(path: Path, size: int) -> None:
    """Writes so many bytes, or as many as there is room for."""
    try:
        with open(path, "wb", buffering=0) as file:
            file.truncate(0)
            for _ in range(size >> 12):
                file.write(bytes(1 << 12))
    except OSError:  # that is what is wanted
        return


def run(folder: Path, out: Path, formats: list[str]) -> None:
    """Annotates the folder, with further formats, and lists what lies there."""
    how = [word for name in formats for word in ("--format", name)]
    status, table, err = common.ended(common.start(common.SQUARES, "annotate", folder, "-o", out, *how))
    print("\n".join(line for line in table.splitlines() if line != "call"))
    print("\n".join(f"stderr: {line}" for line in err.splitlines()))
    print(f"exit status {status}")
    for path in sorted(out.rglob("*")) if out.exists() else []:
        if path.is_file() and path.suffix != ".pts" and path.name != "annot.json":
            print(f"  {path.relative_to(out)}: {path.stat().st_size} bytes{whole(path)}")
    for path in sorted(out.glob("*/annot")):
        print(f"  {path.relative_to(out)}: {len(list(path.iterdir()))} files{whole(path.parent)}")
    print()


def whole(path: Path) -> str:
    """Returns what a reader says of a file."""
    if path.name == "run.jsonl":
        return f", {len(common.log(path.parent))} whole lines"
    try:
        tracks = redtrack.load(path)
        return f", {tracks.frames} frames, {len(tracks)} rows"
    except RedtrackError as error:
        return f", {error.message}"


if __name__ == "__main__":
    main()

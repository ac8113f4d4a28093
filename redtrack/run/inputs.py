"""From the arguments that a user types to videos: files, folders, patterns and lists of files.

- a file is taken whatever its ending is (a picture is a video of one frame);
- a folder stands for all videos in it and below it, by their endings, in order of their names, without hidden ones;
- a pattern (`*`, `?`, `[`, `**`), where no file has that very name, for what it matches;
- `@list.txt` for the paths in it, one a line (or ended by NUL, as `find -print0` writes them), from the working folder
  or, failing that, from the list's own; empty lines and lines that begin with # are left out; `-` stands for stdin.

A file that is named twice is done once.
"""

from __future__ import annotations

import codecs
import glob
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from redtrack.errors import RedtrackError, VideoError
from redtrack.files import files_below

__all__ = ["VIDEO_ENDINGS", "find_videos"]

VIDEO_ENDINGS = frozenset(
    ".264 .265 .3g2 .3gp .asf .avi .divx .dv .f4v .flv .h264 .h265 .hevc .ivf .m1v .m2t .m2ts .m2v .m4v .mjpeg .mjpg"
    " .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .nut .ogm .ogv .rm .rmvb .ts .vob .webm .wmv .wtv .y4m".split()
)


def find_videos(arguments: Iterable[str]) -> Iterator[Path | RedtrackError]:
    """Yields the videos that the arguments stand for, in order, and an error for each that stands for none."""
    seen: set[tuple[int, int] | str] = set()
    for argument in arguments:
        for found in _expand(argument):
            key = _identity(found) if isinstance(found, Path) else None
            if key is not None and key in seen:
                continue
            if key is not None:
                seen.add(key)
            yield found


def _expand(argument: str) -> Iterator[Path | RedtrackError]:
    if argument.startswith("@") and not os.path.lexists(argument):
        yield from _from_list(argument[1:])
    elif os.path.isdir(argument):
        yield from _from_folder(Path(argument))
    elif not os.path.lexists(argument) and glob.has_magic(argument):
        yield from _from_pattern(argument)
    else:
        yield Path(argument)  # whatever is wrong with it is said when it is opened


def _from_folder(folder: Path) -> Iterator[Path | RedtrackError]:
    walked = list(files_below(folder))
    found = [path for path in walked if isinstance(path, RedtrackError) or path.suffix.lower() in VIDEO_ENDINGS]
    yield from found
    if not found:
        yield VideoError("is a folder without videos", folder, "name its files if their endings are unusual")


def _from_pattern(pattern: str) -> Iterator[Path | RedtrackError]:
    found = sorted(glob.glob(pattern, recursive=True))
    if not found:
        yield VideoError("fits no file", pattern, "check the pattern")
    for name in found:
        yield from _from_folder(Path(name)) if os.path.isdir(name) else [Path(name)]


def _from_list(name: str) -> Iterator[Path | RedtrackError]:
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        yield VideoError(f"the list cannot be read: {(error.strerror or 'unknown reason').lower()}", name)
        return
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as PowerShell's > writes it
        content = content.decode("utf-16", "replace").encode()
    content = content.removeprefix(codecs.BOM_UTF8)
    separator = b"\0" if b"\0" in content else b"\n"
    lines = [os.fsdecode(line) for line in content.split(separator)]
    if separator == b"\n":
        lines = [line.strip("\r") for line in lines if not line.startswith("#")]
    lines = [line for line in lines if line.strip()]
    if not lines:
        yield VideoError("is a list without a single path", name)
    for line in lines:
        beside = Path(name).parent / line
        path = beside if not os.path.lexists(line) and os.path.lexists(beside) else Path(line)
        yield from _from_folder(path) if path.is_dir() else [path]


def _identity(path: Path) -> tuple[int, int] | str:
    """Returns what two names of one file have in common."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return str(path)
    return status.st_dev, status.st_ino

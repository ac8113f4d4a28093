"""From the arguments that a user types to videos: files, folders, patterns and lists of files.

- a file is taken whatever its ending is (a picture is a video of one frame);
- a folder stands for all videos in it and below it, in order of their names, without hidden ones: by their endings, or
  by how they begin where the ending is unknown;
- a pattern (`*`, `?`, `[`, `**`), where no file has that very name, for what it matches;
- `@list.txt` for the paths in it, one a line (or ended by NUL, as `find -print0` writes them), from the working folder
  or, failing that, from the list's own; empty lines and lines that begin with # are left out; `-` stands for stdin.

A file that is named twice is done once.
"""

from __future__ import annotations

import codecs
import glob
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from redtrack.errors import RedtrackError, VideoError, absent, is_address, printable
from redtrack.files import file_identity, files_below

__all__ = ["VIDEO_ENDINGS", "Inputs", "find_videos"]

VIDEO_ENDINGS = frozenset(
    ".264 .265 .3g2 .3gp .asf .avi .divx .dv .f4v .flv .h264 .h265 .hevc .ivf .m1v .m2t .m2ts .m2v .m4v .mjpeg .mjpg"
    " .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .nut .ogm .ogv .rm .rmvb .ts .vob .webm .wmv .wtv .y4m".split()
)
OTHER_ENDINGS = frozenset(
    ".aac .bmp .csv .flac .h5 .heic .jpeg .jpg .json .jsonl .lock .m4a .m4b .md .mka .mp3 .oga .ogg .opus .part .pdf"
    " .png .pts .safetensors .srt .tif .tiff .toml .txt .vtt .wav .webp .wma .xml .yaml .yml .zip".split()
)
"""Endings of what is no video whatever it begins with: sound, pictures, texts, and redtrack's own files."""

PICTURE_ENDINGS = frozenset(".bmp .heic .jpeg .jpg .png .tif .tiff .webp".split())
OWN_ENDINGS = frozenset(".h5 .jsonl .lock .part .pts".split())
NAMED = 5  # files that were not taken and are named; the others are counted
LONGEST_LIST = 1 << 28  # bytes


class Inputs:
    """What the arguments of a command stand for.

    `not_taken` grows by the files of folders that are no videos, `duplicates` by other names of videos: name -> the
    name under which the file is done. `roots` are the folders in which videos were found.
    """

    def __init__(self) -> None:
        self.not_taken: list[Path] = []
        self.duplicates: dict[Path, Path] = {}
        self.roots: dict[Path, Path] = {}
        self._seen: dict[object, Path] = {}

    def find(self, arguments: Iterable[str]) -> Iterator[Path | RedtrackError]:
        """Yields the videos that the arguments stand for, in order, and an error for each that stands for none."""
        for argument in arguments:
            for found in self._expand(argument):
                if isinstance(found, RedtrackError) or self._is_new(found):
                    yield found

    def remark(self) -> str | None:
        """Returns how many files were not taken, and the first of their names; None where all were."""
        others = [path for path in self.not_taken if path.suffix.lower() not in OWN_ENDINGS]
        if not others:
            return None
        names = ", ".join(printable(path) for path in others[:NAMED])
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        were = "1 file was" if len(others) == 1 else f"{len(others)} files were"
        named = "; pictures are taken where they are named" if _pictures(others) else ""
        return f"{were} not taken, being no video: {names}{more}{named}"

    def _is_new(self, path: Path) -> bool:
        """Returns whether the file was not found before; keeps it as a duplicate where it has another name."""
        key = file_identity(path)
        first = self._seen.setdefault(key, path)
        if first is path:
            return True
        if os.path.abspath(first) != os.path.abspath(path):
            self.duplicates[path] = first
        return False

    def _expand(self, argument: str) -> Iterator[Path | RedtrackError]:
        if argument.startswith("@") and not os.path.lexists(argument):
            yield from self._from_list(argument[1:])
        elif os.path.isdir(argument):
            yield from self._from_folder(Path(argument))
        elif not os.path.lexists(argument) and glob.has_magic(argument):
            yield from self._from_pattern(argument)
        elif is_address(argument) and not os.path.lexists(argument):
            yield VideoError(*absent(argument))
        else:
            yield Path(argument)  # whatever is wrong with it is said when it is opened

    def _from_folder(self, folder: Path, root: Path | None = None) -> Iterator[Path | RedtrackError]:
        empty = True
        for found in files_below(folder):
            if isinstance(found, RedtrackError) or _is_taken(found):
                empty = False
                if isinstance(found, Path):
                    self.roots.setdefault(found, folder if root is None else root)
                yield found
            else:
                self.not_taken.append(found)
        if empty:
            yield VideoError("is a folder without videos", folder, "name its files if they are videos")

    def _from_pattern(self, pattern: str) -> Iterator[Path | RedtrackError]:
        found = sorted(glob.glob(pattern, recursive=True))
        if not found:
            yield VideoError("fits no file", pattern, "check the pattern")
        parts = Path(pattern).parts
        root = Path(*parts[: next(k for k, part in enumerate(parts) if glob.has_magic(part))])
        for name in found:
            if os.path.isdir(name):
                yield from self._from_folder(Path(name), root)
            else:
                self.roots.setdefault(Path(name), root)
                yield Path(name)

    def _from_list(self, name: str) -> Iterator[Path | RedtrackError]:
        try:
            lines = _lines_of(name)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or "unknown reason"
            yield VideoError(f"the list cannot be read: {reason.lower()}", name)
            return
        if not lines:
            yield VideoError("is a list without a single path", name)
        for line in lines:
            beside = Path(name).parent / line
            path = beside if not os.path.lexists(line) and os.path.lexists(beside) else Path(line)
            yield from self._from_folder(path) if path.is_dir() else [path]


def _pictures(paths: Iterable[Path]) -> bool:
    """Returns whether there are pictures among files."""
    return any(path.suffix.lower() in PICTURE_ENDINGS for path in paths)


def find_videos(arguments: Iterable[str]) -> Iterator[Path | RedtrackError]:
    """Yields the videos that the arguments stand for, in order, and an error for each that stands for none."""
    return Inputs().find(arguments)


def _is_taken(path: Path) -> bool:
    """Returns whether a file of a folder is a video, by its ending or else by how it begins."""
    from redtrack.video.signatures import is_video

    ending = path.suffix.lower()
    return ending in VIDEO_ENDINGS or (ending not in OTHER_ENDINGS and is_video(path))


def _lines_of(name: str) -> list[str]:
    """Returns the paths in a list; raises OSError and ValueError."""
    content = sys.stdin.buffer.read() if name == "-" else _content(name)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as PowerShell's > writes it
        content = content.decode("utf-16", "replace").encode()
    content = content.removeprefix(codecs.BOM_UTF8)
    separator = b"\0" if b"\0" in content else b"\n"
    lines = [os.fsdecode(line) for line in content.split(separator)]
    if separator == b"\n":
        lines = [line.strip("\r") for line in lines if not line.startswith("#")]
    return [line for line in lines if line.strip()]


def _content(name: str) -> bytes:
    """Returns the bytes of a list, which may be a pipe that the shell made, as `@<(find videos)` does."""
    status = os.stat(name)
    is_shells = name.startswith("/dev/fd/") and stat.S_ISFIFO(status.st_mode)
    if not (stat.S_ISREG(status.st_mode) or is_shells):
        raise ValueError("it is a pipe or a device, not a file")
    with open(name, "rb") as file:
        content = file.read(LONGEST_LIST + 1)
    if len(content) > LONGEST_LIST:
        raise ValueError("it is too large for a list of paths")
    return content

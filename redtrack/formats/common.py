"""What the formats share: output that appears only when complete, and checks of input."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np

from redtrack.errors import FormatError, OutputError, absent

__all__ = [
    "MAX_FACE",
    "MAX_FRAMES",
    "PathLike",
    "check_file",
    "face_ids",
    "foreign_scores",
    "known_rows",
    "naming",
    "number",
    "place_in_frame",
    "replacing",
    "whole_numbers",
]

PathLike = str | os.PathLike[str]

MAX_FRAMES = 2**24
"""The most frames that a file may claim: more than three days at 60 frames/s, and 150 MB of times."""

MAX_FACE = 2**31 - 1
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_REMEDIES = {
    errno.ENOSPC: "free some space or choose another folder",
    errno.EDQUOT: "free some space or choose another folder",
    errno.EFBIG: "raise the limit on the size of files, see ulimit -f",
}
_FACE_NAME = re.compile(r"face_([0-9]{1,9})")


def part_path(path: Path) -> Path:
    """Returns the temporary name beside the final one, under which output grows."""
    return path.with_name(path.name + ".part")


def _created(part: Path) -> int:
    """Returns the descriptor of a new file. What has its name goes: no link is written through, and no pipe into."""
    part.unlink(missing_ok=True)
    return os.open(part, _CREATE, 0o666)


@contextmanager
def replacing(path: PathLike) -> Iterator[IO[str]]:
    """Yields a text file that takes the name `path` when the block ends well, and leaves nothing otherwise.

    Raises OutputError where it cannot be written.
    """
    with replacing_path(path) as part, open(_created(part), "w", encoding="utf-8", newline="\n") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replacing_path(path: PathLike) -> Iterator[Path]:
    """Yields the name of a file to write, which takes the name `path` when the block ends well, and else is removed.

    What had that name before is gone, so that no link is written through. Raises OutputError where it cannot be
    written.
    """
    final = Path(path)
    part = part_path(final)
    try:
        part.unlink(missing_ok=True)
        yield part
        os.replace(part, final)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise output_error(error, final) from error
        raise


def output_error(error: Exception, path: Path) -> OutputError:
    """Returns the OutputError that says why `path` could not be written."""
    reason = os_reason(error)
    return OutputError(f"cannot be written: {reason}", path, _REMEDIES.get(_errno(error) or 0))


def os_reason(error: Exception) -> str:
    """Returns the system's words for an error; HDF5 hides its number in a long message of its own."""
    code = _errno(error)
    return os.strerror(code).lower() if code else str(error).splitlines()[0].strip() or "unknown reason"


def _errno(error: Exception) -> int | None:
    if isinstance(error, OSError) and error.errno:
        return error.errno
    hidden = re.search(r"errno = (\d+)", str(error))
    return int(hidden.group(1)) if hidden else None


def check_file(path: PathLike) -> Path:
    """Returns the path of a regular file; raises FormatError for anything else (a pipe would block)."""
    checked = Path(path)
    try:
        if checked.is_file():
            return checked
        if not checked.exists():
            raise FormatError(*absent(path))
        problem = "is a folder" if checked.is_dir() else "is not a file"
    except (OSError, ValueError) as error:
        raise FormatError("not a usable path", path) from error
    raise FormatError(problem, path)


@contextmanager
def naming(path: PathLike) -> Iterator[None]:
    """Gives the block's FormatErrors their path, and turns OSError and MemoryError into FormatErrors."""
    try:
        yield
    except FormatError as error:
        raise error if error.path else FormatError(error.message, path, error.remedy) from error
    except OSError as error:
        raise FormatError(f"cannot be read: {os_reason(error)}", path) from error
    except MemoryError as error:
        raise FormatError("does not fit in memory", path) from error


def whole_numbers(values: np.ndarray, name: str, most: int) -> np.ndarray:
    """Returns `values` (n,) as int64; raises FormatError unless they are whole numbers from 0 to `most`."""
    values = np.asarray(values)
    with np.errstate(invalid="ignore"):
        good = (values >= 0) & (values <= most) & (values == np.floor(values))
    if not good.all():
        bad = values[np.argmin(good)]
        raise FormatError(f"'{name}' is {bad:g}, not a whole number from 0 to {most}")
    return values.astype(np.int64)


def face_ids(names: Sequence[str]) -> list[int]:
    """Returns N for each track named `face_N`; their places in the list unless all have such names, each its own."""
    matches = [_FACE_NAME.fullmatch(name) for name in names]
    ids = [int(match.group(1)) for match in matches if match]
    good = len(ids) == len(names) == len(set(ids)) and max(ids, default=0) <= MAX_FACE
    return ids if good else list(range(len(names)))


def known_rows(points: np.ndarray) -> np.ndarray:
    """Returns (n,) bool, which faces of points (n, 68, 2) have any point; a point with x or y alone becomes NaN."""
    points[np.isnan(points).any(axis=2)] = np.nan
    known: np.ndarray = ~np.isnan(points).all(axis=(1, 2))
    return known


def foreign_scores(scores: np.ndarray) -> np.ndarray:
    """Returns scores of other programs as confidences: peaks of their maps may lie a little outside of 0 to 1."""
    return np.clip(scores, 0, 1)


def place_in_frame(frame: np.ndarray) -> np.ndarray:
    """Returns (n,) int64 from 0: the place of each row among those of its frame (n,), an id where a file has none."""
    order = np.argsort(frame, kind="stable")
    ordered = frame[order]
    place = np.empty(len(frame), np.int64)
    place[order] = np.arange(len(frame)) - np.searchsorted(ordered, ordered)
    return place


def number(value: object, name: str) -> float:
    """Returns a JSON value as a float; raises FormatError unless it is a number below 1e15."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(value)
    raise FormatError(f"'{name}' is not a number")

"""The errors that redtrack raises on purpose: bad input, said in one sentence.

The engine makes one the end of its video, and the command line makes it text and an exit status. Any other exception
is a bug: `as_bug` gives it a sentence, and its traceback is shown.
"""

from __future__ import annotations

import errno
import os
import re
import traceback
from pathlib import Path

__all__ = [
    "Bug",
    "DeviceError",
    "FormatError",
    "OutputError",
    "RedtrackError",
    "UsageError",
    "VideoError",
    "WeightsError",
]

_ADDRESS = re.compile(r"(https?|ftps?|sftp|rtsps?|rtmps?|s3|gs|smb|nfs):/+(?=[^/])", re.IGNORECASE)


class RedtrackError(Exception):
    """Input that cannot be used: `message` says what is wrong, `path` where, `remedy` what to do about it.

    `message` and `remedy` are clauses without a capital or a full stop; `str()` joins the three into one
    sentence that fits on one line whatever the file is called, and whatever text of it the message quotes.
    """

    def __init__(self, message: str, path: str | os.PathLike[str] | None = None, remedy: str | None = None) -> None:
        self.message = message
        self.path = None if path is None else Path(path)
        self.remedy = remedy
        super().__init__(message, path, remedy)

    def __str__(self) -> str:
        where = "" if self.path is None else f"{self.path}: "
        what_to_do = f"; {self.remedy}" if self.remedy else ""
        return printable(f"{where}{self.message}{what_to_do}")


class UsageError(RedtrackError):
    """An option or an argument that cannot be honoured."""


class VideoError(RedtrackError):
    """A file that cannot be decoded as a video."""


class FormatError(RedtrackError):
    """A tracks file that is malformed, too new, or of an unknown format."""


class WeightsError(RedtrackError):
    """A weights file that is unreadable, of another kind, or too new."""


class DeviceError(RedtrackError):
    """A device that does not exist or has no memory left."""


class OutputError(RedtrackError):
    """A result that cannot be written: no room, no permission, no folder."""


class Bug(RedtrackError):
    """An exception that nobody foresaw; `details` is its traceback."""

    details = ""


LIMITS = (errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC)


def as_bug(error: Exception) -> RedtrackError:
    """Returns the error to report for an exception that nobody foresaw; with REDTRACK_DEBUG set, raises it as it is.

    That is a Bug, unless the system refuses what it gives to others: files, memory, processes.
    """
    if os.environ.get("REDTRACK_DEBUG"):
        raise error
    if isinstance(error, OSError) and error.errno in LIMITS:
        reason = os.strerror(error.errno).lower()
        return RedtrackError(f"met a limit of the system: {reason}", remedy="raise its limits, see ulimit -a")
    words = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    made = Bug(f"met a fault of redtrack's own ({words})", remedy="please report it, with the traceback")
    made.details = "".join(traceback.format_exception(error)).rstrip()
    made.__cause__ = error
    return made


def is_address(path: str | os.PathLike[str]) -> bool:
    """Returns whether the text is one of the network, such as https://example.org/a.mp4, and no path."""
    return _ADDRESS.match(os.fspath(path)) is not None


def absent(path: str | os.PathLike[str], message: str = "no such file") -> tuple[str, str | os.PathLike[str], str]:
    """Returns what an error says of a path where nothing is: message, path and remedy."""
    if is_address(path):
        return "is an address, and only files are read", path, "download it first"
    return message, path, "check the spelling"


def printable(path: str | os.PathLike[str]) -> str:
    """Returns the path as text for any terminal or log: control characters and stray bytes are escaped.

    An address has its two slashes, of which a Path keeps one.
    """
    text = _ADDRESS.sub(r"\1://", os.fspath(path), count=1) if is_address(path) else os.fspath(path)
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    if "\udc80" <= character <= "\udcff":  # a byte that is not UTF-8, as os.fsdecode keeps it
        return f"\\x{ord(character) & 0xFF:02x}"
    return character.encode("unicode_escape").decode("ascii")


def counted(count: int, word: str, many: str = "") -> str:
    """Returns a count with its noun: 1 face, 2,000 faces."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"

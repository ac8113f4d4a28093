"""Tables of numbers in text: read a block of lines at a time, empty cells as NaN, anything else refused.

Cells are separated by commas, semicolons or tabs; behind the latter two a comma may be the decimal point, as European
spreadsheets have it. The text is UTF-8 or UTF-16. A cell that is empty or NA, as R writes it, is NaN.
"""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO

import numpy as np

from redtrack.errors import FormatError
from redtrack.formats.common import PathLike, check_file

__all__ = ["first_line", "open_table", "read_blocks", "split_line"]

LONGEST_LINE = 1 << 24
_NOTHING = r'\s*(?:"?(?:NA|N/A|null|None)"?)?\s*'
_EMPTY = re.compile(rf"(?<=,){_NOTHING}(?=,|$)|^{_NOTHING}(?=,)")


@contextmanager
def open_table(path: PathLike) -> Iterator[IO[str]]:
    """Yields a table's text with commas between its cells and points in its numbers, whatever the file has."""
    with open(check_file(path), "rb") as file:
        encoding = _encoding(file.read(4))
    with open(path, encoding=encoding, errors="replace", newline="") as file:
        separator = _separator(file.readline(LONGEST_LINE))
        file.seek(0)
        yield file if separator == "," else _WithCommas(file, separator)  # type: ignore[misc]


def first_line(head: bytes) -> str:
    """Returns the first line of a text of which the first bytes are given, with commas between its cells."""
    encoding = _encoding(head)
    text = head[: len(head) // 2 * 2].decode(encoding, "replace").removeprefix("\ufeff")
    line = text.partition("\n")[0].strip("\r")
    return line.replace(_separator(line), ",")


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if len(head) > 1 and (not head[0]) != (not head[1]):
        return "utf-16-be" if not head[0] else "utf-16-le"
    return "utf-8-sig"


def _separator(line: str) -> str:
    return max((",", ";", "\t"), key=line.count)


class _WithCommas:
    """A text file whose lines are given out with commas between the cells, and points in the numbers."""

    def __init__(self, file: IO[str], separator: str) -> None:
        self._file, self._separator = file, separator

    def readline(self, limit: int = -1) -> str:
        """Returns the next line."""
        return self._file.readline(limit).replace(",", ".").replace(self._separator, ",")


def read_blocks(file: IO[str], columns: Sequence[int], numbers: int = 1 << 20) -> Iterator[np.ndarray]:
    """Yields (lines, columns) float64 from where the file stands, about `numbers` numbers at a time; FormatError."""
    lines = _lines(file)
    size = max(numbers // max(len(columns), 1), 1)
    while block := list(islice(lines, size)):
        yield _parse(block, columns)


def split_line(line: str) -> list[str]:
    """Returns the cells of one line, quoted or not, without blanks around them."""
    try:
        return [cell.strip() for cell in next(csv.reader([line.replace("\0", "")]), [])]
    except csv.Error as error:
        raise FormatError(f"its first line is not a line of a table ({error})") from error


def _lines(file: IO[str]) -> Iterator[str]:
    """Yields the lines that hold anything, empty cells filled."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise FormatError("has a line that does not end")
        if line.strip():
            yield _EMPTY.sub("nan", line.strip("\r\n"))


def _parse(lines: Iterable[str], columns: Sequence[int]) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table: np.ndarray = np.loadtxt(
                lines, delimiter=",", usecols=columns, comments=None, quotechar='"', ndmin=2, dtype=np.float64
            )
    except (ValueError, Warning) as error:
        words = " ".join(str(error).split(";")[0].split())[:200]
        raise FormatError(f"is not a table of numbers ({words})") from error
    return table

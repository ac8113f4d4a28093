"""Tables of numbers in text: read a block of lines at a time, empty cells as NaN, anything else refused."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import IO

import numpy as np

from redtrack.errors import FormatError

__all__ = ["read_blocks", "split_line"]

LONGEST_LINE = 1 << 24
_EMPTY = re.compile(r"(?<=,)\s*(?=,|$)|^\s*(?=,)")


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

"""Tables and sentences as plain text: as wide as they are for programs, folded to its width on a terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

from redtrack.errors import printable

if TYPE_CHECKING:
    from redtrack.run.foresight import Foreseen
    from redtrack.run.outcome import Outcome

__all__ = ["fold", "foreseen_table", "outcome_table", "shorten", "table", "width_of"]

_GAP = 2  # blanks between two columns
_NARROWEST = 32  # columns that are worth folding texts into
_INDENT = 4
MOST_LISTED = 30  # videos; of more, each line would only be seen in passing


def width_of(stream: IO[str] | None = None) -> int | None:
    """Returns how many columns the terminal has that a stream (by default stdout) goes to; None where it is none."""
    stream = stream or sys.stdout
    return shutil.get_terminal_size().columns if stream.isatty() else None


def fold(text: str, width: int | None, indent: int = 2) -> str:
    """Returns the text in lines of at most `width` columns, all but the first indented; None leaves it as it is.

    Lines break between words; a word that is too long for a line, such as a path, is broken where it must be.
    """
    if width is None or width < _NARROWEST:
        return text
    how: Any = {"width": width, "subsequent_indent": " " * indent, "break_on_hyphens": False}
    return "\n".join(textwrap.fill(line, **how) if len(line) > width else line for line in text.split("\n"))


def shorten(name: str, most: int) -> str:
    """Returns a name of at most `most` characters, the middle of a longer one left out."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[len(name) - most + most // 2 + 1 :]}"


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = (), width: int | None = None) -> str:
    """Returns rows of cells in columns, the columns in `right` flush right. The last column is not padded.

    Where the table is wider than `width`, its last column is folded. Where that leaves too little room, the columns of
    text behind the last one in `right` are written one below the other, folded: beside the numbers, or below them. None
    lets it be as wide as it is.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    whole = sum(widths) + _GAP * (len(widths) - 1)
    texts = max(right, default=-1) + 1
    if width is None or whole <= width or not 0 < texts < len(widths):
        return "\n".join(_line(row, widths, right) for row in rows)
    room = width - (whole - widths[-1])
    kept = len(widths) - 1 if room >= _NARROWEST else texts
    start = sum(widths[:kept]) + _GAP * kept
    return "\n".join(_folded(row, widths[:kept], right, start, width) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    cells = [
        cell.rjust(size) if column in right else cell.ljust(size)
        for column, (cell, size) in enumerate(zip(row, widths, strict=True))
    ]
    return (" " * _GAP).join(cells).rstrip()


def _folded(row: Sequence[str], widths: Sequence[int], right: Sequence[int], start: int, width: int) -> str:
    """Returns a row on several lines: the cells that keep their columns, and the texts beside or below them."""
    numbers, texts = _line(row[: len(widths)], widths, right), [text for text in row[len(widths) :] if text]
    if width - start < _NARROWEST:
        joined = (" " * _GAP).join(texts)
        texts = [joined] if len(joined) <= width - _INDENT else texts
        lines = [" " * _INDENT + line for text in texts for line in _wrap(text, width - _INDENT)]
        return "\n".join([numbers, *lines])
    lines = [line for text in texts for line in _wrap(text, width - start)] or [""]
    first, *others = lines
    return "\n".join([f"{numbers.ljust(start)}{first}".rstrip(), *(" " * start + line for line in others)])


def _wrap(text: str, width: int) -> list[str]:
    return [text] if len(text) <= width else textwrap.wrap(text, width, break_on_hyphens=False)


def outcome_table(outcomes: Sequence[Outcome], not_begun: int = 0) -> str:
    """Returns a line for each video, failed and partial ones last, and a line that sums up; folded on a terminal.

    Of many videos, only those that failed or are partial have lines. Where there is none to list, the last line is all.
    """
    from redtrack.run.outcome import STATES

    listed = outcomes if len(outcomes) <= MOST_LISTED else [outcome for outcome in outcomes if not outcome.good]
    ordered = sorted(listed, key=lambda outcome: not outcome.good)
    rows = [["state", "frames", "damaged", "faces", "seconds", "video", "result or reason"]]
    rows += [_row(outcome) for outcome in ordered]
    counts = {state: sum(outcome.state == state for outcome in outcomes) for state in STATES}
    parts = [f"{number} {state}" for state, number in counts.items() if number]
    if not_begun:
        parts.append(f"{not_begun} not begun")
    total = len(outcomes) + not_begun
    sums = ": ".join(filter(None, [f"{total} video{'' if total == 1 else 's'}", ", ".join(parts)]))
    if not listed:
        return sums
    return f"{table(rows, right=(1, 2, 3, 4), width=width_of())}\n\n{sums}"


def foreseen_table(found: Sequence[Foreseen]) -> str:
    """Returns a line for each input of a run that is not done, those that would fail last, and the totals."""
    from redtrack.run.foresight import ANEW, DO, FAIL, RESUME, SKIP

    rows = [["would", "video", "result", "reason"]]
    for each in sorted(found, key=lambda each: each.action == FAIL):
        rows.append([each.action, *(printable(text) for text in (each.source, each.output or "-", each.reason))])
    counts = [(action, sum(each.action == action for each in found)) for action in (DO, ANEW, RESUME, SKIP, FAIL)]
    parts = ", ".join(f"{number} to {action}" for action, number in counts if number)
    sums = f"{len(found)} video{'' if len(found) == 1 else 's'}" + (f": {parts}" if parts else "")
    return f"{table(rows, right=(0,), width=width_of())}\n\n{sums}" if found else sums


def _row(outcome: Outcome) -> list[str]:
    counts = outcome.counts
    numbers = [str(counts.frames), str(counts.damaged), str(counts.faces)] if counts.frames else ["-"] * 3
    last = outcome.reason if outcome.reason or outcome.output is None else outcome.output
    return [outcome.state, *numbers, f"{outcome.seconds:.1f}", printable(outcome.source), printable(last or "")]

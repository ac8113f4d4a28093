"""Tables as plain text, for stdout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from redtrack.errors import printable

if TYPE_CHECKING:
    from redtrack.annotate.outcome import Outcome

__all__ = ["outcome_table", "table"]


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Returns rows of cells in columns, the columns in `right` flush right. The last column is not padded."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def outcome_table(outcomes: Sequence[Outcome], not_begun: int = 0) -> str:
    """Returns a line a video, those that did not end well last, and a line that sums up."""
    from redtrack.annotate.outcome import STATES

    ordered = sorted(outcomes, key=lambda outcome: not outcome.good)
    rows = [["state", "frames", "damaged", "faces", "seconds", "video", "result or reason"]]
    rows += [_row(outcome) for outcome in ordered]
    counts = {state: sum(outcome.state == state for outcome in outcomes) for state in STATES}
    parts = [f"{number} {state}" for state, number in counts.items() if number]
    if not_begun:
        parts.append(f"{not_begun} not begun")
    total = len(outcomes) + not_begun
    return f"{table(rows, right=(1, 2, 3, 4))}\n\n{total} video{'' if total == 1 else 's'}: {', '.join(parts)}"


def _row(outcome: Outcome) -> list[str]:
    counts = outcome.counts
    numbers = [str(counts.frames), str(counts.damaged), str(counts.faces)] if counts.frames else ["-"] * 3
    last = outcome.reason if outcome.reason or outcome.output is None else printable(outcome.output)
    return [outcome.state, *numbers, f"{outcome.seconds:.1f}", printable(outcome.source), last or ""]

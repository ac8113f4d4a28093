"""One table of all results of a run, with a column `video` in front, for R, pandas or polars.

A .csv holds the lines of each video's own CSV, one video after the other; a .parquet is `redtrack.formats.parquet`'s. A
video is called as its result is, without the ending. One result is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from redtrack import formats
from redtrack.errors import UsageError
from redtrack.formats.common import replacing
from redtrack.formats.openface_csv import Columns
from redtrack.run.outcome import Outcome
from redtrack.tracks import Tracks

__all__ = ["check_table", "write_run_table"]

_ENDINGS = (".csv", ".parquet")


def check_table(path: Path) -> None:
    """Raises UsageError for a name that stands for no kind of table, or whose kind needs what is not installed."""
    if path.suffix.lower() not in _ENDINGS:
        raise UsageError("is no name of a table", path, "end it in .csv or .parquet")
    if path.suffix.lower() == ".parquet":
        try:
            import_module("pyarrow")
        except ImportError as error:
            raise UsageError("Parquet needs pyarrow", path, "pip install 'redtrack[parquet]'") from error


def write_run_table(path: Path, outcomes: Iterable[Outcome], folder: Path, columns: Mapping[str, Any]) -> int:
    """Writes the table of the results that there are, in order of their names; returns how many those are.

    columns: what the writer of the table is told. Raises OutputError, and FormatError where a result cannot be read.
    """
    found = {outcome.output for outcome in outcomes if outcome.output is not None and outcome.output.is_file()}
    results = sorted((_name(output, folder), output) for output in found)
    if path.suffix.lower() == ".parquet":
        from redtrack.formats.parquet import write_run

        write_run(_read(results), path, **columns)
    else:
        _write_csv(path, _read(results), columns)
    return len(results)


def _name(output: Path, folder: Path) -> str:
    below = output.relative_to(folder) if output.is_relative_to(folder) else Path(output.name)
    return below.with_name(formats.stem(below)).as_posix()


def _read(results: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, Tracks]]:
    for name, output in results:
        yield name, formats.read(output)


def _write_csv(path: Path, videos: Iterable[tuple[str, Tracks]], columns: Mapping[str, Any]) -> None:
    table = Columns(**columns)
    with replacing(path) as file:
        file.write(f"video,{table.header()}\n")
        for name, tracks in videos:
            cell = _cell(name)
            file.writelines(f"{cell},{line}" for line in table.lines(tracks))


def _cell(text: str) -> str:
    """Returns text as a cell of CSV, quoted where it has to be."""
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text

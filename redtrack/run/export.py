"""Further formats beside a native result, written from it once it is whole.

An export bears the time of the result that it was made from, to the nanosecond, as its own time. One that bears any
other time was made from another result, or is unfinished, and is written again: no clock is compared.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redtrack.errors import FormatError, OutputError, printable
from redtrack.formats import openface_csv, parquet, pts
from redtrack.run.result import stored_info, unfinished_info
from redtrack.tracks import Tracks

__all__ = ["Where", "export", "export_path", "is_export", "outdated"]

NATIVE = "hdf5"
ENDING = ".h5"


@dataclass(frozen=True)
class Where:
    """Where results go: the folder, further formats and their options, whether old ones are overwritten."""

    folder: Path
    formats: Sequence[str] = ()
    overwrite: bool = False
    format_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Returns where the native result of this name lies."""
        return self.folder / f"{name}{ENDING}"

    def info(self, path: Path) -> dict[str, Any] | None:
        """Returns the info of a result there, be it finished or not; raises FormatError where it is not ours."""
        try:
            return stored_info(path) or unfinished_info(path)
        except FormatError:
            if self.overwrite:
                return None
            raise


def export_path(result: Path, format: str) -> Path:
    """Returns where a further format of a native result lies.

    A folder has no ending. Where the name has one, `-pts` is added: `clip.part` is where the folder of `clip` grows,
    and `clip.mp4` may be the video.
    """
    from redtrack.formats import suffix

    name = result.name.removesuffix(ENDING)
    path = result.with_name(name + suffix(format))
    is_taken = path.suffix or path.is_file()
    return path.with_name(f"{name}-{format}") if not suffix(format) and is_taken else path


def export(result: Path, where: Where, anew: bool = False) -> None:
    """Writes the formats that are missing, were made from another result or with other options; `anew`, all.

    Raises OutputError where what lies there is not ours to replace.
    """
    from redtrack import formats

    tracks: Tracks | None = None
    for name in where.formats:
        path = export_path(result, name)
        how = where.format_options.get(name, {})
        if name == NATIVE or not (anew or _is_stale(path, result) or _is_other(name, path, how)):
            continue
        if name == "csv" and not where.overwrite:
            openface_csv.refuse_foreign(path)
        tracks = formats.read(result) if tracks is None else tracks
        formats.write(tracks, path, name, **how)
        time = result.stat().st_mtime_ns
        with suppress(OSError):  # then it is written again at the next run
            os.utime(_stamped(path), ns=(time, time))


def outdated(result: Path, where: Where) -> str | None:
    """Returns what lies beside a result and was made from an earlier one; None where there is nothing.

    Formats that a run is not asked for are left as they are.
    """
    others = [name for name in _OURS if name not in where.formats]
    paths = {name: export_path(result, name) for name in others}
    found = [name for name, path in paths.items() if path.exists() and _OURS[name](path) and _is_stale(path, result)]
    if not found:
        return None
    names = " and ".join(printable(paths[name].name) for name in found)
    are = "is" if len(found) == 1 else "are"
    return f"{names} {are} of an earlier result; give --format {' --format '.join(found)}"


def is_export(path: Path, result: Path) -> bool:
    """Returns whether a file or folder is an export of this result."""
    return path.exists() and result.is_file() and not _is_stale(path, result)


def _is_our_table(path: Path) -> bool:
    try:
        openface_csv.refuse_foreign(path)
    except OutputError:
        return False
    return path.is_file()


_OURS: dict[str, Callable[[Path], bool]] = {
    "csv": _is_our_table,
    "pts": lambda path: pts.recorded_origin(path) is not None,
}
"""How an export of a format is told from a file of somebody else."""


def _is_stale(path: Path, result: Path) -> bool:
    """Returns whether an export was not made from this result, or not finished."""
    try:
        is_made_from_it = _stamped(path).stat().st_mtime_ns == result.stat().st_mtime_ns
    except OSError:
        return True
    return not is_made_from_it or pts.is_unfinished(path)


def _stamped(path: Path) -> Path:
    """Returns the file whose time tells what an export was made from: of a folder, its record."""
    return path / pts.RECORD if path.is_dir() else path


def _is_other(name: str, path: Path, how: Mapping[str, Any]) -> bool:
    """Returns whether what lies there was written with other options."""
    if name == "pts":
        return pts.recorded_origin(path) not in (None, how.get("origin", pts.ORIGIN))
    if name == "parquet":
        return parquet.has_other_columns(path, **how)
    return name == "csv" and openface_csv.has_other_columns(path, **how)

"""Further formats beside a native result, written from it once it is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redtrack.formats import openface_csv, pts
from redtrack.tracks import Tracks

__all__ = ["Where", "export"]

NATIVE = "hdf5"


@dataclass(frozen=True)
class Where:
    """Where results go: the folder, further formats and their options, whether old ones are overwritten."""

    folder: Path
    formats: Sequence[str] = ()
    overwrite: bool = False
    format_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Returns where the native result of this name lies."""
        return self.folder / f"{name}.h5"


def export(result: Path, where: Where) -> None:
    """Writes the formats that are missing, older than the native result, or written with other options.

    Raises OutputError where what lies there is not ours to replace.
    """
    from redtrack import formats

    tracks: Tracks | None = None
    for name in where.formats:
        path = result.with_name(result.stem + formats.suffix(name))
        how = where.format_options.get(name, {})
        if name == NATIVE or not (_is_stale(path, result) or _is_other(name, path, how)):
            continue
        if name == "csv" and not where.overwrite:
            openface_csv.refuse_foreign(path)
        tracks = formats.read(result) if tracks is None else tracks
        formats.write(tracks, path, name, **how)


def _is_stale(path: Path, result: Path) -> bool:
    return not path.exists() or path.stat().st_mtime_ns < result.stat().st_mtime_ns


def _is_other(name: str, path: Path, how: Mapping[str, Any]) -> bool:
    """Returns whether what lies there was written with other options."""
    if name == "pts":
        return pts.recorded_origin(path) not in (None, how.get("origin", pts.ORIGIN))
    return name == "csv" and openface_csv.has_other_columns(path, **how)

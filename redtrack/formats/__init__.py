"""Tracks in and out of files: a module for each format, with a pair of functions on `Tracks`, all in one table.

`read(path)` recognises the format by itself; `write(tracks, path)` takes it from the name's ending, unless it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redtrack.errors import FormatError, OutputError, UsageError
from redtrack.formats.common import PathLike, check_file, naming
from redtrack.tracks import Tracks

if TYPE_CHECKING:
    from redtrack.formats.writer import TracksWriter

__all__ = [
    "FORMATS",
    "Format",
    "TracksWriter",
    "is_hdf5",
    "is_text",
    "named",
    "read",
    "sniff",
    "stem",
    "suffix",
    "write",
]


@dataclass(frozen=True)
class Format:
    """One row of the table. The modules are imported when used: h5py costs 200 ms."""

    name: str
    suffix: str  # of an output; empty for a folder
    reader: str  # module:function
    writer: str
    cannot_hold: str

    def read(self, path: PathLike, **options: Any) -> Tracks:
        """Returns the tracks in a file or folder of this format; raises FormatError."""
        tracks: Tracks = _function(self.reader)(path, **options)
        return tracks

    def write(self, tracks: Tracks, path: PathLike, **options: Any) -> None:
        """Writes the tracks in this format; raises OutputError."""
        _function(self.writer)(tracks, path, **options)


_TABLE = (
    Format("hdf5", ".h5", "hdf5:read_hdf5", "writer:write_hdf5", "nothing: this is the native format"),
    Format(
        "csv",
        ".csv",
        "openface_csv:read_csv",
        "openface_csv:write_csv",
        "the scores of single points (only their mean), disagreement, boxes, states, info",
    ),
    Format(
        "pts",
        "",
        "pts:read_pts",
        "pts:write_pts",
        "scores, disagreement, boxes, states, info",
    ),
    Format(
        "sleap",
        ".analysis.h5",
        "sleap:read_sleap",
        "sleap:write_sleap",
        "disagreement, boxes, states",
    ),
    Format(
        "deeplabcut",
        ".dlc.csv",
        "deeplabcut:read_deeplabcut",
        "deeplabcut:write_deeplabcut",
        "times, disagreement, boxes, states, info",
    ),
    Format(
        "deeplabcut-hdf5",
        ".dlc.h5",
        "deeplabcut_hdf5:read_deeplabcut_hdf5",
        "deeplabcut_hdf5:write_deeplabcut_hdf5",
        "times, disagreement, boxes, states, info",
    ),
    Format(
        "coco",
        ".coco.json",
        "coco:read_coco",
        "coco:write_coco",
        "disagreement, states, info",
    ),
    Format(
        "coco-wholebody",
        ".wholebody.json",
        "coco:read_coco",
        "coco:write_coco_wholebody",
        "disagreement, states, info",
    ),
    Format(
        "parquet",
        ".parquet",
        "parquet:read_parquet",
        "parquet:write_parquet",
        "disagreement, states",
    ),
    Format(
        "nwb",
        ".nwb",
        "nwb:read_nwb",
        "nwb:write_nwb",
        "disagreement, boxes, states",
    ),
    Format(
        "mediapipe",
        ".mediapipe.json",
        "mediapipe:read_mediapipe",
        "mediapipe:write_mediapipe",
        "anything: it is only read",
    ),
)
FORMATS: dict[str, Format] = {entry.name: entry for entry in _TABLE}


def read(path: PathLike, format: str | None = None, **options: Any) -> Tracks:
    """Returns the tracks in a file or folder, of any known format unless one is named; raises FormatError."""
    return (named(format) if format else sniff(path)).read(path, **options)


def write(tracks: Tracks, path: PathLike, format: str | None = None, **options: Any) -> None:
    """Writes the tracks to a file or folder, in the format named or the one that the path's ending stands for.

    Raises UsageError for an unknown name, OutputError for an unknown ending or where nothing can be written.
    """
    (named(format) if format else _by_suffix(path)).write(tracks, path, **options)


def named(name: str) -> Format:
    """Returns a row of the table; raises UsageError, with the known names, for any other name."""
    if name not in FORMATS:
        raise UsageError(f"there is no format '{name}'", remedy=f"known are {', '.join(FORMATS)}")
    return FORMATS[name]


def suffix(name: str) -> str:
    """Returns the ending of an output of the format; empty for a folder."""
    return named(name).suffix


def stem(path: PathLike) -> str:
    """Returns a file's name without the ending of its format: clip for clip.analysis.h5 and for clip.h5."""
    name = Path(path).name
    endings = [entry.suffix for entry in FORMATS.values() if entry.suffix and name.lower().endswith(entry.suffix)]
    longest = max(map(len, endings), default=0)
    return name[:-longest] if 0 < longest < len(name) else Path(path).stem


def sniff(path: PathLike) -> Format:
    """Returns the format of an existing file or folder by its content; raises FormatError where none fits."""
    if Path(path).is_dir():
        return FORMATS["pts"]
    with naming(path):
        with open(check_file(path), "rb") as file:
            head = file.read(4096)
        found = _sniff_hdf5(path) if is_hdf5(path) else "parquet" if head[:4] == b"PAR1" else _sniff_text(path, head)
        if found is None:
            from redtrack.video.signatures import is_video

            if is_video(Path(path)):
                raise FormatError("is a video, not tracks", remedy="run `redtrack annotate` on it first")
            raise FormatError(f"is {_what_text(head)}", remedy=f"known are {', '.join(FORMATS)}")
        return FORMATS[found]


def is_hdf5(path: PathLike) -> bool:
    """Returns whether a file is HDF5, whoever wrote it."""
    from redtrack.formats import hdf5_file

    return hdf5_file.is_hdf5(path)


def _sniff_hdf5(path: PathLike) -> str:
    from redtrack.formats.hdf5_file import open_hdf5

    with open_hdf5(path) as file:
        if any("pandas_type" in file.attributes(name) for name in file.objects):
            return "deeplabcut-hdf5"
        if "nwb_version" in file.attributes():
            return "nwb"
        return "sleap" if "track_occupancy" in file else "hdf5"


def _sniff_text(path: PathLike, head: bytes) -> str | None:
    from redtrack.formats.table import first_line

    first = first_line(head).lower()
    if first.startswith(("scorer,", '"scorer",')):
        return "deeplabcut"
    if "x_0" in first:
        return "csv"
    if b"n_points" in head or Path(path).suffix.lower() == ".pts":
        return "pts"
    if first.lstrip().startswith(("{", "[")) and _is_mediapipe(head):
        return "mediapipe"
    if first.lstrip().startswith("{"):
        return "coco-wholebody" if b"COCO-WholeBody" in head else "coco"
    return None


def _is_mediapipe(head: bytes) -> bool:
    return any(mark in head for mark in (b"face_landmarks", b"faceLandmarks", b"FaceLandmarks"))


def is_text(head: bytes) -> bool:
    """Returns whether the first bytes of a file are those of a text."""
    return head.startswith((b"\xff\xfe", b"\xfe\xff")) or (bool(head) and not any(byte in _CONTROL for byte in head))


_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")


def _what_text(head: bytes) -> str:
    """Returns what a file of no known format looks like."""
    from redtrack.formats.table import first_line

    if not is_text(head):
        return "of no known format"
    first = first_line(head).lstrip()
    if first.startswith(("{", "[")):
        return "JSON of no known format"
    columns = len(first.split(","))
    return f"a table without the columns x_0 to y_67 (it has {columns})" if columns > 2 else "a text of no known format"


def _by_suffix(path: PathLike) -> Format:
    name = Path(path).name.lower()
    matches = [entry for entry in FORMATS.values() if entry.suffix and name.endswith(entry.suffix)]
    if name.endswith(".hdf5"):
        matches.append(FORMATS["hdf5"])
    if not matches and not Path(path).suffix:
        return FORMATS["pts"]
    if not matches:
        known = ", ".join(f"{entry.suffix or 'a folder'} ({entry.name})" for entry in FORMATS.values())
        raise OutputError("its ending tells no format", path, f"name one, or end it in {known}")
    return max(matches, key=lambda entry: len(entry.suffix))


def _function(where: str) -> Callable[..., Any]:
    module, name = where.split(":")
    function: Callable[..., Any] = getattr(import_module(f"redtrack.formats.{module}"), name)
    return function


def __getattr__(name: str) -> Any:
    if name == "TracksWriter":
        return _function("writer:TracksWriter")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

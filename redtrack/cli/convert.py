"""`redtrack convert`: tracks of any format into another."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redtrack.cli import tell_error
from redtrack.cli.edits import edits_options, with_edits
from redtrack.cli.formats import ALL_FORMATS, column_options, more_columns
from redtrack.cli.paths import out_option
from redtrack.errors import OutputError, RedtrackError, printable
from redtrack.files import is_same_file

if TYPE_CHECKING:
    from redtrack.tracks import Tracks


@click.command(no_args_is_help=True)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--to",
    "format",
    type=click.Choice(ALL_FORMATS),
    required=True,
    metavar="FORMAT",
    help=f"The format to write: {', '.join(ALL_FORMATS[:-1])}.",
)
@out_option("Folder for the results; created if missing. A name that ends in .parquet is one table of all.")
@click.option(
    "--from",
    "source",
    type=click.Choice(ALL_FORMATS),
    metavar="FORMAT",
    help="The format of FILE: one of these, or mediapipe.  [default: by its content]",
)
@more_columns
@edits_options
@click.option(
    "--fps",
    type=click.FloatRange(min=0, min_open=True),
    help="Frames a second of files that hold no times, such as .pts and DeepLabCut's.",
)
@click.option(
    "--pts-origin",
    type=click.IntRange(0, 1),
    help="Number of the first pixel in the .pts files that are written, or else read: 1 as in 300-W and "
    "300-VW, or 0.  [default: as recorded beside them, else 1]",
)
def convert(
    files: tuple[Path, ...],
    format: str,
    out: Path,
    source: str | None,
    columns: tuple[str, ...],
    edits: Path | None,
    no_edits: bool,
    fps: float | None,
    pts_origin: int | None,
) -> None:
    """Turn tracks of any format into another.

    FILE is a tracks file, or a folder of .pts files. Results are named for their source's stem and replace what has
    that name, but not what annotate wrote. What the other format cannot hold is lost: only hdf5 holds everything.
    docs/formats.md describes each. Edits by hand that lie beside FILE are taken in (docs/review.md).

    Exit status: 0 all done, 1 some failed, 2 wrong usage.

    \b
    Examples:
      redtrack convert tracks/*.h5 --to pts -o points
      redtrack convert tracks/*.h5 --to csv --with measures -o tables
      redtrack convert 300vw/001/annot --to hdf5 --fps 25 -o truth
      redtrack convert tracks/clip.h5 --to sleap -o sleap
      redtrack convert tracks/*.h5 --to parquet -o corpus.parquet
    """  # fmt: skip
    from redtrack import formats
    from redtrack.formats import suffix
    from redtrack.run.folder import prepare_folder
    from redtrack.run.names import name_outputs

    options = column_options(columns, (format,), "--to").get(format, {})
    if format == "pts" and pts_origin is not None:
        options["origin"] = pts_origin
    how = _How(source, None if format == "pts" else pts_origin, fps, edits, no_edits)
    failed: list[Path] = []
    if format == "parquet" and out.suffix == ".parquet":
        _write_run(out, _sources(files, out, how, failed), options)
        sys.exit(1 if failed else 0)
    prepare_folder(out)
    for path, names in zip(files, name_outputs([_named(path) for path in files]), strict=True):
        with _failing(path, failed):
            result = out / f"{names[0]}{suffix(format)}"
            tracks = _read(path, result, format, how)
            formats.write(tracks, result, format, **options)
            click.echo(printable(result))
            for note in notes(tracks, format):
                click.echo(f"{printable(path)}: {note}", err=True)
    sys.exit(1 if failed else 0)


@dataclass(frozen=True)
class _How:
    """How files are read: as which format, with which origin of .pts files, rate for those without times, and edits."""

    source: str | None
    origin: int | None
    fps: float | None
    edits: Path | None
    no_edits: bool


@contextmanager
def _failing(path: Path, failed: list[Path]) -> Iterator[None]:
    """Tells an error of the block, which is that file's alone, and adds the file to `failed`."""
    try:
        yield
    except RedtrackError as error:
        failed.append(path)
        tell_error(error)


def _write_run(out: Path, videos: Iterator[tuple[str, Tracks]], options: dict[str, Any]) -> None:
    """Writes one table of all videos."""
    from redtrack.formats.parquet import write_run

    write_run(videos, out, **options)
    click.echo(printable(out))


def _sources(files: tuple[Path, ...], out: Path, how: _How, failed: list[Path]) -> Iterator[tuple[str, Tracks]]:
    """Yields name and tracks of each file that can be read; two of one name are told apart."""
    from redtrack.run.names import name_outputs

    for path, names in zip(files, name_outputs([_named(path) for path in files]), strict=True):
        tracks: Tracks | None = None
        with _failing(path, failed):
            tracks = _read(path, out, "parquet", how)
        if tracks is not None:
            yield names[0], tracks


def _named(path: Path) -> Path:
    """Returns the path that a result is named for: of DIR/annot it is DIR, of clip.analysis.h5 it is clip."""
    from redtrack.formats import stem

    path = Path(os.path.abspath(path))
    if not path.is_dir():
        return path.with_name(stem(path) + path.suffix)
    folder = path.parent if path.name == "annot" else path
    return folder.parent / f"{folder.name}.pts"  # a folder's name has no ending of its own


def notes(tracks: Tracks, format: str) -> list[str]:
    """Returns what a user should know of tracks that were written: what they lack."""
    found = []
    if lacking := int(tracks.partial.sum()):
        found.append(f"{lacking} of {len(tracks)} faces lack points")
    if not tracks.info.get("times_known", True) and tracks.frames > 1:
        found.append("holds no times: give --fps")
    if format.startswith("coco") and not isinstance(tracks.info.get("width"), int):
        found.append("does not tell the size of its pictures, which mmpose asks for")
    return found


def _read(path: Path, result: Path, format: str, how: _How) -> Tracks:
    """Returns the tracks of a file that is to become `result`."""
    from redtrack import formats
    from redtrack.formats.openface_csv import refuse_foreign

    if is_same_file(result, path):
        raise OutputError("would be written over itself", path, "choose another -o")
    found = formats.named(how.source) if how.source else formats.sniff(path)
    if format == "hdf5":
        _keep_native(result, found.name)
    else:
        _keep_export(result, format)
    if format == "csv":
        refuse_foreign(result)
    options = {"origin": how.origin} if found.name == "pts" and how.origin is not None else {}
    tracks = with_edits(found.read(path, **options), path, how.edits, how.no_edits)
    return tracks.at_rate(how.fps) if how.fps and not tracks.info.get("times_known", True) else tracks


def _keep_export(result: Path, format: str) -> None:
    """Raises where a file that annotate wrote beside its result, and would write anew, would be replaced."""
    from redtrack import formats
    from redtrack.run.export import NATIVE, is_export

    native = result.with_name(f"{result.name.removesuffix(formats.suffix(format))}{formats.suffix(NATIVE)}")
    if is_export(result, native):
        what = f"is what annotate wrote of {native.name}, as its next run would"
        raise OutputError(what, result, "choose another -o")


def _keep_native(result: Path, source: str) -> None:
    """Raises where a file that is not ours, or one that holds more than the source's format can, would be replaced."""
    from redtrack.run.result import stored_info

    there = stored_info(result)
    if source != "hdf5" and there and there.get("source_digest"):
        raise OutputError(f"is what annotate wrote, which {source} cannot hold whole", result, "choose another -o")

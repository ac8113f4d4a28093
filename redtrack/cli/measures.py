"""`redtrack measures`: what people measure on tracks, in figures a face, and the events in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redtrack.cli import tell, tell_error
from redtrack.cli.edits import edits_options, with_edits

if TYPE_CHECKING:
    from redtrack.events import Event, Limits
    from redtrack.tracks import Tracks

_ENDINGS = {"csv": ".events.csv", "json": ".events.json", "eaf": ".eaf", "vtt": ".vtt"}


class Limit(click.ParamType):
    """NAME=NUMBER."""

    name = "name=number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        name, equals, number = str(value).partition("=")
        try:
            return name.strip().replace("-", "_"), float(number if equals else "")
        except ValueError:
            self.fail(f"'{value}' is not of the form NAME=NUMBER", param, ctx)


@click.command(no_args_is_help=True)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="TRACKS...")
@click.option(
    "--events",
    metavar="LIST|all",
    help="Find these events: blink, wink, mouth, nod, shake, look-away, with commas between them, or all.",
)
@click.option("--face", type=click.IntRange(min=0), metavar="ID", help="Only this face.  [default: every face]")
@click.option(
    "--limit",
    "limits",
    type=Limit(),
    multiple=True,
    help="Change what counts as an event, such as blink_depth=0.4; docs/events.md lists them. Repeatable.",
)
@click.option(
    "--to",
    "formats",
    type=click.Choice(list(_ENDINGS)),
    multiple=True,
    help="Write the events of each file to DIR in this format; eaf is ELAN's, vtt subtitles. Repeatable.",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for --to; made if missing.")
@edits_options
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV in place of the table.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of the table.")
def measures(
    files: tuple[Path, ...],
    events: str | None,
    face: int | None,
    limits: tuple[tuple[str, float], ...],
    formats: tuple[str, ...],
    out: Path | None,
    edits: Path | None,
    no_edits: bool,
    as_csv: bool,
    as_json: bool,
) -> int:
    """Measure eyes, mouth, brows and head; with --events, find blinks and the like.

    Without --events, prints mean, spread and range of each measure a face (docs/measures.md). With it, prints each
    event's onset, apex and offset in seconds, its amplitude and certainty (docs/events.md), and the gaps and doubtful
    stretches in which events may be missing. Limits are relative to the person's own open eyes and closed mouth. Edits
    by hand beside TRACKS are taken in.

    \b
    Examples:
      redtrack measures tracks/clip.h5
      redtrack measures tracks/*.h5 --events blink,wink --csv
      redtrack measures tracks/clip.h5 --events all --to eaf --to vtt -o events

    Exit status: 0 done, 1 a file could not be read or written, 2 wrong usage.
    """  # fmt: skip
    from redtrack.errors import UsageError
    from redtrack.events import Limits, chosen_kinds
    from redtrack.run.folder import prepare_folder

    if as_csv and as_json:
        raise click.UsageError("--csv and --json are two ways to print; choose one")
    if bool(formats) != (out is not None):
        raise UsageError("--to and -o belong together", remedy="give both or neither")
    if (formats or limits) and events is None:
        raise UsageError("--to and --limit are for events", remedy="name them with --events")
    kinds = chosen_kinds(events) if events is not None else ()
    chosen = Limits().changed(dict(limits))
    if out:
        prepare_folder(out)
    read = _read(files, face, lambda tracks, path: with_edits(tracks, path, edits, no_edits))
    failed = len(read) < len(set(files))
    if not read:
        return 1
    if not kinds:
        _show_figures(read, face, as_csv, as_json)
        return int(failed)
    found = {name: _found(tracks, face, kinds, chosen) for name, tracks in read.items()}
    if out:
        failed |= not _write(out, formats, read, found, chosen)
    else:
        _show_events(read, found, chosen, as_csv, as_json)
    return int(failed)


def _read(files: tuple[Path, ...], face: int | None, mended: Callable[[Tracks, Path], Tracks]) -> dict[str, Tracks]:
    """Returns the tracks that can be read and have the face; the others are named."""
    from redtrack import formats
    from redtrack.errors import FormatError, RedtrackError, printable

    read: dict[str, Tracks] = {}
    for path in files:
        try:
            tracks = mended(formats.read(path), path)
            if face is not None and face not in tracks.faces:
                known = ", ".join(map(str, tracks.faces[:12])) or "none"
                raise FormatError(f"there is no face {face}", path, f"the faces are {known}")
            if not tracks.faces:
                tell(f"{printable(path)}: no face")
            read[str(path)] = tracks
        except RedtrackError as error:
            tell_error(error)
    return read


def _found(tracks: Tracks, face: int | None, kinds: tuple[str, ...], limits: Limits) -> list[Event]:
    from redtrack.events import find_events

    faces = tracks.faces if face is None else [face]
    events = [event for one in faces for event in find_events(tracks, one, kinds, limits)]
    return sorted(events, key=lambda event: (event.onset_frame, event.face, event.kind))


def _write(
    out: Path, formats: tuple[str, ...], read: Mapping[str, Tracks], found: Mapping[str, list[Event]], limits: Limits
) -> bool:
    """Writes the events of each file; returns whether all could be written."""
    from redtrack.errors import OutputError, printable
    from redtrack.events.files import write_events
    from redtrack.run.names import name_outputs

    good = True
    for name, names in zip(found, name_outputs([_named(name) for name in found]), strict=True):
        video = str(read[name].info.get("source") or "") or None
        for format in dict.fromkeys(formats):
            path = out / f"{names[0]}{_ENDINGS[format]}"
            try:
                write_events(path, format, found[name], video, limits)
                click.echo(printable(path))
            except OutputError as error:
                tell_error(error)
                good = False
    return good


def _named(name: str) -> Path:
    from redtrack.formats import stem

    return Path(name).absolute().with_name(f"{stem(name)}.h5")


def _show_events(
    read: Mapping[str, Tracks], found: Mapping[str, list[Event]], limits: Limits, as_csv: bool, as_json: bool
) -> None:
    import json

    from redtrack.events.table import COLUMNS, as_document, csv_rows, write_csv_rows

    if as_json:
        click.echo(json.dumps(as_document(found, limits), indent=2))
    elif as_csv:
        rows = [[name, *row] for name, events in found.items() for row in csv_rows(events)]
        write_csv_rows(sys.stdout, [["file", *COLUMNS], *rows])
    else:
        _show_table(read, found)


def _show_table(read: Mapping[str, Tracks], found: Mapping[str, list[Event]]) -> None:
    """Prints the events of all files, and how often each kind was found."""
    from redtrack.cli.table import table, width_of
    from redtrack.errors import counted, printable
    from redtrack.events import NOT_SEEN
    from redtrack.render.overlay import clock

    rows = [["onset", "apex", "offset", "face", "amplitude", "certainty", "event", "remark", "file"]]
    for name, events in found.items():
        for event in events:
            nothing = event.kind in NOT_SEEN
            amount = ["-", "-"] if nothing else [f"{event.amplitude:.2f}", f"{event.certainty:.2f}"]
            times = [clock(time) for time in (event.onset, event.apex, event.offset)]
            words = " ".join(word for word in (event.kind, event.side) if word)
            rows.append([*times, str(event.face), *amount, words, event.remark or "-", printable(Path(name).name)])
    if len(rows) > 1:
        click.echo(table(rows, right=range(6), width=width_of()))
    counts: dict[str, int] = {}
    for event in (event for events in found.values() for event in events):
        counts[event.kind] = counts.get(event.kind, 0) + 1
    seconds = sum(_length(tracks) for tracks in read.values())
    told = ", ".join(counted(count, kind) for kind, count in counts.items()) or "no event"
    click.echo(f"{told} in {clock(seconds)}")


def _length(tracks: Tracks) -> float:
    """Returns the seconds that tracks are long, the last frame as long as the others are in the median."""
    import numpy as np

    return float(tracks.times[-1] + np.median(np.diff(tracks.times))) if tracks.frames > 1 else 0.0


def _show_figures(read: Mapping[str, Tracks], face: int | None, as_csv: bool, as_json: bool) -> None:
    """Prints mean, standard deviation and quantiles of each measure of each face."""
    import json

    from redtrack.cli.table import table, width_of
    from redtrack.events.figures import COLUMNS, figures
    from redtrack.events.table import write_csv_rows

    found = {name: figures(tracks, face) for name, tracks in read.items()}
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    head = ["file", *COLUMNS]
    rows = [[name, *map(_cell, row.values())] for name, lines in found.items() for row in lines]
    if as_csv:
        write_csv_rows(sys.stdout, [head, *rows])
    elif rows:
        shown = [[*row[1:3], *row[3:], Path(row[0]).name] for row in rows]
        click.echo(table([[*COLUMNS, "file"], *shown], right=[0, *range(2, len(COLUMNS))], width=width_of()))


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)

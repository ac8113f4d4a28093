"""`redtrack review`: the spans of tracks where a person should look first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redtrack.cli import tell, tell_error

if TYPE_CHECKING:
    from redtrack.review import Span
    from redtrack.tracks import Tracks


@click.command(no_args_is_help=True)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="TRACKS...")
@click.option("--top", type=click.IntRange(min=1), default=20, show_default=True, help="How many spans are told.")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.03,
    show_default=True,
    help="Share of all rows that is taken to be in doubt.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of the table.")
@click.option(
    "--sheet",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.png",
    help="Draw the worst frame of each span, close up, in one picture.",
)
@click.option(
    "--video",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The video of the only TRACKS file, where it is not where it was.",
)
def review(
    files: tuple[Path, ...], top: int, share: float, as_json: bool, sheet: Path | None, video: Path | None
) -> int:
    """List the spans where the two ways through time disagree most or confidence is low, the worst first.

    Rows of all files are ranked together; a file that cannot be read is named and left out. Disagreement is told as a
    share of the eye distance.

    \b
    Examples:
      redtrack review tracks/*.h5
      redtrack review tracks/clip.h5 --top 12 --sheet doubts.png

    Exit status: 0 done, 1 a file could not be read, 2 wrong usage.
    """
    import json

    from redtrack import formats
    from redtrack.errors import FormatError, UsageError, printable
    from redtrack.render.png import check_png
    from redtrack.review import find_spans

    if sheet:
        check_png(sheet)
    if video and len(files) > 1:
        raise UsageError("--video is for one TRACKS file")
    tracks = {}
    for path in files:
        try:
            tracks[str(path)] = formats.read(path)
        except FormatError as error:
            tell_error(error)
    if not tracks:
        return 1
    spans = find_spans(tracks, share, top)
    if as_json:
        click.echo(json.dumps([span.as_json() for span in spans], indent=2))
    else:
        show(spans, tracks)
    if sheet and not spans:
        click.echo(f"{printable(sheet)}: not written, for there is nothing to show", err=True)
    elif sheet:
        draw_sheet(sheet, spans, tracks, video)
    return 0 if len(tracks) == len(set(files)) else 1


def show(spans: list[Span], tracks: dict[str, Tracks]) -> None:
    """Prints the spans as a table."""
    from redtrack.cli.table import table, width_of
    from redtrack.errors import printable
    from redtrack.render.overlay import clock

    if not spans:
        click.echo("Nothing stands out.")
        return
    short = {name: Path(name).name for name in tracks}
    if len(set(short.values())) < len(short):  # such as vid.h5 of several folders
        short = {name: name for name in tracks}
    rows = [["from", "to", "frames", "face", "disagreement", "confidence", "worst", "by", "file"]]
    for span in spans:
        numbers = [
            str(span.frames),
            str(span.face),
            percent(span.disagreement),
            number(span.confidence),
            str(span.worst),
        ]
        rows.append([clock(span.start), clock(span.end), *numbers, span.sign, printable(short[span.name])])
    click.echo(table(rows, right=range(7), width=width_of()))
    inside = len({(span.name, frame) for span in spans for frame in range(span.first, span.last + 1)})
    total = sum(one.frames for one in tracks.values())
    click.echo(f"\n{len(spans)} span{'s' * (len(spans) != 1)}, {inside} frames of {total}")


def percent(share: float) -> str:
    """Returns a share as text, - where unknown."""
    return "-" if share != share else f"{share * 100:.1f} %"  # noqa: PLR0124 - NaN


def number(value: float) -> str:
    """Returns a number as text, - where unknown."""
    return "-" if value != value else f"{value:.2f}"  # noqa: PLR0124 - NaN


def draw_sheet(path: Path, spans: list[Span], tracks: dict[str, Tracks], video: Path | None) -> None:
    """Writes the picture of the spans' worst frames, each close up, in the order of the table."""
    from redtrack.errors import printable
    from redtrack.render.film import foreign
    from redtrack.render.png import write_png
    from redtrack.review import review_sheet, source_of

    for name in {span.name: None for span in spans}:
        if warning := foreign(tracks[name], video or source_of(tracks[name], name)):
            tell(f"Warning: {warning}")
    write_png(path, review_sheet(spans, tracks, video))
    click.echo(f"{printable(path)}: written", err=True)

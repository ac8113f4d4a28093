"""`redtrack plot`: what people measure on the points, over time."""

from __future__ import annotations

from pathlib import Path

import click

from redtrack.cli.edits import edits_options, with_edits
from redtrack.cli.paths import FILE


@click.command(no_args_is_help=True)
@click.argument("tracks", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=FILE, metavar="FILE",
              help="The picture: .png, .pdf or .svg.  [default: TRACKS with .png]")  # fmt: skip
@click.option("--face", type=click.IntRange(min=0), help="Face id.  [default: the face that is seen longest]")
@click.option("--events", metavar="LIST|all", help="Mark these events, such as blink,nod; see redtrack measures.")
@edits_options
def plot(
    tracks: Path, out: Path | None, face: int | None, events: str | None, edits: Path | None, no_edits: bool
) -> int:
    """Draw the openings of eyes and mouth, the height of the brows and the turns of the head over time.

    Times without the face are grey. The same numbers as a table: redtrack convert --with measures. Needs matplotlib:
    pip install 'redtrack[plot]'.

    \b
    Examples:
      redtrack plot tracks/clip.h5
      redtrack plot tracks/clip.h5 --face 1 -o second.pdf
      redtrack plot tracks/clip.h5 --events blink,look-away

    Exit status: 0 drawn, 1 the tracks could not be read or the picture not written, 2 wrong usage.
    """
    from redtrack import formats
    from redtrack.events import chosen_kinds
    from redtrack.plots import plot_measures

    kinds = chosen_kinds(events) if events is not None else ()
    path = out or tracks.with_suffix(".png")
    plot_measures(path, with_edits(formats.read(tracks), tracks, edits, no_edits), face, kinds)
    click.echo(f"{path}: written", err=True)
    return 0

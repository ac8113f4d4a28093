"""`redtrack review` without a page: the table of spans in doubt, as JSON, or as a sheet of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redtrack.cli import tell, tell_error

if TYPE_CHECKING:
    from redtrack.review import Span
    from redtrack.tracks import Tracks


def list_spans(files: list[Path], top: int, share: float, as_json: bool, sheet: Path | None, video: Path | None) -> int:
    """Prints the spans of all files, and draws their sheet where one is wanted."""
    import json

    from redtrack.errors import printable
    from redtrack.render.png import check_png
    from redtrack.review import find_spans

    if sheet:
        check_png(sheet)
    tracks = read_all(files)
    if not tracks:
        return 1
    spans = find_spans(tracks, share, top)
    if as_json:
        about = {name: describe(one) for name, one in tracks.items()}
        click.echo(json.dumps({"spans": [span.as_json() for span in spans], "files": about}, indent=2))
    else:
        show(spans, tracks)
        show_coverage(tracks, top)
    if sheet and not spans:
        click.echo(f"{printable(sheet)}: not written, for there is nothing to show", err=True)
    elif sheet:
        draw_sheet(sheet, spans, tracks, video)
    return 0 if len(tracks) == len(files) else 1


def describe(tracks: Tracks) -> dict[str, Any]:
    """Returns how much of a video has a face, and the stretches without one, as JSON values."""
    from redtrack.review import find_gaps
    from redtrack.review.page import coverage

    seen, frames = coverage(tracks)
    gaps = [gap.as_json() for gap in find_gaps(tracks)]
    return {"frames": frames, "with_face": seen, "faces": len(tracks.faces), "without_face": gaps}


def show_coverage(tracks: dict[str, Tracks], top: int) -> None:
    """Prints for each file how many frames have a face, and where there is none for longest."""
    from redtrack.errors import counted, printable
    from redtrack.render.overlay import clock
    from redtrack.review import find_gaps
    from redtrack.review.page import coverage

    covered = 0
    for name, one in tracks.items():
        seen, frames = coverage(one)
        if seen == frames and len(tracks) > 1:
            covered += 1
            continue
        share = f" ({100 * seen / frames:.0f} %)" if frames else ""
        click.echo(f"{printable(Path(name).name)}: a face in {seen} of {frames} frames{share}")
        gaps = sorted(find_gaps(one), key=lambda gap: -gap.frames)
        for gap in sorted(gaps[:top], key=lambda gap: gap.first):
            click.echo(f"  no face from {clock(gap.start)} to {clock(gap.end)}, {counted(gap.frames, 'frame')}")
        if len(gaps) > top:
            click.echo(f"  and {counted(len(gaps) - top, 'shorter stretch', 'shorter stretches')} without a face")
    if covered:
        click.echo(f"{counted(covered, 'file')} with a face in every frame")


def show(spans: list[Span], tracks: dict[str, Tracks]) -> None:
    """Prints the spans as a table."""
    from redtrack.cli.table import table, width_of
    from redtrack.errors import counted, printable
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
    click.echo(f"\n{counted(len(spans), 'span')}, {counted(inside, 'frame')} of {total}")


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


def read_all(files: list[Path]) -> dict[str, Tracks]:
    """Returns the tracks of files by their paths, with the edits beside them; what cannot be read is told."""
    from redtrack.errors import FormatError
    from redtrack.review.site import read_edited

    tracks = {}
    for path in files:
        try:
            tracks[str(path)] = read_edited(path)[0].result()
        except FormatError as error:
            tell_error(error)
    return tracks

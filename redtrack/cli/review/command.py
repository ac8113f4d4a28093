"""The command `redtrack review`, and its pages and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redtrack.cli import tell, tell_error
from redtrack.cli.paths import FOLDER

if TYPE_CHECKING:
    from redtrack.review.site import Written


@click.command(no_args_is_help=True)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="TRACKS...")
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Write a page for each video, and an index, into the folder OUT; OUT.html for a single one.",
)
@click.option(
    "--edit",
    is_flag=True,
    help="Open the pages in the browser to put points right by hand; edits are saved beside TRACKS.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="any that is free",
              help="With --edit: port of the loopback address.")  # fmt: skip
@click.option("--browser/--no-browser", default=True, help="With --edit: open the page, or only print its address.")
@click.option(
    "--edits",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.json",
    help="Take COCO key points that were put right elsewhere into the edits beside the only TRACKS file.",
)
@click.option(
    "--export-frames",
    type=click.IntRange(min=1),
    metavar="N",
    help="Write the frames of the N most doubtful faces, with their points, for a labelling tool.",
)
@click.option("--to", "format", type=click.Choice(["coco"]), default="coco", show_default=True,
              help="With --export-frames: the format of the points.")  # fmt: skip
@click.option("-o", "--out", type=FOLDER, metavar="DIR",
              help="With --export-frames: folder for pictures and points; created if missing.")  # fmt: skip
@click.option("--top", type=click.IntRange(min=1), default=20, show_default=True, help="How many spans are listed.")
@click.option("--share", type=click.FloatRange(0, 1, min_open=True), default=0.03, show_default=True,
              help="Share of rows that each of the two signs takes to be in doubt.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of the table.")
@click.option("--sheet", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.png",
              help="Draw the worst frame of each span, close up, in one picture.")  # fmt: skip
@click.option("--video", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="The video of the only TRACKS file, where it is not where it was.")  # fmt: skip
def review(
    files: tuple[Path, ...],
    html: Path | None,
    edit: bool,
    port: int,
    browser: bool,
    edits: Path | None,
    export_frames: int | None,
    format: str,
    out: Path | None,
    top: int,
    share: float,
    as_json: bool,
    sheet: Path | None,
    video: Path | None,
) -> int:
    """Show where tracks are in doubt: as a table, as pages that play the video, or to put them right by hand.

    The table lists the spans where the two ways through time disagree most or confidence is low, the worst first, and
    the stretches without a face. Rows of all files are ranked together; a file that cannot be read is named and left
    out. Disagreement is a share of the eye distance. TRACKS may be a folder that annotate wrote. Edits by hand beside
    TRACKS are taken in.

    A page needs no network and no server; it plays the video from its own file. --edit needs
    pip install 'redtrack[edit]'; it serves this machine only, until Ctrl-C.

    \b
    Examples:
      redtrack review tracks/*.h5
      redtrack review tracks --html pages
      redtrack review tracks/clip.h5 --edit
      redtrack review tracks/*.h5 --export-frames 50 --to coco -o doubtful
      redtrack review tracks/clip.h5 --top 12 --sheet doubts.png

    Exit status: 0 done, 1 a file could not be read, 2 wrong usage.
    """  # fmt: skip
    from redtrack.errors import UsageError
    from redtrack.review.site import tracks_files

    found = tracks_files(files)
    for option, given in (("--video", video), ("--edits", edits)):
        if given and len(found) > 1:
            raise UsageError(f"{option} is for one TRACKS file")
    if sum(map(bool, (html, edit, edits, export_frames))) > 1:
        raise UsageError("--html, --edit, --edits and --export-frames do different things", remedy="give one of them")
    if edits:
        return take_in(found[0], edits)
    if export_frames:
        if out is None:
            raise UsageError("--export-frames needs a folder", remedy="give -o DIR")
        return write_frames(found, export_frames, out, video)
    if html:
        return write_pages(found, html, video)
    if edit:
        from redtrack.cli.review.edit import serve_pages

        return serve_pages(found, video, port, browser)
    from redtrack.cli.review.table import list_spans

    return list_spans(found, top, share, as_json, sheet, video)


def take_in(path: Path, edits: Path) -> int:
    """Appends what was put right elsewhere to the edits beside the tracks."""
    from redtrack import formats
    from redtrack.edits import append_edits, edits_path, read_edits
    from redtrack.errors import counted, printable
    from redtrack.review.exchange import edits_from_coco

    tracks, place = formats.read(path), edits_path(path)
    known = {edit.id for edit in read_edits(place).entries} if place.is_file() else set()
    fresh = [edit for edit in edits_from_coco(edits, tracks) if edit.id not in known]
    if fresh:
        append_edits(place, fresh, path.name, tracks.info)
    click.echo(f"{printable(place)}: {counted(len(fresh), 'edit')} taken in", err=True)
    return 0


def write_frames(files: list[Path], count: int, out: Path, video: Path | None) -> int:
    """Writes the most doubtful frames and their points; prints the file of points of each video."""
    from redtrack.cli.review.table import read_all
    from redtrack.errors import RedtrackError, printable
    from redtrack.formats import stem
    from redtrack.review.exchange import doubtful_frames, export_frames
    from redtrack.review.sheet import source_of
    from redtrack.run.folder import prepare_folder
    from redtrack.run.names import name_outputs

    prepare_folder(out)
    tracks = read_all(files)
    status = 0 if len(tracks) == len(files) else 1
    names = dict(
        zip(map(str, files), name_outputs([path.with_name(stem(path) + ".h5") for path in files]), strict=True)
    )
    for name, frames in doubtful_frames(tracks, count).items():
        try:
            source = video or source_of(tracks[name], name)
            click.echo(printable(export_frames(tracks[name], frames, source, out, names[name][0])))
        except RedtrackError as error:
            tell_error(error)
            status = 1
    return status


def write_pages(files: list[Path], out: Path, video: Path | None) -> int:
    """Writes the pages, and says where they are and what is wrong."""
    from tqdm import tqdm

    from redtrack.errors import UsageError, printable
    from redtrack.review.site import Written, write_page, write_site
    from redtrack.run.folder import prepare_folder

    with tqdm(
        unit=" frames", desc="copying a video that browsers cannot play", disable=None, leave=False, delay=1
    ) as bar:
        if out.suffix.lower() == ".html":
            if len(files) > 1:
                raise UsageError("is one page for many TRACKS files", out, "name a folder")
            _, problem = write_page(files[0], out, video, progress=lambda done: bar.update(1) and None)
            tell_written(Written(files[0], out, problem))
            return 0
        prepare_folder(out)
        failed = []

        def told(written: Written) -> None:
            tell_written(written)
            failed.extend([written] if written.error else [])

        index = write_site(files, out, video, told, lambda done: bar.update(1) and None)
    click.echo(printable(index))
    return 1 if failed else 0


def tell_written(written: Written) -> None:
    """Prints where a page is; says on stderr what is wrong."""
    from redtrack.errors import printable

    if written.error:
        tell_error(written.error)
    else:
        click.echo(printable(written.page or ""))
        if written.problem:
            tell(f"Warning: {printable(written.source)}: {written.problem[0].lower()}{written.problem[1:]}")

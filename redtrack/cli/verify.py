"""`redtrack verify`: are tracks complete, and do they match their video."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from redtrack.cli.table import fold, width_of
from redtrack.errors import RedtrackError, printable


@click.command(no_args_is_help=True)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--video",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The video, if it is neither where it was nor beside the tracks. For one FILE.",
)
@click.option(
    "--quick", is_flag=True, help="Compare digests and sizes only; do not decode to compare frames and times."
)
def verify(files: tuple[Path, ...], video: Path | None, quick: bool) -> None:
    """Check that tracks are complete and match their video.

    A line a FILE, `ok` or `bad` and why. The video is looked for where it was, then beside the tracks.

    Exit status: 0 all are ok, 1 some are not.

    \b
    Examples:
      redtrack verify tracks/*.h5
      redtrack verify tracks/clip.h5 --video moved/clip.mp4
    """  # fmt: skip
    from redtrack.run.outcome import sentence
    from redtrack.verify import problems

    if video is not None and len(files) > 1:
        raise click.UsageError("--video goes with one FILE")
    bad = 0
    for path in files:
        try:
            found = problems(path, video, quick)
        except RedtrackError as error:
            found = [sentence(error, path)]
        bad += bool(found)
        line = f"bad  {printable(path)}: {printable('; '.join(found))}" if found else f"ok   {printable(path)}"
        click.echo(fold(line, width_of(), indent=5))
    sys.exit(1 if bad else 0)

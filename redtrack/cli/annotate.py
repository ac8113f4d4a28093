"""`redtrack annotate`: videos in, a tracks file for each out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redtrack.cli.formats import OUTPUT_FORMATS, column_options, more_columns, pts_origin
from redtrack.cli.placing import make_run, placing, taken
from redtrack.errors import printable
from redtrack.inference.options import DIRECTIONS, PROTOCOLS

if TYPE_CHECKING:
    from redtrack.run.outcome import Outcome
    from redtrack.run.progress import Reporter


def shaping(command: Any) -> Any:
    """Adds the options that the points depend on: the fields of `Options`."""
    for option in reversed(
        [
            click.option("--window", type=click.IntRange(min=1), default=10, show_default=True, metavar="FRAMES",
                         help="Frames T of a window, which the network sees together."),
            click.option("--direction", type=click.Choice(DIRECTIONS), default="both", show_default=True,
                         help="Direction in time; both also measures how far the two disagree."),
            click.option("--spatial-steps", type=click.IntRange(min=1), metavar="N",
                         help="Spatial steps of the network on each picture.  [default: as it was trained]"),
            click.option("--temporal/--no-temporal", default=True, show_default=True,
                         help="Use the network's recurrence through time, or take each frame alone."),
            click.option("--detect-every", type=click.IntRange(min=1), default=10, show_default=True, metavar="FRAMES",
                         help="Frames between two face detections; faces are also detected at every cut."),
            click.option("--max-faces", type=click.IntRange(min=1), metavar="N",
                         help="Keep the N largest faces of each frame."),
            click.option("--min-face", type=click.FloatRange(min=0), default=0.0, metavar="PX",
                         help="Leave out faces smaller than this (square root of the box's area)."),
            click.option("--boxes", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
                         help="Your own boxes, not the detector's: CSV with frame (from 0),x0,y0,x1,y1[,face_id]."),
            click.option("--detector", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
                         help="Weights of a face detector that you trained.  [default: the one that ships]"),
            click.option("--start", type=click.FloatRange(min=0), metavar="SECONDS", help="Start at this time."),
            click.option("--end", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop at this time."),
            click.option("--protocol", type=click.Choice(PROTOCOLS), default="windows", show_default=True,
                         help="windows is fast; tracking goes frame by frame as the paper does, for comparison."),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(no_args_is_help=True)
@click.argument("videos", nargs=-1, required=True, metavar="VIDEO...")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="DIR",
              help="Folder for the results; made if need be.")
@click.option("--format", "formats", type=click.Choice(OUTPUT_FORMATS), multiple=True,
              help="Also write this format; repeatable. HDF5 is always written: runs resume from it.")
@more_columns
@pts_origin
@click.option("--weights", metavar="NAME|PATH", help="Landmark network.  [default: the one that ships]")
@shaping
@placing
@click.option("--overwrite", is_flag=True, help="Annotate complete videos again, too.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first video that fails or is partial.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no table; errors only.")
@click.option("--progress", type=click.Choice(["rich", "plain", "json", "none"]),
              help="Display on stderr.  [default: rich on a terminal, else plain]")
def annotate(
    videos: tuple[str, ...],
    out: Path,
    formats: tuple[str, ...],
    columns: tuple[str, ...],
    pts_origin: int,
    weights: str | None,
    overwrite: bool,
    fail_fast: bool,
    quiet: bool,
    progress: str | None,
    **chosen: Any,
) -> None:
    """Put 68 landmarks on every face of every frame.

    VIDEO is a file, a folder (searched to any depth), a pattern in quotes, or @LIST, a file with one path a line. Each
    video gives DIR/<stem>.h5; those with the same stem are told apart by their endings or their folders. The same
    command again does only what is missing; DIR/run.jsonl says what became of each video.

    Exit status: 0 all done, 1 some failed or are partial, 2 wrong usage, 130 interrupted, 143 terminated.

    \b
    Examples:
      redtrack annotate clip.mp4 -o tracks
      redtrack annotate videos/ 'more/*.mkv' @list.txt -o tracks --format csv --with measures
      redtrack annotate videos/ -o tracks --devices 0,1
    """  # fmt: skip
    from redtrack.inference.options import Options
    from redtrack.run.export import Where
    from redtrack.run.inputs import find_videos
    from redtrack.run.progress import make_reporter
    from redtrack.run.run import prepare_folder
    from redtrack.run.stop import StopSignals
    from redtrack.run.undisturbed import Undisturbed

    place, csv = taken(chosen), column_options(columns, formats, "--format")
    options = Options(**chosen)
    reporter = Undisturbed(make_reporter("none" if quiet else progress))
    prepare_folder(out)
    found = list(find_videos(videos))
    where = Where(out, formats, overwrite, {"pts": {"origin": pts_origin}, "csv": csv})
    with StopSignals(reporter.say) as stop:
        run = make_run(found, where, options, weights, reporter, fail_fast, stop, place)
        reporter.begin(len(run.found))
        try:
            run.run()
        finally:
            reporter.close()
    _tell(run.outcomes, run.not_begun, quiet, reporter)
    if profile := getattr(run, "profile", None):
        click.echo(profile.sentence(), err=True)
    if stop():
        sys.exit(stop.status)
    if run.not_begun or not all(outcome.good for outcome in run.outcomes):
        sys.exit(1)


def _tell(outcomes: list[Outcome], not_begun: int, quiet: bool, reporter: Reporter) -> None:
    """Lists what became of the videos, those that failed or are partial last."""
    from redtrack.cli.table import outcome_table

    if quiet:
        for outcome in outcomes:
            if not outcome.good:
                reporter.say(f"{outcome.state}: {printable(outcome.source)}: {outcome.reason}")
        return
    click.echo(outcome_table(outcomes, not_begun))

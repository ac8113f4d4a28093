"""`redtrack annotate`: videos in, a tracks file for each out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redtrack.annotate.options import DIRECTIONS, PROTOCOLS
from redtrack.cli.formats import OUTPUT_FORMATS, pts_origin

if TYPE_CHECKING:
    from redtrack.annotate.outcome import Outcome
    from redtrack.annotate.progress import Reporter


class AutoCount(click.ParamType):
    """`auto`, which is None, or a whole number from 1."""

    name = "auto|n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        if value is None or value == "auto":
            return None
        return click.IntRange(min=1).convert(value, param, ctx)


def shaping(command: Any) -> Any:
    """The options that the points depend on: the fields of `Options`."""
    for option in reversed(
        [
            click.option("--window", type=click.IntRange(min=1), default=10, show_default=True, metavar="FRAMES",
                         help="Frames that the network sees at once."),
            click.option("--direction", type=click.Choice(DIRECTIONS), default="both", show_default=True,
                         help="Which way through time; both also tells how far the two disagree."),
            click.option("--spatial-steps", type=click.IntRange(min=1), metavar="N",
                         help="Looks of the network at each picture.  [default: as it was trained]"),
            click.option("--temporal/--no-temporal", default=True, show_default=True,
                         help="Use what the network knows of time, or take each frame alone."),
            click.option("--detect-every", type=click.IntRange(min=1), default=10, show_default=True, metavar="FRAMES",
                         help="Frames between two searches for faces; cuts are always searched."),
            click.option("--max-faces", type=click.IntRange(min=1), metavar="N",
                         help="Keep the N largest faces of each frame."),
            click.option("--min-face", type=click.FloatRange(min=0), default=0.0, metavar="PX",
                         help="Leave out faces smaller than this (square root of the box's area)."),
            click.option("--boxes", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
                         help="Your own boxes in place of the detector: CSV with frame,x0,y0,x1,y1[,face_id]."),
            click.option("--start", type=click.FloatRange(min=0), metavar="SECONDS", help="Leave out what is before."),
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
              help="Also write this format; repeatable. HDF5 is always written: by it a run is resumed.")
@pts_origin
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda:N", help="Where the networks run.")
@click.option("--weights", metavar="NAME|PATH", help="Landmark network.  [default: the one that ships]")
@click.option("--batch", type=AutoCount(), default="auto", show_default=True,
              help="Crops in one call of the network; the points do not depend on it.")
@shaping
@click.option("--overwrite", is_flag=True, help="Annotate anew what is complete, too.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first video that does not end well.")
@click.option("--quiet", is_flag=True, help="No progress and no table; errors only.")
@click.option("--progress", type=click.Choice(["rich", "plain", "json", "none"]),
              help="Display on stderr.  [default: rich on a terminal, else plain]")
def annotate(
    videos: tuple[str, ...],
    out: Path,
    formats: tuple[str, ...],
    pts_origin: int,
    device: str,
    weights: str | None,
    batch: int | None,
    overwrite: bool,
    fail_fast: bool,
    quiet: bool,
    progress: str | None,
    **shape: Any,
) -> None:
    """Put 68 landmarks on every face of every frame.

    VIDEO is a file, a folder (with all below it), a pattern in quotes, or @LIST, a file with a path a line. Each gives
    DIR/<stem>.h5; videos of one stem are told apart by their ending or their folders. The same command again does only
    what is missing; DIR/run.jsonl tells what became of each.

    Exit status: 0 all done, 1 some failed or are partial, 2 wrong usage, 130 interrupted, 143 terminated.

    \b
    Examples:
      redtrack annotate clip.mp4 -o tracks
      redtrack annotate videos/ 'more/*.mkv' @list.txt -o tracks --format csv
    """  # fmt: skip
    from redtrack.annotate.batch import Batch, prepare_folder
    from redtrack.annotate.export import Where
    from redtrack.annotate.inputs import find_videos
    from redtrack.annotate.models import load_models
    from redtrack.annotate.options import Options
    from redtrack.annotate.progress import make_reporter
    from redtrack.annotate.stop import StopSignals

    options = Options(**shape)
    reporter = make_reporter("none" if quiet else progress)
    prepare_folder(out)
    found = list(find_videos(videos))
    where = Where(out, formats, overwrite, {"pts": {"origin": pts_origin}})
    with StopSignals(reporter.say) as stop:
        models = load_models(weights, device, options)
        run = Batch(found, where, models, options, reporter, batch, fail_fast, stop)
        reporter.begin(len(found))
        try:
            run.run()
        finally:
            reporter.close()
    _tell(run.outcomes, run.not_begun, quiet, reporter)
    if stop():
        sys.exit(stop.status)
    if run.not_begun or not all(outcome.good for outcome in run.outcomes):
        sys.exit(1)


def _tell(outcomes: list[Outcome], not_begun: int, quiet: bool, reporter: Reporter) -> None:
    """Lists what became of the videos, those that did not end well last."""
    from redtrack.cli.table import outcome_table

    if quiet:
        for outcome in outcomes:
            if not outcome.good:
                reporter.say(f"{outcome.state}: {outcome.source}: {outcome.reason}")
        return
    click.echo(outcome_table(outcomes, not_begun))

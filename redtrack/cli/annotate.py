"""`redtrack annotate`: videos in, a tracks file for each out."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redtrack.cli import tell
from redtrack.cli.formats import OUTPUT_FORMATS, column_options, more_columns, pts_origin
from redtrack.cli.paths import out_option
from redtrack.cli.run_options import make_executor, networks_of, run_options, shard_of, take_run_options
from redtrack.cli.running import do_run, tasks_of
from redtrack.errors import printable
from redtrack.inference.options import DIRECTIONS, MOST, PROTOCOLS, ROTATIONS

if TYPE_CHECKING:
    from redtrack.run.annotation import Annotation
    from redtrack.run.outcome import Outcome

STOPPED_FROM = 128  # the exit statuses of a run that a signal stopped


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
                         help="Weights of a face detector that you trained.  [default: the bundled one]"),
            click.option("--start", type=click.FloatRange(min=0), metavar="SECONDS", help="Start at this time."),
            click.option("--end", type=click.FloatRange(min=0), metavar="SECONDS", help="Stop at this time."),
            click.option("--stream", type=click.IntRange(min=0), metavar="N",
                         help="Video stream of the file, as redtrack info lists them.  [default: the best]"),
            click.option("--fps", type=click.FloatRange(min=0, min_open=True), metavar="RATE",
                         help="Frames a second of files that tell neither times nor a rate."),
            click.option("--rotate", type=click.Choice(ROTATIONS),
                         help="Turn the picture clockwise; auto finds out how faces stand upright."),
            click.option("--protocol", type=click.Choice(PROTOCOLS), default="windows", show_default=True,
                         help="windows is fast; tracking goes frame by frame as the paper does, for comparison."),
            click.option("--shape/--no-shape", default=True, show_default=True,
                         help="Also fit the head's pose and the points in 3D, and tell which are visible."),
            click.option("--dense", type=click.IntRange(1, MOST["dense"]), metavar="N",
                         help=f"Also write N points (to {MOST['dense']}) all over the face, of the 3D shape."),
            click.option("--mirror/--no-mirror", default=None,
                         help="Look in a mirror as well: better, in twice the time.  [default: at pictures only]"),
            click.option("--samples", type=click.IntRange(min=2), metavar="K",
                         help="Also write how far K samples lie apart; for --weights with a variational step (var68)."),
        ]
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(no_args_is_help=True)
@click.argument("videos", nargs=-1, required=True, metavar="VIDEO...")
@out_option()
@click.option(
    "--format",
    "formats",
    type=click.Choice(OUTPUT_FORMATS),
    multiple=True,
    help="Also write this format; repeatable. HDF5 is always written: runs resume from it.",
)
@more_columns
@click.option(
    "--table",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write one table of all videos of this run, with a column video; .csv or .parquet.",
)
@pts_origin
@click.option("--weights", metavar="NAME|PATH", help="Landmark network.  [default: the bundled one]")
@shaping
@run_options
def annotate(
    videos: tuple[str, ...],
    out: Path,
    formats: tuple[str, ...],
    columns: tuple[str, ...],
    table: Path | None,
    pts_origin: int,
    weights: str | None,
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
      redtrack annotate videos/ -o tracks --table run.csv --with measures
      redtrack annotate videos/ -o tracks --devices 0,1
    """  # fmt: skip
    from redtrack.inference.options import Options
    from redtrack.run.annotation import Annotation
    from redtrack.run.export import Where
    from redtrack.run.run_table import check_table

    how = take_run_options(chosen) | {"table": table}
    if table:
        check_table(table)
    tables = (table.suffix.lower()[1:],) if table else ()
    more = column_options(columns, (*formats, *tables), "--format")
    if str(out) == "-":
        raise click.UsageError("results are files, several for each video: give -o a folder")
    where = Where(out, formats, how["overwrite"], {"pts": {"origin": pts_origin}, **more})
    plan = Annotation(where, networks_of(weights, Options(**chosen), how))
    sys.exit(_foresee(videos, plan, how) if how["dry_run"] else _run(videos, plan, how))


def _run(videos: tuple[str, ...], plan: Annotation, how: dict[str, Any]) -> int:
    """Does the run and lists what became of the videos; returns the exit status."""
    from redtrack.inference.profile import Profile

    profile = Profile() if how["profile"] else None
    shown = {name: how[name] for name in ("fail_fast", "quiet", "progress", "keep_tree")}
    make = partial(make_executor, plan, how=how, profile=profile)
    status, run = do_run(videos, plan, make, shard=shard_of(how), **shown)
    if profile is not None:
        click.echo(profile.sentence(), err=True)
    if how["table"] and status < STOPPED_FROM:
        _write_table(how["table"], run.outcomes, plan, how["quiet"])
    return status


def _write_table(path: Path, outcomes: list[Outcome], plan: Annotation, quiet: bool) -> None:
    """Writes one table of the results that there are."""
    from redtrack.run.run_table import write_run_table

    count = write_run_table(path, outcomes, plan.where.folder, plan.where.format_options[path.suffix.lower()[1:]])
    if not quiet:
        tell(f"{printable(path)}: {count} video{'' if count == 1 else 's'}")


def _foresee(videos: tuple[str, ...], plan: Annotation, how: dict[str, Any]) -> int:
    """Lists what a run would do; returns the exit status."""
    from redtrack.cli.table import foreseen_table
    from redtrack.run.foresight import FAIL, foresee

    made_with = plan.made_with()
    tasks, remark = tasks_of(videos, shard_of(how), how["keep_tree"])
    found = [foresee(task, plan, made_with) for task in tasks]
    if remark is not None:
        tell(remark)
    click.echo(foreseen_table(found))
    return int(any(each.action == FAIL for each in found))

"""`redtrack crop`: steady clips of faces, eyes or mouths."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from redtrack.cli.paths import out_option, refuse_swapped
from redtrack.cli.running import display_options, do_run, here, jobs_option

_FORMATS = ("mp4", "png", "npy")
_ALIGNS = ("face", "upright")


@click.command(no_args_is_help=True)
@click.argument("video", metavar="VIDEO")
@click.argument("tracks", type=click.Path(exists=True, path_type=Path), metavar="TRACKS")
@out_option("Folder for the crops; created if missing.")
@click.option(
    "--preset",
    default="openface",
    show_default=True,
    metavar="NAME",
    help="What is cropped: openface, arcface and lips as known data sets have them; face, eyes, right-eye, "
    "left-eye, mouth.",
)
@click.option("--size", type=int, metavar="PX", help="Side of the crops.  [default: the preset's]")
@click.option(
    "--align",
    type=click.Choice(_ALIGNS),
    default="face",
    show_default=True,
    help="Turn the crop with the face, or keep it as upright as the picture.",
)
@click.option(
    "--margin",
    type=float,
    metavar="SHARE",
    help="Room around face, eyes or mouth, in shares of its longer side.  [default: the preset's]",
)
@click.option(
    "--format",
    "format",
    type=click.Choice(_FORMATS),
    default="mp4",
    show_default=True,
    help="A film, a folder of pictures, or an array uint8 (frames, size, size, 3).",
)
@click.option(
    "--face",
    "faces",
    type=click.IntRange(min=0),
    multiple=True,
    metavar="ID",
    help="Only this face; repeatable.  [default: every face]",
)
@click.option(
    "--smooth",
    type=click.IntRange(0, 250),
    default=4,
    show_default=True,
    metavar="FRAMES",
    help="Frames to either side over which the crop's way is smoothed.",
)
@click.option(
    "--bridge",
    type=click.FloatRange(0, 60),
    default=0.5,
    show_default=True,
    metavar="SECONDS",
    help="A gap without the face that a clip goes on across; a longer one begins a new clip.",
)
@click.option("--sound/--no-sound", default=True, show_default=True, help="Keep the sound in films.")
@click.option("--overwrite", is_flag=True, help="Crop videos again that are done.")
@jobs_option
@display_options
def crop(
    video: str,
    tracks: Path,
    out: Path,
    overwrite: bool,
    jobs: int | None,
    fail_fast: bool,
    quiet: bool,
    progress: str | None,
    **chosen: Any,
) -> None:
    """Cut steady clips of faces, eyes or mouths out of videos.

    VIDEO is a file, a folder, a pattern in quotes, or @LIST; TRACKS is the tracks of the one video, or a folder in
    which each video's tracks lie, as `redtrack annotate` writes them. Each face gives DIR/<stem>.<preset>.face0.mp4,
    and DIR/<stem>.<preset>.json says which frames and times each clip has, and where they lie in the frame. The same
    command again does only what is missing; DIR/run.jsonl says what became of each video. docs/crops.md defines the
    presets.

    \b
    Examples:
      redtrack crop clip.mp4 tracks/clip.h5 -o crops
      redtrack crop videos/ tracks -o mouths --preset lips --format npy
      redtrack crop clip.mp4 tracks/clip.h5 -o eyes --preset eyes --size 160 --margin 0.4 --format png

    Exit status: 0 all done, 1 some failed, 2 wrong usage, 130 interrupted, 143 terminated.
    """  # fmt: skip
    from redtrack.cropping.plan import CropPlan
    from redtrack.cropping.save import CropOptions

    refuse_swapped("crop", Path(video), tracks)
    plan = CropPlan(tracks, out, CropOptions(**chosen), overwrite)
    make_executor = partial(here, plan, jobs=jobs)
    status, _ = do_run([video], plan, make_executor, fail_fast=fail_fast, quiet=quiet, progress=progress)
    sys.exit(status)

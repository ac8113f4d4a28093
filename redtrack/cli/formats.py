"""What the commands share about formats: their names and their options."""

from __future__ import annotations

import click

OUTPUT_FORMATS = ("hdf5", "csv", "pts")
"""What `annotate` writes."""

ALL_FORMATS = ("hdf5", "csv", "pts", "sleap", "deeplabcut", "deeplabcut-hdf5", "coco")
"""What `convert` reads and writes: the names of `redtrack.formats.FORMATS`, which help texts must not wait for."""

pts_origin = click.option(
    "--pts-origin",
    type=click.IntRange(0, 1),
    default=1,
    show_default=True,
    help="Number of the first pixel in .pts files: 1 as in 300-W and 300-VW, or 0.",
)

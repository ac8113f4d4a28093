"""What the commands share about formats: their names and their options."""

from __future__ import annotations

from typing import Any

import click

from redtrack.errors import UsageError

OUTPUT_FORMATS = ("hdf5", "csv", "pts", "parquet", "nwb")
"""What `annotate` writes."""

ALL_FORMATS = (
    "hdf5",
    "csv",
    "pts",
    "sleap",
    "deeplabcut",
    "deeplabcut-hdf5",
    "coco",
    "coco-wholebody",
    "parquet",
    "nwb",
    "mediapipe",
)
"""What `convert` reads and writes: the names of `redtrack.formats.FORMATS`, which help texts must not wait for."""

pts_origin = click.option(
    "--pts-origin",
    type=click.IntRange(0, 1),
    default=1,
    show_default=True,
    help="Number of the first pixel in .pts files: 1 as in 300-W and 300-VW, or 0.",
)

COLUMNS = {"measures": ("csv", "parquet"), "uncertainty": ("csv", "parquet"), "pose": ("csv",), "points3d": ("csv",)}
"""What `--with` adds, and the formats that have columns for it."""

more_columns = click.option(
    "--with",
    "columns",
    type=click.Choice(list(COLUMNS)),
    multiple=True,
    help="More columns in csv: measures as docs/measures.md defines them, uncertainty for these with their standard "
    "deviations, the head's pose as OpenFace's pose_Tx to pose_Rz, points3d as its X_0 to Z_67 (docs/pose.md). In "
    "parquet, measures are always there, and uncertainty may be added. Repeatable.",
)


def column_options(columns: tuple[str, ...], formats: tuple[str, ...], option: str) -> dict[str, dict[str, Any]]:
    """Returns what the writer of each format is told of `--with`; raises UsageError where none is for a column."""
    for name in columns:
        if not set(COLUMNS[name]) & set(formats):
            raise UsageError(f"--with {name} is for {option} {' or '.join(COLUMNS[name])}")
    tables = {"csv": dict.fromkeys(columns, True), "parquet": {"uncertainty": True} if "uncertainty" in columns else {}}
    return {name: how for name, how in tables.items() if name in formats}

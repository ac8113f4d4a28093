"""`redtrack doctor`: whether this machine is fit, and what to do where it is not."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from redtrack.cli.table import fold, width_of
from redtrack.errors import printable

WIDTH = 9  # columns of the longest state, with its gap


@click.command()
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=".",
    metavar="DIR",
    show_default=True,
    help="Folder that results would be written to.",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line in place of text.")
def doctor(out: Path, as_json: bool) -> None:
    """Check that this machine is fit: versions, torch, devices, FFmpeg, weights, the output folder.

    Each part is tried: a video is encoded and decoded, the networks are loaded, a file is written and locked. A line
    for each says `ok`, `warning` or `bad`, and what to do.

    Exit status: 0 nothing is bad, 1 something is.

    \b
    Examples:
      redtrack doctor
      redtrack doctor -o tracks --json
    """  # fmt: skip
    from redtrack.doctor import BAD, examine

    is_bad = False
    for finding in examine(out):
        is_bad |= finding.state == BAD
        if as_json:
            click.echo(json.dumps(asdict(finding)))
        else:
            what = f"{finding.part}: {printable(finding.text)}" + (f"; {finding.remedy}" if finding.remedy else "")
            click.echo(fold(f"{finding.state:<{WIDTH}}{what}", width_of(), indent=WIDTH))
    sys.exit(1 if is_bad else 0)

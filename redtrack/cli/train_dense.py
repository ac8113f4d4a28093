"""`redtrack train dense`: a head of dense features on a trained landmark network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
              help="Folder of pictures with .pts files beside them.")  # fmt: skip
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the run.")
@click.option("--start", metavar="NAME|PATH",
              help="The landmark network, which stays as it is.  [default: the bundled one]")  # fmt: skip
@click.option("--faces", type=click.IntRange(min=1), metavar="N", help="Take N faces, at random.  [default: all]")
@click.option("--views", type=click.IntRange(min=1), default=1, show_default=True,
              help="Views of each face beside its photograph.")  # fmt: skip
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Stop after this time.  [default: 20]")
@click.option("--steps", type=click.IntRange(min=1), help="Stop after this many steps.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), default=2e-3, show_default=True,
              help="Highest learning rate.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything that is drawn at random.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
def dense(
    data: Path,
    out: Path,
    start: str | None,
    minutes: float | None,
    steps: int | None,
    rate: float,
    quiet: bool,
    **how: Any,
) -> None:
    """Train features by which the same place of another face, or of another view, is found.

    Faces are turned on their fitted 3D shape first, a few in a second. Those whose names are held out are left out.

    \b
    Example: redtrack train dense --start rednet-small --data 300w -o runs/dense
    """
    from redtrack.training.dense.stage import train_dense
    from redtrack.training.schedule import Schedule

    schedule = Schedule(minutes=minutes or (None if steps else 20.0), steps=steps, rate=rate)
    click.echo(train_dense(data, out, schedule, start, not quiet, **how))

"""`redtrack train shape`, `views`, `dense`: the basis of 3D face shapes, turned faces, and features of their places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="3D model of the face, .npz; docs/training.md says what it holds.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    multiple=True,
    help="Folder of pictures with .pts files beside them. Repeatable.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The basis, .safetensors.",
)
def shape(model: Path, data: tuple[Path, ...], out: Path) -> None:
    """Learn the basis of 3D face shapes that poses are fitted with.

    Takes a minute or two. About a tenth of the names, chosen by their checksums, is held out.

    \b
    Example: redtrack train shape --model face3d.npz --data 300w -o runs/shape3d.safetensors
    """  # fmt: skip
    from redtrack.errors import OutputError
    from redtrack.training.shape.learn import train_shape

    try:
        card = train_shape(model, data, out)
    except OSError as error:
        raise OutputError(f"cannot be written: {(error.strerror or str(error)).lower()}", out) from error
    off = 100 * card["reprojection"]
    click.echo(f"{out}: learnt from {card['faces']} faces, off by {off:.2f} % of the eye distance")


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of pictures with .pts files beside them.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the pictures and labels.",
)
@click.option("--views", "count", type=click.IntRange(min=1), default=2, show_default=True, help="Views of each face.")
@click.option(
    "--yaw",
    type=click.FloatRange(0, 60),
    default=45,
    show_default=True,
    metavar="DEGREES",
    help="A view is turned by up to this, to either side.",
)
@click.option(
    "--pitch",
    type=click.FloatRange(0, 30),
    default=20,
    show_default=True,
    metavar="DEGREES",
    help="And nodded by up to this, up or down.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the angles.")
def views(data: Path, out: Path, count: int, yaw: float, pitch: float, seed: int) -> None:
    """Turn photographed faces on their fitted 3D shape, as training data.

    Train on them beside the photographs: --data views=0.5. Faces whose names are held out are left out.

    \b
    Example: redtrack train views --data 300w -o views
             redtrack train image --data 300w --data views=0.5 -o runs/image
    """  # fmt: skip
    from redtrack.training.views import write_views

    written, wanted = write_views(data, out, count, yaw, pitch, seed)
    click.echo(f"{written} of {wanted} views written in {out}")


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

"""`redtrack train shape` and `redtrack train views`: the basis of 3D face shapes, and turned faces by means of it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--model", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True,
              help="3D model of the face, .npz; docs/training.md says what it holds.")
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, multiple=True,
              help="Folder of pictures with .pts files beside them. Repeatable.")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE",
              help="The basis, .safetensors.")
def shape(model: Path, data: tuple[Path, ...], out: Path) -> None:
    """Learn the basis of 3D face shapes that poses are fitted with.

    Takes two minutes. About a tenth of the names, chosen by their checksums, is held out.

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
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
              help="Folder of pictures with .pts files beside them.")
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), required=True,
              help="Folder for the pictures and labels.")
@click.option("--views", "count", type=click.IntRange(min=1), default=2, show_default=True, help="Views of each face.")
@click.option("--yaw", type=click.FloatRange(0, 60), default=45, show_default=True, metavar="DEGREES",
              help="A view is turned by up to this, to either side.")
@click.option("--pitch", type=click.FloatRange(0, 30), default=20, show_default=True, metavar="DEGREES",
              help="And nodded by up to this, up or down.")
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

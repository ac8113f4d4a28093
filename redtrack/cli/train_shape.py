"""`redtrack train shape`: the basis of 3D face shapes."""

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

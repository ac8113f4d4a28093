"""`redtrack train detector`: the face detector, and the verifier that judges its boxes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
              help="Folder of photos with boxes.csv: file,x0,y0,x1,y1,ignore, a line for each face.")  # fmt: skip
@click.option("--faces", type=click.Path(exists=True, file_okay=False, path_type=Path), multiple=True,
              help="Folder of cut-out faces with .pts files, to lay over parts of the photos. Repeatable.")  # fmt: skip
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the run.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=60, show_default=True,
              help="Stop after this time; the rate falls to a hundredth by then.")  # fmt: skip
@click.option("--verifier", type=click.FloatRange(min=0), default=20, show_default=True,
              help="Minutes for the verifier, which is trained afterwards to judge the boxes found.")  # fmt: skip
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), default=2e-3, show_default=True,
              help="Highest learning rate.")  # fmt: skip
@click.option("--start", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Weights to start from.")
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything that is drawn at random.")
def detector(
    data: Path, out: Path, minutes: float, verifier: float, start: Path | None, device: str, **options: Any
) -> None:
    """Train the face detector, on whole photos with boxed faces.

    \b
    Example: redtrack train detector --data scenes -o runs/detector --minutes 60
    """
    from redtrack import checkpoint
    from redtrack.device import find_device
    from redtrack.training.detector.detector import train_detector
    from redtrack.training.detector.evaluation import with_threshold
    from redtrack.training.detector.scenes import read_scenes
    from redtrack.training.detector.verifier import with_verifier

    device = str(find_device(device))
    report = partial(click.echo, err=True)
    before: Any = None if start is None else checkpoint.load(start, "detector", device, fused=False)
    net = train_detector(data, out, minutes, device, start=before, report=report, **options)
    path, card = out / "weights.safetensors", {"stage": "detector", "data": data.name, "minutes": minutes}
    checkpoint.save(path, net, "detector", card)  # now, for what follows takes long
    if verifier:
        judge = getattr(before, "verifier", None)
        net = with_verifier(net, data, verifier, device, options["seed"], report, start=judge)
    if held_out := read_scenes(data, validation=True):
        net = with_threshold(net, held_out, device)
        report(f"threshold {net.config.threshold}, chosen on {len(held_out)} photos held out")
    checkpoint.save(path, net, "detector", card)
    click.echo(path)

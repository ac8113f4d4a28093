"""`redtrack bench`: how fast each part of the work is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redtrack.device import PRECISIONS
from redtrack.inference.options import DECODERS

if TYPE_CHECKING:
    from redtrack.bench import Report


@click.command()
@click.argument("video", required=False, type=click.Path(path_type=Path))
@click.option("--weights", metavar="NAME|PATH", help="A shipped network's name, or a file.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--batch", type=click.IntRange(min=1), help="Crops in one call of the network.  [default: by device]")
@click.option(
    "--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True, help="Arithmetic of the networks."
)
@click.option("--decode", type=click.Choice(DECODERS), default="auto", show_default=True, help="Which device decodes.")
@click.option(
    "--direction",
    type=click.Choice(["both", "forward", "backward"]),
    default="both",
    show_default=True,
    help="Direction in time, or both.",
)
@click.option(
    "--detect-every",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="FRAMES",
    help="Frames between two face detections.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of the table.")
def bench(
    video: Path | None,
    weights: str | None,
    device: str,
    batch: int | None,
    precision: str,
    decode: str,
    direction: str,
    detect_every: int,
    as_json: bool,
) -> None:
    """Measure how fast each part of the work is, alone and all together.

    Without VIDEO, a clip of 640 x 360 with one drawn face in each frame is used.

    \b
    Examples:
      redtrack bench
      redtrack bench clip.mp4 --json
      redtrack bench clip.mp4 --device cuda --batch 640
    """
    from redtrack.bench import bench as measure
    from redtrack.cli.table import fold, width_of

    report = measure(video, weights, device, batch, precision, decode, direction=direction, detect_every=detect_every)
    click.echo(json.dumps(report.to_dict(), indent=2) if as_json else fold(as_text(report), width_of()))


def as_text(report: Report) -> str:
    """Returns the table, the conditions and the verdict."""
    from redtrack.bench import HOUR_RATE
    from redtrack.cli.table import table

    rows = [["part", "frames/s", "ms/frame", "share"]]
    for part in report.parts:
        rows.append([part.name, f"{part.rate:.1f}", f"{1000 / part.rate:.2f}", f"{100 * report.share(part):.0f} %"])
    about = report.about
    conditions = (
        f"{about['video']}: {about['frames']} frames of {about['width']} x {about['height']}, "
        f"{about['faces_per_frame']:.2f} faces a frame\n"
        f"{about['device']}, {about['threads']} threads, GEMM {about['gemm_gflops']:.0f} GFLOP/s, "
        f"{about['precision']}, batch {about['batch']}, {about['options']['direction']} direction(s), "
        f"{about['weights']}, torch {about['versions']['torch']}"
    )
    profile = report.profile.sentence()
    hour = f"An hour of such video at {HOUR_RATE} frames/s takes {report.seconds_an_hour:.0f} s."
    return f"{table(rows, right=(1, 2, 3))}\n\n{conditions}\n{report.verdict()}\n{hour}\nIn the whole job {profile}."

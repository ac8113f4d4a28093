"""The options that the stages of `redtrack train` share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

DATA_HELP = (
    "Folder of pictures with .pts files beside them (any depth), of PERSON/CLIP/FRAME.jpg, or of labelled videos "
    "(NAME/vid.*, NAME/annot/*.pts). FOLDER=0.3 gives coarse labels less trust: they are drawn less often and count "
    "less. Repeatable."
)
AXIS_HELP = (
    "How far the labels lie to the right of the faces' middle (in the picture), in distances of the outer eye "
    "corners: 0.008 for 300-W; `redtrack train axis` measures it. FOLDER=NUMBER is for one --data folder. "
    "[default: that of --start]"
)

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
OUT = click.Path(file_okay=False, path_type=Path)
ABOVE_0 = click.FloatRange(min=0, min_open=True)
SHARE = click.FloatRange(0, 1)

PAPER = {  # section 5.1; what the paper does not give is ours
    "optimizer": "sgd", "rate": 0.01, "schedule": "step", "warmup": 1, "weight_decay": 5e-4, "augment": "paper",
    "neighbour": 0.0, "freeze": False,
}  # fmt: skip


AUGMENTATIONS = ("ours", "eased", "eyes", "paper")  # names of `training.landmarks.augment.NAMED`


class Data(click.ParamType):
    """FOLDER or FOLDER=TRUST."""

    name = "folder[=trust]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Path, float]:
        if isinstance(value, tuple):
            return value
        folder, _, trust = value.rpartition("=") if "=" in value and not Path(value).exists() else (value, "", "1")
        try:
            weight = float(trust)
        except ValueError:
            self.fail(f"{trust!r} is no number", param, ctx)
        if not Path(folder).is_dir():
            self.fail(f"{folder}: no such folder", param, ctx)
        if not 0 < weight <= 1:
            self.fail(f"a trust of {weight:g} is not above 0 and at most 1", param, ctx)
        return Path(folder), weight


class Axis(click.ParamType):
    """NUMBER or FOLDER=NUMBER."""

    name = "[folder=]number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        if isinstance(value, tuple):
            return value
        folder, _, number = value.rpartition("=")
        try:
            axis = float(number)
        except ValueError:
            self.fail(f"{number!r} is no number", param, ctx)
        if not (math.isfinite(axis) and abs(axis) < 0.5):
            self.fail(f"{axis:g} is not below half of the distance of the eyes", param, ctx)
        return folder.rstrip("/"), axis


def fill_in(ctx: click.Context, _param: click.Parameter, value: str) -> None:
    """Makes the paper's values the defaults of the other options."""
    if value == "paper":
        ctx.default_map = {**(ctx.default_map or {}), **PAPER}


def common(rate: float, minutes: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Returns a decorator that adds the options which all stages of RED-Net share."""
    options = [
        click.option("--data", type=Data(), multiple=True, help=DATA_HELP),
        click.option("--axis", type=Axis(), multiple=True, help=AXIS_HELP),
        click.option("--edits", type=FOLDER, multiple=True,
                     help="Folder of tracks with frames put right by `redtrack review --edit`: those are learnt with "
                     "full trust, from the shipped weights unless --start says otherwise. Repeatable."),
        click.option("--hold-out", multiple=True, metavar="NAME",
                     help="A labelled video kept for validation. Repeatable.  [default: one in ten, by their names]"),
        click.option("-o", "--out", type=OUT, required=True, help="Folder of the run."),
        click.option("--start", metavar="NAME|PATH", help="Weights to start from: a shipped network, or a file."),
        click.option("--recipe", type=click.Choice(["ours", "paper"]), default="ours", show_default=True, is_eager=True,
                     expose_value=False, callback=fill_in,
                     help="Where the defaults of the options come from: paper has those of section 5.1."),
        click.option("--minutes", type=ABOVE_0,
                     help=f"Stop after this time.  [default: {minutes:g}, unless --steps is given]"),
        click.option("--steps", type=click.IntRange(min=1),
                     help="Stop after this many steps; with --minutes, whichever comes first."),
        click.option("--batch", type=click.IntRange(min=1), help="Faces (32) or clips (3; recurrence: 16) in a batch."),
        click.option("--accumulate", type=click.IntRange(min=1), default=1, show_default=True,
                     help="Batches in a step, where memory has no room for a larger one."),
        click.option("--rate", type=ABOVE_0, help=f"Highest learning rate.  [default: {rate:g}]"),
        click.option("--schedule", type=click.Choice(["cosine", "constant", "step"]), default="cosine",
                     show_default=True, help="How the rate falls: to a hundredth by half a cosine, not at all, or by "
                     "tens after 60 and 85 % of the run."),
        click.option("--warmup", type=click.IntRange(min=0), default=200, show_default=True,
                     help="Steps until the full rate."),
        click.option("--optimizer", type=click.Choice(["adamw", "sgd"]), default="adamw", show_default=True,
                     help="sgd has the paper's momentum of 0.9."),
        click.option("--weight-decay", type=click.FloatRange(min=0),
                     help="[default: 0.02 for adamw, 0.0005 for sgd]"),
        click.option("--validate-every", type=ABOVE_0, metavar="MINUTES", default=3, show_default=True,
                     help="Minutes between two validations; after each, the weights are written."),
        click.option("--resume", is_flag=True, help="Go on with the run in --out."),
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."),
        click.option("--threads", type=click.IntRange(min=1), help="CPU threads.  [default: all]"),
        click.option("--seed", type=int, default=0, show_default=True,
                     help="Of initial weights, order and augmentation; the same machine then repeats the run."),
        click.option("-q", "--quiet", is_flag=True, help="No summary and no progress bar."),
    ]  # fmt: skip
    return decorator(options)


def taught() -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Returns a decorator that adds the options of the stages that learn from single faces."""
    options = [
        click.option("--teacher", metavar="NAME|PATH",
                     help="A better network, whose points replace labels of less than full trust, and whose heat maps "
                     "are learnt where they have the same size."),
        click.option("--teacher-share", type=SHARE, default=0.0, show_default=True,
                     help="How far the teacher moves fully trusted labels towards its own points."),
        click.option("--unlabelled", type=FOLDER, multiple=True,
                     help="Folder of pictures without labels, one face in each, for the teacher to label. Repeatable."),
        click.option("--augment", type=click.Choice(AUGMENTATIONS), default="ours", show_default=True,
                     help="How far crops stray and pictures change: ours is wider than the paper's, shuts eyes, and "
                     "draws turned faces more often; eased is half of that, for the last minutes; eyes "
                     "is eased with half of the faces' eyes shut and a third behind glasses."),
        click.option("--neighbour", type=SHARE, default=0.5, show_default=True,
                     help="Share of the batches that get seven points of a neighbouring frame in place of step 1."),
    ]  # fmt: skip
    return decorator(options)


def decorator(options: list[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Returns what adds these options to a command, in their order."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate

"""`redtrack train`: the paper's three stages, and the face detector."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from redtrack.cli import tell_error
from redtrack.cli.train_detector import detector

DATA_HELP = (
    "Folder of pictures with .pts files beside them (any depth), or of PERSON/CLIP/FRAME.jpg. FOLDER=0.3 gives "
    "coarse labels less trust: they are drawn less often and count less. Repeatable."
)

OUT = click.Path(file_okay=False, path_type=Path)
RATE = click.FloatRange(min=0, min_open=True)


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


def common(rate: float, minutes: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Returns a decorator that adds the options which all stages of RED-Net share."""
    options = [
        click.option("--data", type=Data(), multiple=True, required=True, help=DATA_HELP),
        click.option("-o", "--out", type=OUT, required=True, help="Folder of the run."),
        click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=minutes, show_default=True,
                     help="Stop after this time; the rate falls to a hundredth by then."),
        click.option("--steps", type=click.IntRange(min=1), help="Stop after this many batches, if that comes first."),
        click.option("--batch", type=click.IntRange(min=1), help="Faces (32), or clips (3), in a batch."),
        click.option("--rate", type=RATE, default=rate, show_default=True, help="Highest learning rate."),
        click.option("--optimizer", type=click.Choice(["adamw", "sgd"]), default="adamw", show_default=True,
                     help="sgd has the paper's momentum of 0.9."),
        click.option("--start", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                     help="Weights to start from."),
        click.option("--resume", is_flag=True, help="Go on with the run in --out."),
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."),
        click.option("--threads", type=click.IntRange(min=1), help="CPU threads.  [default: all]"),
        click.option("--seed", type=int, default=0, show_default=True,
                     help="Of initial weights, order and augmentation; the same machine then repeats the run."),
        click.option("-q", "--quiet", is_flag=True, help="No progress bar."),
    ]  # fmt: skip

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


augment = click.option(
    "--augment",
    type=click.Choice(["ours", "paper"]),
    default="ours",
    show_default=True,
    help="How far crops stray and pictures change: ours is wider than the paper's.",
)


@click.group()
def train() -> None:
    """Train RED-Net in the paper's three stages, or the face detector.

    \b
    Examples:
      redtrack train image --data 300w -o runs/image --minutes 60
      redtrack train identity --data ytf --start runs/image/weights.safetensors -o runs/identity
      redtrack train video --data 300w --clips 300vw --start runs/image/weights.safetensors -o runs/video
      redtrack train plot runs/video
      redtrack annotate clip.mp4 -o out --weights runs/video/weights.safetensors

    A run's folder holds checkpoint.pt (to resume), weights.safetensors (to annotate with), log.jsonl and log.png.
    About a tenth of the names, chosen by their checksums, is held out for validation and never trained on.
    """


@train.command()
@common(rate=1.5e-3, minutes=60)
@augment
@click.option("--body", type=click.Choice(["small", "vgg16", "resnet152"]), default="small", show_default=True,
              help="The encoder-decoder: the one that ships, or one of the paper's.")
@click.option("--tasks", default="det7,reg68", show_default=True,
              help="Task of each spatial step: of det7, det68, reg68.")  # fmt: skip
@click.option("--cascade", is_flag=True, help="A body for each spatial step instead of a shared one.")
@click.option("--z0", type=click.Choice(["zeros", "mean"]), default="zeros", show_default=True,
              help="Feedback to the first step.")  # fmt: skip
@click.option("--pretrained", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="ImageNet VGG-16 or ResNet-152 state dict to start the encoder from.")  # fmt: skip
def image(body: str, tasks: str, cascade: bool, z0: str, **options: Any) -> None:
    """Stage 1: single pictures, without LSTM and identity.

    \b
    Example: redtrack train image --data 300w --data ytf=0.3 -o runs/image --minutes 60
    """
    from redtrack.errors import UsageError
    from redtrack.rednet.config import BODIES, TASKS, RedNetConfig

    steps = tuple(tasks.split(","))
    if not set(steps) <= set(TASKS) or steps[-1] == "det7":
        raise UsageError(f"--tasks {tasks}", remedy=f"list of {', '.join(TASKS)}; the last gives all 68 points")
    assert body in BODIES, body
    run("image", config=RedNetConfig(body, steps, not cascade, z0=z0), **options)


@train.command()
@common(rate=3e-4, minutes=20)
@augment
def identity(**options: Any) -> None:
    """Stage 2: the identity head, on folders of people.

    Pictures lie in PERSON/CLIP/FRAME.jpg; other faces are learnt from as well, but not as persons.

    \b
    Example: redtrack train identity --data ytf --data 300w --start runs/image/weights.safetensors -o runs/identity
    """
    run("identity", **options)


@train.command()
@common(rate=1e-3, minutes=20)
@click.option("--clips", type=click.Path(exists=True, file_okay=False, path_type=Path), multiple=True,
              help="300-VW folder: NAME/vid.*, NAME/annot/*.pts. Repeatable; without it, stills move.")  # fmt: skip
@click.option("--hold-out", multiple=True, metavar="NAME", help="A video kept for validation. Repeatable.")
@click.option("--frames", type=click.IntRange(min=3), default=10, show_default=True, help="Frames T of a clip.")
@click.option("--freeze/--no-freeze", default=True, show_default=True, help="Leave the encoder-decoder as it is.")
def video(**options: Any) -> None:
    """Stage 3: the LSTM, on clips forward and backward in time.

    \b
    Example: redtrack train video --data 300w --clips 300vw --start runs/image/weights.safetensors -o runs/video
    """
    run("video", **options)


@train.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
              help="Folder of coarsely labelled pictures.")  # fmt: skip
@click.option("--weights", metavar="NAME|PATH", help="The network that labels.  [default: the shipped one]")
@click.option("-o", "--out", type=OUT, required=True, help="Folder for pictures and labels.")
@click.option("--looks", type=click.IntRange(min=1), default=3, show_default=True,
              help="Looks at each face, each also in a mirror.")  # fmt: skip
def relabel(data: Path, weights: str | None, out: Path, looks: int) -> None:
    """Copy pictures, with labels by a better network.

    Faces where the two are far apart, or where the network is unsure, are left out; so are those held out.

    \b
    Example: redtrack train relabel --data coarse --weights runs/image/weights.safetensors -o relabelled
    """
    from redtrack import checkpoint
    from redtrack.rednet.model import RedNet
    from redtrack.training.landmarks.relabel import relabel_folder

    net = checkpoint.load(weights)
    assert isinstance(net, RedNet), type(net)
    kept, total = relabel_folder(net, data, out, looks)
    click.echo(f"{kept} of {total} faces relabelled in {out}")


@train.command()
@click.argument("videos", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--weights", metavar="NAME|PATH", help="The network that labels.  [default: the shipped one]")
@click.option("-o", "--out", type=OUT, required=True, help="Folder for NAME/vid.*, NAME/annot.")
def label(videos: tuple[Path, ...], weights: str | None, out: Path) -> int:
    """Label videos by the network, for the video stage.

    Frames where the two directions in time do not agree get no label. A video that cannot be read is named, and the
    others are labelled.

    \b
    Example: redtrack train label plain/*.mp4 -o labelled
             redtrack train video --data 300w --clips labelled --start runs/image/weights.safetensors -o runs/video

    Exit status: 0 all done, 1 some could not be read, 2 wrong usage.
    """
    from redtrack.errors import VideoError, printable
    from redtrack.training.landmarks.label import label_videos

    unread = 0
    for video, frames in label_videos(list(videos), out, weights):
        if isinstance(frames, VideoError):
            unread += 1
            tell_error(frames)
        else:
            became = f"{frames} frames labelled" if frames else "left out, too little is sure"
            click.echo(f"{printable(video)}: {became}")
    return 1 if unread else 0


@train.command()
@click.argument("run_folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def plot(run_folder: Path) -> None:
    """Draw a run's losses and validation errors as RUN_FOLDER/log.png.

    \b
    Example: redtrack train plot runs/image
    """
    from redtrack.training.plot import plot_log

    click.echo(plot_log(run_folder))


def run(
    stage: str,
    *,
    minutes: float,
    steps: int | None,
    rate: float,
    optimizer: str,
    device: str,
    threads: int | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Trains a stage and prints the path of its weights."""
    import torch

    from redtrack.inference.landmarker import find_device
    from redtrack.training.landmarks.stages import Recipe, run_stage
    from redtrack.training.loop import Schedule

    if threads:
        torch.set_num_threads(threads)
    device = str(find_device(device))
    schedule = Schedule(minutes=minutes, steps=steps, rate=rate, optimizer=optimizer)
    recipe = Recipe(stage, schedule=schedule, device=device, show=not quiet, **options)
    weights = run_stage(recipe)
    if os.environ.get("RANK", "0") == "0":  # of torchrun's processes one speaks
        click.echo(weights)


train.add_command(detector)

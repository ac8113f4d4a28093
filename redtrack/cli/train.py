"""`redtrack train`: the paper's three stages, the face detector, and the basis of face shapes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from redtrack.cli import tell_error
from redtrack.cli.train_detector import detector
from redtrack.cli.train_options import FOLDER, OUT, common, taught
from redtrack.cli.train_shape import dense, shape, views

DEFAULTS = {  # rate and minutes
    "image": (1.5e-3, 60.0), "identity": (3e-4, 20.0), "certainty": (2e-3, 10.0), "video": (1e-3, 20.0),
    "recurrence": (3e-3, 5.0),
}  # fmt: skip
MENDING = 3e-4, 20.0  # the same, of weights that are to learn from edits
UNFROZEN_RATE = 1e-4


@click.group()
def train() -> None:
    """Train RED-Net in the paper's three stages, its certainty and recurrence, the face detector, or face shapes.

    \b
    Examples:
      redtrack train image --data 300w --axis 0.008 -o runs/image --minutes 60
      redtrack train image --data my_clips --start rednet-small -o runs/mine --minutes 20 --rate 3e-4
      redtrack train identity --data ytf --start runs/image/best.safetensors -o runs/identity
      redtrack train certainty --data 300w --start runs/image/best.safetensors -o runs/certainty
      redtrack train video --data 300w --clips 300vw --start runs/certainty/weights.safetensors -o runs/video
      redtrack train recurrence --data 300w --start runs/video/best.safetensors -o runs/recurrence
      redtrack train plot runs/video
      redtrack annotate clip.mp4 -o out --weights runs/video/best.safetensors

    A run's folder holds checkpoint.pt (to resume), weights.safetensors (to annotate with) and best.safetensors (the
    same, of the lowest error on faces held out), and log.jsonl. About a tenth of the names, chosen by their
    checksums, is held out for validation and never trained on.
    """


@train.command()
@common(*DEFAULTS["image"])
@taught()
@click.option(
    "--body",
    type=click.Choice(["small", "large", "vgg16", "resnet152"]),
    default="small",
    show_default=True,
    help="The encoder-decoder: that of the bundled network, one of twice its channels, which may --start "
    "from it, or one of the paper's.",
)
@click.option(
    "--tasks",
    default="det7,reg68",
    show_default=True,
    help="Task of each spatial step: of det7, det68, reg68; var68,reg68 is EVAE-CNN's.",
)
@click.option("--beta", type=click.FloatRange(min=0), default=1e-3, show_default=True,
              help="Weight of the divergence of var68's code; 0: a code that is not sampled.")  # fmt: skip
@click.option("--cascade", is_flag=True, help="A body for each spatial step instead of a shared one.")
@click.option("--z0", type=click.Choice(["zeros", "mean"]), default="zeros", show_default=True,
              help="Feedback to the first step.")  # fmt: skip
@click.option("--pretrained", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="ImageNet VGG-16 or ResNet-152 state dict to start the encoder from.")  # fmt: skip
@click.pass_context
def image(ctx: click.Context, body: str, tasks: str, beta: float, cascade: bool, z0: str, **options: Any) -> None:
    """Stage 1: single pictures, without LSTM and identity.

    \b
    Example: redtrack train image --data 300w --data ytf=0.3 --axis 300w=0.008 -o runs/image --minutes 60
    """
    from redtrack.errors import UsageError
    from redtrack.rednet.config import BODIES, TASKS, RedNetConfig

    steps = tuple(tasks.split(","))
    if not set(steps) <= set(TASKS) or steps[-1] == "det7":
        raise UsageError(f"--tasks {tasks}", remedy=f"list of {', '.join(TASKS)}; the last gives all 68 points")
    if "var68" in steps and ("var68" in steps[1:] or "det7" in steps):
        raise UsageError(f"--tasks {tasks}", remedy="var68 is the first, and det7 is none of the others")
    assert body in BODIES, body
    fields = {"body": "body", "tasks": "steps", "cascade": "shared", "z0": "z0"}
    given = click.core.ParameterSource.COMMANDLINE
    asked = tuple(name for option, name in fields.items() if ctx.get_parameter_source(option) is given)
    config = RedNetConfig(body, steps, not cascade, z0=z0, sampled=beta > 0)
    run("image", config=config, asked=asked, beta=beta, **options)


@train.command()
@common(*DEFAULTS["identity"])
@taught()
def identity(**options: Any) -> None:
    """Stage 2: the identity head, on folders of people.

    Pictures lie in PERSON/CLIP/FRAME.jpg; other faces are learnt from as well, but not as persons.

    \b
    Example: redtrack train identity --data ytf --data 300w --start runs/image/best.safetensors -o runs/identity
    """
    run("identity", **options)


@train.command()
@common(*DEFAULTS["certainty"])
def certainty(**options: Any) -> None:
    """How far off each point may be: a head for a network that stays as it is.

    Trusted labels only: labels made by the network itself have no errors to learn from. At the end one factor is set on
    the faces held out, so that the ellipses of 90 % hold 90 % of their points. It comes before the video stage, which
    weighs frames by certainty.

    \b
    Example: redtrack train certainty --data 300w --start runs/image/best.safetensors -o runs/certainty
    """
    run("certainty", **options)


@train.command()
@common(*DEFAULTS["video"])
@click.option("--clips", type=FOLDER, multiple=True,
              help="Folder of labelled videos: NAME/vid.*, NAME/annot/*.pts. Repeatable. Without it, stills move; "
              "without --data, the clips' own frames do.")  # fmt: skip
@click.option("--frames", type=click.IntRange(min=3), default=10, show_default=True, help="Frames T of a clip.")
@click.option("--freeze/--no-freeze", default=True, show_default=True,
              help="Leave the encoder-decoder as it is; otherwise it learns too, at a rate of 0.0001 by default, with "
              "all losses of eq. 14.")  # fmt: skip
def video(**options: Any) -> None:
    """Stage 3: the LSTM, on clips forward and backward in time.

    \b
    Example: redtrack train video --data 300w --clips 300vw --start runs/image/best.safetensors -o runs/video
    """
    run("video", **options)


@train.command()
@common(*DEFAULTS["recurrence"])
@click.option(
    "--clips",
    type=FOLDER,
    multiple=True,
    help="Folder of labelled videos: NAME/vid.*, NAME/annot/*.pts. Repeatable. Without it, stills move.",
)
@click.option(
    "--frames", type=click.IntRange(min=3), default=10, show_default=True, help="Frames T of a window; a clip has two."
)
@click.option("--count", type=click.IntRange(min=1), default=640, show_default=True, help="Clips that are looked at.")
def recurrence(**options: Any) -> None:
    """The recurrence of the points alone, for a network that stays as it is.

    The network looks at each clip once; what it said is then learnt from many times, which takes minutes. It comes
    last, after the certainty.

    \b
    Example: redtrack train recurrence --data 300w --start runs/certainty/weights.safetensors -o runs/recurrence
    """  # fmt: skip
    run("recurrence", **options)


@train.command()
@click.option("--data", type=FOLDER, required=True,
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
    from redtrack.training.landmarks.relabel import relabel_folder
    from redtrack.training.landmarks.teacher import load_teacher

    kept, total = relabel_folder(load_teacher(weights or checkpoint.DEFAULT["rednet"]), data, out, looks)
    click.echo(f"{kept} of {total} faces relabelled in {out}")


@train.command()
@click.option("--data", type=FOLDER, required=True, help="Folder of labelled pictures.")
@click.option("--weights", metavar="NAME|PATH", help="The network that looks.  [default: the shipped one]")
def axis(data: Path, weights: str | None) -> None:
    """Measure how far labels lie off the faces' middle, for --axis.

    The labels are held against points found in each picture and in its mirror image. Prints the mean and its standard
    error, in distances of the outer eye corners, positive to the right of the picture.

    \b
    Example: redtrack train axis --data 300w
    """
    from redtrack import checkpoint
    from redtrack.training.landmarks.faces import join, read_faces
    from redtrack.training.landmarks.teacher import labels_axis, load_teacher

    faces = join(read_faces(data))
    off, error = labels_axis(load_teacher(weights or checkpoint.DEFAULT["rednet"]), faces)
    click.echo(f"{off:.4f} +- {error:.4f}, from {len(faces)} faces")


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


def run(stage: str, *, device: str, threads: int | None, quiet: bool, **options: Any) -> None:
    """Trains a stage and prints the path of its weights."""
    import torch

    from redtrack import checkpoint
    from redtrack.device import find_device
    from redtrack.training.landmarks.recipe import Recipe
    from redtrack.training.landmarks.stages import run_stage

    if threads:
        torch.set_num_threads(threads)
    if options["edits"] and not options["start"]:
        options["start"] = checkpoint.DEFAULT["rednet"]
    schedule = schedule_of(stage, options)
    weights = run_stage(Recipe(stage, schedule=schedule, device=str(find_device(device)), show=not quiet, **options))
    if os.environ.get("RANK", "0") == "0":  # of torchrun's processes one speaks
        click.echo(weights)


def schedule_of(stage: str, options: dict[str, Any]) -> Any:
    """Takes the options of a `Schedule` out of all options, with the stage's defaults for those not given."""
    from redtrack.training.schedule import Schedule

    rate, minutes = MENDING if options["edits"] and stage == "image" else DEFAULTS[stage]
    names = ("optimizer", "weight_decay", "warmup", "accumulate", "validate_every", "steps")
    given = {name: options.pop(name) for name in names}
    shape, own_rate, own_minutes = (options.pop(name) for name in ("schedule", "rate", "minutes"))
    if own_rate is None and not options.get("freeze", True):
        own_rate = UNFROZEN_RATE
    if own_minutes is None and not given["steps"]:
        own_minutes = minutes
    average = 0.98 if stage == "recurrence" else 0.999  # the one has a few hundred steps in all
    return Schedule(minutes=own_minutes, rate=own_rate or rate, shape=shape, average=average, **given)


train.add_command(dense)
train.add_command(detector)
train.add_command(shape)
train.add_command(views)

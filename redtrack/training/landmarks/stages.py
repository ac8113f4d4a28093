"""The paper's three training stages (section 5.1) and that of the certainty: from folders of data to weights."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from redtrack import checkpoint
from redtrack.device import hardware
from redtrack.errors import UsageError
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.int8 import ranges_of
from redtrack.rednet.model import RedNet
from redtrack.training import parallel
from redtrack.training.landmarks import certainty, image, recurrence, summary, trials, video
from redtrack.training.landmarks.augment import NAMED, NONE, cut, random_crops
from redtrack.training.landmarks.card import export
from redtrack.training.landmarks.data import Data, draw_chances, nameless, read_data, trusted
from redtrack.training.landmarks.faces import FaceSet, stored_size
from redtrack.training.landmarks.norms import fit_norms
from redtrack.training.landmarks.recipe import Recipe
from redtrack.training.landmarks.teacher import Teacher, load_teacher, maps_agree
from redtrack.training.landmarks.widen import widened
from redtrack.training.loop import CHECKPOINT, BatchLoss, Figures, Run, train

WEIGHTS, BEST = "weights.safetensors", "best.safetensors"  # in the run's folder
FITTED = 16  # faces that the norms of an ImageNet start are fitted to
RANGED = 128  # faces on which the largest values of each layer are measured
TRIALS = 20  # moved stills of each kind that the video stage is validated on


def run_stage(recipe: Recipe) -> Path:
    """Trains one stage and returns the path of its weights file.

    Raises UsageError for data that cannot serve the stage, options that contradict each other, or a run folder in use;
    WeightsError for unfit weights.
    """
    device = parallel.start(recipe.device)
    try:
        return _run_stage(recipe, device)
    finally:
        parallel.stop()


def _run_stage(recipe: Recipe, device: str) -> Path:
    check_folder(recipe)
    torch.manual_seed(recipe.seed)
    recipe = replace(recipe, config=begin_config(recipe))
    teacher = load_teacher(recipe.teacher, device) if recipe.teacher else None
    size = max(stored_for(recipe.config), 0 if teacher is None else stored_for(teacher.net.config))
    data = read_data(recipe, size, checkpoint.axis_of(recipe.start) if recipe.start else 0.0, teacher)
    recipe = replace(recipe, config=replace(recipe.config, identities=count_people(data.faces, recipe)))
    net = make_net(recipe).to(device=torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.startswith("cuda"):
        data = data.to(device)
    if recipe.pretrained is not None:
        fit_to(net, data.faces, device)
    loss, validate = stage_parts(recipe, net, data, teacher, device)
    run = open_run(recipe, net)
    axis = common_axis(data.faces)

    def validate_and_export(average: nn.Module) -> Figures:
        figures = validate(average)
        measure_ranges(run.average, data.faces, device)
        export(recipe, run, figures, axis, WEIGHTS)
        if figures.get("error", np.inf) < run.best:
            export(recipe, run, figures, axis, BEST)
            run.best = figures["error"]
        return figures

    say = recipe.show and not parallel.rank()
    first = run.log[-1] if recipe.resume and run.log else {}
    if say and recipe.start and not recipe.resume:
        first = validate(run.average)
    if say:
        tell(summary.before(recipe, data, run, first))
    train(run, loss, validate_and_export, show=say)
    if say:
        tell(summary.after(recipe, run, first, recipe.out / BEST))
    return recipe.out / WEIGHTS


def tell(lines: list[str]) -> None:
    """Writes lines to stderr."""
    print(*lines, sep="\n", file=sys.stderr, flush=True)


def begin_config(recipe: Recipe) -> RedNetConfig:
    """The config of the stage's network, without its people: that of the weights it starts from, or the recipe's own.

    Raises UsageError where the two contradict each other.
    """
    config = recipe.config
    if recipe.start is not None:
        if recipe.pretrained is not None:
            remedy = "leave out one of them"
            raise UsageError("--pretrained starts from ImageNet, --start from other weights", remedy=remedy)
        about = checkpoint.describe(recipe.start)
        if about["kind"] != "rednet":
            checkpoint.load(recipe.start, "rednet")  # says what is wrong
        config = RedNetConfig.from_dict(about["config"])
        for name in recipe.asked:
            wanted, there = getattr(recipe.config, name), getattr(config, name)
            if (there, wanted) == WIDER:
                config = replace(config, body=recipe.config.body)
            elif wanted != there:
                message = f"the network of --start has {said(name, there)}, not {said(name, wanted)}"
                raise UsageError(message, checkpoint.find(recipe.start), f"leave out {OPTION[name]}, or --start")
    elif recipe.stage != "image":
        raise UsageError(f"the {recipe.stage} stage starts from trained weights", remedy="name them by --start")
    return replace(
        config,
        temporal=config.temporal or recipe.on_clips,
        certainty=config.certainty or recipe.stage == "certainty",
        aligned=config.aligned or (recipe.on_clips and config.certainty),
        identities=0,
        ranges=(),
    )


WIDER = ("small", "large")  # bodies of which the second can start from the first
OPTION = {"body": "--body", "steps": "--tasks", "shared": "--cascade", "z0": "--z0"}


def said(name: str, value: Any) -> str:
    """A field of the config in the words of its option."""
    if name == "shared":
        return "one body for all steps" if value else "a body for each step"
    return f"{OPTION[name]} {','.join(value) if name == 'steps' else value}"


def stored_for(config: RedNetConfig) -> int:
    """The side at which faces are stored for a network."""
    return stored_size(config.size, config.crop_scale)


def count_people(faces: FaceSet, recipe: Recipe) -> int:
    """Classes of the identity head: those of the data in the identity stage, and in the video stage where the whole
    network learns; none elsewhere."""
    if recipe.stage in ("image", "certainty", "recurrence") or (recipe.stage == "video" and recipe.freeze):
        return 0
    people = int(faces.identity.max(initial=-1)) + 1
    if recipe.stage == "identity" and people < 2:
        raise UsageError(
            "no identities to learn",
            path=next(iter(folder for folder, _ in recipe.data), None),
            remedy="name a folder of PERSON/CLIP/FRAME.jpg by --data",
        )
    return people if people > 1 else 0


def common_axis(faces: FaceSet) -> float:
    """How far the labels that count most lie off the faces' middle: the weighted mean."""
    return float(np.average(faces.axis, weights=faces.weight)) if len(faces) else 0.0


def make_net(recipe: Recipe) -> RedNet:
    """The stage's network: fresh, from an ImageNet start, or from the stage before."""
    net = RedNet(recipe.config)
    if recipe.start is None:
        if recipe.pretrained is not None:
            from redtrack.rednet.pretrained import load_pretrained

            for body in net.bodies:
                load_pretrained(body, recipe.pretrained)
        return net
    before: RedNet = checkpoint.load(recipe.start, "rednet", fused=False)  # type: ignore[assignment]
    own = net.state_dict()
    there = widened(before.state_dict(), own) if before.config.body != net.config.body else before.state_dict()
    fitting = {k: v for k, v in there.items() if k in own and own[k].shape == v.shape}
    fitting = {k: v for k, v in fitting.items() if not k.startswith("identity.")}
    net.load_state_dict(fitting, strict=False)
    return net.train().requires_grad_(True)


def fit_to(net: RedNet, faces: FaceSet, device: str) -> None:
    """Fits the norms of an ImageNet start to some faces."""
    some = faces.subset(np.arange(min(FITTED, len(faces))))
    crops = cut(some.images, random_crops(some.points, net.config.size, NONE, np.random.default_rng(0)))
    for k, seen in enumerate(net.look(crops.to(device))):
        fit_norms(net.body(k), seen, net.first_feedback(len(some)))


def measure_ranges(net: nn.Module, faces: FaceSet, device: str) -> None:
    """Measures how large a network's values get on some faces, which 8-bit arithmetic has to know."""
    assert isinstance(net, RedNet)
    net.eval()
    some = faces.subset(np.unique(np.linspace(0, len(faces) - 1, RANGED).astype(int)))
    rng, scale = np.random.default_rng(0), net.config.crop_scale
    where = random_crops(some.points, net.config.size, image.VALIDATION_SHIFT, rng, scale)
    crops = cut(some.images, where).to(device, memory_format=torch.channels_last)
    net.config = replace(net.config, ranges=ranges_of(net, crops))


def stage_parts(
    recipe: Recipe, net: RedNet, data: Data, teacher: Teacher | None, device: str
) -> tuple[BatchLoss, Callable[[nn.Module], Figures]]:
    """The stage's loss of a batch, and its validation."""
    half = half_precision(device) if recipe.half is None else recipe.half
    if recipe.on_clips:
        return video_parts(recipe, net, data, half, device)
    chances = draw_chances(data.faces, turns=recipe.augment != "paper")
    if recipe.stage == "certainty":
        certainty.set_learning(net)
        loss = certainty.certainty_loss(data.faces, chances, batch=recipe.batch_size, device=device)
        return loss, certainty.validator(nameless(data.held_out), device)
    loss = image.image_loss(
        data.faces,
        chances,
        NAMED[recipe.augment],
        batch=recipe.batch_size,
        neighbour=recipe.neighbour,
        beta=recipe.beta,
        teacher=teacher.net if teacher is not None and maps_agree(teacher, net) else None,
        half=half,
        device=device,
    )
    return loss, image.validator(data.held_out)


def video_parts(
    recipe: Recipe, net: RedNet, data: Data, half: bool, device: str
) -> tuple[BatchLoss, Callable[[nn.Module], Figures]]:
    """The loss and validation of the third stage, or of the recurrence alone."""
    sharp = nameless(data.held_out)
    stills = trusted(data.faces) if recipe.freeze else data.faces
    size, scale, length = net.config.size, net.config.crop_scale, video.WINDOWS * recipe.frames
    kinds = (False, True) if len(sharp) else ()
    tried = [trials.still_trial(sharp, TRIALS, length, size, occluded=o, scale=scale) for o in kinds]
    if data.clips_held_out:
        tried.append(trials.real_trial(data.clips_held_out, length, size, scale))
    clips, validate = video.ClipSet(stills, data.clips), trials.video_validator(tried)
    if recipe.stage == "recurrence":
        recurrence.set_learning(net)
        rng = np.random.default_rng([recipe.seed, parallel.rank()])
        show = recipe.show and not parallel.rank()
        kept = recurrence.look_once(net, clips, rng, frames=recipe.frames, count=recipe.count, device=device, show=show)
        return recurrence.recurrence_loss(kept, batch=recipe.batch_size), validate
    video.set_frozen(net, recipe.freeze)
    loss = video.video_loss(
        clips, frames=recipe.frames, batch=recipe.batch_size, frozen=recipe.freeze, half=half, device=device
    )
    return loss, validate


def half_precision(device: str) -> bool:
    """Whether bfloat16 pays: on GPUs that have it, and on CPUs that multiply it (others take three times as long)."""
    return hardware(torch.device(device)).is_faster_in_bfloat16


def open_run(recipe: Recipe, net: RedNet) -> Run:
    """The run in its folder, fresh or resumed."""
    rng = np.random.default_rng(recipe.seed + 1000 * parallel.rank())
    run = Run(net, recipe.schedule, recipe.out, rng, recipe=recipe.describe())
    if recipe.resume:
        run.resume()
    return run


def check_folder(recipe: Recipe) -> None:
    """Raises UsageError for a folder with another run in it, or with none to resume: before anything is read."""
    checkpoint_file = recipe.out / CHECKPOINT
    if recipe.resume and not checkpoint_file.exists():
        raise UsageError("nothing to resume", path=checkpoint_file, remedy="leave out --resume")
    if not recipe.resume and checkpoint_file.exists():
        raise UsageError("the folder holds a run", path=recipe.out, remedy="add --resume, or name another by --out")

"""The paper's three training stages (section 5.1) from folders of data to a weights file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from redtrack import checkpoint
from redtrack.errors import UsageError
from redtrack.precision import computes_bfloat16, has_bfloat16
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.training import parallel
from redtrack.training.landmarks import image, trials, video
from redtrack.training.landmarks.augment import OURS, PAPER
from redtrack.training.landmarks.clips import Clip
from redtrack.training.landmarks.faces import FaceSet, join, read_faces
from redtrack.training.loop import BatchLoss, Figures, Run, Schedule, train

WEIGHTS = "weights.safetensors"  # in the run's folder
TRIALS = 20  # moved stills of each kind that the video stage is validated on


@dataclass(frozen=True)
class Recipe:
    """What a stage is asked for.

    data: folders of labelled pictures, each with the trust in its labels, which is both how often its faces are drawn
    and how much their losses count. clips: 300-VW folders. hold_out: names of videos kept for validation, beside the
    pictures and people whose checksum says so (`faces.held_out`).
    """

    stage: str
    data: tuple[tuple[Path, float], ...]
    out: Path
    clips: tuple[Path, ...] = ()
    hold_out: tuple[str, ...] = ()
    start: Path | None = None
    pretrained: Path | None = None
    config: RedNetConfig = RedNetConfig()
    schedule: Schedule = Schedule(minutes=60)
    batch: int | None = None
    frames: int = 10
    augment: str = "ours"
    freeze: bool = True
    half: bool | None = None
    device: str = "cpu"
    seed: int = 0
    resume: bool = False
    show: bool = True


def run_stage(recipe: Recipe) -> Path:
    """Trains one stage and returns the path of its weights file.

    Raises UsageError for data that cannot serve the stage, or a run folder in use; WeightsError for unfit weights.
    """
    device = parallel.start(recipe.device)
    torch.manual_seed(recipe.seed)
    faces, held_out = read_data(recipe)
    if recipe.stage == "identity":
        recipe = replace(recipe, config=replace(recipe.config, identities=count_people(faces, recipe)))
    if recipe.stage == "video":
        recipe = replace(recipe, config=replace(recipe.config, temporal=True))
    net = make_net(recipe).to(device=torch.device(device), memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss, validate = stage_parts(recipe, net, faces, held_out, device)
    run = open_run(recipe, net)

    def validate_and_export(average: nn.Module) -> Figures:
        figures = validate(average)
        export(recipe, run, figures)
        return figures

    try:
        train(run, loss, validate_and_export, show=recipe.show and not parallel.rank())
    finally:
        parallel.stop()
    return recipe.out / WEIGHTS


def read_data(recipe: Recipe) -> tuple[FaceSet, FaceSet]:
    """All labelled pictures of the recipe: those to train on, those held out."""
    if not recipe.data:
        raise UsageError("no training data", remedy="name a folder of pictures with .pts files by --data")
    sets = [read_faces(folder, trust) for folder, trust in recipe.data]
    faces, held_out = join([s[0] for s in sets]), join([s[1] for s in sets])
    if not len(faces):
        raise UsageError("all pictures are held out", path=recipe.data[0][0], remedy="add pictures of other names")
    return faces, held_out


def count_people(faces: FaceSet, recipe: Recipe) -> int:
    """Classes of the identity head."""
    people = int(faces.identity.max(initial=-1)) + 1
    if people < 2:
        raise UsageError(
            "no identities to learn",
            path=recipe.data[0][0],
            remedy="name a folder of PERSON/CLIP/FRAME.jpg by --data",
        )
    return people


def make_net(recipe: Recipe) -> RedNet:
    """The stage's network: fresh, from an ImageNet start, or from the stage before."""
    if recipe.start is None:
        if recipe.stage != "image":
            raise UsageError(f"the {recipe.stage} stage starts from trained weights", remedy="name them by --start")
        net = RedNet(recipe.config)
        if recipe.pretrained is not None:
            from redtrack.rednet.pretrained import load_pretrained

            for body in net.bodies:
                load_pretrained(body, recipe.pretrained)
        return net
    before = checkpoint.load(recipe.start, "rednet", fused=False)
    assert isinstance(before, RedNet)
    kept = replace(before.config, temporal=before.config.temporal or recipe.config.temporal,
                   identities=recipe.config.identities)  # fmt: skip
    net = RedNet(kept)
    fitting = {k: v for k, v in before.state_dict().items() if k in net.state_dict() and not k.startswith("identity.")}
    net.load_state_dict(fitting, strict=False)
    return net.train().requires_grad_(True)


def stage_parts(
    recipe: Recipe, net: RedNet, faces: FaceSet, held_out: FaceSet, device: str
) -> tuple[BatchLoss, Callable[[nn.Module], Figures]]:
    """The stage's loss of a batch, and its validation."""
    half = half_precision(device) if recipe.half is None else recipe.half
    if recipe.stage == "video":
        return video_parts(recipe, net, faces, held_out, half, device)
    shares = faces.weight / faces.weight.sum()
    how = OURS if recipe.augment == "ours" else PAPER
    loss = image.image_loss(faces, shares, how, batch=recipe.batch or 32, half=half, device=device)
    return loss, image.validator(held_out)


def video_parts(
    recipe: Recipe, net: RedNet, faces: FaceSet, held_out: FaceSet, half: bool, device: str
) -> tuple[BatchLoss, Callable[[nn.Module], Figures]]:
    """The third stage's loss and validation."""
    exact = faces.subset(np.flatnonzero(faces.weight >= 1))
    sharp = held_out.subset(np.flatnonzero(held_out.identity < 0)) if (held_out.identity < 0).any() else held_out
    clips = video.ClipSet(exact if len(exact) else faces)
    kept_back: list[Clip] = []
    missing = set(recipe.hold_out)
    for folder in recipe.clips:
        for clip, name in zip(*video.read_clips(folder), strict=True):
            missing.discard(name)
            if name in recipe.hold_out:
                kept_back.append(clip)
            else:
                clips.real.append(clip)
    if missing:
        raise UsageError(f"--hold-out {min(missing)} is none of the clips", remedy="name folders below --clips")
    size, frames = net.config.size, recipe.frames
    length = video.WINDOWS * frames
    kinds = (False, True) if len(sharp) else ()
    tried = [trials.still_trial(sharp, TRIALS, length, size, occluded=o) for o in kinds]
    if any(len(clip) >= length for clip in kept_back):
        tried.append(trials.real_trial(kept_back, length, size))
    video.set_frozen(net, recipe.freeze)
    loss = video.video_loss(
        clips, frames=frames, batch=recipe.batch or 3, frozen=recipe.freeze, half=half, device=device
    )
    return loss, trials.video_validator(tried)


def half_precision(device: str) -> bool:
    """Whether bfloat16 pays: on GPUs that have it, and on CPUs that multiply it (others take three times as long)."""
    return computes_bfloat16(torch.device(device)) if device.startswith("cuda") else has_bfloat16()


def open_run(recipe: Recipe, net: RedNet) -> Run:
    """The run in its folder, fresh or resumed."""
    run = Run(net, recipe.schedule, recipe.out, np.random.default_rng(recipe.seed + 1000 * parallel.rank()))
    if recipe.resume:
        if not run.resume():
            raise UsageError("nothing to resume", path=run.checkpoint, remedy="leave out --resume")
    elif run.checkpoint.exists():
        raise UsageError("the folder holds a run", path=recipe.out, remedy="add --resume, or name another by --out")
    return run


def export(recipe: Recipe, run: Run, figures: Figures) -> None:
    """The averaged network as a weights file, with its card."""
    if parallel.rank() == 0:
        checkpoint.save(recipe.out / WEIGHTS, run.average, "rednet", card(recipe, run, figures), half=True)


def card(recipe: Recipe, run: Run, figures: Figures) -> dict[str, Any]:
    """What the weights say of themselves."""
    return {
        "stage": recipe.stage,
        "data": {folder.name: trust for folder, trust in recipe.data} | {f.name: 0.5 for f in recipe.clips},
        "before": checkpoint.describe(recipe.start)["card"] if recipe.start else None,
        "steps": run.step,
        "minutes": round(run.seconds / 60, 1),
        "device": device_name(recipe.device),
        "batch": recipe.batch,
        "augment": recipe.augment,
        "schedule": asdict(recipe.schedule),
        "validation": {k: round(v, 4) for k, v in figures.items()},
    }


def device_name(device: str) -> str:
    """The device in words."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"

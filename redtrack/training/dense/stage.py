"""`redtrack train dense`: the head of dense features, on a landmark network that stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from redtrack import checkpoint
from redtrack.device import find_device
from redtrack.errors import UsageError
from redtrack.rednet.dense import DenseConfig, DenseHead
from redtrack.rednet.model import RedNet
from redtrack.training.dense.contrast import contrastive_loss
from redtrack.training.dense.looks import Looks, look_at
from redtrack.training.dense.transfer import between_people, dense_to_views
from redtrack.training.landmarks.faces import FaceSet, read_faces
from redtrack.training.landmarks.image import VALIDATION_SHIFT
from redtrack.training.loop import CHECKPOINT, Figures, Run, train
from redtrack.training.schedule import Schedule

__all__ = ["held_out_looks", "train_dense"]

WEIGHTS = "weights.safetensors"
FEWEST = 8  # faces
_CHECKED = 48  # held-out faces on which the head is validated


def train_dense(
    data: Path,
    out: Path,
    schedule: Schedule,
    start: str | None = None,
    show: bool = True,
    *,
    faces: int | None = None,
    views: int = 1,
    device: str = "auto",
    resume: bool = False,
    seed: int = 0,
) -> Path:
    """Trains the head on a folder of labelled pictures and returns the path of its weights.

    start: weights of the landmark network, the bundled ones by default. faces: how many of the pictures, all by
    default; views: of each face beside its photograph. Raises UsageError for too few faces and for a folder in use,
    WeightsError for unfit weights.
    """
    if (out / CHECKPOINT).exists() != resume:
        remedy = "name another folder" if resume else "give --resume, or name another folder"
        raise UsageError("holds no run to resume" if resume else "holds a run already", out, remedy)
    torch.manual_seed(seed)
    net = checkpoint.load(start, device=str(find_device(device)))
    assert isinstance(net, RedNet), type(net)
    known, held_out = read_faces(data, show=show)
    if len(known) < FEWEST:
        raise UsageError(f"{len(known)} faces are too few", data, f"the head needs {FEWEST} at least")
    rng = np.random.default_rng(seed)
    if faces is not None and faces < len(known):
        known = known.subset(np.sort(rng.choice(len(known), faces, replace=False)))
    looks = look_at(net, known, views, rng, show=show)
    checked = held_out_looks(net, held_out, _CHECKED)
    head = DenseHead(DenseConfig(looks.features.shape[2])).to(net.pixel_mean.device)
    run = Run(head, schedule, out, rng)
    if resume:
        run.resume()
    card = {"stage": "dense", "data": data.name, "faces": len(known), "views": views, "terms": "research only"}
    card |= {"start": checkpoint.find(start or checkpoint.DEFAULT["rednet"]).name}
    validate = validator(checked)

    def validate_and_export(average: nn.Module) -> Figures:
        figures = validate(average)
        assert isinstance(average, DenseHead), type(average)
        checkpoint.save(out / WEIGHTS, average, "dense", card | {"steps": run.step, **figures}, half=True)
        return figures

    train(run, contrastive_loss(looks), validate_and_export, show=show)
    return out / WEIGHTS


def held_out_looks(net: RedNet, faces: FaceSet, most: int) -> Looks | None:
    """Returns looks at some held-out faces and a view of each, cropped as our detector would; None without faces."""
    if min(most, len(faces)) < 2:
        return None
    chosen = np.unique(np.linspace(0, len(faces) - 1, min(most, len(faces))).astype(int))
    return look_at(net, faces.subset(chosen), 1, np.random.default_rng(1), how=VALIDATION_SHIFT)


def validator(looks: Looks | None) -> Callable[[nn.Module], Figures]:
    """Returns what tells how far places are carried wrongly: `error` of landmarks between people, `views` of all
    places from photographs to their views, both in percent of the eye distance. Without held-out faces no figures."""

    @torch.inference_mode()
    def validate(head: nn.Module) -> Figures:
        if looks is None:
            return {}
        head.eval()
        return {
            "error": float(between_people(looks, head).nanmean()),
            "views": float(dense_to_views(looks, head).nanmean()),
        }

    return validate

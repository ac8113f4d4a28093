"""Stage 1 of the paper's three (section 5.1): the network on single pictures, without LSTM and identity."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
import torch
from torch import Tensor, nn

from redtrack.device import hardware
from redtrack.evaluate.protocol import eye_distance
from redtrack.points import SEVEN
from redtrack.rednet import maps
from redtrack.rednet.model import RedNet, StepOutput
from redtrack.rednet.variational import divergence
from redtrack.training.landmarks.augment import OURS, Augmentation, cut, mirror, random_crops, training_crops
from redtrack.training.landmarks.faces import FaceSet
from redtrack.training.landmarks.losses import (
    COORDINATE,
    DETECTION,
    IDENTITY,
    REGRESSION,
    TEACHER,
    coordinate_loss,
    detection_loss,
    identity_loss,
    regression_loss,
)
from redtrack.training.loop import BatchLoss, Figures

AT_ONCE = 64  # faces in one call of the network, where nothing is learnt
VALIDATION_SHIFT = Augmentation(rotation=0.0, scale=0.06, shift=0.025, flip=0.0)  # as our detector's boxes stray
BETA, RAMP = 1e-3, 500  # weight of a code's divergence for each nat, and the batches over which it grows
NEIGHBOUR = 0.5  # share of the batches whose first feedback is a neighbouring frame's points
FACE_OFF, POINT_OFF = 0.5, 0.35  # map cells by which those lie off, all together and each: standard deviations


def step_losses(net: RedNet, out: StepOutput, truth: Tensor, weight: Tensor, beta: float = 0.0) -> dict[str, Tensor]:
    """The losses of one spatial step, as they count. truth (B, 68, 2) in crop pixels, weight (B,) of the labels.

    beta: how much the divergence of a variational step's code counts.
    """
    cells = maps.crop_to_map(truth, net.stride)
    if out.code is not None:
        heat = regression_loss(out.logits, maps.gaussian_maps(cells, net.map_size), weight)
        parts = {"responses": REGRESSION * heat}
        return parts | {"divergence": beta * divergence(out.code)} if net.config.sampled else parts
    if out.task == "reg68":
        heat = regression_loss(out.logits, maps.gaussian_maps(cells, net.map_size), weight)
        coordinate = coordinate_loss(net.points_of(out), truth, net.config.size, weight)
        return {"regression": REGRESSION * heat, "coordinate": COORDINATE * coordinate}
    wanted = cells[:, list(SEVEN)] if out.task == "det7" else cells
    return {"detection": DETECTION * detection_loss(out.logits, maps.disc_maps(wanted, net.map_size), weight)}


def run_steps(
    net: RedNet, crops: Tensor, truth: Tensor, rng: np.random.Generator, neighbour: float = 0.0
) -> list[StepOutput]:
    """The spatial steps as trained. truth (B, 68, 2) in crop pixels.

    A share `neighbour` of the batches leaves the first step out: its maps are made of a neighbouring frame's points, as
    between key frames. One picture in ten loses its feedback and one batch in twelve looks a third time: the first
    makes the last step work alone (`--spatial-steps 1`), the second lets it repeat (`--spatial-steps 3`).
    """
    tasks = net.config.steps + net.config.steps[-1:] * int(len(net.config.steps) > 1 and rng.random() < 1 / 12)
    seen, z, out = net.look(crops), net.first_feedback(len(crops)), []
    first = int(len(net.config.steps) > 1 and rng.random() < neighbour and net.config.feedback_maps == len(SEVEN))
    if first:
        z = neighbour_maps(net, truth, rng)
    for k in range(first, len(tasks)):
        out.append(net.step(k, tasks, seen, z))
        keep = torch.from_numpy(rng.random(len(crops)) >= 0.1).view(-1, 1, 1, 1).to(crops.device)
        z = torch.where(keep, net.feedback(out[-1]), net.first_feedback(len(crops)))
    return out


def neighbour_maps(net: RedNet, truth: Tensor, rng: np.random.Generator) -> Tensor:
    """What a neighbouring frame's seven points feed back (section 3.2: z0 may be "the previous frame's output"): soft
    discs about the true points, the face and each point moved a little. truth (B, 68, 2) -> (B, 7, M, M)."""
    n = len(truth)
    off = rng.normal(0, FACE_OFF, (n, 1, 2)) + rng.normal(0, POINT_OFF, (n, len(SEVEN), 2))
    cells = maps.crop_to_map(truth[:, list(SEVEN)], net.stride) + torch.from_numpy(off).to(truth)
    return maps.soft_disc_maps(cells, net.map_size)


def image_loss(
    faces: FaceSet,
    shares: np.ndarray,
    how: Augmentation = OURS,
    *,
    batch: int = 32,
    neighbour: float = 0.0,
    teacher: RedNet | None = None,
    beta: float = BETA,
    half: bool = False,
    device: str = "cpu",
) -> BatchLoss:
    """The loss of a random batch of faces, drawn with chances `shares` (N,).

    neighbour: share of the batches that are fed a neighbouring frame's points. teacher: a network on the device with
    crops and maps of the same size, whose heat maps on the crops before they are spoilt are learnt as well. beta: how
    much the divergence of a variational step's code counts, after `RAMP` batches over which it grows.
    """
    batches = count()

    def loss(net: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        assert isinstance(net, RedNet)
        now = beta * min(1.0, next(batches) / RAMP)
        index = rng.choice(len(faces), batch, p=shares)
        pictures = faces.images[torch.from_numpy(index)]
        size, scale = net.config.size, net.config.crop_scale
        crops, truth, clean = training_crops(
            pictures, faces.points[index], size, how, rng, axis=faces.axis[index], scale=scale
        )
        weight, truth = torch.from_numpy(faces.weight[index]).to(device), truth.to(device)
        crops = crops.to(device, memory_format=torch.channels_last)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half):
            outputs = run_steps(net, crops, truth, rng, neighbour)
            taught = None if teacher is None else heat_maps(teacher, clean.to(device))
        parts: dict[str, Tensor] = {}
        for out in outputs:
            for name, value in step_losses(net, out, truth, weight, now).items():
                parts[name] = parts.get(name, torch.zeros((), device=device)) + value
        if taught is not None:
            parts["teacher"] = TEACHER * regression_loss(outputs[-1].logits, taught, torch.ones_like(weight))
        if net.config.identities:
            people = torch.from_numpy(faces.identity[index]).to(device)
            parts["identity"] = identity_part(net, outputs[-1].e, people)
        return torch.stack(list(parts.values())).sum(), parts

    return loss


def identity_part(net: RedNet, e: Tensor, people: Tensor) -> Tensor:
    """The identity loss of bottlenecks (B, C, h, w), as it counts."""
    e_id, _ = net.split(e.float())
    return IDENTITY * identity_loss(net.identity(e_id), people)


@torch.no_grad()
def heat_maps(teacher: RedNet, crops: Tensor) -> Tensor:
    """A teacher's 68 heat maps of crops (B, 3, S, S): (B, 68, M, M) in 0..1."""
    return teacher.image_steps(crops.contiguous(memory_format=torch.channels_last))[-1].logits.float().sigmoid()


@torch.inference_mode()
def predict_faces(net: RedNet, faces: FaceSet, *, flip: bool = False, seed: int = 1) -> np.ndarray:
    """The points (N, 68, 2) of stored faces in their own pixels, from crops that stray a little.

    flip: as seen in a mirror, about the labels' axis.
    """
    images, points, everyone = faces.images, faces.points, np.ones(len(faces), dtype=bool)
    if flip:
        images, points = mirror(images, points, everyone, faces.axis)
    crops = random_crops(points, net.config.size, VALIDATION_SHIFT, np.random.default_rng(seed), net.config.crop_scale)
    found, device = [], net.pixel_mean.device
    for start in range(0, len(faces), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        pictures = cut(images[part], crops[part]).to(device, memory_format=torch.channels_last)
        with hardware(device).precision("auto").context(device):
            found.append(net.points_of(net.image_steps(pictures)[-1]).float().cpu().numpy())
    out = crops.to_frame(np.concatenate(found)).astype(np.float32)
    if flip:
        _, out = mirror(images, out, everyone, faces.axis)
    return out


def face_errors(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean point distance over the distance of the outer eye corners, in percent: (N,)."""
    return 100 * np.linalg.norm(found - truth, axis=-1).mean(-1) / eye_distance(truth)


def validator(faces: FaceSet) -> Callable[[nn.Module], Figures]:
    """Errors in percent of the eye distance on held-out faces, by source; `error` is 300-W's where there is any.

    Without held-out faces there are no figures.
    """
    sources = np.array(faces.source)

    def validate(net: nn.Module) -> Figures:
        assert isinstance(net, RedNet)
        if not len(faces):
            return {}
        net.eval()
        errors = face_errors(predict_faces(net, faces), faces.points)
        by_source = {f"error_{s}": float(errors[sources == s].mean()) for s in sorted(set(sources))}
        first = errors[faces.identity < 0] if (faces.identity < 0).any() else errors
        return {
            "error": float(first.mean()),
            "median": float(np.median(first)),
            "failures": float((first > 10).mean()),
            **by_source,
        }

    return validate

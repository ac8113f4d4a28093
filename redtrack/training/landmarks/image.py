"""Stage 1 of the paper's three (section 5.1): the network on single pictures, without LSTM and identity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from redtrack.evaluate.protocol import eye_distance
from redtrack.points import SEVEN
from redtrack.rednet import maps
from redtrack.rednet.model import RedNet, StepOutput, feedback
from redtrack.training.landmarks.augment import OURS, Augmentation, cut, mirror, random_crops, training_crops
from redtrack.training.landmarks.faces import FaceSet
from redtrack.training.landmarks.losses import (
    COORDINATE,
    DETECTION,
    IDENTITY,
    REGRESSION,
    coordinate_loss,
    detection_loss,
    identity_loss,
    regression_loss,
)
from redtrack.training.loop import BatchLoss, Figures

AT_ONCE = 64  # faces in one call of the network, where nothing is learnt
VALIDATION_SHIFT = Augmentation(rotation=0.0, scale=0.06, shift=0.025, flip=0.0)  # as our detector's boxes stray


def step_losses(net: RedNet, out: StepOutput, truth: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """The losses of one spatial step, as they count. truth (B, 68, 2) in crop pixels, weight (B,) of the labels."""
    cells = maps.crop_to_map(truth, net.stride)
    if out.task == "reg68":
        heat = regression_loss(out.logits, maps.gaussian_maps(cells, net.map_size), weight)
        coordinate = coordinate_loss(net.points_of(out), truth, net.config.size, weight)
        return {"regression": REGRESSION * heat, "coordinate": COORDINATE * coordinate}
    wanted = cells[:, list(SEVEN)] if out.task == "det7" else cells
    return {"detection": DETECTION * detection_loss(out.logits, maps.disc_maps(wanted, net.map_size), weight)}


def run_steps(net: RedNet, crops: Tensor, rng: np.random.Generator) -> list[StepOutput]:
    """The spatial steps as trained: one picture in ten loses its feedback, one batch in twelve looks a third time.

    The first makes the last step work alone (`--spatial-steps 1`), the second lets it repeat (`--spatial-steps 3`).
    """
    tasks = net.config.steps + net.config.steps[-1:] * int(len(net.config.steps) > 1 and rng.random() < 1 / 12)
    seen, z, out = net.look(crops), net.first_feedback(len(crops)), []
    for k in range(len(tasks)):
        out.append(net.step(k, tasks, seen, z))
        keep = torch.from_numpy(rng.random(len(crops)) >= 0.1).view(-1, 1, 1, 1).to(crops.device)
        z = torch.where(keep, feedback(out[-1]), net.first_feedback(len(crops)))
    return out


def image_loss(
    faces: FaceSet,
    shares: np.ndarray,
    how: Augmentation = OURS,
    *,
    batch: int = 32,
    half: bool = False,
    device: str = "cpu",
) -> BatchLoss:
    """The loss of a random batch of faces, drawn with chances `shares` (N,)."""
    def loss(net: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        assert isinstance(net, RedNet)
        index = rng.choice(len(faces), batch, p=shares)
        crops, truth = training_crops(
            faces.images[torch.from_numpy(index)], faces.points[index], net.config.size, how, rng
        )
        weight = torch.from_numpy(faces.weight[index]).to(device)
        crops = crops.to(device, memory_format=torch.channels_last)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half):
            outputs = run_steps(net, crops, rng)
        parts: dict[str, Tensor] = {}
        for out in outputs:
            for name, value in step_losses(net, out, truth.to(device), weight).items():
                parts[name] = parts.get(name, torch.zeros((), device=device)) + value
        if net.config.identities:
            e_id, _ = net.split(outputs[-1].e.float())
            people = torch.from_numpy(faces.identity[index]).to(device)
            parts["identity"] = IDENTITY * identity_loss(net.identity(e_id), people)
        return torch.stack(list(parts.values())).sum(), parts

    return loss


@torch.inference_mode()
def predict_faces(net: RedNet, faces: FaceSet, *, flip: bool = False, seed: int = 1) -> np.ndarray:
    """The points (N, 68, 2) of stored faces in their own pixels, from crops that stray a little."""
    images, points = faces.images, faces.points
    if flip:
        images, points = mirror(images, points, np.ones(len(faces), dtype=bool))
    crops = random_crops(points, net.config.size, VALIDATION_SHIFT, np.random.default_rng(seed))
    found = []
    for start in range(0, len(faces), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        pictures = cut(images[part], crops[part]).to(net.pixel_mean.device, memory_format=torch.channels_last)
        found.append(net.points_of(net.image_steps(pictures)[-1]).cpu().numpy())
    out = crops.to_frame(np.concatenate(found)).astype(np.float32)
    if flip:
        _, out = mirror(images, out, np.ones(len(faces), dtype=bool))
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

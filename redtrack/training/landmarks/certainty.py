"""The certainty of the points: a head that learns how far off they are, of a network that stays as it is.

Ours, not the paper's. The network knows the faces that it was trained on a little better than new ones, so the head's
variances come out too small: at the end they are multiplied by one factor, with which the ellipses of 90 % hold 90 % of
the points of the faces held out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from redtrack.evaluate.calibration import Calibration
from redtrack.evaluate.protocol import eye_distance
from redtrack.rednet.certainty import negative_log_likelihood
from redtrack.rednet.model import RedNet
from redtrack.training.landmarks.augment import OURS, training_crops
from redtrack.training.landmarks.faces import FaceSet
from redtrack.training.landmarks.image import AT_ONCE, VALIDATION_SHIFT
from redtrack.training.landmarks.losses import inside
from redtrack.training.loop import BatchLoss, Figures

NINETY = -2 * np.log(0.1)  # squared Mahalanobis length within which 90 % of the errors lie
SPOILT = replace(OURS, rotation=10.0, scale=0.07, shift=0.03, light=0.5, occlude=0.3)  # half of the batches
PLAIN = replace(VALIDATION_SHIFT, flip=0.5, light=0.0, grey=0.0, blur=0.0, noise=0.0, occlude=0.0, shut=0.0)
LOOKS = 3  # at each held-out face


def set_learning(net: RedNet) -> None:
    """Leaves nothing but the head to learn."""
    net.requires_grad_(False)
    net.certainty.requires_grad_(True)


def certainty_loss(faces: FaceSet, shares: np.ndarray, *, batch: int = 32, device: str = "cpu") -> BatchLoss:
    """The likelihood of a random batch's errors, drawn with chances `shares` (N,), half of them spoilt."""

    def loss(net: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        assert isinstance(net, RedNet)
        net.eval()
        net.certainty.train()
        index = rng.choice(len(faces), batch, p=shares)
        error, sigma, seen = look(net, faces, index, rng, spoilt=rng.random() < 0.5, device=device)
        weight = torch.from_numpy(faces.weight[index]).to(device)[:, None] * seen
        value = (negative_log_likelihood(error, sigma) * weight).sum() / weight.sum().clamp_min(1e-6)
        return value, {"certainty": value}

    return loss


def look(
    net: RedNet, faces: FaceSet, index: np.ndarray, rng: np.random.Generator, *, spoilt: bool, device: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Errors (B, P, 2) in crop sides, their covariances (B, P, 3), and 1 for points inside of the crop (B, P)."""
    crops, truth, _ = training_crops(
        faces.images[torch.from_numpy(index)],
        faces.points[index],
        net.config.size,
        SPOILT if spoilt else PLAIN,
        rng,
        axis=faces.axis[index],
        scale=net.config.crop_scale,
    )
    truth = truth.to(device)
    with torch.no_grad():
        out = net.image_steps(crops.to(device, memory_format=torch.channels_last))[-1]
        error = (net.points_of(out) - truth) / net.config.size
    sigma = net.sigma_of(out)
    assert sigma is not None, "a network without the head"
    return error, sigma, inside(truth, net.config.size)


def validator(faces: FaceSet, device: str = "cpu") -> Callable[[nn.Module], Figures]:
    """Sets the head's factor on the faces held out, and returns how honest it is: `error` is the likelihood's loss.

    Without held-out faces there are no figures, and the factor stays.
    """

    @torch.inference_mode()
    def validate(net: nn.Module) -> Figures:
        assert isinstance(net, RedNet)
        if not len(faces):
            return {}
        net.eval()
        net.certainty.factor.fill_(1.0)
        error, sigma, scale = held_out(net, faces, device)
        surprise = Calibration.of(error, sigma, np.ones(sigma.shape[:2]), scale).surprise
        factor = float(np.quantile(surprise, 0.9) / NINETY)
        net.certainty.factor.fill_(factor)
        honest = Calibration.of(error, sigma * factor, np.ones(sigma.shape[:2]), scale)
        loss = negative_log_likelihood(torch.from_numpy(error), torch.from_numpy(sigma * factor)).mean()
        coverage = {f"coverage_{level:.0%}": share for level, share in honest.coverage.items()}
        return {"error": float(loss), "factor": factor, "auroc": honest.auroc, **coverage}

    return validate


@torch.inference_mode()
def held_out(net: RedNet, faces: FaceSet, device: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors (M, P, 2) and covariances (M, P, 3) in crop sides, and eye distances (M,), of several looks."""
    rng, parts = np.random.default_rng(1), []
    for start in [k for _ in range(LOOKS) for k in range(0, len(faces), AT_ONCE)]:
        index = np.arange(start, min(start + AT_ONCE, len(faces)))
        error, sigma, _ = look(net, faces, index, rng, spoilt=False, device=device)
        box = np.ptp(faces.points[index], axis=1).max(-1) * net.config.crop_scale
        parts.append((error.cpu().numpy(), sigma.cpu().numpy(), eye_distance(faces.points[index]) / box))
    errors, sigmas, scales = (np.concatenate(column) for column in zip(*parts, strict=True))
    return errors, sigmas, scales

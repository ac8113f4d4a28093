"""The loss of the face detector: which cells stand for which face, how surely, and how well their boxes fit.

Axes: B pictures, G faces of the fullest picture, A cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

CELLS_PER_FACE = 8  # as many cells stand for one face, at most
SPAN = (1.2, 9.0)  # sqrt of a face's area in strides, for the levels that may hold it; the last has no upper end


@dataclass(frozen=True)
class Truth:
    """The faces of a batch, padded to the same number."""

    boxes: Tensor  # (B, G, 4)
    real: Tensor  # (B, G) bool: a face, not padding
    sure: Tensor  # (B, G) bool: a face to be taught; real but not sure ones are ignored


def stack_truth(boxes: Sequence[np.ndarray], ignore: Sequence[np.ndarray], device: torch.device | str = "cpu") -> Truth:
    """The faces of each picture, (M, 4) and (M,), as one padded batch."""
    most = max(1, *[len(b) for b in boxes])
    padded = torch.zeros(len(boxes), most, 4)
    real = torch.zeros(len(boxes), most, dtype=torch.bool)
    sure = torch.zeros_like(real)
    for row, (b, i) in enumerate(zip(boxes, ignore, strict=True)):
        padded[row, : len(b)] = torch.from_numpy(b)
        real[row, : len(b)] = True
        sure[row, : len(b)] = torch.from_numpy(~i)
    return Truth(padded.to(device), real.to(device), sure.to(device))


def detector_loss(logits: Tensor, boxes: Tensor, centres: Tensor, strides: Tensor, truth: Truth) -> dict[str, Tensor]:
    """`total`, `score` and `box` losses of a batch: logits (B, A), boxes (B, A, 4), centres (A, 2), strides (A,).

    The score learns the IoU that its box reaches (quality focal loss, Li et al. 2020), the box learns 1 - generalised
    IoU, weighted by the same target. Both are divided by the sum of the targets.
    """
    with torch.no_grad():
        target, owner = assign(logits.sigmoid(), boxes, centres, strides, truth)
        weight = 1.0 - (covered(centres, truth) & (target == 0)).float()
    norm = target.sum().clamp(min=1.0)
    chance = logits.sigmoid()
    focal = (target - chance).abs().square().detach() * weight
    score = (F.binary_cross_entropy_with_logits(logits, target, reduction="none") * focal).sum() / norm
    picked = target > 0
    wanted = truth.boxes.gather(1, owner[..., None].expand(-1, -1, 4))[picked]
    box = ((1 - generalised_iou(boxes[picked], wanted)) * target[picked]).sum() / norm
    return {"total": 2.0 * score + box, "score": score.detach(), "box": box.detach()}


def assign(chance: Tensor, boxes: Tensor, centres: Tensor, strides: Tensor, truth: Truth) -> tuple[Tensor, Tensor]:
    """Targets (B, A) in 0..1 and the face (B, A) that each cell stands for (task-aligned, Feng et al. 2021).

    Of the cells near a face's centre, those with the best product of score and overlap are taken; their
    target is that product, scaled so that the best cell's target is the root of the face's best overlap: a face
    whose outline is uncertain, as from the side or half hidden, is no less a face.
    """
    overlap = pair_iou(truth.boxes[:, :, None], boxes[:, None])  # (B, G, A)
    allowed = candidates(centres, strides, truth)
    quality = (chance[:, None].clamp(min=1e-4).sqrt() * overlap**4 + 1e-9) * allowed
    cut = quality.topk(CELLS_PER_FACE, dim=2).values[..., -1:]
    quality = torch.where((quality >= cut) & allowed, quality, torch.zeros_like(quality))
    best = quality.amax(2, keepdim=True).clamp(min=1e-12)
    scaled = quality / best * (overlap * (quality > 0)).amax(2, keepdim=True).clamp(min=0.05).sqrt()
    return scaled.max(dim=1)


def candidates(centres: Tensor, strides: Tensor, truth: Truth) -> Tensor:
    """(B, G, A) bool: the cell is near the face's centre, on a level that suits the face's size."""
    size = (truth.boxes[..., 2:] - truth.boxes[..., :2]).clamp(min=1.0)  # (B, G, 2)
    middle = (truth.boxes[..., 2:] + truth.boxes[..., :2]) / 2
    away = (centres[None, None] - middle[:, :, None]).abs()  # (B, G, A, 2)
    near = torch.maximum(0.3 * size[:, :, None], 0.75 * strides[:, None])
    side = size.prod(-1).sqrt()[..., None] / strides  # (B, G, A)
    fits = ((side >= SPAN[0]) | (strides == strides.min())) & ((side <= SPAN[1]) | (strides == strides.max()))
    return (away <= near).all(-1) & fits & truth.sure[..., None]


def covered(centres: Tensor, truth: Truth) -> Tensor:
    """(B, A) bool: the cell lies in a box that may be a face, so its score is not taught."""
    boxes = truth.boxes[:, :, None]  # (B, G, 1, 4)
    inside = ((centres >= boxes[..., :2] - 4) & (centres <= boxes[..., 2:] + 4)).all(-1)  # (B, G, A)
    return (inside & (truth.real & ~truth.sure)[..., None]).any(1)


def pair_iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of boxes (..., 4), broadcast."""
    overlap, union = overlap_union(a, b)
    return overlap / union.clamp(min=1e-6)


def overlap_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Areas of intersection and union of boxes (..., 4), broadcast."""
    shared = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    return shared, (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU less the share of the common hull that neither box fills, (...,) in -1..1 (Rezatofighi et al. 2019)."""
    shared, union = overlap_union(a, b)
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1)
    return shared / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)

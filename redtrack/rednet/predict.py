"""Points of clip windows, both ways through time: what the rest of the package asks of the network.

N windows, T frames, S crop side, P points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from redtrack.rednet.model import Encoded, RedNet
from redtrack.rednet.temporal import first_state

DIRECTIONS = ("both", "forward", "backward")


class WindowEstimate(NamedTuple):
    """points (N, T, P, 2) float32 in crop pixels; scores (N, T, P) 0..1; disagreement (N, T, P): the distance of the
    forward and the backward estimate in crop pixels, 0 where there is one only. Frames beyond a window's length hold
    nothing of use."""

    points: np.ndarray
    scores: np.ndarray
    disagreement: np.ndarray


@torch.inference_mode()
def predict_windows(
    net: RedNet,
    crops: Tensor,
    lengths: Tensor,
    direction: str = "both",
    spatial_steps: int | None = None,
    temporal: bool = True,
) -> WindowEstimate:
    """The estimate for each frame of each window.

    crops (N, T, 3, S, S) float in 0..1 on the network's device; lengths (N,): how many of the T frames are real, the
    first ones. All that does not depend on the direction (every spatial step but the last decoder) is computed once.
    """
    assert direction in DIRECTIONS, f"direction {direction!r} is none of {DIRECTIONS}"
    n, t = crops.shape[:2]
    assert lengths.shape == (n,), f"{tuple(lengths.shape)} lengths for {n} windows"
    pictures = crops.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    encoded = net.encode_last(pictures, net.tasks_of(spatial_steps))
    if not (net.config.temporal and temporal):
        points, scores = net.read(net.decode_last(encoded, net.split(encoded.e)[1]))
        return _on_host(points.unflatten(0, (n, t)), scores.unflatten(0, (n, t)), points.new_zeros(n, t, 68))
    lengths = lengths.to(crops.device)
    if direction == "forward":
        points, scores = _one_way(net, encoded, n)
        return _on_host(points, scores, torch.zeros_like(scores))
    order = reversed_order(lengths, t)
    points_b, scores_b = _one_way(net, reorder(encoded, order), n)
    points_b, scores_b = undo(points_b, order), undo(scores_b, order)
    if direction == "backward":
        return _on_host(points_b, scores_b, torch.zeros_like(scores_b))
    points_f, scores_f = _one_way(net, encoded, n)
    return _on_host(*merge(points_f, scores_f, points_b, scores_b, lengths))


def merge(
    points_f: Tensor, scores_f: Tensor, points_b: Tensor, scores_b: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Forward and backward estimates weighted by the frames that each has seen; and how far apart they are.

    Frame k of a window of L has k + 1 frames of context forward and L - k backward.
    """
    k = torch.arange(points_f.shape[1], device=points_f.device)
    forward = (k + 1).expand(len(lengths), -1).to(points_f.dtype)
    backward = (lengths[:, None] - k).clamp_min(0).to(points_f.dtype)
    weight = (forward / (forward + backward))[..., None]  # (N, T, 1)
    points = torch.lerp(points_b, points_f, weight[..., None])
    return points, torch.lerp(scores_b, scores_f, weight), (points_f - points_b).norm(dim=-1)


def reversed_order(lengths: Tensor, t: int) -> Tensor:
    """Index of the frames from last to first, the padding left at the end; its own inverse. (N,) -> (N, T)."""
    k = torch.arange(t, device=lengths.device)
    return torch.where(k < lengths[:, None], lengths[:, None] - 1 - k, k)


def reorder(encoded: Encoded, order: Tensor) -> Encoded:
    """The frames of each window in another order (N, T)."""
    n, t = order.shape
    flat = (order + torch.arange(n, device=order.device)[:, None] * t).flatten()
    return encoded._replace(e=encoded.e[flat], skips=[s[flat] for s in encoded.skips])


def undo(values: Tensor, order: Tensor) -> Tensor:
    """Values (N, T, ...) of reversed frames back in the frames' own order."""
    index = order.view(*order.shape, *([1] * (values.ndim - 2))).expand_as(values)
    return values.gather(1, index)


def _one_way(net: RedNet, encoded: Encoded, n: int) -> tuple[Tensor, Tensor]:
    return net.walk(encoded, first_state(n, net.pixel_mean))[:2]


def _on_host(points: Tensor, scores: Tensor, disagreement: Tensor) -> WindowEstimate:
    """One transfer a batch."""
    packed = torch.cat((points.float(), scores.float()[..., None], disagreement.float()[..., None]), -1).cpu().numpy()
    return WindowEstimate(packed[..., :2], packed[..., 2], packed[..., 3])

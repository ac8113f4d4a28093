"""Points of clip windows, both ways through time: what the rest of the package asks of the network.

N windows, T frames, S crop side, D directions, P points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from redtrack.points import N_POINTS
from redtrack.rednet.model import Encoded, RedNet
from redtrack.rednet.temporal import EVIDENCE, first_state
from redtrack.rednet.tie import DIRECTIONS, Points, alone, reversed_order, undo


class WindowEstimate(NamedTuple):
    """points (N, T, P, 2) float32 in crop pixels; scores (N, T, P) 0..1; disagreement (N, T, P): the distance of the
    forward and the backward estimate in crop pixels, 0 where there is one only. Frames beyond a window's length hold
    nothing of use. evidence (N, T, D, P, E) is what `tie` makes better points of once the neighbours are known, with D
    of 0 where nothing recurs."""

    points: np.ndarray
    scores: np.ndarray
    disagreement: np.ndarray
    evidence: np.ndarray

    @classmethod
    def final(cls, points: np.ndarray, scores: np.ndarray, disagreement: np.ndarray) -> WindowEstimate:
        """An estimate that no neighbour changes."""
        return cls(points, scores, disagreement, np.zeros((*points.shape[:2], 0, N_POINTS, EVIDENCE), np.float32))


@torch.inference_mode()
def predict_windows(
    net: RedNet,
    crops: Tensor,
    lengths: Tensor,
    direction: str = "both",
    spatial_steps: int | None = None,
    temporal: bool = True,
    recur: bool = True,
) -> WindowEstimate:
    """The estimate for each frame of each window.

    crops (N, T, 3, S, S) float in 0..1 on the network's device; lengths (N,): how many of the T frames are real, the
    first ones. All that does not depend on the direction (every spatial step but the last decoder) is computed once.
    Without `recur` the points are those of the maps, good enough to see where a face is: `tie` follows.
    """
    assert direction in DIRECTIONS, f"direction {direction!r} is none of {tuple(DIRECTIONS)}"
    n, t = crops.shape[:2]
    assert lengths.shape == (n,), f"{tuple(lengths.shape)} lengths for {n} windows"
    lengths = lengths.to(crops.device)  # a GPU waits for it: now there is nothing yet that it waits behind
    pictures = crops.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    encoded = net.encode_last(pictures, net.tasks_of(spatial_steps))
    if not (net.config.temporal and temporal):
        points, scores = net.read(net.decode_last(encoded, net.split(encoded.e)[1]))
        found = Points(points / net.config.size, scores, torch.zeros_like(scores))
        found = Points(*(x.unflatten(0, (n, t)) for x in found))
        return _on_host(found, points.new_zeros(n, t, 0, N_POINTS, EVIDENCE), net.config.size)
    evidence = torch.stack([walk.float() for walk in _walks(net, encoded, lengths, t, direction)], 2)
    if recur:
        return _on_host(alone(net.recurrence, evidence, lengths, direction), evidence, net.config.size)
    mean, points = evidence.mean(2), evidence[..., :2]
    return _on_host(Points(mean[..., :2], mean[..., 2], (points[:, :, 0] - points[:, :, -1]).norm(dim=-1)), evidence,
                    net.config.size)  # fmt: skip


def _walks(net: RedNet, encoded: Encoded, lengths: Tensor, t: int, direction: str) -> list[Tensor]:
    """The evidence (N, T, P, E) of each direction, in the frames' own order."""
    found = []
    for backward in DIRECTIONS[direction]:
        order = reversed_order(lengths, t)
        walk = net.walk(reorder(encoded, order) if backward else encoded, first_state(len(lengths), net.pixel_mean))
        found.append(undo(walk.evidence, order) if backward else walk.evidence)
    return found


def reorder(encoded: Encoded, order: Tensor) -> Encoded:
    """The frames of each window in another order (N, T)."""
    n, t = order.shape
    flat = (order + torch.arange(n, device=order.device)[:, None] * t).flatten()
    return encoded._replace(e=encoded.e[flat], skips=[s[flat] for s in encoded.skips])


def _on_host(found: Points, evidence: Tensor, size: int) -> WindowEstimate:
    """One transfer a batch."""
    n, t, d = evidence.shape[:3]
    values = (found.points * size, found.scores[..., None], found.disagreement[..., None] * size)
    own = torch.cat([v.float() for v in values], -1)  # (N, T, P, 4)
    packed = torch.cat((own, evidence.float().permute(0, 1, 3, 2, 4).flatten(3)), -1).cpu().numpy()
    said = packed[..., 4:].reshape(n, t, N_POINTS, d, EVIDENCE).transpose(0, 1, 3, 2, 4)
    return WindowEstimate(packed[..., :2], packed[..., 2], packed[..., 3], said)

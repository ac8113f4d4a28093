"""The points of windows out of their evidence, both ways through time and over the windows' borders.

The convolutions see each window alone, so that windows can share a batch in any order. The recurrence of the points
(`temporal.PointRecurrence`) costs next to nothing, and a border at which it starts anew is seen: there the points jump.
So it runs in afterwards, through the frames of the neighbouring windows.

M chains of L frames, N windows of T frames, D directions, P points, E numbers of evidence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from redtrack.rednet.temporal import PointRecurrence, first_motion

CONTEXT = 10  # frames; a start farther away than these no longer tells
DIRECTIONS = {"both": (False, True), "forward": (False,), "backward": (True,)}  # whether reversed in time


class Linked(NamedTuple):
    """A window's evidence (n, D, P, E), points in sides of its crops, and that of the neighbours, whose points are in
    sides of the crops that this window's would be if they went on; None where there is no neighbour."""

    here: np.ndarray
    before: np.ndarray | None = None
    after: np.ndarray | None = None


class Points(NamedTuple):
    """points (..., P, 2) in crop sides, scores (..., P), disagreement of the two directions (..., P) in crop sides."""

    points: Tensor
    scores: Tensor
    disagreement: Tensor


def recur(recurrence: PointRecurrence, evidence: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
    """Points (M, L, P, 2) and frames seen (M, L) of chains of evidence (M, L, P, E), which begin where `active` (M, L)
    does."""
    motion, points, seen = first_motion(len(evidence), evidence), [], []
    for k, frame in enumerate(evidence.unbind(1)):
        motion = recurrence.step(frame, motion)
        motion = motion._replace(seen=motion.seen * active[:, k, None, None])
        points.append(motion.position)
        seen.append(motion.seen[:, 0, 0])
    return torch.stack(points, 1), torch.stack(seen, 1)


def blend(ways: list[tuple[Tensor, Tensor, Tensor]]) -> Points:
    """One estimate of the directions' points (..., P, 2), scores (..., P) and frames seen (...), as each has context.

    Away from the ends of a track that is their mean.
    """
    points, scores, seen = ways[0]
    if len(ways) == 1:
        return Points(points, scores, torch.zeros_like(scores))
    others, other_scores, other_seen = ways[1]
    context, other_context = seen.clamp(1, CONTEXT), other_seen.clamp(1, CONTEXT)
    weight = (other_context / (context + other_context))[..., None]
    apart = (points - others).norm(dim=-1)
    return Points(torch.lerp(points, others, weight[..., None]), torch.lerp(scores, other_scores, weight), apart)


def alone(recurrence: PointRecurrence, evidence: Tensor, lengths: Tensor, direction: str = "both") -> Points:
    """The points (N, T, P, 2) of windows without neighbours. evidence (N, T, D, P, E), of which lengths (N,) frames."""
    t = evidence.shape[1]
    active = torch.arange(t, device=evidence.device) < lengths[:, None]
    order = reversed_order(lengths, t)
    ways = []
    for d, backward in enumerate(DIRECTIONS[direction]):
        chain = undo(evidence[:, :, d], order) if backward else evidence[:, :, d]
        points, seen = recur(recurrence, chain, active)
        if backward:
            points, seen = undo(points, order), undo(seen, order)
        ways.append((points, evidence[:, :, d, :, 2], seen))
    return blend(ways)


def reversed_order(lengths: Tensor, t: int) -> Tensor:
    """Index of the frames from last to first, the padding left at the end; its own inverse. (N,) -> (N, T)."""
    k = torch.arange(t, device=lengths.device)
    return torch.where(k < lengths[:, None], lengths[:, None] - 1 - k, k)


def undo(values: Tensor, order: Tensor) -> Tensor:
    """Values (N, T, ...) of reversed frames back in the frames' own order (N, T), or the other way round."""
    index = order.view(*order.shape, *([1] * (values.ndim - 2))).expand_as(values)
    return values.gather(1, index)


@torch.inference_mode()
def tie(recurrence: PointRecurrence, windows: list[Linked], direction: str = "both") -> list[Points]:
    """The points of windows, each run into from its neighbours: of every window (n, P, 2), (n, P) and (n, P), on the
    CPU. Only the CONTEXT frames of a neighbour that lie nearest count."""
    backwards = DIRECTIONS[direction]
    chains = [_chain(window, d, backward) for window in windows for d, backward in enumerate(backwards)]
    longest = max(len(chain) for chain in chains)
    evidence = np.zeros((len(chains), longest, *chains[0].shape[1:]), np.float32)
    active = np.zeros((len(chains), longest), np.float32)
    for row, chain in enumerate(chains):
        evidence[row, longest - len(chain) :], active[row, longest - len(chain) :] = chain, 1
    points, seen = recur(recurrence, torch.from_numpy(evidence), torch.from_numpy(active))
    out = []
    for row, window in zip(range(0, len(chains), len(backwards)), windows, strict=True):
        ways = []
        for d, backward in enumerate(backwards):
            own = [x[row + d, longest - len(window.here) :] for x in (points, seen)]
            own = [x.flip(0) for x in own] if backward else own
            ways.append((own[0], torch.from_numpy(window.here[:, d, :, 2]), own[1]))
        out.append(blend(ways))
    return out


def _chain(window: Linked, d: int, backward: bool) -> np.ndarray:
    """One direction's evidence (L, P, E) in the order of its way, which ends with the window's own frames."""
    if backward:
        first = None if window.after is None else window.after[:CONTEXT, d][::-1]
        own = window.here[::-1, d]
    else:
        first = None if window.before is None else window.before[-CONTEXT:, d]
        own = window.here[:, d]
    return own if first is None else np.concatenate([first, own])

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
from redtrack.rednet.walk import PointWalk

CONTEXT = 10  # frames; a start farther away than these no longer tells
CHAINS = 8  # that are tied at once, blank ones among them: always as many, so that sums are added up in the same order
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


class Way(NamedTuple):
    """One direction's points (..., P, 2) in crop sides, frames seen so far (...), and variance of the points (..., P)
    in square crop sides, 0 where it is unknown."""

    points: Tensor
    seen: Tensor
    variance: Tensor


def recur(recurrence: PointRecurrence, evidence: Tensor, active: Tensor) -> Way:
    """The points of chains of evidence (M, L, P, E), which begin where `active` (M, L) does."""
    motion, out = first_motion(len(evidence), evidence), []
    for k, frame in enumerate(evidence.unbind(1)):
        motion = recurrence.step(frame, motion)
        motion = motion._replace(seen=motion.seen * active[:, k, None, None])
        out.append(Way(motion.position, motion.seen[:, 0, 0], motion.variance[..., 0]))
    return Way(*(torch.stack(parts, 1) for parts in zip(*out, strict=True)))


def blend(ways: list[Way], scores: Tensor) -> Points:
    """One estimate of the directions' points, weighed by their certainty, or by context where that is unknown.

    scores (..., P) of the maps, which the directions share.
    """
    one = ways[0]
    if len(ways) == 1:
        return Points(one.points, scores, torch.zeros_like(scores))
    other = ways[1]
    context, other_context = one.seen.clamp(1, CONTEXT)[..., None], other.seen.clamp(1, CONTEXT)[..., None]
    known = one.variance + other.variance > 0
    by_variance = one.variance / (one.variance + other.variance).clamp_min(1e-12)
    weight = torch.where(known, by_variance, other_context / (context + other_context))
    apart = (one.points - other.points).norm(dim=-1)
    return Points(torch.lerp(one.points, other.points, weight[..., None]), scores, apart)


def alone(recurrence: PointRecurrence, evidence: Tensor, lengths: Tensor, direction: str = "both") -> Points:
    """The points (N, T, P, 2) of windows without neighbours. evidence (N, T, D, P, E), of which lengths (N,) frames."""
    t = evidence.shape[1]
    active = torch.arange(t, device=evidence.device) < lengths[:, None]
    order = reversed_order(lengths, t)
    ways = []
    for d, backward in enumerate(DIRECTIONS[direction]):
        chain = undo(evidence[:, :, d], order) if backward else evidence[:, :, d]
        way = recur(recurrence, chain, active)
        ways.append(Way(*(undo(x, order) for x in way)) if backward else way)
    return blend(ways, evidence[:, :, 0, :, 2])


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
    ways = DIRECTIONS[direction]
    at_once = CHAINS // len(ways)
    parts = [windows[start : start + at_once] for start in range(0, len(windows), at_once)]
    return [points for part in parts for points in _tie(recurrence, part, ways)]


def _tie(recurrence: PointRecurrence, windows: list[Linked], backwards: tuple[bool, ...]) -> list[Points]:
    chains = [_chain(window, d, backward) for window in windows for d, backward in enumerate(backwards)]
    longest = max(len(chain) for chain in chains)
    evidence = np.zeros((CHAINS, longest, *chains[0].shape[1:]), np.float32)
    active = np.zeros((CHAINS, longest), np.float32)
    for row, chain in enumerate(chains):
        evidence[row, longest - len(chain) :], active[row, longest - len(chain) :] = chain, 1
    found = Way(*map(torch.from_numpy, PointWalk(recurrence).along(evidence, active)))
    out = []
    for row, window in zip(range(0, len(chains), len(backwards)), windows, strict=True):
        ways = []
        for d, backward in enumerate(backwards):
            own = Way(*(x[row + d, longest - len(window.here) :] for x in found))
            ways.append(Way(*(x.flip(0) for x in own)) if backward else own)
        out.append(blend(ways, torch.from_numpy(window.here[:, 0, :, 2])))
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

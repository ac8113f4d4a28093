"""Points of clip windows, both ways through time: what the rest of the package asks of the network.

N windows, T frames, S crop side, D directions, P points, E numbers of evidence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from redtrack.points import N_POINTS, SEVEN
from redtrack.rednet.model import Encoded, RedNet, StepOutput
from redtrack.rednet.temporal import EVIDENCE, first_state
from redtrack.rednet.tie import DIRECTIONS, Points, alone, reversed_order, undo
from redtrack.rednet.variational import spread

KEYS_FROM = 3  # frames in a window from which on the first spatial steps look at one of them only


class WindowEstimate(NamedTuple):
    """points (N, T, P, 2) float32 in crop pixels; scores (N, T, P) 0..1; disagreement (N, T, P): the distance of the
    forward and the backward estimate in crop pixels, 0 where there is one only; sigma (N, T, P, 3): the covariance xx,
    xy, yy in square crop pixels, NaN where the network has no head for it; spread (N, T, P): how far samples of the
    network's code lie apart in crop pixels, NaN where none were asked for. Frames beyond a window's length hold nothing
    of use. evidence (N, T, D, P, E) is what `tie` makes better points of once the neighbours are known, with D of 0
    where nothing recurs."""

    points: np.ndarray
    scores: np.ndarray
    disagreement: np.ndarray
    sigma: np.ndarray
    spread: np.ndarray
    evidence: np.ndarray

    @classmethod
    def final(cls, points: np.ndarray, scores: np.ndarray, disagreement: np.ndarray) -> WindowEstimate:
        """An estimate that no neighbour changes."""
        unknown = np.full((*points.shape[:-1], 4), np.nan, np.float32)
        no_evidence = np.zeros((*points.shape[:2], 0, N_POINTS, EVIDENCE), np.float32)
        return cls(points, scores, disagreement, unknown[..., :3], unknown[..., 3], no_evidence)


@torch.inference_mode()
def predict_windows(
    net: RedNet,
    crops: Tensor,
    lengths: Tensor,
    direction: str = "both",
    spatial_steps: int | None = None,
    temporal: bool = True,
    recur: bool = True,
    seven: Tensor | None = None,
    samples: int | None = None,
) -> WindowEstimate:
    """The estimate for each frame of each window.

    crops (N, T, 3, S, S) float in 0..1 on the network's device; lengths (N,): how many of the T frames are real, the
    first ones. Nothing but the walk through time is computed more than once. Without `recur` the points are those of
    the maps, good enough to see where a face is: `tie` follows.
    seven (N, T, 7, 2) in crop pixels: points known from neighbouring frames, which take the place of the first spatial
    steps (section 3.2); NaN for windows of which nothing is known. Where `spatial_steps` are asked for, every picture
    takes them all. samples: of a variational step's code, whose `spread` is wanted.
    """
    assert direction in DIRECTIONS, f"direction {direction!r} is none of {tuple(DIRECTIONS)}"
    n, t = crops.shape[:2]
    assert lengths.shape == (n,), f"{tuple(lengths.shape)} lengths for {n} windows"
    lengths = lengths.to(crops.device)  # a GPU waits for it: now there is nothing yet that it waits behind
    pictures = crops.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    tasks = net.config.tasks(spatial_steps)
    known = _known_points(net, crops, lengths, tasks, seven) if spatial_steps is None else None
    encoded = net.encode_last(pictures, tasks, known)
    apart = spread(net, pictures, samples, tasks) if samples else pictures.new_full((n * t, N_POINTS), torch.nan)
    if not (net.config.temporal and temporal):
        return _of_maps(net, net.decode_last(encoded, net.split(encoded.e)[1]), (n, t), apart)
    hidden = both_ways(net, encoded, lengths, t, direction)
    out = net.decode_remembered(encoded, hidden)
    sigma = net.sigma_of(out)
    evidence = net.evidence(out, hidden, sigma).float()
    if recur:
        found = alone(net.recurrence, evidence, lengths, direction)
    else:
        found = Points(evidence[:, :, 0, :, :2], evidence[:, :, 0, :, 2], torch.zeros_like(evidence[:, :, 0, :, 2]))
    return _on_host(net, found, sigma, apart, evidence)


def _known_points(
    net: RedNet, crops: Tensor, lengths: Tensor, tasks: tuple[str, ...], seven: Tensor | None
) -> Tensor | None:
    """The seven points (N * T, 7, 2) in crop pixels that feed each picture, None where the steps before the last run.

    Where nothing is known of a window, the frame in its middle finds them for all: crops follow the face, so that it
    hardly moves in them.
    """
    n, t = crops.shape[:2]
    is_fed_seven = len(tasks) > 1 and net.config.feedback_maps == len(SEVEN)
    if not is_fed_seven or (seven is None and t < KEYS_FROM):
        return None
    if seven is None:
        seven = crops.new_full((n, t, len(SEVEN), 2), torch.nan)
    missing = torch.isnan(seven).flatten(1).any(1)
    if missing.any():
        middle = crops[missing, (lengths[missing] - 1).clamp_min(0) // 2]
        if len(middle) == 1:  # a picture alone would be added up in another order
            middle = middle.expand(2, -1, -1, -1)
        found = net.seven_points(middle.contiguous(memory_format=torch.channels_last), tasks)
        seven = seven.clone()
        seven[missing] = found[: missing.sum(), None].expand(-1, t, -1, -1).to(seven.dtype)
    return seven.flatten(0, 1)


def _of_maps(net: RedNet, out: StepOutput, shape: tuple[int, int], apart: Tensor) -> WindowEstimate:
    """The estimate of a network, or of a run, that knows of no time."""
    points, scores = (x.unflatten(0, shape) for x in net.read(out))
    found = Points(points / net.config.size, scores, torch.zeros_like(scores))
    return _on_host(net, found, net.sigma_of(out), apart, points.new_zeros(*shape, 0, N_POINTS, EVIDENCE))


def both_ways(net: RedNet, encoded: Encoded, lengths: Tensor, t: int, direction: str) -> list[Tensor]:
    """The LSTM's hidden states (N, T, 256) of each direction, in the frames' own order; it walks all ways at once."""
    n = len(lengths)
    vectors = net.temporal.squeeze_frames(net.split(encoded.e)[1]).unflatten(0, (n, t))
    orders = [reversed_order(lengths, t) if backward else None for backward in DIRECTIONS[direction]]
    ways = torch.cat([vectors if order is None else undo(vectors, order) for order in orders])
    start = first_state(len(ways), net.pixel_mean)
    hidden, _ = net.temporal.walk(ways, start.h, start.c)
    return [way if order is None else undo(way, order) for way, order in zip(hidden.split(n), orders, strict=True)]


def _on_host(net: RedNet, found: Points, sigma: Tensor | None, apart: Tensor, evidence: Tensor) -> WindowEstimate:
    """One transfer a batch. apart (N * T, P): the spread in crop pixels."""
    size = net.config.size
    n, t, d = evidence.shape[:3]
    if sigma is None:
        sigma = evidence.new_full((n * t, N_POINTS, 3), torch.nan)
    sigma = sigma.unflatten(0, (n, t)) * size**2
    apart = apart.unflatten(0, (n, t))[..., None]
    values = (found.points * size, found.scores[..., None], found.disagreement[..., None] * size, sigma, apart)
    own = torch.cat([v.float() for v in values], -1)  # (N, T, P, 8)
    packed = torch.cat((own, evidence.float().permute(0, 1, 3, 2, 4).flatten(3)), -1).cpu().numpy()
    said = packed[..., 8:].reshape(n, t, N_POINTS, d, EVIDENCE).transpose(0, 1, 3, 2, 4)
    return WindowEstimate(packed[..., :2], packed[..., 2], packed[..., 3], packed[..., 4:7], packed[..., 7], said)

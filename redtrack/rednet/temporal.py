"""Temporal recurrent learning, section 3.3 and figure 7, and the recurrence of the points themselves.

N windows, T frames, P points. Everything here works on vectors and points, never on maps, so that the walk through
time costs next to nothing; the convolutions before and after it see all N * T pictures at once.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from redtrack.points import N_POINTS, PARTS

HIDDEN = 256  # section 4.2
PER_POINT = 6  # numbers that the hidden state says of each point
EVIDENCE = 4 + PER_POINT  # x, y, score, logarithm of the standard deviation, and what the hidden state says


LEAST_DOUBT = 4e-6  # square crop sides: what is added to a point's variance where it says how the face moved


class Motion(NamedTuple):
    """Where the points are and how they move: position (N, P, 2) in crop sides, speed in crop sides a frame, the frames
    seen so far (N, 1, 1), and the variance of the position (N, P, 1) in square crop sides."""

    position: Tensor
    speed: Tensor
    seen: Tensor
    variance: Tensor


class TemporalState(NamedTuple):
    """What one frame leaves for the next: the LSTM's state h, c (N, 256), and the motion of the points."""

    h: Tensor
    c: Tensor
    motion: Motion


class TemporalUpdate(nn.Module):
    """f_trn of eq. 10: h^t = p(e_pe^t, h^(t-1)) is an LSTM on pooled e_pe, e_pe^t* = q(h^t) its unpooling.

    Figure 7 pools e_pe to 256 numbers and unpools "with spatial indices". An average has no index to remember; what
    takes its place is the frame's own spatial pattern: q(h) moves the level of each pooled cell and leaves the pattern
    inside the cell as it is. q starts at zero: without training the update changes nothing.
    """

    def __init__(self, channels: int, pool: int) -> None:
        super().__init__()
        self.pool = pool
        width = channels * pool * pool
        self.squeeze = nn.Identity() if width == HIDDEN else nn.Linear(width, HIDDEN)
        self.lstm = nn.LSTM(HIDDEN, HIDDEN, batch_first=True)
        self.expand = nn.Linear(HIDDEN, width)
        nn.init.zeros_(self.expand.weight)
        nn.init.zeros_(self.expand.bias)

    def squeeze_frames(self, e_pe: Tensor) -> Tensor:
        """Average pooling to 256 numbers. (B, C, h, w) -> (B, 256)."""
        return self.squeeze(F.adaptive_avg_pool2d(e_pe, self.pool).flatten(1))

    def walk(self, vectors: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """p: the LSTM over (N, T, 256) from the state h, c (N, 256). -> hidden states (N, T, 256), the last state.

        In float32: it is little work, and GPUs have no LSTM in bfloat16, or take float16 for it, by torch's version.
        """
        with torch.autocast(vectors.device.type, enabled=False):
            out, (h_n, c_n) = self.lstm(vectors.float(), (h[None].float(), c[None].float()))
        return out, (h_n[0], c_n[0])

    def unpool(self, hidden: Tensor, e_pe: Tensor) -> Tensor:
        """q: e_pe moved by what the hidden state says. hidden (B, 256), e_pe (B, C, h, w) -> the same."""
        level = self.expand(hidden).view(len(hidden), e_pe.shape[1], self.pool, self.pool)
        return e_pe + F.interpolate(level, e_pe.shape[-2:], mode="nearest")


class PointRecurrence(nn.Module):
    """The points of a frame from its own maps and from the frames before it.

    Not the paper's. Section 3.2 feeds the previous frame's output back as z0, which ties each frame's convolutions
    to the frame before; here the output itself recurs: where the last frames would put a point and where the maps put
    it are mixed. The gain comes from the LSTM's hidden state, the peak's height, and how far the maps surprise: this
    point, its part of the face, the whole face. Noise moves points one by one; a lid, a lip or a head moves together.

    certain: each point comes with its standard deviation. The gain is then a Kalman filter's, corrected by all that: a
    point that something covers is led by the frames in which it was seen.

    aligned: before that, the face of the frames before is moved, scaled and turned as a whole towards the frame's
    points, by those that are certain. A covered point then goes where the rest of the face goes.
    """

    def __init__(self, certain: bool = False, aligned: bool = False) -> None:
        super().__init__()
        self.certain, self.aligned = certain, aligned
        if aligned:  # how far the face follows as a whole
            half = nn.Linear(16, 1)
            nn.init.zeros_(half.weight)
            nn.init.zeros_(half.bias)
            self.follow = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), half)
        self.say = nn.Linear(HIDDEN, N_POINTS * PER_POINT)
        last = nn.Linear(32, 2)
        nn.init.zeros_(last.weight)
        with torch.no_grad():
            last.bias.copy_(torch.tensor([0.0 if certain else 1.0, -1.5]))  # trust the maps at first
        self.gain = nn.Sequential(nn.Linear(PER_POINT + 5 + certain, 32), nn.ReLU(), last)
        if certain:  # logarithm of how far each point strays from its course in a frame, in crop sides
            self.drift = nn.Parameter(torch.full((N_POINTS, 1), -5.0))
        self.members: Tensor
        members = torch.zeros(N_POINTS, N_POINTS)
        for part in PARTS.values():
            members[part.start : part.stop, part.start : part.stop] = 1 / len(part)
        self.register_buffer("members", members, persistent=False)

    def surprise_sizes(self, surprise: Tensor) -> Tensor:
        """Length of the surprise of each point, its part's mean and the face's mean, as logarithms. -> (N, P, 3)."""
        part = torch.einsum("pq,nqc->npc", self.members, surprise)
        face = surprise.mean(1, keepdim=True).expand_as(surprise)
        lengths = (torch.stack((surprise, part, face), 2).square().sum(-1) + 1e-10).sqrt()  # (N, P, 3) crop sides
        return torch.log(lengths * 200 + 0.1)

    def evidence(self, hidden: Tensor, points: Tensor, scores: Tensor, sigma: Tensor | None = None) -> Tensor:
        """All that the recurrence has to know of each frame: (N, T, P, EVIDENCE), for `forward`.

        hidden (N, T, 256), points (N, T, P, 2) in crop sides, scores (N, T, P), sigma (N, T, P, 3) in square crop
        sides.
        """
        said = self.say(hidden).unflatten(2, (N_POINTS, PER_POINT))  # (N, T, P, 6)
        size = torch.zeros_like(scores) if sigma is None else ((sigma[..., 0] + sigma[..., 2]) / 2).log() / 2
        return torch.cat((points, scores[..., None], size[..., None], said), -1)

    def forward(self, evidence: Tensor, state: Motion) -> tuple[Tensor, Motion]:
        """Mixed points (N, T, P, 2) in crop sides, and the motion that the next frame goes on from."""
        out = []
        for frame in evidence.unbind(1):
            state = self.step(frame, state)
            out.append(state.position)
        return torch.stack(out, 1), state

    def step(self, frame: Tensor, state: Motion) -> Motion:
        """One frame's evidence (N, P, EVIDENCE) on top of the frames before it."""
        points, scores, size, said = frame.split((2, 1, 1, PER_POINT), -1)
        expected = state.position + state.speed
        if self.aligned:
            expected = self._followed(expected, points, state, size)
        surprise = points - expected
        context = (1 / (1 + state.seen)).expand(-1, N_POINTS, -1)
        facts = torch.cat((said, self.surprise_sizes(surprise), scores, context), -1)
        first = (state.seen == 0).to(size.dtype)
        if not self.certain:
            level, trend = self.gain(facts).sigmoid().unsqueeze(-2).unbind(-1)  # (N, P, 1)
            level = torch.maximum(level, first)
            return self._moved(state, expected, surprise, (level, trend), state.variance)
        before, own = state.variance + (2 * self.drift).exp(), (2 * size).exp()
        ratio = (before + 1e-12).log() - 2 * size  # the logit of a Kalman filter's gain
        said_level, said_trend = self.gain(torch.cat((facts, ratio.clamp(-6, 6)), -1)).unsqueeze(-2).unbind(-1)
        level = torch.maximum((ratio + said_level).sigmoid(), first)
        return self._moved(state, expected, surprise, (level, said_trend.sigmoid()),
                           (1 - level).square() * before + level.square() * own)  # fmt: skip

    def _followed(self, expected: Tensor, points: Tensor, state: Motion, size: Tensor) -> Tensor:
        """The expected face moved towards the points as a whole. size (N, P, 1): log of their standard deviations."""
        doubt = (2 * size).exp() + state.variance + LEAST_DOUBT
        fitted = fit_similarity(expected, points, 1 / doubt)
        way = fitted - expected
        left = (points - fitted).square().sum(-1)  # (N, P)
        said = (way.square().sum(-1).mean(1), (left / doubt[..., 0]).mean(1), left.mean(1))
        facts = torch.cat([(value[:, None] + 1e-8).log() / 2 for value in said] + [1 / (1 + state.seen[:, 0])], -1)
        return expected + self.follow(facts).sigmoid()[:, None] * way

    @staticmethod
    def _moved(
        state: Motion, expected: Tensor, surprise: Tensor, gain: tuple[Tensor, Tensor], variance: Tensor
    ) -> Motion:
        """The motion after a frame: level and trend (N, P, 1) say how much of the surprise is believed."""
        level, trend = gain
        correction = level * surprise
        going = (state.seen > 0).to(level.dtype)
        return Motion(expected + correction, (state.speed + trend * correction) * going, state.seen + 1, variance)


def fit_similarity(points: Tensor, goal: Tensor, weight: Tensor) -> Tensor:
    """The points (N, P, 2) moved, scaled and turned as a whole so that they come nearest to the goal (N, P, 2), by
    weights (N, P, 1): least squares."""
    share = weight / weight.sum(1, keepdim=True)
    middle, aim = (share * points).sum(1, keepdim=True), (share * goal).sum(1, keepdim=True)
    (x, y), (u, v) = (points - middle).unbind(-1), (goal - aim).unbind(-1)
    own = share[..., 0]
    power = (own * (x * x + y * y)).sum(1, keepdim=True).clamp_min(1e-9)
    a = (own * (x * u + y * v)).sum(1, keepdim=True) / power  # scale times the cosine of the turn
    b = (own * (x * v - y * u)).sum(1, keepdim=True) / power  # and times its sine
    return aim + torch.stack((a * x - b * y, b * x + a * y), -1)


def first_motion(n: int, like: Tensor) -> Motion:
    """The motion before any frame."""
    still = like.new_zeros(n, N_POINTS, 2)
    return Motion(still, still.clone(), like.new_zeros(n, 1, 1), like.new_zeros(n, N_POINTS, 1))


def first_state(n: int, like: Tensor) -> TemporalState:
    """The state before any frame."""
    return TemporalState(like.new_zeros(n, HIDDEN), like.new_zeros(n, HIDDEN), first_motion(n, like))

"""The recurrence of the points in numpy: `temporal.PointRecurrence` on a few chains, frame after frame.

It is hundreds of steps on little, of which torch spends more time on asking than on computing. The numbers are the same
but for rounding.

M chains of L frames, P points. Coordinates come first: x and y of all points are (2, M, P), in crop sides.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from redtrack.rednet.temporal import LEAST_DOUBT, PER_POINT, PointRecurrence

__all__ = ["PointWalk"]

Array = NDArray[np.floating]  # float32


class _Motion(NamedTuple):
    """`temporal.Motion`: position and speed (2, M, P), frames seen (M, 1), variance of the position (M, P)."""

    position: Array
    speed: Array
    seen: Array
    variance: Array


class PointWalk:
    """A recurrence, ready to walk along chains of evidence."""

    def __init__(self, recurrence: PointRecurrence) -> None:
        self._certain, self._aligned = recurrence.certain, recurrence.aligned
        self._members = recurrence.members.numpy().T.copy()
        self._gain = _layers(recurrence.gain)
        if self._certain:
            self._drift = np.exp(2 * recurrence.drift.detach().numpy()[:, 0])  # (P,)
        if self._aligned:
            self._follow = _layers(recurrence.follow)

    def along(self, evidence: Array, active: Array) -> tuple[Array, Array, Array]:
        """Returns points (M, L, P, 2), frames seen (M, L) and variance (M, L, P) of chains of evidence (M, L, P, E),
        which begin where `active` (M, L) does.
        """
        m, length, p = evidence.shape[:3]
        points = np.ascontiguousarray(evidence[..., :2].transpose(1, 3, 0, 2))  # (L, 2, M, P)
        scores, size = (np.ascontiguousarray(evidence[..., k].swapaxes(0, 1)) for k in (2, 3))  # (L, M, P)
        own = np.exp(2 * size)
        facts = np.empty((m, p, PER_POINT + 5 + self._certain), np.float32)
        still, nothing = np.zeros((2, m, p), np.float32), np.zeros((m, p), np.float32)
        motion = _Motion(still, still, nothing[:, :1], nothing)
        found = np.empty((m, length, p, 2), np.float32), np.empty((m, length), np.float32), np.empty_like(size)
        for k in range(length):
            facts[..., :PER_POINT], facts[..., PER_POINT + 3] = evidence[:, k, :, 4:], scores[k]
            motion = self._step(points[k], size[k], own[k], facts, motion)
            motion = motion._replace(seen=motion.seen * active[:, k, None])
            found[0][:, k], found[1][:, k], found[2][k] = (
                motion.position.transpose(1, 2, 0),
                motion.seen[:, 0],
                motion.variance,
            )
        return found[0], found[1], found[2].swapaxes(0, 1)

    def _step(self, points: Array, size: Array, own: Array, facts: Array, state: _Motion) -> _Motion:
        """One frame's points (2, M, P), logarithm of their deviation (M, P) and its square on top of those before it;
        `facts` (M, P, F) has what the frame says beside, and is filled.
        """
        expected: Array = state.position + state.speed
        context = 1 / (1 + state.seen)
        if self._aligned:
            expected = self._followed(expected, points, own + state.variance + np.float32(LEAST_DOUBT), context)
        surprise = points - expected
        facts[..., PER_POINT : PER_POINT + 3] = self._surprise_sizes(surprise)
        facts[..., PER_POINT + 4] = context
        first = (state.seen == 0).astype(np.float32)
        if not self._certain:
            level, trend = _sigmoid(_through(self._gain, facts))
            return _moved(state, expected, surprise, np.maximum(level, first), trend, state.variance)
        before = state.variance + self._drift
        ratio = np.log(before + np.float32(1e-12)) - 2 * size
        facts[..., -1] = np.minimum(np.maximum(ratio, -6), 6)
        level, trend = _through(self._gain, facts)
        level = np.maximum(_sigmoid(ratio + level), first)
        variance = np.square(1 - level) * before + np.square(level) * own
        return _moved(state, expected, surprise, level, _sigmoid(trend), variance)

    def _surprise_sizes(self, surprise: Array) -> Array:
        """Length of the surprise of each point, its part's mean and the face's mean, as logarithms: (M, P, 3)."""
        face = np.broadcast_to(surprise.mean(-1, keepdims=True), surprise.shape)
        x, y = np.stack((surprise, surprise @ self._members, face), -1)  # (M, P, 3)
        return np.log(np.sqrt(x * x + y * y + np.float32(1e-10)) * 200 + np.float32(0.1))

    def _followed(self, expected: Array, points: Array, doubt: Array, context: Array) -> Array:
        """The expected face moved towards the points as a whole, by those whose doubt (M, P) is small."""
        fitted = _fit_similarity(expected, points, 1 / doubt)
        way, left = fitted - expected, np.square(points - fitted).sum(0)
        said = np.square(way).sum(0), left / doubt, left
        facts = np.concatenate(
            [np.log(value.mean(-1, keepdims=True) + np.float32(1e-8)) / 2 for value in said] + [context], -1
        )
        return expected + _sigmoid(_through(self._follow, facts))[0][:, None] * way


def _fit_similarity(points: Array, goal: Array, weight: Array) -> Array:
    """`temporal.fit_similarity` of points and goals (2, M, P) and weights (M, P)."""
    share = weight / weight.sum(-1, keepdims=True)
    aim = (share * goal).sum(-1, keepdims=True)
    (x, y), (u, v) = points - (share * points).sum(-1, keepdims=True), goal - aim
    power = np.maximum((share * (x * x + y * y)).sum(-1, keepdims=True), np.float32(1e-9))
    a = (share * (x * u + y * v)).sum(-1, keepdims=True) / power
    b = (share * (x * v - y * u)).sum(-1, keepdims=True) / power
    return aim + np.stack((a * x - b * y, b * x + a * y))


def _moved(state: _Motion, expected: Array, surprise: Array, level: Array, trend: Array, variance: Array) -> _Motion:
    """The motion after a frame: level and trend (M, P) say how much of the surprise is believed."""
    correction = level * surprise
    going = (state.seen > 0).astype(np.float32)
    return _Motion(expected + correction, (state.speed + trend * correction) * going, state.seen + 1, variance)


def _layers(net: nn.Sequential) -> list[tuple[Array, Array]]:
    """Returns weights (in, out) and biases of the linear layers, between which are ReLUs."""
    return [
        (layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in net if isinstance(layer, nn.Linear)
    ]


def _through(layers: list[tuple[Array, Array]], facts: Array) -> Array:
    """Returns what two layers say of facts (..., F), outputs first: (out, ...)."""
    (first, bias), (second, last) = layers
    said = np.maximum(facts.reshape(-1, facts.shape[-1]) @ first + bias, 0) @ second + last
    return np.moveaxis(said.reshape(*facts.shape[:-1], -1), -1, 0)


def _sigmoid(value: Array) -> Array:
    return 1 / (1 + np.exp(np.minimum(-value, 80)))  # float32 holds no exp(89)

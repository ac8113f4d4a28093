"""Whether the landmarks say that a window's crops were off, and better crops from the landmarks themselves.

n frames of one window; points (n, 68, 2) in frame pixels.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from redtrack.geometry import CropTransform, Floats, landmark_crop
from redtrack.points import MEAN_SHAPE

__all__ = ["landmark_crops", "needed", "roll", "second_crops"]

# Beyond these a window is cropped again. On 202 held-out photos with crops led astray, a second look lowered the error
# from about here on (5.5 to 5.0 %, farther off 8.1 to 4.9 %) and changed nothing below.
SHIFT = 0.05  # of the crop's side
SCALE = 1.12  # ratio of the two sides
TURN = np.radians(15.0)  # roll of the face in its crop

SMOOTH = np.array([1.0, 2.0, 3.0, 2.0, 1.0])  # weights over neighbouring frames, so that crops move smoothly


def second_crops(points: Floats, used: CropTransform) -> CropTransform | None:
    """Returns the crops for a second look, None where the first was good enough."""
    wanted = landmark_crops(points, used)
    return wanted if needed(wanted, used) else None


def needed(wanted: CropTransform, used: CropTransform) -> bool:
    """Returns whether any of the window's crops is too far from the one that its landmarks ask for."""
    shift = np.linalg.norm(wanted.centre - used.centre, axis=1) / used.side
    scale = np.abs(np.log(wanted.side / used.side))
    turn = np.abs(np.angle(np.exp(1j * (wanted.angle - used.angle))))
    return bool((shift > SHIFT).any() or (scale > np.log(SCALE)).any() or (turn > TURN).any())


def landmark_crops(points: Floats, like: CropTransform) -> CropTransform:
    """Returns the crops around a window's landmarks, turned until the face is upright, smoothed through time; of the
    same size and scale as others.

    Turning every crop, and not only those of tilted heads, took a third of the jitter off the two held-out clips.
    """
    points = points.astype(np.float64)
    angle = _smooth(np.unwrap(roll(points)))
    upright = landmark_crop(_turn(points, -angle), like.size, like.scale)
    centre = _turn(upright.centre[:, None], angle)[:, 0]
    return CropTransform(_smooth(centre), _smooth(upright.side), angle, like.size, like.scale)


def roll(points: Floats) -> Floats:
    """Returns (n,) radians by which each face is turned clockwise as seen, by its best fit to the mean face."""
    mean = _complex(MEAN_SHAPE - MEAN_SHAPE.mean(axis=0))
    face = _complex(points - points.mean(axis=1, keepdims=True))
    angle: Floats = np.angle((face * mean.conj()).sum(axis=-1))
    return angle


def _complex(points: Floats) -> np.ndarray:
    return points[..., 0] + 1j * points[..., 1]


def _turn(points: Floats, angle: Floats) -> Floats:
    """Returns points (n, P, 2) turned about (0, 0), clockwise as seen, frame by frame."""
    turned = _complex(points) * np.exp(1j * angle)[:, None]
    return np.stack((turned.real, turned.imag), axis=-1)


def _smooth(values: Floats) -> Floats:
    """Returns (n, ...) averaged over neighbouring frames; near the ends over those that there are."""
    smoothed: Floats = np.tensordot(_weights(len(values)), values, axes=1)
    return smoothed


@lru_cache(maxsize=100)
def _weights(n: int) -> Floats:
    """Returns (n, n): what each of n frames counts in the mean for each."""
    reach = len(SMOOTH) // 2
    distance = np.arange(n)[:, None] - np.arange(n)
    weight = np.where(np.abs(distance) <= reach, SMOOTH[np.clip(distance + reach, 0, 2 * reach)], 0.0)
    shares: Floats = weight / weight.sum(axis=1, keepdims=True)
    return shares

"""Clips of T frames for the temporal stage: real ones, and stills moved by a made-up camera.

N clips, T frames, P points, S crop side. A moved still has exact truth: the camera shifts, scales and rolls smoothly,
parts of the face move by themselves (a lip, a brow), eyes blink, an occluder passes, and each frame has noise of its
own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from redtrack.geometry import LANDMARK_SCALE, CropTransform, landmark_box, mirrored_points
from redtrack.inference.crop_path import through
from redtrack.training.landmarks.augment import (
    OURS,
    Augmentation,
    add_noise,
    random_crops,
    relight,
    soften,
)
from redtrack.training.landmarks.glasses import wear
from redtrack.training.landmarks.lids import blink

MOVED_PARTS = 4  # most parts of a face that move by themselves
KEY_EVERY = 10  # frames between two looks that say where to crop
CENTRED = Augmentation(rotation=12.0, scale=0.05, shift=0.02)  # how far the first of those is off


@dataclass
class Clip:
    """T stored frames of one face: images uint8 (T, 3, H, W), points float32 (T, P, 2) in their pixels; axis: how far
    the labels lie off the face's middle (`geometry.mirrored_points`)."""

    images: Tensor
    points: np.ndarray
    axis: float = 0.0

    def __len__(self) -> int:
        return len(self.points)

    def part(self, start: int, frames: int) -> Clip:
        """So many frames from `start` on."""
        return Clip(self.images[start : start + frames], self.points[start : start + frames], self.axis)


def still_clip(image: Tensor, points: np.ndarray, frames: int, axis: float = 0.0) -> Clip:
    """A still as a clip in which nothing happens. image (3, H, W), points (P, 2)."""
    return Clip(image[None].expand(frames, -1, -1, -1), np.repeat(points[None], frames, 0), axis)


def camera_path(
    clip: Clip, size: int, how: Augmentation, rng: np.random.Generator, scale: float = LANDMARK_SCALE
) -> CropTransform:
    """T crops that follow a face as `inference.crop_path` does: through a crop every ten frames, each a little off."""
    t = len(clip)
    at = np.unique([*range(0, t, KEY_EVERY), t - 1])
    first = random_crops(clip.points[:1], size, how, rng, scale)
    off = rng.normal(0, (0.012, 0.012, 0.015, np.radians(1.5)), (len(at), 4))  # as the key looks themselves err
    followed = landmark_centre(clip.points[at]) - landmark_centre(clip.points[:1])
    keys = [
        CropTransform(first.centre + moved + o[:2] * first.side, first.side * np.exp(o[2]), first.angle + o[3], size)
        for moved, o in zip(followed, off, strict=True)
    ]
    way = through(at.astype(np.float64), keys, np.arange(t, dtype=np.float64))
    shaken = wobble(t, 4, rng) * rng.choice([0.0, 0.002, 0.01], p=[0.5, 0.3, 0.2])  # a head that shakes, or a hand
    return CropTransform(
        way.centre + shaken[:, :2] * way.side[:, None],
        way.side * np.exp(shaken[:, 2]),
        way.angle + 2 * shaken[:, 3],
        size,
    )


def landmark_centre(points: np.ndarray) -> np.ndarray:
    """Middle of the tight box. (..., P, 2) -> (..., 2)."""
    box = landmark_box(points.astype(np.float64))
    return (box[..., :2] + box[..., 2:]) / 2


def wobble(frames: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """A sum of three sines of periods from 3 to 30 frames and amplitude about 1: (T, columns)."""
    t = np.arange(frames)[:, None, None]
    period = np.exp(rng.uniform(np.log(3), np.log(30), (columns, 3)))
    phase = rng.uniform(0, 2 * np.pi, (columns, 3))
    return (np.sin(2 * np.pi * t / period + phase) * rng.normal(0, 0.6, (columns, 3))).sum(-1)


def time_course(frames: int, rng: np.random.Generator) -> np.ndarray:
    """How a part of a face moves: a blink, a change that stays, or talk. (T,), about 0 to 1."""
    t = np.arange(frames, dtype=np.float64)
    at = rng.uniform(0, frames)
    kind = rng.integers(3)
    if kind == 0:
        return np.exp(-((t - at) ** 2) / (2 * rng.uniform(0.7, 2.0) ** 2))
    if kind == 1:
        return 1 / (1 + np.exp(-(t - at) / rng.uniform(0.3, 2.0)))
    return np.sin(2 * np.pi * t / rng.uniform(4, 14) + rng.uniform(0, 6.3)) * 0.7


def eye_opening(frames: int, rng: np.random.Generator) -> np.ndarray:
    """How far eyes are open while they blink once, or stay shut for a while: (T,), 0 to 1. Lids fall in one to four
    frames, and rise more slowly."""
    away = np.arange(frames) - rng.uniform(0, frames)
    pace = np.where(away < 0, rng.uniform(0.4, 1.5), rng.uniform(0.7, 2.5))
    away = np.abs(away) - rng.choice([0.0, rng.uniform(0, frames)])
    shutting = np.exp(-(away.clip(0) ** 2) / (2 * pace**2))
    opening: np.ndarray = 1 - (1.3 * shutting).clip(0, 1)
    return opening


@dataclass
class Bulges:
    """Local motion: at time t the picture around centre k is pushed by push[t, k] with a Gaussian reach.

    centre (K, 2), reach (K,), push (T, K, 2), all in stored pixels.
    """

    centre: np.ndarray
    reach: np.ndarray
    push: np.ndarray

    def at(self, points: np.ndarray) -> np.ndarray:
        """The push at points (T, P, 2): (T, P, 2)."""
        distance = np.square(points[:, :, None] - self.centre).sum(-1)  # (T, P, K)
        return np.einsum("tpk,tkc->tpc", np.exp(distance / (-2 * self.reach**2)), self.push)

    def and_also(self, other: Bulges) -> Bulges:
        """Both motions at once."""
        centre, reach = np.concatenate((self.centre, other.centre)), np.concatenate((self.reach, other.reach))
        return Bulges(centre, reach, np.concatenate((self.push, other.push), 1))


def random_bulges(points: np.ndarray, frames: int, rng: np.random.Generator) -> Bulges:
    """Local motion about some inner points of a face (P, 2)."""
    k = int(rng.integers(0, MOVED_PARTS + 1))
    face = float(np.ptp(points, axis=0).max())
    reach = rng.uniform(0.05, 0.14, k) * face
    push = rng.normal(0, 0.22, (k, 2)).clip(-0.45, 0.45) * reach[:, None]
    courses = np.array([time_course(frames, rng) for _ in range(k)]).reshape(k, frames)
    return Bulges(points[rng.integers(17, 68, k)].astype(np.float64), reach, courses.T[:, :, None] * push)


def talk(points: np.ndarray, frames: int, rng: np.random.Generator) -> Bulges:
    """How the lower lip of a face (P, 2) goes up and down in speech, the chin a little with it, in 3 to 12 frames."""
    down = points[8] - points[27]  # from between the eyes to the chin
    width = float(np.hypot(*(points[54] - points[48])))
    period = np.exp(rng.uniform(np.log(3), np.log(12), 3))
    waves = np.sin(2 * np.pi * np.arange(frames)[:, None] / period + rng.uniform(0, 2 * np.pi, 3))
    course = (waves * rng.normal(0, 0.6, 3)).sum(-1).clip(-1.5, 1.5) * rng.uniform(0.04, 0.14) * width
    push = course[:, None, None] * down / np.hypot(*down)
    return Bulges(points[[57]].astype(np.float64), np.array([0.4 * width]), push)


def pushed(points: np.ndarray, bulges: Bulges) -> np.ndarray:
    """Where points (T, P, 2) of the still are when the bulges have pushed them: q with q - push(q) = p."""
    out = points.astype(np.float64)
    for _ in range(6):
        out = points + bulges.at(out)
    return out


def clip_crops(clip: Clip, path: CropTransform, bulges: Bulges | None) -> tuple[Tensor, Tensor]:
    """The frames as the network sees them: (T, 3, S, S) in 0..1, and the truth (T, P, 2) in crop pixels."""
    height, width = clip.images.shape[-2:]
    grid = F.affine_grid(
        torch.from_numpy(path.theta(height, width)).float(),
        [len(path), 3, path.size, path.size],
        align_corners=False,
    )
    points = clip.points
    if bulges is not None and len(bulges.reach):
        half = np.array([width, height]) / 2
        flat = grid.flatten(1, 2).numpy() * half + half - 0.5  # stored pixels
        back = flat - bulges.at(flat)
        grid = torch.from_numpy((back + 0.5 - half) / half).float().view_as(grid)
        points = pushed(points, bulges)
    crops = F.grid_sample(clip.images.float() / 255, grid.to(clip.images.device), align_corners=False)
    return crops, torch.from_numpy(path.to_crop(points)).float()


def pass_occluder(crops: Tensor, rng: np.random.Generator) -> Tensor:
    """A rectangle of one colour with some texture that crosses the crops at even speed."""
    t, _, size, _ = crops.shape
    h, w = rng.integers(size // 7, size // 2, 2)
    start, end = rng.uniform(-0.3, 1.0, (2, 2)) * size
    patch = torch.from_numpy(rng.uniform(0, 1, (3, 1, 1)) + rng.normal(0, 0.08, (3, int(h), int(w)))).float()
    patch = patch.to(crops.device)
    out = crops.clone()
    for k in range(t):
        y, x = (start + (end - start) * k / max(1, t - 1)).round().astype(int)
        y0, x0, y1, x1 = max(0, y), max(0, x), min(size, y + h), min(size, x + w)
        if y1 > y0 and x1 > x0:
            out[k, :, y0:y1, x0:x1] = patch[:, y0 - y : y1 - y, x0 - x : x1 - x]
    return out


def spoil_clip(crops: Tensor, how: Augmentation, rng: np.random.Generator) -> Tensor:
    """One light and one softness for the clip, an occluder now and then, noise of each frame's own. (T, 3, S, S)."""
    t, _, size, _ = crops.shape
    if rng.random() < how.occlude:
        crops = pass_occluder(crops, rng)
    strip = crops.permute(1, 0, 2, 3).reshape(1, 3, t * size, size)  # the vertical slope of light becomes a drift
    crops = relight(strip, how, rng)[0].view(3, t, size, size).permute(1, 0, 2, 3)
    if rng.random() < how.blur:
        crops = soften(crops, Augmentation(blur=1.0), rng)
    if rng.random() < 0.6:
        crops = add_noise(crops, Augmentation(noise=1.0), rng)
    return crops.clamp(0, 1)


def random_clip(
    clip: Clip, size: int, rng: np.random.Generator, *, still: bool, scale: float = LANDMARK_SCALE,
    how: Augmentation = OURS,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """A training clip: crops (T, 3, S, S) and truth (T, P, 2) in crop pixels. Only stills are pushed about."""
    if rng.random() < 0.5:
        clip = mirrored(clip)
    if still and rng.random() < how.shut:
        images, points = blink(clip.images, clip.points, eye_opening(len(clip), rng), rng)
        clip = Clip(images, points, clip.axis)
    bulges = random_bulges(clip.points[0], len(clip), rng) if still else None
    if bulges is not None and rng.random() < how.talk:
        bulges = bulges.and_also(talk(clip.points[0], len(clip), rng))
    crops, truth = clip_crops(clip, camera_path(clip, size, CENTRED, rng, scale), bulges)
    if rng.random() < how.glasses:
        crops = wear(crops, truth.cpu().numpy(), rng)
    return spoil_clip(crops, how, rng), truth


def mirrored(clip: Clip) -> Clip:
    """The clip seen in a mirror, its points about the labels' axis."""
    points = mirrored_points(clip.points, clip.images.shape[-1], clip.axis)
    return Clip(clip.images.flip(-1), points, clip.axis)

"""Shut eyes, of which photographed sets have few: a lid is drawn down by stretching its own skin.

Along the line between an eye's corners the pixels from above the upper lid down to where the lid is to be come from
the skin above the old lid; those from there to the lower lid come from the old opening. The upper lid's points move
along. Lashes hang from a lowered lid: a dark band below its edge, which is no opening. All in eye coordinates: u from 0
at the corner on the left of the picture to 1 at that on the right, v downwards, in eye widths.

N pictures, K eyes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Eye = tuple[int, ...]
# The points of each eye: corner, upper lid, corner, and the lower lid's, each under the upper one's.
EYES: tuple[Eye, ...] = ((36, 37, 38, 39, 41, 40), (42, 43, 44, 45, 47, 46))
MOST_OPEN = 0.5  # of the old opening; half of the eyes are shut altogether
ONE_EYE = 0.15  # share of the faces with one eye shut only
SKIN = 0.9, 0.35  # skin that is stretched: this share of the opening, or of the eye's width where that is more
UPPER = [1, 2]  # of an eye's six points
LASHES = 0.9, 0.14  # the most that they darken, and hang down in eye widths; above the edge a third of that


def close_eyes(
    images: Tensor, points: np.ndarray, which: np.ndarray, rng: np.random.Generator
) -> tuple[Tensor, np.ndarray]:
    """Pictures uint8 (N, 3, H, W) and points (N, 68, 2), the eyes of those of `which` (N,) bool shut by a half or more.

    Eyes that are too narrow or too oddly labelled to be stretched stay as they are.
    """
    openness = np.ones(len(images))
    for index in np.flatnonzero(which):
        openness[index] = max(0.0, rng.uniform(-MOST_OPEN, MOST_OPEN))
    eyes = [EYES if rng.random() >= ONE_EYE else (EYES[rng.integers(2)],) for _ in images]
    return lower_lids(images, points, openness, eyes, some_lashes(len(images), rng))


def blink(
    images: Tensor, points: np.ndarray, openness: np.ndarray, rng: np.random.Generator
) -> tuple[Tensor, np.ndarray]:
    """Frames uint8 (T, 3, H, W) of a face and its points (T, 68, 2), both eyes open by openness (T,) of what they
    were."""
    lashes = np.repeat(some_lashes(1, rng), len(images), axis=0)
    return lower_lids(images, points, openness, [EYES] * len(images), lashes)


def some_lashes(n: int, rng: np.random.Generator) -> np.ndarray:
    """How dark and how long the lashes of n faces are, (n, 2); most have hardly any."""
    return rng.uniform(0, 1, (n, 2)) ** (1.0, 2.0) * LASHES


def lower_lids(
    images: Tensor, points: np.ndarray, openness: np.ndarray, eyes: Sequence[Sequence[Eye]], lashes: np.ndarray
) -> tuple[Tensor, np.ndarray]:
    """Pictures uint8 (N, 3, H, W) and points (N, 68, 2), the eyes chosen for each open by openness (N,) of what they
    were, with lashes (N, 2); those given are not changed."""
    out, moved = images, points
    for index in np.flatnonzero(openness < 1):
        for eye in eyes[int(index)]:
            frame = eye_frame(moved[index, list(eye)].astype(np.float64))
            if frame is None:
                continue
            if out is images:
                out, moved = images.clone(), points.copy()
            out[index] = shut(out[index], frame, float(openness[index]), lashes[index])
            moved[index, [eye[k] for k in UPPER]] = frame.lid_points(float(openness[index]))
    return out, moved


class EyeFrame:
    """One eye's coordinates: corner (2,), along (2,) the way to the other corner; the lids as the cubics through
    their two points that meet in the corners, v = u (1 - u) (a + b u)."""

    def __init__(self, corner: np.ndarray, along: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> None:
        self.corner, self.along = corner, along
        self.width = float(np.hypot(*along))
        self.down = np.array([-along[1], along[0]])
        self.points = self.to_eye(upper)  # (2, 2) u, v of the upper lid's points
        self.upper, self.lower = cubic(self.points), cubic(self.to_eye(lower))

    def to_eye(self, points: np.ndarray) -> np.ndarray:
        """u, v of picture points (K, 2)."""
        away = points - self.corner
        return np.stack((away @ self.along, away @ self.down), -1) / self.width**2

    def lid_points(self, openness: float) -> np.ndarray:
        """Where the upper lid's points are when the eye is open by this share of the old opening. (2, 2) px."""
        u, v = self.points.T
        floor = lid(self.lower, u)
        v = floor + openness * (v - floor)
        return self.corner + u[:, None] * self.along + v[:, None] * self.down

    def opening(self) -> float:
        """The largest distance of the lids, in eye widths."""
        u = np.linspace(0.2, 0.8, 7)
        return float((lid(self.lower, u) - lid(self.upper, u)).max())


def eye_frame(eye: np.ndarray) -> EyeFrame | None:
    """The coordinates of an eye's six points (6, 2) in the order of `EYES`; None where they are no open eye."""
    frame = EyeFrame(eye[0], eye[3] - eye[0], eye[[1, 2]], eye[[4, 5]]) if np.hypot(*(eye[3] - eye[0])) > 4 else None
    if frame is None:
        return None
    (left, right), inner = frame.points[:, 0], np.concatenate((frame.points[:, 0], frame.to_eye(eye[[4, 5]])[:, 0]))
    sane = right - left > 0.1 and inner.min() > 0.03 and inner.max() < 0.97 and frame.opening() > 0.08
    return frame if sane else None


def cubic(points: np.ndarray) -> np.ndarray:
    """a, b of the lid through two points (2, 2) in eye coordinates; flat where one is above the other."""
    (u0, v0), (u1, v1) = points
    first, second = v0 / (u0 * (1 - u0) + 1e-9), v1 / (u1 * (1 - u1) + 1e-9)
    b = (second - first) / (u1 - u0) if abs(u1 - u0) > 1e-6 else 0.0
    return np.array([first - b * u0, b])


def lid(curve: np.ndarray, u: np.ndarray) -> np.ndarray:
    """v of a lid at u."""
    value: np.ndarray = u * (1 - u) * (curve[0] + curve[1] * u)
    return value


def shut(image: Tensor, frame: EyeFrame, openness: float, lashes: np.ndarray) -> Tensor:
    """A picture uint8 (3, H, W) with one eye open by this share of its old opening."""
    height, width = image.shape[1:]
    reach = int(np.ceil(frame.width))
    middle = (frame.corner + frame.along / 2).astype(int)
    x0, y0 = np.maximum(middle - reach, 0)
    x1, y1 = np.minimum(middle + reach + 1, (width, height))
    if x1 <= x0 or y1 <= y0:
        return image
    rows, columns = np.mgrid[y0:y1, x0:x1]
    at = np.stack((columns, rows), -1).reshape(-1, 2)
    u, v = frame.to_eye(at.astype(np.float64)).T
    back = at + (source_of(frame, u, v, openness) - v)[:, None] * frame.down
    grid = torch.from_numpy((2 * back + 1) / (width, height) - 1).float().to(image.device)
    grid = grid.view(1, y1 - y0, x1 - x0, 2)
    seen = F.grid_sample(image[None].float(), grid, padding_mode="border", align_corners=False)
    light = torch.from_numpy(1 - shade(frame, u, v, openness, lashes)).float().to(image.device)
    out = image.clone()
    out[:, y0:y1, x0:x1] = (seen[0] * light.view(y1 - y0, x1 - x0)).round().byte()
    return out


def shade(frame: EyeFrame, u: np.ndarray, v: np.ndarray, openness: float, lashes: np.ndarray) -> np.ndarray:
    """How much the lashes (2,) darken what is at u, v: 0..1; the more, the lower the lid. (K,), (K,) -> (K,)."""
    upper, lower = lid(frame.upper, u), lid(frame.lower, u)
    below = v - (lower - openness * (lower - upper))
    dark, length = lashes
    reach = np.where(below > 0, length, length / 3) + 1e-6
    is_inside = (u > 0) & (u < 1)
    band: np.ndarray = np.where(is_inside, (1 - openness) * dark * np.exp(-((below / reach) ** 2)), 0.0)
    return band


def source_of(frame: EyeFrame, u: np.ndarray, v: np.ndarray, openness: float) -> np.ndarray:
    """The v of the old picture that is seen at u, v of the new one. (K,), (K,) -> (K,)."""
    upper, lower = lid(frame.upper, u), lid(frame.lower, u)
    now = lower - openness * (lower - upper)  # the upper lid as it becomes
    top = upper - max(SKIN[0] * frame.opening(), SKIN[1])
    skin = top + (v - top) * (upper - top) / np.maximum(now - top, 1e-6)
    eye = upper + (v - now) * (lower - upper) / np.maximum(lower - now, 1e-6)
    inside = (u > 0) & (u < 1) & (lower > upper)
    seen = [inside & (v > top) & (v < now), inside & (v >= now) & (v < lower)]
    return np.select(seen, [skin, eye], v)

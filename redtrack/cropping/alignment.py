"""How a face is laid into a square crop: which landmarks are to come where. Presets of known data sets, and our own.

Crop pixels count from the centre of the top-left one, x right, y down. P landmarks, or means of some.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from redtrack.errors import UsageError
from redtrack.points import MEAN_SHAPE, PARTS

__all__ = ["ALIGNS", "PRESETS", "Alignment", "make_alignment"]

ALIGNS = ("face", "upright")
"""Whether a crop is turned with the face, or stays as upright as the picture."""

LARGEST = 4096  # px


@dataclass(frozen=True)
class Alignment:
    """Where landmarks come in a crop of `size` px a side; see docs/crops.md.

    The crop is moved, scaled and turned so that `points`, each a landmark or the mean of some, come nearest to
    `targets` (P, 2) crop px, by least squares. With `anchor`, the mean of those landmarks comes to `middle` exactly.
    `by_spread` takes the scale from the spread of the points alone, as OpenFace does. `turned` is whether the crop
    turns with the face.
    """

    name: str
    size: int
    points: tuple[tuple[int, ...], ...]
    targets: np.ndarray
    anchor: tuple[int, ...] = ()
    middle: tuple[float, float] = (0.0, 0.0)
    by_spread: bool = False
    turned: bool = True

    def __post_init__(self) -> None:
        assert self.targets.shape == (len(self.points), 2), (self.targets.shape, len(self.points))
        if not 8 <= self.size <= LARGEST:
            raise UsageError(f"a crop of {self.size} px cannot be made", remedy=f"give a size from 8 to {LARGEST}")

    def resized(self, size: int) -> Alignment:
        """Returns the same alignment with another side: the same part of the face in more or fewer pixels."""
        scale = size / self.size
        middle = (self.middle[0] + 0.5) * scale - 0.5, (self.middle[1] + 0.5) * scale - 0.5
        return replace(self, size=size, targets=(self.targets + 0.5) * scale - 0.5, middle=middle)

    def fit(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns what takes points (n, 68, 2) in the frame to crop pixels: x + iy goes to scale * (x + iy) + shift.

        Both are complex (n,): the absolute value of scale enlarges, its angle turns.
        """
        flat = np.asarray(points, np.float64) @ [1, 1j]  # (n, 68)
        seen = np.stack([flat[:, list(group)].mean(axis=1) for group in self.points], axis=1)  # (n, P)
        wanted = self.targets @ [1, 1j]
        about, to = seen - seen.mean(axis=1, keepdims=True), wanted - wanted.mean()
        spread = (np.abs(about) ** 2).sum(axis=1)
        scale = (np.conj(about) * to).sum(axis=1) / np.maximum(spread, 1e-12)
        if self.by_spread:
            scale = scale / np.abs(scale) * np.sqrt((np.abs(to) ** 2).sum() / np.maximum(spread, 1e-12))
        if not self.turned:
            scale = np.abs(scale).astype(complex)
        if self.anchor:
            return scale, complex(*self.middle) - scale * flat[:, list(self.anchor)].mean(axis=1)
        return scale, wanted.mean() - scale * seen.mean(axis=1)


def make_alignment(
    preset: str, size: int | None = None, align: str | None = None, margin: float | None = None
) -> Alignment:
    """Returns a preset, with another side in px, turned with the face or upright, with another margin.

    margin is that around a part of our own presets, in shares of its longer side. Raises UsageError for a preset that
    does not exist, and for a margin of one whose margin is fixed.
    """
    if preset not in PRESETS:
        raise UsageError(f"there is no preset '{preset}'", remedy=f"known are {', '.join(PRESETS)}")
    made = PRESETS[preset]
    if margin is not None:
        if preset not in _PARTS:
            raise UsageError(f"the margin of {preset} is fixed", remedy=f"only {', '.join(_PARTS)} have one to choose")
        if not 0 <= margin <= 4:
            raise UsageError(f"the margin is {margin:g}", remedy="give a number from 0 to 4")
        made = _part(preset, margin)
    if align is not None and align not in ALIGNS:
        raise UsageError(f"there is no alignment '{align}'", remedy=f"known are {', '.join(ALIGNS)}")
    made = made if size is None else made.resized(size)
    return replace(made, turned=align != "upright")


def _singles(indices: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    return tuple((index,) for index in indices)


# OpenFace 2, AlignFace with rigid points and sim_scale 0.7: the mean shape of In-the-wild_aligned_PDM_68, in mm.
_OPENFACE_POINTS = (1, 2, 3, 4, 12, 13, 14, 15, 27, 28, 29, 31, 32, 33, 34, 35, 36, 39, 40, 41, 42, 45, 46, 47)
_OPENFACE_SHAPE = np.fromstring(
    """
    -72.78 -10.95  -70.53 7.93  -66.85 26.07  -59.79 42.56  57.34 42.42  64.39 25.46  68.21 6.99  70.49 -11.67
    0.65 -42.19  0.80 -30.99  0.99 -19.94  -14.77 2.60  -7.18 4.75  0.56 6.56  8.27 4.66  15.21 2.64
    -46.05 -37.47  -19.65 -36.75  -28.27 -35.13  -38.08 -34.92  19.27 -37.03  45.17 -38.09  38.20 -35.53  28.76 -35.48
    """,
    sep=" ",
).reshape(-1, 2)

# The mean face of Lip reading using temporal convolutional networks (Martinez et al. 2020), in a square of 256 px: base
# of the nose and corners of the eyes. Its mouth is then cut out, 96 px a side, around the mean of its points.
_LIPS_POINTS = (33, 36, 39, 42, 45)
_LIPS_FACE = np.array([[128.87, 137.30], [92.52, 94.37], [112.77, 94.94], [145.53, 94.53], [166.68, 93.57]])

# ArcFace (Deng et al. 2019): pupils, tip of the nose, corners of the mouth.
_ARCFACE_POINTS = (tuple(PARTS["right_eye"]), tuple(PARTS["left_eye"]), (30,), (48,), (54,))
_ARCFACE_FACE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)

_STEADY = (27, 28, 29, 30, 31, 33, 35, 36, 39, 42, 45)  # what neither speech nor a smile moves
_PARTS: dict[str, tuple[tuple[int, ...], float, int]] = {  # landmarks, margin, px
    "face": (tuple(range(68)), 0.25, 224),
    "eyes": ((*PARTS["right_eye"], *PARTS["left_eye"]), 0.2, 128),
    "right-eye": (tuple(PARTS["right_eye"]), 0.5, 64),
    "left-eye": (tuple(PARTS["left_eye"]), 0.5, 64),
    "mouth": (tuple(PARTS["mouth"]), 0.4, 96),
}


def _part(name: str, margin: float | None = None) -> Alignment:
    """Returns an alignment of our own: a square around a part of the mean face, held by points that keep still."""
    indices, usual, size = _PARTS[name]
    shape = MEAN_SHAPE.astype(np.float64)
    low, high = shape[list(indices)].min(axis=0), shape[list(indices)].max(axis=0)
    side = (high - low).max() * (1 + 2 * (usual if margin is None else margin))
    targets = (shape[list(_STEADY)] - (low + high) / 2) / side * size + (size - 1) / 2
    return Alignment(name, size, _singles(_STEADY), targets)


PRESETS: dict[str, Alignment] = {
    "openface": Alignment(
        "openface",
        112,
        _singles(_OPENFACE_POINTS),
        _OPENFACE_SHAPE * 0.7,
        anchor=tuple(range(68)),
        middle=(56.0, 56.0),
        by_spread=True,
    ),
    "arcface": Alignment("arcface", 112, _ARCFACE_POINTS, _ARCFACE_FACE),
    "lips": Alignment(
        "lips", 96, _singles(_LIPS_POINTS), _LIPS_FACE, anchor=tuple(PARTS["mouth"]), middle=(48.0, 48.0)
    ),
    **{name: _part(name) for name in _PARTS},
}
"""Alignments by name: three that known data sets use, and our own of parts of the face."""

"""The iBUG scheme of 68 face points, counted from 0: which is which, how to draw and mirror them, their mean.

Right and left are the person's own: the right eye (36 to 41) is on the left of an unmirrored picture.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "INNER_49",
    "INNER_51",
    "LEFT_EYE_OUTER",
    "LINES",
    "MEAN_SHAPE",
    "MIRROR",
    "N_POINTS",
    "NAMES",
    "PARTS",
    "RIGHT_EYE_OUTER",
    "SEVEN",
    "known_mean",
]

N_POINTS = 68

PARTS: dict[str, range] = {
    "jaw": range(0, 17),  # from the right ear down to the chin (8) and up to the left ear
    "right_brow": range(17, 22),  # from the outside in
    "left_brow": range(22, 27),  # from the inside out
    "nose": range(27, 36),  # down the bridge (27 to 30, the tip), then right to left under the nostrils
    "right_eye": range(36, 42),  # from the outer corner over the upper lid and back along the lower one
    "left_eye": range(42, 48),  # from the inner corner over the upper lid and back along the lower one
    "mouth": range(48, 68),  # outer lip from the right corner (48 to 59), then inner lip (60 to 67)
}

NAMES: tuple[str, ...] = tuple(f"{part}_{i}" for part, indices in PARTS.items() for i in range(len(indices)))
"""One name a point, for formats that want names: jaw_0 to jaw_16, right_brow_0 and so on to mouth_19."""

LINES: tuple[tuple[tuple[int, ...], bool], ...] = (
    (tuple(range(0, 17)), False),
    (tuple(range(17, 22)), False),
    (tuple(range(22, 27)), False),
    (tuple(range(27, 31)), False),
    (tuple(range(31, 36)), False),
    (tuple(range(36, 42)), True),
    (tuple(range(42, 48)), True),
    (tuple(range(48, 60)), True),
    (tuple(range(60, 68)), True),
)
"""The polylines of a drawing: point indices in order, and whether the last joins the first."""

_MIRRORED_RUNS = (
    range(16, -1, -1),  # jaw
    range(26, 16, -1),  # both brows
    range(27, 31),  # bridge of the nose: each point is its own mirror image
    range(35, 30, -1),  # nostrils
    (45, 44, 43, 42, 47, 46),  # right eye from the left one: corners and lids swap, upper stays upper
    (39, 38, 37, 36, 41, 40),
    (54, 53, 52, 51, 50, 49, 48),  # outer lip, upper then lower
    (59, 58, 57, 56, 55),
    (64, 63, 62, 61, 60),  # inner lip, upper then lower
    (67, 66, 65),
)
MIRROR: np.ndarray = np.array([i for run in _MIRRORED_RUNS for i in run], dtype=np.int64)
"""(68,) int64: point i of a face is point MIRROR[i] of its mirror image. Its own inverse."""

SEVEN: tuple[int, ...] = (36, 39, 42, 45, 30, 48, 54)
"""What the paper's first step detects: eye corners from right to left, nose tip, right and left mouth
corner."""

INNER_51: tuple[int, ...] = tuple(range(17, 68))
"""The points of the 51-point protocol: all but the jaw."""

INNER_49: tuple[int, ...] = tuple(i for i in INNER_51 if i not in (60, 64))
"""The points of the 49-point protocol: also without the inner mouth corners."""

RIGHT_EYE_OUTER = 36
LEFT_EYE_OUTER = 45

# The Procrustes mean of about 1,800 photographed faces and their mirror images, rounded to 0.001: 0 to 1
# across, the height centred in the same square, upright and symmetric.
MEAN_SHAPE: np.ndarray = np.fromstring(
    """
    0.000 0.192  0.004 0.323  0.018 0.454  0.046 0.583  0.097 0.702  0.176 0.806  0.272 0.893  0.379 0.963
    0.500 0.983  0.621 0.963  0.728 0.893  0.824 0.806  0.903 0.702  0.954 0.583  0.982 0.454  0.996 0.323
    1.000 0.192
    0.097 0.087  0.159 0.033  0.244 0.017  0.333 0.029  0.417 0.062
    0.583 0.062  0.667 0.029  0.756 0.017  0.841 0.033  0.903 0.087
    0.500 0.168  0.500 0.254  0.500 0.339  0.500 0.427
    0.400 0.485  0.448 0.502  0.500 0.518  0.552 0.502  0.600 0.485
    0.197 0.181  0.250 0.149  0.315 0.150  0.370 0.192  0.310 0.205  0.246 0.204
    0.630 0.192  0.685 0.150  0.750 0.149  0.803 0.181  0.754 0.204  0.690 0.205
    0.308 0.647  0.378 0.617  0.450 0.602  0.500 0.614  0.550 0.602  0.622 0.617  0.692 0.647
    0.624 0.716  0.554 0.745  0.500 0.751  0.446 0.745  0.376 0.716
    0.338 0.651  0.450 0.645  0.500 0.650  0.550 0.645  0.662 0.651
    0.551 0.681  0.500 0.687  0.449 0.681
    """,
    dtype=np.float32,
    sep=" ",
).reshape(N_POINTS, 2)
"""(68, 2) float32: x, y of an average frontal face in the unit square, y downwards."""


def known_mean(values: np.ndarray) -> np.ndarray:
    """Returns the mean of values over the last axis, without those that are NaN; NaN where all are."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0).sum(axis=-1)
    mean: np.ndarray = np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
    return mean

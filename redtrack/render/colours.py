"""The colours of drawings: bright ones that stand out from skin, told apart with any colour vision."""

from __future__ import annotations

import numpy as np

from redtrack.points import N_POINTS, PARTS

__all__ = ["AXES", "FACE_COLOURS", "INK", "PART_COLOURS", "SHADOW", "WARNING", "confidence_colours", "face_colour"]

INK = (245, 245, 245)
SHADOW = (0, 0, 0)
WARNING = (255, 45, 110)

AXES = ((255, 70, 70), (90, 220, 90), (80, 140, 255))  # of a head: x, y, forward

_SCALE = np.array([(255, 45, 110), (255, 205, 70), (40, 230, 255)], np.float64)  # from doubtful to certain

FACE_COLOURS = np.array(
    [
        (240, 244, 250),
        (120, 200, 255),
        (255, 190, 90),
        (170, 255, 140),
        (255, 150, 215),
        (185, 160, 255),
        (255, 240, 110),
        (110, 240, 215),
    ],
    np.float64,
)

_BY_PART = {
    "jaw": (205, 215, 230),
    "right_brow": (255, 205, 70),
    "left_brow": (255, 205, 70),
    "nose": (170, 255, 140),
    "right_eye": (40, 230, 255),
    "left_eye": (40, 230, 255),
    "mouth": (255, 120, 170),
}
PART_COLOURS = np.zeros((N_POINTS, 3))
for _name, _indices in PARTS.items():
    PART_COLOURS[list(_indices)] = _BY_PART[_name]


def confidence_colours(confidence: np.ndarray) -> np.ndarray:
    """Returns the colours (n, 3) of confidences (n,) from 0, red, over 0.5, yellow, to 1, cyan."""
    at = np.linspace(0, 1, len(_SCALE))
    return np.stack([np.interp(confidence, at, _SCALE[:, channel]) for channel in range(3)], axis=-1)


def face_colour(face: int) -> np.ndarray:
    """Returns the colour (3,) of a face id; they come round again after eight."""
    colour: np.ndarray = FACE_COLOURS[face % len(FACE_COLOURS)]
    return colour

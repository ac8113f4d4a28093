"""Protocols: which points count, and by which distance their errors are divided; and the test lists of 300-VW.

Errors of different protocols cannot be compared, so a protocol has a name that is printed with every figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redtrack.errors import FormatError, UsageError
from redtrack.geometry import landmark_box
from redtrack.points import INNER_49, INNER_51, LEFT_EYE_OUTER, N_POINTS, PARTS, RIGHT_EYE_OUTER, SEVEN

__all__ = ["AUC_LIMIT", "CATEGORIES", "FAILURE_LIMITS", "NORMS", "POINT_SETS", "Protocol", "eye_distance"]

POINT_SETS: dict[int, tuple[int, ...]] = {
    68: tuple(range(N_POINTS)),
    51: INNER_51,  # without the jaw
    49: INNER_49,  # also without the inner mouth corners
    7: SEVEN,  # eye corners, nose tip, mouth corners
}

PART_POINTS: dict[str, tuple[int, ...]] = {
    "jaw": tuple(PARTS["jaw"]),
    "brows": (*PARTS["right_brow"], *PARTS["left_brow"]),
    "nose": tuple(PARTS["nose"]),
    "eyes": (*PARTS["right_eye"], *PARTS["left_eye"]),
    "mouth": tuple(PARTS["mouth"]),
}

NORMS: dict[str, str] = {
    "eyes": "distance of the outer eye corners (points 36 and 45)",
    "pupils": "distance of the eye centres (means of points 36-41 and 42-47)",
    "box": "square root of the area of the truth's landmark box",
}

AUC_LIMIT = 0.08  # up to which the cumulative error curve is integrated: the 300-W challenge's choice
FAILURE_LIMITS = (0.08, 0.10)  # errors above which a face counts as failed: both are in use

_CATEGORY_1 = """
114 124 125 126 150 158 401 402 505 506 507 508 509 510 511 514 515 518 519 520 521 522 524 525 537 538 540 541 546
547 548"""
_CATEGORY_2 = "203 208 211 212 213 214 218 224 403 404 405 406 407 408 409 412 550 551 553"
_CATEGORY_3 = "410 411 516 517 526 528 529 530 531 533 557 558 559 562"

CATEGORIES: dict[int, frozenset[str]] = {
    number: frozenset(names.split()) for number, names in enumerate((_CATEGORY_1, _CATEGORY_2, _CATEGORY_3), start=1)
}
"""The test videos of 300-VW by category: 1 well lit, 2 unconstrained light, 3 completely unconstrained."""


@dataclass(frozen=True)
class Protocol:
    """Which points count and what their error is divided by; raises UsageError for an unknown choice.

    norm: one of `NORMS`, always measured on the truth. points: one of `POINT_SETS`.
    """

    norm: str = "eyes"
    points: int = 68

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise UsageError(f"norm is {self.norm!r}, none of {', '.join(NORMS)}")
        if self.points not in POINT_SETS:
            raise UsageError(f"points is {self.points!r}, none of {', '.join(map(str, POINT_SETS))}")

    @property
    def name(self) -> str:
        """The protocol in one line, to be printed with every figure."""
        return f"{self.points} points, error / {NORMS[self.norm]}"

    @property
    def indices(self) -> tuple[int, ...]:
        """The points that count."""
        return POINT_SETS[self.points]

    @property
    def parts(self) -> dict[str, tuple[int, ...]]:
        """The points that count, by part of the face; parts without any are left out."""
        counted = set(self.indices)
        parts = {name: tuple(i for i in part if i in counted) for name, part in PART_POINTS.items()}
        return {name: part for name, part in parts.items() if part}

    def scale(self, truth: np.ndarray, video: str | None = None) -> np.ndarray:
        """Returns the distances (n,) px that errors of the true faces (n, 68, 2) are divided by.

        NaN where a face lacks the points for it. Raises FormatError, with the name of the video, where one is zero.
        """
        if self.norm == "eyes":
            scale = eye_distance(truth)
        elif self.norm == "pupils":
            right, left = (truth[:, list(PARTS[eye])].mean(axis=1) for eye in ("right_eye", "left_eye"))
            scale = np.linalg.norm(right - left, axis=-1)
        else:
            box = landmark_box(truth)
            scale = np.sqrt((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]))
        if (scale <= 0).any():
            raise FormatError(f"the truth has a face whose {NORMS[self.norm]} is zero", video)
        return scale


def eye_distance(points: np.ndarray) -> np.ndarray:
    """Returns the distances (...) of the outer eye corners of faces (..., 68, 2)."""
    distance: np.ndarray = np.linalg.norm(points[..., RIGHT_EYE_OUTER, :] - points[..., LEFT_EYE_OUTER, :], axis=-1)
    return distance

"""What people measure on 68 points: openings of eyes and mouth, lip corners, brows, asymmetry, pose of the head.

All lengths are taken on the face as it would be seen from the front (`redtrack.pose.frontal`), and have units that do
not change with its size in the picture. Right and left are the person's own. docs/measures.md has the definitions with
their sources; R faces.
"""

from __future__ import annotations

import numpy as np

from redtrack.points import INNER_51, LEFT_EYE_OUTER, MIRROR, RIGHT_EYE_OUTER
from redtrack.pose import Pose, fit_pose, frontal

__all__ = ["ANGLES", "MEASURES", "columns", "measures", "uncertainties"]

MEASURES: dict[str, str] = {
    "right_eye_opening": "mean height of the right eye over its width",
    "left_eye_opening": "mean height of the left eye over its width",
    "mouth_opening": "mean height between the inner lips over the distance of the outer eye corners",
    "mouth_width": "distance of the mouth corners over the distance of the outer eye corners",
    "right_lip_corner_pull": "how far the right mouth corner lies out and up from the base of the nose, over the same",
    "left_lip_corner_pull": "how far the left mouth corner lies out and up from the base of the nose, over the same",
    "right_brow_height": "height of the right brow above the line of the outer eye corners, over their distance",
    "left_brow_height": "height of the left brow above the line of the outer eye corners, over their distance",
    "brow_gap": "distance of the inner ends of the brows, over the same; a frown makes it smaller",
    "eye_asymmetry": "left eye opening less the right one",
    "lip_corner_asymmetry": "left lip corner pull less the right one",
    "brow_asymmetry": "left brow height less the right one",
    "asymmetry": "mean distance of the inner points from those of the mirrored face, over the same distance",
    "roll": "degrees; above 0 the head is turned clockwise in the picture",
    "yaw": "degrees; above 0 the nose points to the right of the picture",
    "pitch": "degrees; above 0 the nose points up",
}
"""Name and meaning of each measure, in the order of columns."""

ANGLES = ("roll", "yaw", "pitch")
"""The measures that are not lengths, in degrees."""

_SPREAD = "_sd"  # behind the name of a length: its standard deviation
_STEP = 1e-4  # of the eye distance, by which a point is moved to see what a measure makes of it
_BLOCK = 2048  # rows whose uncertainties are computed at once


def columns(uncertainty: bool = False) -> tuple[str, ...]:
    """Returns the names of the measures, with `uncertainty` those of their standard deviations behind them."""
    spreads = [f"{name}{_SPREAD}" for name in MEASURES if name not in ANGLES]
    return (*MEASURES, *(spreads if uncertainty else ()))


def measures(points: np.ndarray, pose: Pose | None = None) -> dict[str, np.ndarray]:
    """Returns each of `MEASURES` as (R,) float64 for points (R, 68, 2) under poses (default: fitted to the points).

    NaN where the points fall together; all but the angles also where the head is turned too far for them
    (`redtrack.pose.FURTHEST`).
    """
    points = np.asarray(points, np.float64)
    pose = fit_pose(points) if pose is None else pose
    return _lengths(frontal(points, pose)) | dict(zip(ANGLES, pose.angles().T, strict=True))


def uncertainties(points: np.ndarray, covariance: np.ndarray, pose: Pose | None = None) -> dict[str, np.ndarray]:
    """Returns the standard deviation (R,) of each length, as `mouth_opening_sd` and so on, from that of the points.

    covariance: (R, 68, 3), xx, xy and yy of the error of points (R, 68, 2), in px2. The points are taken to err
    independently of each other, and the pose to be right. The angles have none.
    """
    blocks = [slice(start, start + _BLOCK) for start in range(0, max(len(points), 1), _BLOCK)]
    points = np.asarray(points, np.float64)
    pose = fit_pose(points) if pose is None else pose
    parts = [_deviations(points[block], covariance[block], pose[block]) for block in blocks]
    return {f"{name}{_SPREAD}": np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _deviations(points: np.ndarray, covariance: np.ndarray, pose: Pose) -> dict[str, np.ndarray]:
    face = frontal(points, pose)
    spread = _seen_from_the_front(covariance, pose)  # (R, 68, 2, 2)
    variance = {name: np.zeros(len(points)) for name in _lengths(face)}
    for point in INNER_51:
        slopes = [_slope(face, point, axis) for axis in (0, 1)]
        for name in variance:
            slope = np.stack([slopes[0][name], slopes[1][name]], axis=1)  # (R, 2)
            variance[name] += np.einsum("ri,rij,rj->r", slope, spread[:, point], slope)
    return {name: np.sqrt(values) for name, values in variance.items()}


def _seen_from_the_front(covariance: np.ndarray, pose: Pose) -> np.ndarray:
    full = covariance[..., [0, 1, 1, 2]].reshape(*covariance.shape[:2], 2, 2).astype(np.float64)
    turn = pose.to_front()[:, None]
    spread: np.ndarray = turn @ full @ turn.swapaxes(2, 3)
    return spread


def _slope(face: np.ndarray, point: int, axis: int) -> dict[str, np.ndarray]:
    """Returns how fast each length grows as one point of faces (R, 68, 2) moves along an axis."""
    found: list[dict[str, np.ndarray]] = []
    for step in (_STEP, -_STEP):
        moved = face.copy()
        moved[:, point, axis] += step
        found.append(_lengths(moved))
    return {name: (found[0][name] - found[1][name]) / (2 * _STEP) for name in found[0]}


def _lengths(face: np.ndarray) -> dict[str, np.ndarray]:
    """Returns all measures but the angles, each (R,), of faces seen from the front (R, 68, 2)."""
    across = face[:, LEFT_EYE_OUTER] - face[:, RIGHT_EYE_OUTER]  # (R, 2)
    unit = _unless_zero(np.linalg.norm(across, axis=1))
    axis = across / unit[:, None]
    eyes = [_eye_opening(face, outer) for outer in (36, 42)]
    pulls = [_pull(face, corner, axis, side) / unit for corner, side in ((48, -1), (54, 1))]
    brows = [_above(face[:, brow].mean(axis=1) - face[:, RIGHT_EYE_OUTER], axis) / unit for brow in (_RIGHT, _LEFT)]
    lips = (_distance(face, 61, 67) + _distance(face, 62, 66) + _distance(face, 63, 65)) / 3
    names: tuple[tuple[str, np.ndarray], ...] = (
        ("right_eye_opening", eyes[0]),
        ("left_eye_opening", eyes[1]),
        ("mouth_opening", lips / unit),
        ("mouth_width", _distance(face, 48, 54) / unit),
        ("right_lip_corner_pull", pulls[0]),
        ("left_lip_corner_pull", pulls[1]),
        ("right_brow_height", brows[0]),
        ("left_brow_height", brows[1]),
        ("brow_gap", _distance(face, 21, 22) / unit),
        ("eye_asymmetry", eyes[1] - eyes[0]),
        ("lip_corner_asymmetry", pulls[1] - pulls[0]),
        ("brow_asymmetry", brows[1] - brows[0]),
        ("asymmetry", _asymmetry(face) / unit),
    )
    return dict(names)


_RIGHT, _LEFT = slice(17, 22), slice(22, 27)  # brows


def _eye_opening(face: np.ndarray, outer: int) -> np.ndarray:
    """Returns (R,), the mean of an eye's two heights over its width; its six points start at `outer`."""
    height = _distance(face, outer + 1, outer + 5) + _distance(face, outer + 2, outer + 4)
    return height / 2 / _unless_zero(_distance(face, outer, outer + 3))


def _pull(face: np.ndarray, corner: int, axis: np.ndarray, side: int) -> np.ndarray:
    """Returns (R,), how far a mouth corner lies from the base of the nose, outwards and up at 45 degrees.

    axis (R, 2) runs along the eyes; side is -1 for the right corner, which lies on the left of the picture.
    """
    outwards, up = axis * side, axis[:, ::-1] * [1, -1]
    pull: np.ndarray = ((face[:, corner] - face[:, 33]) * (outwards + up)).sum(axis=1) / np.sqrt(2)
    return pull


def _above(offset: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Returns (R,), how far offsets (R, 2) lie above the line along unit vectors axis (R, 2)."""
    height: np.ndarray = offset[:, 0] * axis[:, 1] - offset[:, 1] * axis[:, 0]
    return height


def _asymmetry(face: np.ndarray) -> np.ndarray:
    """Returns (R,), the mean distance of the inner points from those of the mirrored face laid upon them."""
    inner = list(INNER_51)
    own = face[:, inner] - face[:, inner].mean(axis=1, keepdims=True)
    other = (face[:, MIRROR] * [-1, 1])[:, inner]
    other = other - other.mean(axis=1, keepdims=True)
    a, b = own @ [1, 1j], other @ [1, 1j]  # the best turn in the plane, in complex numbers
    turn = (np.conj(b) * a).sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        turn = turn / _unless_zero(np.abs(turn))
        distance: np.ndarray = np.abs(a - b * turn).mean(axis=1)
    return distance


def _distance(face: np.ndarray, a: int, b: int) -> np.ndarray:
    distance: np.ndarray = np.linalg.norm(face[:, a] - face[:, b], axis=1)
    return distance


def _unless_zero(lengths: np.ndarray) -> np.ndarray:
    return np.where(lengths > 0, lengths, np.nan)

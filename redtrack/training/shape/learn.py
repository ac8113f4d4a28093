"""The basis of face shapes: a 3D model's modes, and what labelled photographs add to them.

1. The model's identities and expressions are cut down to few modes that keep most of the 68 points' variance.
2. Fitted to the labels, they leave errors. Their mean moves the mean face (labels are not where the model has its
   marks), and makes the jaw's points slide with yaw; their main directions become further modes of expression.
3. Each round is a fit of every face for itself (`shape3d.fit`), then a linear fit of the basis to the errors of all.

Every face counts with its mirror image, so that all stays symmetric. All of this is ours. N faces, K modes, V vertices.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from redtrack.errors import UsageError
from redtrack.formats.pts import read_68
from redtrack.points import MIRROR, N_POINTS
from redtrack.shape3d.basis import JAW, SLIDE_LIMIT, ShapeBasis, save_basis
from redtrack.shape3d.fit import Fit, fit_rows, without_pose
from redtrack.shape3d.pose import project, rotation
from redtrack.shape3d.visible import cast_rays, directions
from redtrack.training.landmarks.faces import held_out, labelled_pictures
from redtrack.training.shape.face_model import FaceModel, read_face_model, reduced

__all__ = ["learn_basis", "read_labels", "train_shape"]

VERTICES = 400  # beside the 68 points
IDENTITIES = (16, 4)  # modes that are symmetric, and those that are not
EXPRESSIONS = (12, 8)
SIDED = 16  # of expression that are not symmetric, in the end
LEARNT = 24  # directions of the labels' errors that are learnt, before the expressions are cut down to the above
_ROUNDS = 3
_START_NOISE = 3.0  # mm, until the labels' own is known
_BESIDE = 1.0  # mm: what the fit takes from the labels' noise for shape
_JAW = 3.0  # times as much noise
_REACH = 25.0  # mm over which what moves a point moves the vertices around it
_BLEND = 0.5  # standard deviation of a blendshape's weight, which is 0 to 1
_MIDDLE = 12.0  # mm across the middle of the face, over which one side passes into the other
_ONE_SIDED = 0.7  # how far the two sides move apart, over how far they move together
_POINT_SHARE = 6.0  # weight of a point over that of a vertex, where modes are chosen
EVEN = np.ones(N_POINTS)
_OTHER_SIDE = np.array([-1.0, 1.0, 1.0])


def train_shape(model: Path, data: tuple[Path, ...], out: Path) -> dict[str, Any]:
    """Writes the basis learnt from a 3D model's file and folders of labelled faces; returns its card.

    Raises UsageError for unfit input.
    """
    labels = read_labels(data)
    basis, parity = learn_basis(reduced(read_face_model(model), VERTICES), labels)
    fit = fitted(labels, basis)
    eyes = np.linalg.norm(labels[:, 36] - labels[:, 45], axis=1)
    card = {
        "stage": "shape",
        "model": model.name,
        "data": [folder.name for folder in data],
        "faces": len(labels),
        "terms": "research only",
        "reprojection": round(float(np.nanmean(fit.residual / eyes)), 4),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    save_basis(basis, parity, out, card)
    return card


def read_labels(folders: tuple[Path, ...]) -> np.ndarray:
    """Returns (N, 68, 2) px, the labels of the faces below folders whose names are not held out."""
    pairs = [pair for folder in folders for pair in labelled_pictures(folder)]
    labels = [read_68(pts) for _, pts in pairs if not held_out(pts.stem)]
    if len(labels) < 50:
        raise UsageError(f"{len(labels)} labelled faces are too few", folders[0], "the basis needs 50 at least")
    return np.stack(labels).astype(np.float64)


def learn_basis(model: FaceModel, labels: np.ndarray) -> tuple[ShapeBasis, tuple[np.ndarray, np.ndarray]]:
    """Returns the basis, and the parity of its modes of identity and of expression."""
    faces = np.concatenate([labels, labels[:, MIRROR] * [-1, 1]])
    k, modes = model.identities, without_pose(model.modes, model.mean, EVEN)
    identity, id_parity = main_modes(modes[:k], model.mirror, IDENTITIES)
    blended, _ = main_modes(modes[k:] * _BLEND, model.mirror, EXPRESSIONS)
    basis = ShapeBasis(model.mean, identity, blended, np.zeros((JAW, 3)), start_noise(),
                       model.mirror, model.triangles, np.zeros((1, 1, N_POINTS), bool))  # fmt: skip
    for _ in range(_ROUNDS):
        basis = with_mean(basis, faces, fitted(faces, basis))
    fit = fitted(faces, basis)
    learnt = first_modes(fit, errors(faces, fit), basis)
    for _ in range(_ROUNDS):
        expression, parity = main_modes(np.concatenate([blended, learnt]), model.mirror, EXPRESSIONS)
        basis = replace(basis, expression=expression)
        fit = fitted(faces, basis)
        basis = with_mean(replace(basis, noise=noise(errors(faces, fit), fit)), faces, fit)
        blended, learnt = expression, first_modes(fit, errors(faces, fit), basis)
    expression, parity = with_sides(basis.expression, basis)
    return replace(basis, expression=expression, hidden=hidden(basis)), (id_parity, parity)


def with_sides(expression: np.ndarray, basis: ShapeBasis) -> tuple[np.ndarray, np.ndarray]:
    """Returns modes of expression with more that are not symmetric, and their parity: smiles and brows of one side.

    Few photographs show such faces. Without these modes, a mouth drawn to one side is taken for a turn of the head.
    """
    side = np.tanh(basis.mean[:, :1] / _MIDDLE)
    one_sided = expression[: EXPRESSIONS[0]] * side * _ONE_SIDED
    return main_modes(np.concatenate([expression, one_sided]), basis.mirror, (EXPRESSIONS[0], SIDED))


def start_noise() -> np.ndarray:
    """Returns (68,) mm, the noise that is assumed until the labels' own is known."""
    return np.where(np.arange(N_POINTS) < JAW, _JAW, 1) * _START_NOISE


def free(basis: ShapeBasis) -> ShapeBasis:
    """Returns the basis with all of its modes free in each row, for faces of which one picture is known."""
    return replace(basis, identity=basis.identity[:0], expression=np.concatenate([basis.expression, basis.identity]))


def fitted(faces: np.ndarray, basis: ShapeBasis) -> Fit:
    """Returns the fit of faces (N, 68, 2), each of another person."""
    return fit_rows(faces, None, basis.mean[:N_POINTS], free(basis), lift=False)


def errors(faces: np.ndarray, fit: Fit) -> np.ndarray:
    """Returns (N, 68, 2) mm in the camera's axes, 0 for faces that were not fitted."""
    with np.errstate(invalid="ignore"):
        return np.nan_to_num((faces - project(fit.points3d, fit.pose)) / fit.pose[:, None, 5:])


def noise(error: np.ndarray, fit: Fit) -> np.ndarray:
    """Returns (68,) mm, the spread of each point's errors about the fit along one axis, and `_BESIDE`; more on the jaw.

    The jaw has no marks: its labels follow the outline, and tell little of the pose.
    """
    good = np.isfinite(fit.residual)
    spread = np.sqrt((error[good] ** 2).mean(axis=(0, 2)))
    found: np.ndarray = np.hypot((spread + spread[MIRROR]) / 2, _BESIDE)
    found[:JAW] *= _JAW
    return found


def main_modes(modes: np.ndarray, mirror: np.ndarray, counts: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Returns (K, V, 3), the main symmetric and the main other modes of modes (M, V, 3), and their parity (K,)."""
    other = modes[:, mirror] * _OTHER_SIDE
    weight = np.ones((modes.shape[1], 1))
    weight[:N_POINTS] = _POINT_SHARE
    found, parity = [], []
    for sign, count in zip((1, -1), counts, strict=True):
        half = (modes + sign * other) / 2
        _, size, main = np.linalg.svd((half * weight).reshape(len(half), -1), full_matrices=False)
        kept = int(min(count, (size > 1e-6 * max(size[0], 1e-9)).sum()))
        found.append((size[:kept, None] * main[:kept]).reshape(kept, -1, 3) / weight)
        parity.append(np.full(kept, sign))
    return np.concatenate(found), np.concatenate(parity)


def first_modes(fit: Fit, error: np.ndarray, basis: ShapeBasis) -> np.ndarray:
    """Returns (K, V, 3), the main directions of the errors (N, 68, 2), one standard deviation long.

    An error is taken to lie in the picture's plane: what it has along the line of sight no single picture tells.
    """
    good = np.isfinite(fit.pose[:, 0])
    lifted = error[good] @ rotation(fit.pose[good, :3])[:, :2]  # (N, 68, 3) in the head's axes
    flat = without_pose(lifted, basis.mean[:N_POINTS], EVEN).reshape(int(good.sum()), -1)
    _, size, main = np.linalg.svd(flat, full_matrices=False)
    own = (size[:LEARNT, None] * main[:LEARNT]).reshape(-1, N_POINTS, 3) / np.sqrt(good.sum())
    return spread_out(own, basis.mean)


def with_mean(basis: ShapeBasis, faces: np.ndarray, fit: Fit) -> ShapeBasis:
    """Returns the basis with the mean face and the jaw's slide moved so that the errors are least.

    The mean moves across and down only: photographs of mostly frontal faces cannot tell a deeper face from one that is
    turned more, and with the depth free all turns came out a tenth too small.
    """
    good = np.isfinite(fit.pose[:, 0])
    turn, error = rotation(fit.pose[good, :3]), errors(faces, fit)[good]
    sine = np.clip(turn[:, 2, 0], -SLIDE_LIMIT, SLIDE_LIMIT)
    known = np.stack([np.ones(len(sine)), np.maximum(sine, 0), np.maximum(-sine, 0)], axis=1)  # (N, 3)
    slopes = np.einsum("nk,nic->nikc", known, turn[:, :2]).reshape(-1, 9)  # of each error to mean and slides
    ridge = len(sine) * np.diag([0.01, 0.01, 1e6] + [0.001] * 6)  # the depth stays the model's: see above
    found = np.linalg.solve(slopes.T @ slopes + ridge, slopes.T @ np.moveaxis(error, 2, 1).reshape(-1, N_POINTS))
    moved, right, left = found.T.reshape(N_POINTS, 3, 3).swapaxes(0, 1)  # (68, 3) each
    moved = (moved + moved[MIRROR] * _OTHER_SIDE) / 2
    slide = (right[:JAW] + left[JAW - 1 :: -1] * _OTHER_SIDE) / 2
    moved = without_pose(spread_out(moved[None], basis.mean), basis.mean, EVEN)[0]
    return replace(basis, mean=basis.mean + moved, slide=basis.slide + slide)


def spread_out(moved: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Returns (K, V, 3), displacements of the 68 points (K, 68, 3) and, smoothly less, of the vertices around them."""
    near = np.exp(-((mean[:, None] - mean[:N_POINTS]) ** 2).sum(axis=2) / (2 * _REACH**2))  # (V, 68)
    weights = np.linalg.solve(near[:N_POINTS] + 0.02 * np.eye(N_POINTS), moved)
    whole: np.ndarray = near @ weights
    whole[:, :N_POINTS] = moved
    return whole


def hidden(basis: ShapeBasis) -> np.ndarray:
    """Returns the table of the directions from which the mean face hides its points."""
    ways = directions()
    across = [[cast_rays(basis.mean[:N_POINTS], way, basis.mean, basis.triangles) for way in row] for row in ways]
    return np.array(across)
